# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The files of the monitor: what is to be watched, one file for each sandbox, and what was told."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

from .._engine.operation import Operation
from .._engine.state import State
from .._programs.monitor import PERSISTENT
from .own_files import plan_removal

KIND = "netmon"
MADE_AT_BOOT = ("/", "/run")


def directory_of(state: State) -> str:
    """What is about the monitor and ends with the boot."""
    return f"{state.state_dir}/netmon"


def config_directory(state: State, *, enabled: bool) -> str:
    """Where the sandboxes are described: for this boot, or for the next ones, too."""
    return PERSISTENT if enabled else f"{directory_of(state)}/sandboxes"


def config_file(sandbox: str, state: State, *, enabled: bool) -> str:
    """Where one sandbox is described."""
    return f"{config_directory(state, enabled=enabled)}/{sandbox}.json"


def plan_forgetting(sandbox: str, state: State, *, enabled: bool) -> Iterator[Operation]:
    """Describe it no more; directories that were made for such files go with the last one."""
    directory = config_directory(state, enabled=enabled)
    above = (directory.rpartition("/")[0], directory) if enabled else (directory,)
    yield from plan_removal(config_file(sandbox, state, enabled=enabled), state, above)


def told_file(settings: Mapping[str, Any]) -> str:
    """Where the monitor remembers what the runtime of a sandbox knows."""
    return f"{settings['storage_dir']}/{settings['id']}/told.jsonl"


def configurations(state: State) -> dict[str, dict[str, Any]]:
    """What the configuration files say, by sandbox; what is not ours says nothing."""
    found = {}
    places = [config_directory(state, enabled=enabled) for enabled in (False, True)]
    for path, file in state.files.items():
        directory, _slash, name = path.rpartition("/")
        if file is not None and directory in places and name.endswith(".json"):
            settings = _parsed(file.content)
            if settings and name == f"{settings['id']}.json":
                found[str(settings["id"])] = settings
    return found


def storage_directories(settings: Mapping[str, Any], state: State) -> list[str]:
    """The directories above that of a sandbox which are not there, or only because of other sandboxes."""
    storage = PurePosixPath(settings["storage_dir"])
    above = [str(one) for one in (*reversed(storage.parents), storage) if str(one) not in MADE_AT_BOOT]
    others = {
        directory
        for (kind, _name), record in state.records.items()
        if kind == KIND and record
        for directory in record["directories"]
    }
    return [one for one in above if one in others or not state.directories.get(one)]


def _parsed(content: str) -> dict[str, Any]:
    try:
        found = json.loads(content)
    except ValueError:
        return {}
    return found if isinstance(found, dict) and {"id", "netns", "watched", "storage_dir"} <= found.keys() else {}
