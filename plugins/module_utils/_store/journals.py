# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Journals: the operations of a task under way, durable before the first of them."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from .errors import StoreError
from .files import list_directory, read_file, remove_file, sync_directory, write_file


@dataclass(frozen=True)
class Journal:
    """A journal found on disk: its task did not end, or is under way right now."""

    path: str
    subjects: frozenset[str]
    operations: tuple[dict[str, Any], ...]
    identities: dict[str, tuple[int, int, int]]
    """Device, inode and cookie of each namespace by its path; the empty path is the task's own."""
    this_boot: bool


class Journals:
    """The journals below a state directory."""

    def __init__(self, state_dir: str) -> None:
        self.directory = os.path.join(state_dir, "journals")

    def touching(self, subjects: Iterable[str]) -> list[Journal]:
        """The journals that share a subject with the ones given."""
        wanted = frozenset(subjects)
        found = []
        for entry in list_directory(self.directory):
            if not entry.endswith(".json"):
                continue
            try:
                journal = _read(os.path.join(self.directory, entry))
            except FileNotFoundError:  # its task ended meanwhile
                continue
            if journal.subjects & wanted:
                found.append(journal)
        return found

    def path_for(self, subjects: frozenset[str]) -> str:
        """Where the journal of a task stands: the locks on its subjects admit one task."""
        digest = hashlib.sha256("\0".join(sorted(subjects)).encode("utf-8", "surrogateescape"))
        return os.path.join(self.directory, f"{digest.hexdigest()[:32]}.json")

    def write(
        self,
        path: str,
        subjects: frozenset[str],
        operations: list[dict[str, Any]],
        identities: dict[str, tuple[int, int, int]],
    ) -> None:
        """Write a journal. ``subjects`` may be more than those that are locked: whoever
        works on one of them finds it. Durable on return. Raises StoreError."""
        body = {
            "subjects": sorted(subjects),
            "operations": operations,
            "identities": {name: list(identity) for name, identity in identities.items()},
        }
        write_file(path, body)

    def remove(self, path: str) -> None:
        """The task is over: forget its journal. Raises StoreError when it is still there.

        Once it is not, there is nothing left to undo with: that the disk does not confirm
        it is no failure of the task. Should the journal come back with a power cut, what it
        would undo is gone with the same.
        """
        remove_file(path)
        with contextlib.suppress(StoreError):
            sync_directory(self.directory)


def _read(path: str) -> Journal:
    """Raises FileNotFoundError, StoreError."""
    body, this_boot = read_file(path)
    try:
        operations = tuple(dict(operation) for operation in body["operations"])
        identities = {
            name: (int(device), int(inode), int(cookie)) for name, (device, inode, cookie) in body["identities"].items()
        }
        if not all(isinstance(operation["op"], str) for operation in operations):
            raise TypeError
        return Journal(path, frozenset(body["subjects"]), operations, identities, this_boot)
    except (KeyError, TypeError, ValueError, AttributeError):
        raise StoreError(
            f"state file {path} is not a journal as this version writes it; move it away to go on"
        ) from None
