# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Files that are ours as a whole, such as configurations and units: observed, written and removed."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath

from .._engine.errors import TaskError
from .._engine.operation import Operation
from .._engine.state import FileState, State
from .._kernel.files import NotAPlainFile, read_plain_file


def observe_files(paths: Iterable[str], state: State) -> None:
    """What is at these paths. Raises TaskError for what is no plain file."""
    for path in paths:
        if path in state.files:
            continue
        try:
            found = read_plain_file(path)
        except NotAPlainFile as error:
            raise TaskError(f"{error}; it is left alone") from None
        state.files[path] = FileState(*found) if found else None
        observe_directories_above(path, state)


def observe_directories_above(path: str, state: State) -> None:
    """Which of the directories on the way to a path are there."""
    for place in map(str, PurePosixPath(path).parents):
        if place not in state.directories:
            state.directories[place] = os.path.isdir(place)


def missing_directories(path: str, state: State) -> list[str]:
    """The directories on the way to a path that are not there, outermost first. That of the state is for every task."""
    above = [str(one) for one in reversed(PurePosixPath(path).parents)]
    if path.startswith(state.state_dir + "/"):
        above = above[above.index(state.state_dir) + 1 :]
    return [one for one in above if not state.directories.get(one)]


def plan_write(path: str, file: FileState, state: State) -> Iterator[Operation]:
    """Make a file what it should be, where it is not, with the directories above that are missing."""
    found = state.files.get(path)
    if found == file:
        return
    yield Operation(
        "unit.write" if path.endswith(".service") else "file.write",
        {
            "path": path,
            "file": file.as_dict(),
            "before": found.as_dict() if found else None,
            "directories": missing_directories(path, state),
        },
    )


def plan_removal(path: str, state: State, directories: tuple[str, ...] = ()) -> Iterator[Operation]:
    """Remove a file that is there, and then what is empty of ``directories``, outermost first."""
    found = state.files.get(path)
    if found is not None:
        kind = "unit.remove" if path.endswith(".service") else "file.remove"
        yield Operation(kind, {"path": path, "before": found.as_dict(), "directories": list(directories)})
