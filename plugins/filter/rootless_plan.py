# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""What the role C(rootless) asks the modules for, as a Jinja filter."""

from __future__ import annotations

DOCUMENTATION = r"""
name: rootless_plan
short_description: The role's list of rootless sandboxes as lists for the modules
version_added: 1.1.0
author: The sandbox.network authors (@sandbox-network)
description:
  - Checks the list that the role P(sandbox.network.rootless#role) takes and turns it into the lists
    that P(sandbox.network.rootless_netns#module) and P(sandbox.network.slirp_network#module) take.
options:
  _input:
    description: Sandboxes, as the role's O(ignore:rootless_list).
    type: list
    elements: dict
    required: true
  defaults:
    description: What holds where an item says nothing, such as C(backend).
    type: dict
    default: {}
  state:
    description: Whether the lists make the sandboxes or take them away.
    type: str
    choices: [present, absent]
    default: present
positional: defaults, state
seealso:
  - plugin: sandbox.network.rootless_networks
    plugin_type: filter
  - plugin: sandbox.network.rootless_sandboxes
    plugin_type: filter
"""

EXAMPLES = r"""
- name: What is wrong with a list
  ansible.builtin.debug:
    msg: "{{ ([{'name': 'web1', 'cidr': '10.0.2.0/26'}] | sandbox.network.rootless_plan).problems }}"
  # ['rootless_list[0] (web1): cidr: "10.0.2.0/26" is not an IPv4 network such as 10.0.2.0/24, with a
  #  prefix length of at most 25']
"""

RETURN = r"""
_value:
  description:
    - C(problems), a text for everything that is wrong with the list.
      The other lists are empty when there is one.
    - C(namespaces), as P(sandbox.network.rootless_netns#module) takes them, and C(networks), one for
      each namespace, as P(sandbox.network.slirp_network#module) takes them but for C(netns).
  type: dict
"""

from collections.abc import Mapping, Sequence
from typing import Any, Callable

from ansible_collections.sandbox.network.plugins.plugin_utils._rootless_plan import plan


def rootless_plan(
    sandboxes: Sequence[Any], defaults: Mapping[str, Any] | None = None, state: str = "present"
) -> dict[str, Any]:
    """The lists for the modules, and what is wrong with the sandboxes."""
    return plan(sandboxes, defaults or {}, state)


class FilterModule:
    """The filter, as Ansible looks for it."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Names and functions."""
        return {"rootless_plan": rootless_plan}
