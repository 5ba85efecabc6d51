# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The monitor as it runs: a unit where systemd is the first process, a process of our own elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .._engine.operation import Operation
from .._engine.state import FileState, State
from .._programs.finding import ENVIRONMENT
from .._programs.monitor import (
    UNIT,
    UNIT_FILE,
    monitor_directory,
    unit_text,
    words_of_unit,
)
from .._programs.own_program import interpreter
from .netmon_files import config_directory, directory_of
from .netmon_options import WantedMonitor
from .own_files import plan_removal, plan_write

READY = ["-ready-fd", "3"]
READY_SECONDS = 60.0
NAME = "sandbox-netmon"


@dataclass(frozen=True)
class Monitor:
    """The monitor: ``argv`` without what is the manager's business. ``since``: see WantedMonitor."""

    manager: str
    argv: list[str]
    helper: str
    """The directory of its process, where that is ours."""
    runs: bool = True
    enabled: bool = False
    since: int = 0
    pid: int | None = None

    @staticmethod
    def wanted(
        wanted: Sequence[WantedMonitor], now: Mapping[str, tuple[bool, Mapping[str, Any]]], state: State
    ) -> Monitor:
        """The monitor for the sandboxes that there are now: whether each outlives a reboot, and its settings."""
        found = Monitor.found(state)
        asked = {one.manager for one in wanted} - {"auto"}
        manager = found.manager if found else "systemd" if state.kinds["systemd"] else "process"
        metrics = next((one.metrics_file for one in wanted if one.metrics_file), found and found.metrics_file)
        runs = any(settings["watched"] for _enabled, settings in now.values())
        return Monitor(
            asked.pop() if asked else manager,
            _argv(metrics or f"{directory_of(state)}/metrics.prom", state),
            helper_directory(state),
            runs=runs,
            enabled=runs and any(enabled for enabled, settings in now.values() if settings["watched"]),
            since=max((one.since for one in wanted), default=0),
        )

    @staticmethod
    def found(state: State) -> Monitor | None:
        """The monitor that there is, running or not."""
        helper = state.helpers.get(helper_directory(state))
        if helper is not None and helper.spec["argv"]:
            argv = [one for one in helper.spec["argv"] if one not in READY]
            return Monitor("process", argv, helper_directory(state), runs=helper.alive, pid=helper.pid)
        file, unit = state.files.get(UNIT_FILE), state.units.get(UNIT)
        if file is not None and unit is not None:
            pid = unit.process.pid if unit.process else None
            argv = words_of_unit(file.content)
            return Monitor("systemd", argv, helper_directory(state), unit.active, unit.enabled, pid=pid)
        return None

    @property
    def status_file(self) -> str | None:
        """Where it tells how it is."""
        return self._value_of("-status")

    @property
    def metrics_file(self) -> str | None:
        """And where for Prometheus."""
        return self._value_of("-metrics")

    def plan_end(self, state: State) -> Iterator[Operation]:
        """End what runs and is not as it is to be."""
        helper, unit = state.helpers.get(self.helper), state.units.get(UNIT)
        if helper is not None and not self._is_process(state):
            args = {"name": NAME, "directory": self.helper, "spec": dict(helper.spec), "alive": helper.alive}
            yield Operation("process.stop", args)
        if unit is not None and unit.active and not self._is_unit(state):
            yield Operation("unit.stop", {"unit": UNIT, "active": True})

    def plan_start(self, state: State) -> Iterator[Operation]:
        """Start what is to run and does not."""
        unit = state.units.get(UNIT)
        if self.manager == "systemd" and self.runs:
            yield from plan_write(UNIT_FILE, self._unit_file(), state)
            if not self._is_unit(state):
                yield Operation("unit.start", {"unit": UNIT})
        if unit is not None and unit.enabled and not self._at_boot:
            yield Operation("unit.disable", {"unit": UNIT})
        if self._at_boot and not (unit and unit.enabled):
            yield Operation("unit.enable", {"unit": UNIT})
        if self.manager == "process" and self.runs and not self._is_process(state):
            spec = self._spec(state)
            yield Operation("process.start", {"name": NAME, "directory": self.helper, "spec": spec})

    def plan_disappearance(self, state: State) -> Iterator[Operation]:
        """What is left of a monitor that does not run any more."""
        yield from plan_removal(UNIT_FILE, state)
        found = Monitor.found(state)
        files = [found.status_file, found.metrics_file] if found else []
        for path in (one for one in files if one):  # it removes them itself, unless it was killed
            inside = [directory_of(state)] if path.startswith(directory_of(state) + "/") else []
            yield Operation("file.remove", {"path": path, "before": None, "directories": inside})

    def settle(self, wanted: Sequence[WantedMonitor]) -> Operation:
        """Wait until it watches what is wanted of this task."""
        return Operation(
            "monitor.settle",
            {
                "unit": UNIT if self.manager == "systemd" else None,
                "directory": self.helper,
                "status": self.status_file,
                "sandboxes": {one.sandbox: one.settings for one in wanted if one.watched},
                "without": [one.sandbox for one in wanted if not one.watched],
            },
        )

    @property
    def _at_boot(self) -> bool:
        return self.manager == "systemd" and self.enabled

    def _value_of(self, flag: str) -> str | None:
        return self.argv[self.argv.index(flag) + 1] if flag in self.argv else None

    def _is_process(self, state: State) -> bool:
        """Whether our process runs as it is to run."""
        helper = state.helpers.get(self.helper)
        if helper is None or not helper.alive or not self.runs or self.manager != "process":
            return False
        if helper.started is not None and helper.started < self.since:
            return False
        return list(helper.spec["argv"]) == [*self.argv, *READY]

    def _is_unit(self, state: State) -> bool:
        """Whether the unit runs as it is to run."""
        unit = state.units.get(UNIT)
        if unit is None or not unit.active or not self.runs or self.manager != "systemd":
            return False
        if unit.process is not None and unit.process.started < self.since:
            return False
        return state.files.get(UNIT_FILE) == self._unit_file()

    def _unit_file(self) -> FileState:
        return FileState(unit_text(self.argv), 0o644)

    def _spec(self, state: State) -> dict[str, Any]:
        return {
            "argv": [*self.argv, *READY],
            "environment": dict(ENVIRONMENT),
            "ready": "descriptor",
            "ready_timeout": READY_SECONDS,
            "netns": None,
            "manager": "process",
            "daemon": True,
        }


def helper_directory(state: State) -> str:
    """The directory of the process of a monitor that no systemd looks after."""
    return f"{state.state_dir}/helpers/netmon"


def _argv(metrics: str, state: State) -> list[str]:
    own = directory_of(state)
    sources = [config_directory(state, enabled=enabled) for enabled in (False, True)]
    flags = ["-config", sources[0], "-config", sources[1], "-status", f"{own}/status.json", "-metrics", metrics]
    return [*interpreter(monitor_directory(), libraries=False), *flags]
