# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The collection: the role's modules with the role's arguments, each a process as Ansible has it.

What Ansible itself costs is left out: a module reads its arguments from a file and is
started by the interpreter directly.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol

from cost import Cost, Phases, beyond, cheapest, phases_of, run
from scenario import Plan

LISTS = {"address_lease": "leases", "netns": "namespaces", "link": "links"}


class Modules:
    """The modules of the installed collection, run by the interpreter of a lane."""

    def __init__(self, python: str, collections: str, ansible_lib: str, directory: Path) -> None:
        self._python = python
        self._modules = Path(collections, "ansible_collections/sandbox/network/plugins/modules")
        self._directory = directory
        self._environment = {
            **os.environ,
            "PYTHONPATH": f"{ansible_lib}:{collections}",
            "ANSIBLE_NOCOLOR": "1",
        }

    def run(self, name: str, arguments: Mapping[str, Any], *, check: bool = False) -> tuple[dict[str, Any], Cost]:
        """A module's result and what it cost."""
        given = self._directory / "arguments"
        output = self._directory / "result"
        switches = {"_ansible_check_mode": check, "_ansible_diff": False}
        given.write_text(json.dumps({"ANSIBLE_MODULE_ARGS": {**arguments, **switches}}))
        module = str(self._modules / f"{name}.py")
        cost = run((self._python, module, str(given)), output, self._environment, check=False)
        result = json.loads(output.read_text())
        if result.get("failed"):
            raise RuntimeError(f"{name}: {result['msg']}")
        return result, cost

    def starts(self, lists: Mapping[str, str] | None = None) -> dict[str, Cost]:
        """What each module costs that has nothing to do; the modules, and the option that is each one's list."""
        options = LISTS if lists is None else lists
        return {name: self.run(name, {"state": "absent", option: []})[1] for name, option in options.items()}


class Task(Protocol):
    """A task of one module, which does something and takes it back."""

    module: str

    def starts(self) -> dict[str, Cost]:
        """What the module costs that has nothing to do."""

    def run(self, state: str, *, check: bool = False) -> tuple[bool, Cost]:
        """Whether something changed, and what it cost."""


def measure_task(task: Task, there: str, back: str, bad_when: Callable[[str], list[str]]) -> Phases:
    """A task done, done again, in check mode, and taken back, beyond the module's start.

    ``bad_when`` looks at what there is, and says what is not as the state that was asked for.
    """
    starts = cheapest([task.starts() for _round in range(3)])  # the first one compiles
    bad, costs = bad_when("absent"), {}
    for phase, state, check, must_change in (
        (there, "present", False, True),
        ("again", "present", False, False),
        ("check", "present", True, False),
        (back, "absent", False, True),
    ):
        changed, cost = task.run(state, check=check)
        costs[phase] = beyond({task.module: cost}, starts)
        if changed != must_change:
            bad.append(f"{phase}: changed is {changed}")
        bad += bad_when(state)
    return {**phases_of(costs, bad), "start": asdict(starts[task.module])}


class Role:
    """The tasks of the role, for so many sandboxes."""

    def __init__(self, modules: Modules, number: int) -> None:
        self._modules = modules
        self._plan = Plan(number)

    def present(self, *, check: bool = False) -> tuple[bool, dict[str, Cost]]:
        """Whether something changed, and what each module cost."""
        found = _host_links("type", "bridge")
        leased, lease_cost = self._run("address_lease", self._plan.leases("present"), check)
        named, netns_cost = self._run("netns", self._plan.namespaces("present"), check)
        links = self._plan.made_links(leased["leases"], found)
        linked, link_cost = self._run("link", links, check)
        changed = leased["changed"] or named["changed"] or linked["changed"]
        costs = {"address_lease": lease_cost, "netns": netns_cost, "link": link_cost}
        return changed, costs

    def absent(self) -> tuple[bool, dict[str, Cost]]:
        """The same for taking them away; the role looks for processes inside first."""
        namespaces = self._plan.namespaces("absent")
        _seen, looking = self._run("netns", namespaces, check=True)
        links = self._plan.removed_links(_host_links())
        unlinked, link_cost = self._run("link", links)
        unnamed, netns_cost = self._run("netns", namespaces)
        returned, lease_cost = self._run("address_lease", self._plan.leases("absent"))
        changed = unlinked["changed"] or unnamed["changed"] or returned["changed"]
        costs = {
            "netns (check)": looking,
            "link": link_cost,
            "netns": netns_cost,
            "address_lease": lease_cost,
        }
        return changed, costs

    def _run(self, name: str, arguments: Mapping[str, Any], check: bool = False) -> tuple[dict[str, Any], Cost]:
        return self._modules.run(name, arguments, check=check)


def _host_links(*which: str) -> list[dict[str, Any]]:
    answer = subprocess.check_output(["ip", "-json", "link", "show", *which])
    found: list[dict[str, Any]] = json.loads(answer or "[]")
    return found
