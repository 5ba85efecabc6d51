# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""What a daemon for a whole host is to watch: one JSON file for each sandbox."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Sequence
from dataclasses import fields
from typing import Any, Callable

from .command_line import is_id
from .handover import Untrusted, refuse_untrusted
from .log import LEVELS, Log
from .sandbox import Settings
from .steps import WAYS

SUFFIX = ".json"
KNOWN = {one.name for one in fields(Settings)}
SETTLED = 0.1  # seconds; a directory's time of change is that of the last clock tick


class Directories:
    """The files of some directories, of which any may be missing, read again when one has changed.

    A file is replaced as a whole, by renaming. One that was edited in place is read with the next
    change, or when SIGHUP is received.
    """

    def __init__(self, paths: Sequence[str], log: Log) -> None:
        self._paths = paths
        self._log = log
        self._seen: list[tuple[int, int]] | None = None

    def changed(self, *, asked: bool = False) -> list[Settings] | None:
        """The sandboxes to watch, None when nothing has changed since the last time, unless ``asked``."""
        seen = [_time_of_change(path) for path in self._paths]
        if seen == self._seen and not asked:
            return None
        newest = max((changed for _inode, changed in seen), default=0)
        self._seen = seen if time.time_ns() - newest > SETTLED * 1e9 else None
        found = {}
        for path in self._paths:
            for name in _names(path):
                settings = self._read(path, name)
                if settings is not None:
                    found[settings.id] = settings
        return list(found.values())

    def _read(self, directory: str, name: str) -> Settings | None:
        path = os.path.join(directory, name)
        try:
            refuse_untrusted(path)
            with open(path, encoding="utf-8") as source:
                return settings_from(json.load(source))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, RecursionError, Untrusted) as error:
            self._log.error("a file is left out", file=path, error=error)
            return None


def _names(path: str) -> list[str]:
    try:
        return sorted(name for name in os.listdir(path) if name.endswith(SUFFIX) and not name.startswith("."))
    except FileNotFoundError:
        return []


def _time_of_change(path: str) -> tuple[int, int]:
    try:
        status = os.stat(path)
    except OSError:
        return 0, 0
    return status.st_ino, status.st_mtime_ns


def settings_from(data: Any) -> Settings:
    """The settings that a file holds. Raises ValueError."""
    if not isinstance(data, dict):
        raise ValueError("not an object")
    unknown = data.keys() - KNOWN
    if unknown:
        raise ValueError(f"unknown: {', '.join(sorted(unknown))}")
    for name in ("id", "netns", "runtime_path", "storage_dir"):
        if not isinstance(data.get(name), str) or not data[name]:
            raise ValueError(f"{name} is missing")
    settings = Settings(**data)
    for one in fields(Settings):
        value = getattr(settings, one.name)
        if not IS_VALID[str(one.type)](value):
            raise ValueError(f"{one.name}: {value!r}")
    if not is_id(settings.id):
        raise ValueError(f"id: {settings.id!r}")
    for path in (settings.netns, settings.runtime_path, settings.storage_dir):
        if not os.path.isabs(path or ""):
            raise ValueError(f"a path is not absolute: {path!r}")
    if settings.update not in WAYS:
        raise ValueError(f"update: {settings.update!r}")
    if settings.log_level not in LEVELS:
        raise ValueError(f"log_level: {settings.log_level!r}")
    return settings


def _is_text(value: Any) -> bool:
    """What can be a name for the kernel."""
    try:
        return isinstance(value, str) and b"\0" not in os.fsencode(value)
    except UnicodeEncodeError:
        return False


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < float("inf")


IS_VALID: dict[str, Callable[[Any], bool]] = {
    "str": _is_text,
    "str | None": _is_text,
    "float": _is_number,
    "int": _is_number,
    "bool": lambda value: isinstance(value, bool),
}
