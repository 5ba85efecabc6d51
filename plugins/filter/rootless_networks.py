# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The user-mode networks of namespaces that are there, as a Jinja filter."""

from __future__ import annotations

DOCUMENTATION = r"""
name: rootless_networks
short_description: The networks of rootless namespaces for slirp_network
version_added: 1.1.0
author: The sandbox.network authors (@sandbox-network)
description:
  - Joins planned networks with the namespaces that were made for them, to the list that
    P(sandbox.network.slirp_network#module) takes.
  - A namespace that check mode has foretold has no process yet by which it could be named. Its
    network is left out.
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
positional: namespaces
seealso:
  - plugin: sandbox.network.rootless_plan
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Plan two sandboxes
  ansible.builtin.set_fact:
    plan: "{{ [{'name': 'web1', 'forwards': ['8080:80']}, {'name': 'web2'}] | sandbox.network.rootless_plan }}"

- name: Make their namespaces
  sandbox.network.rootless_netns:
    namespaces: "{{ plan.namespaces }}"
  register: made

- name: Connect them
  sandbox.network.slirp_network:
    networks: "{{ plan.networks | sandbox.network.rootless_networks(made.namespaces) }}"
"""

RETURN = r"""
_value:
  description: >-
    What P(sandbox.network.slirp_network#module) takes as
    O(sandbox.network.slirp_network#module:networks).
  type: list
  elements: dict
"""

from collections.abc import Mapping, Sequence
from typing import Any, Callable

from ansible_collections.sandbox.network.plugins.plugin_utils._rootless_plan import Items, connected


def rootless_networks(networks: Sequence[Mapping[str, Any]], namespaces: Sequence[Mapping[str, Any]]) -> Items:
    """The networks with their namespaces."""
    return connected(networks, namespaces)


class FilterModule:
    """The filter, as Ansible looks for it."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Names and functions."""
        return {"rootless_networks": rootless_networks}
