# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The program of the monitor: installed from the collection, replaced by a newer one, removed with the last sandbox."""

from __future__ import annotations

from collections.abc import Iterator

from .._engine.errors import TaskError
from .._engine.operation import Operation
from .._engine.state import FileState, State
from .._programs.monitor import LAUNCHER, MARK, NAME, launcher, monitor_directory, monitor_files
from .own_files import plan_removal, plan_write
from .own_programs import plan_install, plan_uninstall

EXECUTABLE = 0o755


def plan_program(state: State) -> Iterator[Operation]:
    """The version of this collection, beside any other, and the launcher that leads to it. Raises TaskError."""
    yield from plan_install(monitor_directory(), monitor_files(), state)
    found = state.files.get(LAUNCHER)
    if found is not None and MARK not in found.content:
        raise TaskError(f"{LAUNCHER} is there already, and is somebody else's; it is left alone")
    yield from plan_write(LAUNCHER, FileState(launcher(monitor_directory()), EXECUTABLE), state)


def plan_removal_of_program(state: State, *, keep: bool) -> Iterator[Operation]:
    """Every version but that of this collection; without ``keep`` that one and the launcher, too."""
    found = state.files.get(LAUNCHER)
    if not keep and found is not None and MARK in found.content:
        yield from plan_removal(LAUNCHER, state)
    yield from plan_uninstall(NAME, monitor_directory() if keep else None, state)
