# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Who listens where Ansible runs, and the links of a namespace that cannot be entered."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import socket
from collections.abc import Iterator

TYPES = {"tcp": socket.SOCK_STREAM, "udp": socket.SOCK_DGRAM}


def problem_with_listening(proto: str, address: str, port: int, *, only_ipv6: bool = False) -> str:
    """Why nobody could listen at an address and port now, with the errno name; empty when one could.
    With ``only_ipv6``, ``::`` does not stand for IPv4 as well.

    Found out by binding a socket for a moment, which also tells an address that is not of this host,
    and a port that is reserved for root.
    """
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, TYPES[proto] | socket.SOCK_CLOEXEC) as probe:
        if proto == "tcp":  # as servers do: connections that have ended are not in the way
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            if only_ipv6 and family == socket.AF_INET6:
                probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            probe.bind((address, port))
            if proto == "tcp":
                probe.listen(1)
        except OSError as error:
            name = errno.errorcode.get(error.errno or 0, str(error.errno))
            holder = _holder(proto, port) if error.errno == errno.EADDRINUSE else ""
            return f"{name} ({error.strerror}{holder})"
    return ""


def read_link_names(path: str) -> frozenset[str]:
    """The names of the links of a namespace below /proc/PID/ns, which the process may tell us.

    Empty where it may not.
    """
    matched = re.fullmatch(r"(/proc/[0-9]+)/ns/net", path)
    try:
        with open(f"{matched[1] if matched else '/nowhere'}/net/dev", encoding="utf-8") as table:
            return frozenset(line.split(":")[0].strip() for line in list(table)[2:])
    except OSError:
        return frozenset()


def _holder(proto: str, port: int) -> str:
    """The process that has a port, as far as it can be seen: pid and name."""
    inodes = {f"socket:[{inode}]" for inode in _inodes(proto, port)}
    for entry in os.listdir("/proc") if inodes else ():
        if not entry.isdigit():
            continue
        with contextlib.suppress(OSError):
            for descriptor in os.listdir(f"/proc/{entry}/fd"):
                if os.readlink(f"/proc/{entry}/fd/{descriptor}") in inodes:
                    with open(f"/proc/{entry}/comm", encoding="utf-8", errors="replace") as source:
                        return f": process {entry}, {source.read().strip()}"
    return ""


def _inodes(proto: str, port: int) -> Iterator[str]:
    """The sockets of a port (proc(5), net/tcp: local address, state and inode)."""
    for table in (proto, f"{proto}6"):
        with contextlib.suppress(OSError), open(f"/proc/self/net/{table}", encoding="ascii") as source:
            for line in list(source)[1:]:
                fields = line.split()
                listening = proto == "udp" or fields[3] == "0A"
                if listening and int(fields[1].rpartition(":")[2], 16) == port:
                    yield fields[9]
