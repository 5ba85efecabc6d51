# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Changes of an nftables table, as the kernel tells them, in the namespace that the socket was opened in.

Numbers are those of include/uapi/linux/netfilter/nfnetlink.h and nf_tables.h.
"""

from __future__ import annotations

import contextlib
import errno
import select
import socket
import struct

from .conntrack import NETLINK_NETFILTER
from .netlink import NETLINK_ADD_MEMBERSHIP, SO_RCVBUFFORCE, SOL_NETLINK, attributes

GROUP_NFTABLES = 7
SUBSYSTEM_NFTABLES = 10
HEADER = struct.Struct("=IHHII")
OF_NETFILTER = 4  # bytes of struct nfgenmsg
NAME_OF_TABLE = 1  # the first attribute of tables, chains, rules, sets and elements alike
BUFFER = 4 << 20
LARGEST = 1 << 18


class RulesetEvents:
    """A subscription that begins at once."""

    def __init__(self, table: str) -> None:
        self._table = table.encode() + b"\0"
        self._socket = socket.socket(
            socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK, NETLINK_NETFILTER
        )
        with contextlib.suppress(PermissionError):  # in a user namespace; a shorter queue overflows earlier
            self._socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, BUFFER)
        self._socket.bind((0, 0))
        self._socket.setsockopt(SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, GROUP_NFTABLES)

    def wait(self, seconds: float | None) -> bool:
        """Wait until the table has changed, or perhaps has, but no longer than some seconds."""
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        while poll.poll(None if seconds is None else seconds * 1000):
            if self.read():
                return True
        return False

    def read(self) -> bool:
        """Take what has been told so far: whether the table has changed, or perhaps has."""
        touched = False
        while True:
            try:
                data, address = self._socket.recvfrom(LARGEST)
            except BlockingIOError:
                return touched
            except OSError as error:
                if error.errno != errno.ENOBUFS:
                    raise
                touched = True  # something was lost
                continue
            if address[0] == 0:  # anybody can send to us; the kernel has port 0
                touched = touched or names_table(data, self._table)

    def close(self) -> None:
        """End the subscription."""
        self._socket.close()


def names_table(data: bytes, table: bytes) -> bool:
    """Whether one of the messages is about a table, whose name ends with a zero."""
    offset = 0
    while offset + HEADER.size <= len(data):
        length, kind, _flags, _number, _port = HEADER.unpack_from(data, offset)
        if length < HEADER.size:
            return False
        if kind >> 8 == SUBSYSTEM_NFTABLES:
            payload = data[offset + HEADER.size + OF_NETFILTER : offset + length]
            if attributes(payload).get(NAME_OF_TABLE) == table:
                return True
        offset += (length + 3) & ~3
    return False
