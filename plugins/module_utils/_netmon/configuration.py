# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""What a daemon for a whole host is to watch: one JSON file for each sandbox, in one directory."""

from __future__ import annotations

import json
import os
import stat
from dataclasses import fields
from typing import Any

from .handover import Untrusted, refuse_untrusted
from .log import Log
from .sandbox import Settings
from .steps import WAYS

SUFFIX = ".json"
KNOWN = {one.name: one.type for one in fields(Settings)}


class Directory:
    """The files of a directory, read again when one of them has changed."""

    def __init__(self, path: str, log: Log) -> None:
        self._path = path
        self._log = log
        self._seen: Any = None

    def changed(self) -> list[Settings] | None:
        """The sandboxes to watch, None when that is as it was. Raises Untrusted, OSError for a directory of others."""
        seen = self._look()
        if seen == self._seen:
            return None
        self._seen = seen
        refuse_untrusted(self._path)
        found = []
        for name in sorted(seen):
            path = os.path.join(self._path, name)
            try:
                refuse_untrusted(path)
                with open(path, encoding="utf-8") as source:
                    found.append(settings_from(json.load(source)))
            except FileNotFoundError:
                continue
            except (OSError, ValueError, Untrusted) as error:
                self._log.error("a file is left out", file=path, error=error)
        return found

    def _look(self) -> dict[str, tuple[int, int, int]]:
        seen = {}
        with os.scandir(self._path) as entries:
            for entry in entries:
                if entry.name.endswith(SUFFIX) and not entry.name.startswith("."):
                    status = entry.stat(follow_symlinks=False)
                    if stat.S_ISREG(status.st_mode):
                        seen[entry.name] = (status.st_ino, status.st_mtime_ns, status.st_size)
        return seen


def settings_from(data: Any) -> Settings:
    """The settings that a file holds. Raises ValueError."""
    if not isinstance(data, dict):
        raise ValueError("not an object")
    unknown = data.keys() - KNOWN.keys()
    if unknown:
        raise ValueError(f"unknown: {', '.join(sorted(unknown))}")
    for name in ("id", "runtime_path", "storage_dir"):
        if not isinstance(data.get(name), str) or not data[name]:
            raise ValueError(f"{name} is missing")
    settings = Settings(**data)
    if "/" in settings.id or settings.id in (".", ".."):
        raise ValueError(f"id: {settings.id!r}")
    if not os.path.isabs(settings.runtime_path) or not os.path.isabs(settings.storage_dir):
        raise ValueError("a path is not absolute")
    if settings.update not in WAYS:
        raise ValueError(f"update: {settings.update!r}")
    return settings
