# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Programs of this collection on the host: which versions are there, and how one comes and goes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from .._engine.errors import TaskError
from .._engine.operation import Operation
from .._engine.state import FileState, State
from .._programs.installing import read_installed
from .._programs.own_program import LIBRARY, installed_directories
from .own_files import missing_directories, observe_directories_above, plan_removal, plan_write

EXECUTABLE = 0o755


def observe_program(name: str, own: str | None, state: State, library: str = LIBRARY) -> None:
    """The versions of a program that are there, and what is there for that of this collection, ``own``."""
    for directory in {*installed_directories(name, library), *([own] if own else [])}:
        state.installed[directory] = read_installed(directory)
        observe_directories_above(directory, state)


def plan_install(directory: str, files: Mapping[str, str], state: State) -> Iterator[Operation]:
    """A version beside any other, whole."""
    if state.installed.get(directory) != files:
        above = missing_directories(directory, state)
        yield Operation("program.install", {"directory": directory, "files": dict(files), "above": above})


def plan_launcher(path: str, text: str, mark: str, state: State) -> Iterator[Operation]:
    """The program in the search path, which bears a mark. Raises TaskError for one of somebody else."""
    found = state.files.get(path)
    if found is not None and mark not in found.content:
        raise TaskError(f"{path} is there already, and is somebody else's; it is left alone")
    yield from plan_write(path, FileState(text, EXECUTABLE), state)


def plan_no_launcher(path: str, mark: str, state: State) -> Iterator[Operation]:
    """Remove it, where it is ours."""
    found = state.files.get(path)
    if found is not None and mark in found.content:
        yield from plan_removal(path, state)


def plan_uninstall(name: str, keep: str | None, state: State) -> Iterator[Operation]:
    """Every version of a program but the one to keep, and the directory above when it is empty."""
    for directory, files in state.installed.items():
        above, _slash, last = directory.rpartition("/")
        if files is not None and directory != keep and last.rpartition("-")[0] == name:
            yield Operation("program.remove", {"directory": directory, "files": files, "above": [above]})
