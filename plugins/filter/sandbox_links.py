# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The links of sandboxes, to be made or removed, as a Jinja filter."""

from __future__ import annotations

DOCUMENTATION = r"""
name: sandbox_links
short_description: The links of planned sandboxes for the link module
version_added: 1.0.0
author: The sandbox.network authors (@sandbox-network)
description:
  - Joins a plan with what the host says, to the list that P(sandbox.network.link#module) takes.
  - Of sandboxes to be made, it is the bridges and the links with their leased addresses.
    A bridge that is there already and was not made by the role P(sandbox.network.sandbox#role)
    is left as it is.
  - Of sandboxes to be taken away, it is the host's ends of their links, and the bridges
    that the role made and that nothing else is on.
options:
  _input:
    description: What P(sandbox.network.sandbox_plan#filter) returned.
    type: dict
    required: true
  found:
    description:
      - The host's links as C(ip -json link show) prints them.
      - To make sandboxes, the bridges among them are enough.
    type: list
    elements: dict
    required: true
  leases:
    description:
      - The leases that P(sandbox.network.address_lease#module) returned.
      - Without them, links are to be removed.
    type: list
    elements: dict
  unwiring:
    description:
      - The operations by which P(sandbox.network.vm_endpoint#module) would take the endpoints of
        the sandboxes back.
      - A link whose MAC address, addresses and routes a VM has by such an endpoint is not given
        them again. Where links are to be removed, macvtaps of endpoints are removed before them.
    type: list
    elements: dict
    default: []
  keep_bridges:
    description: Whether bridges stay where links are removed.
    type: bool
    default: false
positional: found, leases
seealso:
  - plugin: sandbox.network.sandbox_plan
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Plan two sandboxes
  ansible.builtin.set_fact:
    plan: "{{ [{'name': 'web1'}, {'name': 'web2'}] | sandbox.network.sandbox_plan(defaults) }}"
  vars:
    defaults: {driver: bridge, interface: eth0, bridge: sbr0, subnets: [10.80.0.0/24]}

- name: Look at the host's bridges
  ansible.builtin.command: ip -json link show type bridge
  register: bridges
  changed_when: false

- name: Lease their addresses
  sandbox.network.address_lease:
    leases: "{{ plan.leases }}"
  register: leased

- name: Make their namespaces
  sandbox.network.netns:
    namespaces: "{{ plan.namespaces }}"

- name: Connect them
  sandbox.network.link:
    links: "{{ plan | sandbox.network.sandbox_links(bridges.stdout | from_json, leased.leases) }}"
"""

RETURN = r"""
_value:
  description: What P(sandbox.network.link#module) takes as O(sandbox.network.link#module:links).
  type: list
  elements: dict
"""

from collections.abc import Mapping, Sequence
from typing import Any, Callable

from ansible_collections.sandbox.network.plugins.plugin_utils._sandbox_plan import (
    Items,
    made_links,
    removed_links,
)


def sandbox_links(
    plan: Mapping[str, Items],
    found: Sequence[Mapping[str, Any]],
    leases: Sequence[Mapping[str, Any]] | None = None,
    keep_bridges: bool = False,
    unwiring: Sequence[Mapping[str, Any]] = (),
) -> Items:
    """What the link module is to make, or with no leases given, to remove."""
    if leases is None:
        return removed_links(plan, found, keep_bridges=keep_bridges, unwiring=unwiring)
    return made_links(plan, leases, found, unwiring)


class FilterModule:
    """The filter, as Ansible looks for it."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Names and functions."""
        return {"sandbox_links": sandbox_links}
