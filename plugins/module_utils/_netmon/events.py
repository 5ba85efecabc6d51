# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Events of network namespaces, by one socket for all of them.

The socket is in our own namespace and hears of those that have an id in it (NETLINK_LISTEN_ALL_NSID,
netlink(7)): one that was opened in a namespace would keep it alive after its deletion.
"""

from __future__ import annotations

import errno
import socket
import struct
from collections.abc import Iterator

from .._kernel.netlink import NETLINK_ADD_MEMBERSHIP, SO_RCVBUFFORCE, SOL_NETLINK

NETLINK_LISTEN_ALL_NSID = 8
GROUPS = (1, 5, 7, 9, 11, 28)  # links; addresses and routes of IPv4, then of IPv6; ids of namespaces (rtnetlink.h)
RTM_NEWNSID, RTM_DELNSID = 88, 89
NSID = struct.Struct("=4xH10x4x4xi")  # a header with its type, struct rtgenmsg, and the first attribute
BUFFER = 32 << 20  # charged as it fills
LARGEST = 1 << 17
AT_ONCE = 2048

OWN = None
"""The id of events of our own namespace."""


class Overflow(Exception):
    """Events were lost: look at everything."""


class Events:
    """A subscription that begins at once."""

    def __init__(self, buffer: int = 0) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK, 0)
        if buffer:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        else:
            try:
                self._socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, BUFFER)
            except PermissionError:
                self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
        self._socket.setsockopt(SOL_NETLINK, NETLINK_LISTEN_ALL_NSID, 1)
        self._socket.bind((0, 0))  # a socket without a port of its own is passed over
        for group in GROUPS:
            self._socket.setsockopt(SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, group)

    def fileno(self) -> int:
        """For poll."""
        return self._socket.fileno()

    def read(self) -> Iterator[tuple[int | None, bool]]:
        """Where something has happened, as far as it is known now: the id of a namespace, OWN for our own,
        and whether it has ended. Its id may be another one's soon.

        Raises Overflow.
        """
        for _number in range(AT_ONCE):
            try:
                data, ancillary, _flags, address = self._socket.recvmsg(64, 64, socket.MSG_TRUNC)
            except BlockingIOError:
                return
            except InterruptedError:
                continue
            except OSError as error:
                if error.errno == errno.ENOBUFS:
                    raise Overflow from None
                raise
            if address[0] != 0:  # anybody can send to us; the kernel has port 0
                continue
            nsid, (kind, subject) = _nsid(ancillary), _about(data)
            if kind == RTM_DELNSID and nsid is OWN:
                yield subject, True
            elif kind not in (RTM_NEWNSID, RTM_DELNSID):
                yield nsid, False

    def close(self) -> None:
        """End the subscription."""
        self._socket.close()


def _nsid(ancillary: list[tuple[int, int, bytes]]) -> int | None:
    for level, kind, data in ancillary:
        if level == SOL_NETLINK and kind == NETLINK_LISTEN_ALL_NSID:
            return int(struct.unpack("=i", data[:4])[0])
    return OWN


def _about(data: bytes) -> tuple[int, int]:
    """The type of a message, and which id it is about if it is about one."""
    kind, subject = NSID.unpack_from(data.ljust(NSID.size, b"\0"))
    return int(kind), int(subject)
