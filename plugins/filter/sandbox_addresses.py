# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The addresses of sandboxes by name, as a Jinja filter."""

from __future__ import annotations

DOCUMENTATION = r"""
name: sandbox_addresses
short_description: The addresses of sandboxes by name
version_added: 1.0.0
author: The sandbox.network authors (@sandbox-network)
description:
  - Turns the leases of P(sandbox.network.address_lease#module) into a dictionary of addresses
    by owner. The owners of what P(sandbox.network.sandbox#role) leases are its sandboxes.
options:
  _input:
    description: The leases that P(sandbox.network.address_lease#module) returned.
    type: list
    elements: dict
    required: true
"""

EXAMPLES = r"""
- name: Where web1 is
  ansible.builtin.debug:
    msg: "{{ (leases | sandbox.network.sandbox_addresses).web1 }}"
  vars:
    leases: [{owner: web1, addresses: [10.80.0.2/24]}]
  # ['10.80.0.2']
"""

RETURN = r"""
_value:
  description: Lists of addresses, without prefix lengths, by the owner's name.
  type: dict
"""

from collections.abc import Iterable, Mapping
from typing import Any, Callable

from ansible_collections.sandbox.network.plugins.plugin_utils._sandbox_plan import addresses


def sandbox_addresses(leases: Iterable[Mapping[str, Any]]) -> dict[str, list[str]]:
    """Addresses without prefix length by the owner's name."""
    return addresses(leases)


class FilterModule:
    """The filter, as Ansible looks for it."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Names and functions."""
        return {"sandbox_addresses": sandbox_addresses}
