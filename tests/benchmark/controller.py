# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Through Ansible itself: what a task costs, and what the role costs as its user runs it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from cost import Cost, run
from scenario import sandbox_list

TASKS = 10
LIBRARY = Path(__file__).parent / "library"
NOTHING: dict[str, dict[str, Any]] = {
    "ansible.builtin.ping": {},
    "empty": {},
    "sandbox.network.address_lease": {"leases": []},
    "sandbox.network.netns": {"namespaces": []},
    "sandbox.network.link": {"links": []},
}


class Playbooks:
    """Playbooks of one play on this host, run by the interpreter of a lane."""

    def __init__(self, python: str, collections: str, directory: Path) -> None:
        self._python = python
        self._directory = directory
        self._environment = {
            **{name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
            "ANSIBLE_COLLECTIONS_PATH": collections,
            "ANSIBLE_LIBRARY": str(LIBRARY),
            "ANSIBLE_LOCALHOST_WARNING": "false",
            "ANSIBLE_INVENTORY_UNPARSED_WARNING": "false",
            "ANSIBLE_NOCOLOR": "1",
            "LC_ALL": "C.UTF-8",
            "HOME": str(directory),
        }

    def run(self, tasks: list[dict[str, Any]], *arguments: str) -> Cost:
        """What the tasks cost, with the start of ansible-playbook."""
        play = {
            "hosts": "localhost",
            "gather_facts": False,
            "vars": {"ansible_python_interpreter": self._python},
            "tasks": tasks,
        }
        playbook = self._directory / "playbook.yml"
        playbook.write_text(json.dumps([play]))
        command = ("ansible-playbook", str(playbook), *arguments)
        return run(command, self._directory / "output", self._environment)

    def task_costs(self) -> dict[str, Cost]:
        """What one task costs that has nothing to do, by its module."""
        start = self.run([])
        costs = {}
        for name, arguments in NOTHING.items():
            cost = self.run([{name: arguments}] * TASKS)
            costs[name] = Cost((cost.wall - start.wall) / TASKS, (cost.cpu - start.cpu) / TASKS)
        return costs

    def role_costs(self, number: int) -> dict[str, Cost]:
        """What the role costs for so many sandboxes, beyond the start of ansible-playbook."""
        start = self.run([])
        variables = self._directory / "variables.json"
        variables.write_text(json.dumps({"sandbox_list": sandbox_list(number)}))
        role = [{"ansible.builtin.import_role": {"name": "sandbox.network.sandbox"}}]
        phases: dict[str, tuple[str, ...]] = {
            "create": (),
            "again": (),
            "check": ("--check",),
            "absent": ("-e", "sandbox_state=absent"),
        }
        costs = {}
        for phase, arguments in phases.items():
            cost = self.run(role, "-e", f"@{variables}", *arguments)
            costs[phase] = Cost(cost.wall - start.wall, cost.cpu - start.cpu)
        return costs
