# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Handing documents to a runtime: a file, a command, its end."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import signal
import stat
from typing import Any

from .orphans import end_orphans

ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}
FILE, FILE_MODE, DIRECTORY_MODE = "shared.json", 0o640, 0o750
NEW = ".new"  # what is not written to its end


class Untrusted(Exception):
    """A program or a file that others could have changed."""


def refuse_untrusted(path: str) -> None:
    """A runtime runs with our rights: nobody but root and we may be able to change it. Raises Untrusted, OSError."""
    real = os.path.realpath(path)
    for place in {path, *_above(os.path.abspath(path)), real, *_above(real)}:
        status = os.stat(place)
        sticky = stat.S_ISDIR(status.st_mode) and status.st_mode & stat.S_ISVTX
        if status.st_uid not in (0, os.geteuid()) or (status.st_mode & 0o022 and not sticky):
            raise Untrusted(f"{place} can be changed by others than root and this user")


def _above(path: str) -> list[str]:
    """The directories above, of which each could give the path another meaning."""
    parts = path.split("/")
    return ["/".join(parts[:number]) or "/" for number in range(1, len(parts))]


def write_whole(path: str, flags: int, data: bytes) -> int:
    """Write to a file with the mode of ours, and how long it is then. Raises OSError, also for a part."""
    descriptor = os.open(path, flags | os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC, FILE_MODE)
    try:
        if flags & os.O_CREAT:
            os.fchmod(descriptor, FILE_MODE)
        if os.write(descriptor, data) < len(data):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), path)
        return os.lseek(descriptor, 0, os.SEEK_CUR)
    finally:
        os.close(descriptor)


def take_directory(directory: str) -> int:
    """The directory of a sandbox for us alone, while the descriptor is open. What a killed monitor has left is
    taken away, its last command first.

    Raises OSError, also when another monitor has it; Untrusted.
    """
    os.makedirs(directory, mode=DIRECTORY_MODE, exist_ok=True)
    status = os.lstat(directory)
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid():
        raise Untrusted(f"{directory} is not a directory of ours")
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        _lock(descriptor, directory)
        os.fchmod(descriptor, DIRECTORY_MODE)
        for name in os.listdir(directory):
            path = os.path.join(directory, name)
            if name == FILE:
                end_orphans(path)
            if name == FILE or name.endswith(NEW):
                os.unlink(path)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _lock(descriptor: int, directory: str) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise OSError(errno.EBUSY, "another monitor watches this sandbox", directory) from None
    if not os.path.samestat(os.fstat(descriptor), os.stat(directory)):
        raise OSError(errno.EAGAIN, "another monitor has just removed it", directory)


class Command:
    """One command under way; ``descriptor`` can be read when it has ended."""

    def __init__(self, runtime: str, verb: str, sandbox: str, directory: str, document: Any) -> None:
        self._path = os.path.join(directory, FILE)
        self.was_cut_off = False
        """Whether it was ended by a signal: it may have done what it was called for, or not."""
        temporary = self._path + NEW
        write_whole(temporary, os.O_CREAT | os.O_TRUNC, json.dumps(document).encode())
        os.rename(temporary, self._path)
        words = [runtime, "kata-network", verb, sandbox, self._path]
        null = [(os.POSIX_SPAWN_OPEN, number, "/dev/null", os.O_RDWR, 0) for number in (0, 1, 2)]
        defaults = [signal.SIGTERM, signal.SIGINT, signal.SIGPIPE, signal.SIGHUP, signal.SIGXFSZ]
        try:
            self.pid = os.posix_spawn(  # pylint: disable=ansible-bad-function
                runtime, words, ENVIRONMENT, file_actions=null, setpgroup=0, setsigdef=defaults, setsigmask=[]
            )
        except OSError:
            self.remove()
            raise
        try:
            self.descriptor = os.pidfd_open(self.pid)
        except OSError:
            self.kill()
            os.waitpid(self.pid, 0)
            self.remove()
            raise

    def kill(self) -> None:
        """End it, and what it has started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)

    def finish(self) -> str:
        """Bury it; what went wrong, empty for nothing."""
        _pid, status = os.waitpid(self.pid, 0)
        os.close(self.descriptor)
        self.remove()
        self.was_cut_off = os.WIFSIGNALED(status)
        if self.was_cut_off:
            return f"signal {os.WTERMSIG(status)}"
        return f"exit status {os.WEXITSTATUS(status)}" if os.WEXITSTATUS(status) else ""

    def remove(self) -> None:
        """The file is gone when its command has ended."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._path)
