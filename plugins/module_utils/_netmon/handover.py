# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Handing documents to a runtime: a file, a command, its end."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import stat
from typing import Any

ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}
FILE, FILE_MODE, DIRECTORY_MODE = "shared.json", 0o640, 0o750


class Untrusted(Exception):
    """A program or a file that others could have changed."""


def refuse_untrusted(path: str) -> None:
    """A runtime runs with our rights: nobody but root and we may be able to change it. Raises Untrusted, OSError."""
    for place in (path, os.path.dirname(os.path.abspath(path))):
        status = os.stat(place)
        sticky = stat.S_ISDIR(status.st_mode) and status.st_mode & stat.S_ISVTX
        if status.st_uid not in (0, os.geteuid()) or (status.st_mode & 0o022 and not sticky):
            raise Untrusted(f"{place} can be changed by others than root and this user")


def prepare_directory(directory: str) -> None:
    """The directory of a sandbox, without what a killed process has left. Raises OSError, Untrusted."""
    os.makedirs(directory, mode=DIRECTORY_MODE, exist_ok=True)
    status = os.lstat(directory)
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid():
        raise Untrusted(f"{directory} is not a directory of ours")
    os.chmod(directory, DIRECTORY_MODE)
    for name in (FILE, FILE + ".new"):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(os.path.join(directory, name))


class Command:
    """One command under way; ``descriptor`` can be read when it has ended."""

    def __init__(self, runtime: str, verb: str, sandbox: str, directory: str, document: Any) -> None:
        self._path = os.path.join(directory, FILE)
        temporary = self._path + ".new"
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, FILE_MODE)
        with os.fdopen(descriptor, "w", encoding="utf-8") as target:
            os.fchmod(descriptor, FILE_MODE)
            json.dump(document, target)
        os.rename(temporary, self._path)
        words = [runtime, "kata-network", verb, sandbox, self._path]
        null = [(os.POSIX_SPAWN_OPEN, number, "/dev/null", os.O_RDWR, 0) for number in (0, 1, 2)]
        defaults = [signal.SIGTERM, signal.SIGINT, signal.SIGPIPE, signal.SIGHUP]
        try:
            self.pid = os.posix_spawn(
                runtime, words, ENVIRONMENT, file_actions=null, setpgroup=0, setsigdef=defaults, setsigmask=[]
            )
        except OSError:
            self.remove()
            raise
        self.descriptor = os.pidfd_open(self.pid)

    def kill(self) -> None:
        """End it, and what it has started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)

    def finish(self) -> str:
        """Bury it; what went wrong, empty for nothing."""
        _pid, status = os.waitpid(self.pid, 0)
        os.close(self.descriptor)
        self.remove()
        if os.WIFSIGNALED(status):
            return f"signal {os.WTERMSIG(status)}"
        return f"exit status {os.WEXITSTATUS(status)}" if os.WEXITSTATUS(status) else ""

    def remove(self) -> None:
        """The file is gone when its command has ended."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._path)
