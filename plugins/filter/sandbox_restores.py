# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The descriptions of sandboxes that are to outlive a reboot, as a Jinja filter."""

from __future__ import annotations

DOCUMENTATION = r"""
name: sandbox_restores
short_description: The descriptions of planned sandboxes for the module restore_service
version_added: 1.1.0
author: The sandbox.network authors (@sandbox-network)
description:
  - Joins a plan with what was leased and asked for, to the list that P(sandbox.network.restore_service#module) takes.
    Sandboxes that are to outlive a reboot are described by the tasks that made them, those that are not are
    forgotten.
options:
  _input:
    description: What P(sandbox.network.sandbox_plan#filter) returned.
    type: dict
    required: true
  links:
    description: What P(sandbox.network.sandbox_links#filter) returned, without anything about virtual machines.
    type: list
    elements: dict
    required: true
  leases:
    description: The leases that P(sandbox.network.address_lease#module) returned.
    type: list
    elements: dict
    required: true
  firewalls:
    description: What P(sandbox.network.sandbox_firewalls#filter) returned.
    type: list
    elements: dict
    required: true
  state_dir:
    description: The directory that the tasks keep their records in.
    type: path
    required: true
positional: links, leases, firewalls, state_dir
seealso:
  - plugin: sandbox.network.sandbox_plan
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Plan a sandbox that outlives a reboot
  ansible.builtin.set_fact:
    plan: "{{ [{'name': 'web1', 'persist': true, 'driver': 'none'}] | sandbox.network.sandbox_plan(defaults) }}"
  vars:
    defaults: {driver: bridge, interface: eth0, bridge: sbr0, subnets: [10.80.0.0/24]}

- name: Have it made again at each boot
  sandbox.network.restore_service:
    sandboxes: "{{ plan | sandbox.network.sandbox_restores([], [], [], '/run/sandbox-network') }}"
"""

RETURN = r"""
_value:
  description: >-
    What P(sandbox.network.restore_service#module) takes as O(sandbox.network.restore_service#module:sandboxes).
  type: list
  elements: dict
"""

from typing import Any, Callable

from ansible_collections.sandbox.network.plugins.plugin_utils._sandbox_restores import restores


class FilterModule:
    """The filter, as Ansible looks for it."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Names and functions."""
        return {"sandbox_restores": restores}
