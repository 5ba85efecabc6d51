# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""What went wrong in tasks that did not stop for it, as a Jinja filter."""

from __future__ import annotations

DOCUMENTATION = r"""
name: sandbox_failures
short_description: What went wrong in tasks that ignored their errors
version_added: 1.1.0
author: The sandbox.network authors (@sandbox-network)
description:
  - Reads from the results of tasks that were run with C(ignore_errors) what a last task is to fail with.
  - The role P(sandbox.network.sandbox#role) takes sandboxes away with it. A step that fails for all at once
    is repeated one by one there.
options:
  _input:
    description:
      - Steps, each with the name of its C(task), and its result as C(all).
      - C(each) is the result of a loop over the items one by one. It counts where C(all) failed.
    type: list
    elements: dict
    required: true
  busy:
    description: Namespaces with processes inside, each with C(path) and C(pids).
    type: list
    elements: dict
    default: []
positional: busy
seealso:
  - plugin: sandbox.network.sandbox_made
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Return addresses
  sandbox.network.address_lease:
    owner: web1
    state: absent
  register: returned
  ignore_errors: true

- name: Tell what went wrong
  ansible.builtin.fail:
    msg: "{{ failures | join(', ') }}"
  when: failures | length > 0
  vars:
    failures: "{{ steps | sandbox.network.sandbox_failures }}"
    steps:
      - task: Return addresses
        all: "{{ returned }}"
"""

RETURN = r"""
_value:
  description: A text for everything that went wrong, with the name of the task in front.
  type: list
  elements: str
"""

from collections.abc import Iterable, Mapping
from typing import Any, Callable

from ansible_collections.sandbox.network.plugins.plugin_utils._sandbox_failures import failures


def sandbox_failures(steps: Iterable[Mapping[str, Any]], busy: Iterable[Mapping[str, Any]] = ()) -> list[str]:
    """One text for everything that went wrong."""
    return failures(steps, busy)


class FilterModule:
    """The filter, as Ansible looks for it."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Names and functions."""
        return {"sandbox_failures": sandbox_failures}
