# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""What netns_info tells of the monitor of a namespace: whether it watches, and how it fares."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .._engine.state import State
from .._programs.monitor import read_status
from .netmon_files import configurations
from .netmon_observing import observe_configuration, observe_process
from .netmon_process import Monitor

NUMBERS = ("events", "overflows", "looks", "commands", "failures")


@dataclass(frozen=True)
class Monitors:
    """All sandboxes that are to be watched, as the monitor last told of them."""

    alive: bool
    sandboxes: Mapping[str, Mapping[str, Any]]
    """What is to be watched, by sandbox: its configuration."""
    told: Mapping[str, Mapping[str, Any]]
    """What the monitor tells of those that are there, by sandbox."""

    @staticmethod
    def read(state_dir: str) -> Monitors:
        """The monitor of a host, and what it tells. Raises TaskError, ProgramError."""
        state = State(state_dir=state_dir)
        observe_configuration(state)
        sandboxes = configurations(state)
        if not sandboxes:
            return Monitors(False, {}, {})
        observe_process(state)
        monitor = Monitor.found(state)
        status = read_status(monitor.status_file) if monitor and monitor.status_file else {}
        told = {one["id"]: one for one in status.get("sandboxes", ())}
        return Monitors(bool(monitor and monitor.runs), sandboxes, told)

    def of(self, names: Sequence[str]) -> list[dict[str, Any]]:
        """Who watches the namespace that some paths lead to."""
        return [self._describe(name, one) for name, one in sorted(self.sandboxes.items()) if one["netns"] in names]

    def _describe(self, name: str, settings: Mapping[str, Any]) -> dict[str, Any]:
        told = self.told.get(name, {})
        watched = bool(self.alive and settings["watched"] and told.get("state") == "watched")
        return {
            "sandbox_id": name,
            "runtime_path": settings["runtime_path"],
            "alive": self.alive,
            "watched": watched,
            "problem": told.get("problem"),
            "interfaces": told.get("interfaces", []),
            **{number: told.get(number, 0) for number in NUMBERS},
            "lag": told.get("lag", 0.0),
        }
