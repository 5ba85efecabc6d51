# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""What a run of the role made, as a Jinja filter."""

from __future__ import annotations

DOCUMENTATION = r"""
name: sandbox_made
short_description: What tasks made for sandboxes, as lists to take it away
version_added: 1.1.0
author: The sandbox.network authors (@sandbox-network)
description:
  - Reads from the results of modules what was not there before, for a play that takes back what
    it has done.
  - What was only changed is not in the lists, and neither is what a task that failed did, which
    it has undone itself.
options:
  _input:
    description:
      - The results of P(sandbox.network.address_lease#module), P(sandbox.network.netns#module),
        P(sandbox.network.link#module), P(sandbox.network.netdev_move#module),
        P(sandbox.network.cni_network#module), P(sandbox.network.vm_endpoint#module),
        P(sandbox.network.firewall#module) and P(sandbox.network.netmon_service#module), or some of them.
      - An empty dictionary stands for a task that was not run.
    type: list
    elements: dict
    required: true
seealso:
  - plugin: sandbox.network.sandbox_plan
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Make namespaces
  sandbox.network.netns:
    namespaces: [{name: web1}, {name: web2}]
  register: namespaces

- name: Take back what was made, and nothing else
  sandbox.network.netns:
    state: absent
    namespaces: "{{ ([namespaces] | sandbox.network.sandbox_made).namespaces }}"
"""

RETURN = r"""
_value:
  description:
    - C(attachments), C(firewalls), C(monitors), C(endpoints), C(devices), C(links), C(bridges),
      C(networks), C(namespaces) and C(leases), as the modules take them with O(ignore:state=absent).
    - The C(bridges) were made, but others may use them by now.
  type: dict
"""

from collections.abc import Iterable, Mapping
from typing import Any, Callable

from ansible_collections.sandbox.network.plugins.plugin_utils._sandbox_plan import Items, made


def sandbox_made(results: Iterable[Mapping[str, Any]]) -> dict[str, Items]:
    """What results say that was not there before, as the modules are asked to take it away."""
    return made(results)


class FilterModule:
    """The filter, as Ansible looks for it."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Names and functions."""
        return {"sandbox_made": sandbox_made}
