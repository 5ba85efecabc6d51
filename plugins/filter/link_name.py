# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Names of links that follow from what the links are for, as a Jinja filter."""

from __future__ import annotations

DOCUMENTATION = r"""
name: link_name
short_description: A link name of 15 bytes at most for a longer name
version_added: 1.0.0
author: The sandbox.network authors (@sandbox-network)
description:
  - Linux allows a link's name 15 bytes. This is a name that follows from a longer one,
    the same every time.
  - It begins as the longer name does, and ends in a hash of the whole.
  - The role P(sandbox.network.sandbox#role) names the host's end of a sandbox's link by it.
options:
  _input:
    description: Whose link it is, such as the name of a sandbox.
    type: str
    required: true
  purpose:
    description: Which of its links, where it has several.
    type: str
    default: ""
positional: purpose
"""

EXAMPLES = r"""
- name: See what the host sees of a sandbox
  ansible.builtin.command: ip -s link show {{ 'web1' | sandbox.network.link_name }}
  changed_when: false
"""

RETURN = r"""
_value:
  description: The name.
  type: str
"""

from typing import Any, Callable

from ansible_collections.sandbox.network.plugins.plugin_utils import _link_names


def link_name(owner: str, purpose: str = "") -> str:
    """A link name for one purpose of one owner."""
    return _link_names.link_name(str(owner), str(purpose))


class FilterModule:
    """The filter, as Ansible looks for it."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Names and functions."""
        return {"link_name": link_name}
