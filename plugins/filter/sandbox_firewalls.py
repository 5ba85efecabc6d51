# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The rules of sandboxes, as a Jinja filter."""

from __future__ import annotations

DOCUMENTATION = r"""
name: sandbox_firewalls
short_description: The rules of sandboxes with the addresses that these have
version_added: 1.1.0
author: The sandbox.network authors (@sandbox-network)
description:
  - Takes the C(firewalls) of P(sandbox.network.sandbox_plan#filter) and gives each sandbox the addresses that
    were leased for it, and where a virtual machine has its link, the MAC address of that.
options:
  _input:
    description: The plan.
    type: dict
    required: true
  leases:
    description: The leases, as P(sandbox.network.address_lease#module) returns them.
    type: list
    elements: dict
    required: true
  endpoints:
    description: The endpoints of virtual machines, as P(sandbox.network.vm_endpoint#module) returns them.
    type: list
    elements: dict
    default: []
positional: leases, endpoints
seealso:
  - plugin: sandbox.network.sandbox_plan
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Guard sandboxes
  sandbox.network.firewall:
    sandboxes: "{{ plan | sandbox.network.sandbox_firewalls(leases) }}"
  vars:
    plan: {links: [], firewalls: [{sandbox: web1, state: present, antispoof: false}]}
    leases: [{owner: web1, addresses: [10.80.0.2/24]}]
"""

RETURN = r"""
_value:
  description: The sandboxes, as P(sandbox.network.firewall#module) takes them.
  type: list
  elements: dict
"""

from collections.abc import Iterable, Mapping
from typing import Any, Callable

from ansible_collections.sandbox.network.plugins.plugin_utils._sandbox_firewall import guarded


def sandbox_firewalls(
    plan: Mapping[str, Any], leases: Iterable[Mapping[str, Any]], endpoints: Iterable[Mapping[str, Any]] = ()
) -> list[dict[str, Any]]:
    """The rules as the module takes them."""
    return guarded(plan, leases, endpoints)


class FilterModule:
    """The filter, as Ansible looks for it."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Names and functions."""
        return {"sandbox_firewalls": sandbox_firewalls}
