# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Pure functions that the role C(sandbox) is made of, as Jinja filters."""

from __future__ import annotations

DOCUMENTATION = r"""
name: sandbox_plan
short_description: The role's list of sandboxes as lists for the modules
version_added: 1.0.0
author: The sandbox.network authors (@sandbox-network)
description:
  - Checks the list that the role P(sandbox.network.sandbox#role) takes and turns it into
    the lists that P(sandbox.network.address_lease#module), P(sandbox.network.netns#module),
    P(sandbox.network.link#module), P(sandbox.network.netdev_move#module) and
    P(sandbox.network.vm_endpoint#module) take.
options:
  _input:
    description: Sandboxes, as the role's O(ignore:sandbox_list).
    type: list
    elements: dict
    required: true
  defaults:
    description:
      - What holds where an item says nothing.
      - C(driver), C(interface), C(bridge), C(subnets), C(mtu), C(dns), C(sysctl).
      - With O(state=absent), C(force) takes away what processes are running in.
    type: dict
    default: {}
  state:
    description: Whether the lists make the sandboxes or take them away.
    type: str
    choices: [present, absent]
    default: present
positional: defaults, state
seealso:
  - plugin: sandbox.network.sandbox_links
    plugin_type: filter
"""

EXAMPLES = r"""
- name: What is wrong with a list
  ansible.builtin.debug:
    msg: "{{ (sandboxes | sandbox.network.sandbox_plan(defaults)).problems }}"
  vars:
    sandboxes: [{name: web1, mtu: 12}]
    defaults: {driver: bridge, interface: eth0, bridge: sbr0}
  # ['sandbox_list[0] (web1): mtu: 12 is not between 68 and 65535']
"""

RETURN = r"""
_value:
  description:
    - C(problems), a text for everything that is wrong with the list.
      The other lists are empty when there is one.
    - C(leases), C(bridges), C(namespaces), C(links), C(networks), C(attachments), C(devices), C(endpoints),
      C(firewalls) and C(monitors), as the modules take them.
      The links are still without addresses.
  type: dict
"""

from collections.abc import Mapping, Sequence
from typing import Any, Callable

from ansible_collections.sandbox.network.plugins.plugin_utils._sandbox_plan import (
    absent,
    present,
    wanted,
)


def sandbox_plan(
    sandboxes: Sequence[Any], defaults: Mapping[str, Any] | None = None, state: str = "present"
) -> dict[str, Any]:
    """The lists for the modules, and what is wrong with the sandboxes."""
    found, problems = wanted(sandboxes, defaults or {})
    found = [] if problems else found
    if state == "present":
        return {"problems": problems, **present(found)}
    return {"problems": problems, **absent(found, force=bool((defaults or {}).get("force")))}


class FilterModule:
    """The filter, as Ansible looks for it."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Names and functions."""
        return {"sandbox_plan": sandbox_plan}
