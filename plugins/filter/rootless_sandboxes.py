# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""What there is to know of rootless sandboxes, as a Jinja filter."""

from __future__ import annotations

DOCUMENTATION = r"""
name: rootless_sandboxes
short_description: Rootless sandboxes by name, from the results of the modules
version_added: 1.1.0
author: The sandbox.network authors (@sandbox-network)
description:
  - Joins what the modules returned to one dictionary, with the sandboxes' names as its keys.
  - Of a sandbox that check mode has foretold, it has what follows from the options. The rest is
    V(null).
options:
  _input:
    description: The C(networks) that P(sandbox.network.rootless_plan#filter) returned.
    type: list
    elements: dict
    required: true
  namespaces:
    description: >-
      The namespaces that P(sandbox.network.rootless_netns#module) returned, in the same order.
    type: list
    elements: dict
    required: true
  networks:
    description: >-
      The networks that P(sandbox.network.slirp_network#module) returned, for those namespaces that
      are there.
    type: list
    elements: dict
    required: true
positional: namespaces, networks
seealso:
  - plugin: sandbox.network.rootless_plan
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Plan a sandbox
  ansible.builtin.set_fact:
    plan: "{{ [{'name': 'web1'}] | sandbox.network.rootless_plan }}"

- name: Make its namespace
  sandbox.network.rootless_netns:
    namespaces: "{{ plan.namespaces }}"
  register: made

- name: Connect it
  sandbox.network.slirp_network:
    networks: "{{ plan.networks | sandbox.network.rootless_networks(made.namespaces) }}"
  register: connected

- name: Run something inside
  ansible.builtin.command:
    argv: "{{ sandboxes.web1.enter + ['ip', 'address'] }}"
  vars:
    sandboxes: "{{ plan.networks | sandbox.network.rootless_sandboxes(made.namespaces, connected.networks) }}"
  changed_when: false
"""

RETURN = r"""
_value:
  description:
    - By name, C(pid), C(netns), C(enter) and C(created) of the namespace, and C(backend),
      C(guest_address), C(guest_address6), C(gateway), C(dns), C(api_socket) and C(forwards) of the
      network.
  type: dict
"""

from collections.abc import Mapping, Sequence
from typing import Any, Callable

from ansible_collections.sandbox.network.plugins.plugin_utils._rootless_plan import described


def rootless_sandboxes(
    planned: Sequence[Mapping[str, Any]],
    namespaces: Sequence[Mapping[str, Any]],
    networks: Sequence[Mapping[str, Any]],
) -> dict[str, dict[str, Any]]:
    """What there is to know of each, by name."""
    return described(planned, namespaces, networks)


class FilterModule:
    """The filter, as Ansible looks for it."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Names and functions."""
        return {"rootless_sandboxes": rootless_sandboxes}
