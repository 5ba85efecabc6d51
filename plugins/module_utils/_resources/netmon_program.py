# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The program of the monitor: installed from the collection, replaced by a newer one, removed with the last sandbox."""

from __future__ import annotations

from collections.abc import Iterator

from .._engine.operation import Operation
from .._engine.state import State
from .._programs.monitor import LAUNCHER, MARK, NAME, launcher, monitor_directory, monitor_files
from .own_programs import plan_install, plan_launcher, plan_no_launcher, plan_uninstall


def plan_program(state: State) -> Iterator[Operation]:
    """The version of this collection, beside any other, and the launcher that leads to it. Raises TaskError."""
    yield from plan_install(monitor_directory(), monitor_files(), state)
    yield from plan_launcher(LAUNCHER, launcher(monitor_directory()), MARK, state)


def plan_removal_of_program(state: State, *, keep: bool) -> Iterator[Operation]:
    """Every version but that of this collection; without ``keep`` that one and the launcher, too."""
    if not keep:
        yield from plan_no_launcher(LAUNCHER, MARK, state)
    yield from plan_uninstall(NAME, monitor_directory() if keep else None, state)
