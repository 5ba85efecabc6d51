# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Locks between runs: one file, one byte of it for each subject.

POSIX record locks end with the process that holds them, and the kernel names that
process: no stale lock, no lock files to clean up, thousands of subjects at no cost.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import os
import struct
import time
from collections.abc import Iterable, Iterator

from .errors import StoreError, refused
from .files import prepare_directory

FLOCK = struct.Struct("hhqqi4x")  # struct flock of 64-bit Linux: type, whence, start, length, pid
PAUSE = 0.02


class Locks:
    """The lock file of a state directory, open for the time of one task."""

    def __init__(self, state_dir: str, timeout: float) -> None:
        """Raises StoreError when the directory or the file cannot be made."""
        prepare_directory(state_dir)
        self._timeout = timeout
        self._path = os.path.join(state_dir, "lock")
        try:
            flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
            self._descriptor = os.open(self._path, flags, 0o600)
        except OSError as error:
            raise refused("open", self._path, error) from None

    def close(self) -> None:
        """Release everything."""
        os.close(self._descriptor)

    @contextlib.contextmanager
    def hold(self, subjects: Iterable[str]) -> Iterator[None]:
        """Hold the locks of all subjects, taken in one order by everybody.

        Raises StoreError, naming the holder, when the time is over.
        """
        deadline = time.monotonic() + self._timeout
        held: list[int] = []
        try:
            for subject in sorted(set(subjects), key=_rank):
                self._take(subject, deadline)
                held.append(_offset(subject))
            yield
        finally:
            for offset in held:
                fcntl.lockf(self._descriptor, fcntl.LOCK_UN, 1, offset)

    def _take(self, subject: str, deadline: float) -> None:
        while True:
            try:
                fcntl.lockf(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, _offset(subject))
                return
            except OSError as error:
                if error.errno not in (errno.EAGAIN, errno.EACCES):
                    raise refused("lock", self._path, error) from None
            if time.monotonic() >= deadline:
                raise StoreError(
                    f"{subject} is being worked on by {self._holder(subject)};"
                    f" waited {self._timeout:g} seconds (lock_timeout)"
                )
            time.sleep(PAUSE)

    def _holder(self, subject: str) -> str:
        pid = _holding_process(self._descriptor, subject)
        if pid <= 0:
            return "another process"
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as source:
                words = source.read().decode("utf-8", "backslashreplace").split("\0")
        except OSError:
            words = []
        return f"process {pid} ({' '.join(words).strip() or 'ended'})"


def is_held(state_dir: str, subject: str) -> bool:
    """Whether some process holds the lock of a subject; nothing is locked to find out."""
    try:
        descriptor = os.open(os.path.join(state_dir, "lock"), os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return _holding_process(descriptor, subject) != 0
    finally:
        os.close(descriptor)


def _holding_process(descriptor: int, subject: str) -> int:
    """The pid that holds a subject's lock, 0 for none; -1 when it is not ours to see."""
    question = FLOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, _offset(subject), 1, 0)
    kind, _whence, _start, _length, pid = FLOCK.unpack(fcntl.fcntl(descriptor, fcntl.F_GETLK, question))
    return 0 if kind == fcntl.F_UNLCK else pid or -1


def _rank(subject: str) -> tuple[bool, int]:
    """The order of taking: names first, so that who waits is told a name, not an inode."""
    return "with inode" in subject, _offset(subject)


def _offset(subject: str) -> int:
    digest = hashlib.sha256(subject.encode("utf-8", "surrogateescape")).digest()
    return int.from_bytes(digest[:7], "big")
