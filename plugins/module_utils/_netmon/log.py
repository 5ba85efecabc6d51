# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Messages, structured and on one line each: to standard error, and to syslog where there is one.

Names of links and sandboxes come from others: control characters are shown, not obeyed.
"""

from __future__ import annotations

import contextlib
import copy
import datetime
import os
import socket
import stat
from typing import Any

LEVELS = ("debug", "info", "warn", "error")
PRIORITIES = {"debug": 7, "info": 6, "warn": 4, "error": 3}
FACILITY_USER = 1 << 3
SYSLOG = "/dev/log"
LONGEST_LOG = 1 << 20


class Log:
    """Writes messages of a level and above."""

    def __init__(self, name: str, level: str, **fields: Any) -> None:
        self._name = name
        self._lowest = LEVELS.index(level)
        self._fields = fields
        self._syslog = None if "JOURNAL_STREAM" in os.environ else Syslog()  # there (systemd.exec(5)) it is the same

    @property
    def level(self) -> str:
        """The lowest level that is written."""
        return LEVELS[self._lowest]

    def for_sandbox(self, name: str, level: str) -> Log:
        """The same log, which says of which sandbox it speaks, down to a level of its own."""
        other = copy.copy(self)
        other._fields = {**self._fields, "sandbox": name}
        other._lowest = LEVELS.index(level)
        return other

    def debug(self, message: str, **fields: Any) -> None:
        """For whoever looks for a fault."""
        self._write("debug", message, fields)

    def info(self, message: str, **fields: Any) -> None:
        """What happens."""
        self._write("info", message, fields)

    def warn(self, message: str, **fields: Any) -> None:
        """What somebody should look at."""
        self._write("warn", message, fields)

    def error(self, message: str, **fields: Any) -> None:
        """What ends us."""
        self._write("error", message, fields)

    def _write(self, level: str, message: str, fields: dict[str, Any]) -> None:
        if LEVELS.index(level) < self._lowest:
            return
        time = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="microseconds")
        shown = {"level": level, "msg": message, "name": self._name, "pid": os.getpid(), "source": "netmon"}
        text = " ".join(f"{key}={plain(value)}" for key, value in {**shown, **self._fields, **fields}.items())
        with contextlib.suppress(OSError):
            if os.fstat(2).st_size > LONGEST_LOG and stat.S_ISREG(os.fstat(2).st_mode):
                os.ftruncate(2, 0)  # it is appended to: the newest stays
            os.write(2, f"time={plain(time)} {text}\n".encode())
        if self._syslog is not None:
            self._syslog.send(f"<{FACILITY_USER | PRIORITIES[level]}>{self._name}[{os.getpid()}]: {text}".encode())


class Syslog:
    """Where messages are collected, if anywhere. That may begin later than we, or begin anew."""

    def __init__(self) -> None:
        self._socket: socket.socket | None = None

    def send(self, message: bytes) -> None:
        """Hand a message over; one that nobody takes is lost."""
        for _attempt in range(2):
            try:
                if self._socket is None:
                    self._socket = _connected()
                self._socket.send(message)
                return
            except BlockingIOError:
                return
            except OSError:
                if self._socket is not None:
                    self._socket.close()
                    self._socket = None


def _connected() -> socket.socket:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK)
    try:
        connection.connect(SYSLOG)
    except OSError:
        connection.close()
        raise
    return connection


def plain(value: Any) -> str:
    """A value for a line: quoted where it needs to be, without control characters."""
    text = str(value).encode("utf-8", "backslashreplace").decode()
    escaped = "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)
    if escaped and not any(one in ' "=\\' for one in escaped):
        return escaped
    return '"' + escaped.replace("\\", "\\\\").replace('"', '\\"') + '"'
