# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The connection by which somebody works on this host."""

from __future__ import annotations

import os

VARIABLE = b"SSH_CONNECTION="


def session_addresses() -> frozenset[str]:
    """The addresses of this host that the SSH sessions above this process lead to.

    sshd tells them in SSH_CONNECTION (ssh(1)); sudo hides it from its children, hence the
    environments of all ancestors. Those that are not ours to read are passed over.
    """
    found = set()
    pid = os.getpid()
    while pid > 0:
        for variable in _read(f"/proc/{pid}/environ").split(b"\0"):
            words = variable[len(VARIABLE) :].split() if variable.startswith(VARIABLE) else []
            if len(words) == 4:  # client, its port, server, its port
                found.add(words[2].decode("ascii", "replace").partition("%")[0])
        pid = _parent(pid)
    return frozenset(found)


def _parent(pid: int) -> int:
    # the name of the program, in brackets, may hold anything
    fields = _read(f"/proc/{pid}/stat").rpartition(b")")[2].split()
    return int(fields[1]) if len(fields) > 1 else 0


def _read(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return b""
