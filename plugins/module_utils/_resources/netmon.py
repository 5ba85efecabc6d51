# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The resource netmon: which sandboxes of a host are watched, and the monitor that does it.

The configuration files are all that is remembered: each is a sandbox, and the last one to go takes
the monitor with it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from .._engine.errors import InvalidOption, NotThereYet
from .._engine.operation import Operation
from .._engine.resource import Reader
from .._engine.state import FileState, NamespaceState, State
from . import values
from .netmon_files import (
    KIND,
    config_file,
    configurations,
    plan_forgetting,
    storage_directories,
    told_file,
)
from .netmon_observing import observe_monitor
from .netmon_options import WantedMonitor, parse_monitor
from .netmon_process import Monitor
from .netmon_program import plan_program, plan_removal_of_program
from .own_files import plan_write

SUBJECT = "netmon"


class NetmonResource:
    """Observe and plan what is watched."""

    def parse(self, options: dict[str, Any]) -> WantedMonitor:
        """One sandbox as wanted. Raises InvalidOption."""
        return parse_monitor(options)

    def check(self, wanted: Sequence[WantedMonitor]) -> None:
        """Refuse a sandbox that is given twice, and what one monitor cannot be at the same time."""
        values.no_duplicates("sandbox_id", [one.sandbox for one in wanted])
        managers = {one.manager for one in wanted} - {"auto"}
        if len(managers) > 1:
            raise InvalidOption("service_manager", sorted(managers), "has to be the same for all: there is one monitor")
        files = {one.metrics_file for one in wanted} - {None}
        if len(files) > 1:
            raise InvalidOption("metrics_file", sorted(map(str, files)), "has to be the same for all")

    def subjects(self, wanted: Sequence[WantedMonitor]) -> frozenset[str]:
        """The monitor, which all sandboxes of a host share."""
        return frozenset([SUBJECT])

    def observe(self, wanted: Sequence[WantedMonitor], reader: Reader) -> State:
        """Namespaces, runtimes, configuration, the program, and whether it runs. Raises TaskError."""
        return observe_monitor(wanted, reader)

    def plan(self, wanted: Sequence[WantedMonitor], state: State) -> list[Operation]:
        """The program first, then what it is to watch, then itself; and the way back."""
        for one in wanted:
            _refuse(one, state)
        changed, now = _configured(wanted, state)
        monitor = Monitor.wanted(wanted, now, state)
        operations = list(plan_program(state)) if now else []
        operations += monitor.plan_end(state)
        operations += changed
        operations += monitor.plan_start(state)
        if monitor.runs and (changed or any(one.kind.endswith(".start") for one in operations)):
            operations.append(monitor.settle(wanted))
        for one in wanted:
            operations += _plan_storage(one, state)
        if not now:
            operations += monitor.plan_disappearance(state)
        operations += plan_removal_of_program(state, keep=bool(now))
        return operations

    def describe(self, wanted: WantedMonitor, before: State, after: State) -> dict[str, Any]:
        """The sandbox for the result."""
        settings = configurations(after).get(wanted.sandbox)
        monitor = Monitor.found(after)
        return {
            "sandbox_id": wanted.sandbox,
            "state": "absent" if settings is None else "started" if settings["watched"] else "stopped",
            "netns": settings["netns"] if settings else None,
            "runtime_path": settings["runtime_path"] if settings else None,
            "enabled": after.files.get(config_file(wanted.sandbox, after, enabled=True)) is not None,
            "storage_dir": settings["storage_dir"] if settings else None,
            "service_manager": monitor.manager if monitor else None,
            "pid": monitor.pid if monitor else None,
            "metrics_file": monitor.metrics_file if monitor else None,
            "status_file": monitor.status_file if monitor else None,
        }


def _refuse(one: WantedMonitor, state: State) -> None:
    if one.manager == "systemd" and not state.kinds["systemd"]:
        raise InvalidOption("service_manager", "systemd", "does not run here")
    if one.enabled and (one.manager == "process" or not state.kinds["systemd"]):
        raise InvalidOption("enabled", True, "needs systemd: nobody else would start the monitor at boot")
    if not one.watched:
        return
    netns, runtime = one.settings["netns"], one.settings["runtime_path"]
    if state.at(netns) is None:

        def assume() -> None:
            state.namespaces[netns] = NamespaceState()

        raise NotThereYet(f"netns: there is no network namespace {netns}", assume)
    problem = state.runtimes[runtime]
    if problem is None:

        def assume_runtime() -> None:
            state.runtimes[runtime] = ""

        raise NotThereYet(f"runtime_path: there is no {runtime}", assume_runtime)
    if problem:
        raise InvalidOption("runtime_path", runtime, f"is not called as root: {problem}")


def _configured(
    wanted: Sequence[WantedMonitor], state: State
) -> tuple[list[Operation], dict[str, tuple[bool, dict[str, Any]]]]:
    """The operations on configuration files; and then, by sandbox, whether it outlives a reboot, and what is said."""
    operations: list[Operation] = []
    now = {
        name: (state.files.get(config_file(name, state, enabled=True)) is not None, settings)
        for name, settings in configurations(state).items()
    }
    for one in wanted:
        now.pop(one.sandbox, None)
        if one.settings:
            now[one.sandbox] = (one.enabled, one.settings)
            content = json.dumps(one.settings, indent=1) + "\n"
            path = config_file(one.sandbox, state, enabled=one.enabled)
            operations += plan_write(path, FileState(content, 0o600), state)
        for enabled in (False, True):
            if enabled != one.enabled or not one.settings:
                operations += plan_forgetting(one.sandbox, state, enabled=enabled)
    return operations, now


def _plan_storage(one: WantedMonitor, state: State) -> Iterator[Operation]:
    """The directory that documents are handed over in: which of those above were not there before is
    remembered, and it goes with its sandbox, with what was told.
    """
    record = state.record(KIND, one.sandbox)
    memory = {"kind": KIND, "name": one.sandbox, "before": record}
    if one.settings:
        made = storage_directories(one.settings, state)
        if made and record is None:
            yield Operation("record.put", {**memory, "value": {"directories": made}})
        return
    former = configurations(state).get(one.sandbox)
    if former is not None:
        told = told_file(former)
        found = state.files.get(told)
        above = (record or {}).get("directories", ())
        removal = {"path": told, "before": found.as_dict() if found else None}
        yield Operation("file.remove", {**removal, "directories": [*above, told.rpartition("/")[0]]})
    if record is not None:
        yield Operation("record.drop", memory)
