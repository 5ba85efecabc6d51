# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Records: what must be remembered to undo a finished task, one file for each object."""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass
from typing import Any

from .errors import StoreError
from .files import Body, list_directory, read_file, remove_file, write_file

SUFFIX = ".json"


@dataclass(frozen=True)
class Record:
    """What is remembered of one object. Of another boot: the kernel's part of it is gone."""

    value: dict[str, Any]
    this_boot: bool


class Records:
    """The records below a state directory, by kind and name of the object."""

    def __init__(self, state_dir: str) -> None:
        self.state_dir = state_dir
        self._directory = os.path.join(state_dir, "records")

    def get(self, kind: str, name: str) -> Record | None:
        """The record of an object, or None. Raises StoreError for a damaged one."""
        try:
            _name, record = _read(self.path_of(kind, name))
        except FileNotFoundError:
            return None
        return record

    def all(self, kind: str) -> dict[str, Record]:
        """Every record of a kind, by the name of its object."""
        directory = os.path.join(self._directory, kind)
        found = {}
        for entry in list_directory(directory):
            if entry.endswith(SUFFIX):
                try:
                    name, record = _read(os.path.join(directory, entry))
                except FileNotFoundError:  # dropped meanwhile
                    continue
                found[name] = record
        return found

    def put(self, kind: str, name: str, value: dict[str, Any]) -> None:
        """Remember. Raises StoreError."""
        body: Body = {"name": name, "value": value}
        write_file(self.path_of(kind, name), body)

    def drop(self, kind: str, name: str) -> None:
        """Forget; what is not remembered is fine. Raises StoreError."""
        remove_file(self.path_of(kind, name))

    def path_of(self, kind: str, name: str) -> str:
        """The file of a record."""
        readable = re.sub(r"[^A-Za-z0-9_.-]+", "_", name)[-80:].strip("_.")
        digest = hashlib.sha256(name.encode("utf-8", "surrogateescape")).hexdigest()[:16]
        return os.path.join(self._directory, kind, f"{readable}-{digest}{SUFFIX}")


def _read(path: str) -> tuple[str, Record]:
    """Name and record. Raises FileNotFoundError, StoreError."""
    body, this_boot = read_file(path)
    name, value = body.get("name"), body.get("value")
    if not isinstance(name, str) or not isinstance(value, dict):
        raise StoreError(f"state file {path} is not a record as this version writes it; move it away to go on")
    return name, Record(value, this_boot)
