# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Bare requests to the kernel, encoded by hand: what the floors are made of."""

from __future__ import annotations

import os
import socket
import struct

RTM_NEWLINK, RTM_DELLINK, RTM_GETLINK, RTM_SETLINK = 16, 17, 18, 19
RTM_NEWADDR, RTM_NEWROUTE = 20, 24
REQUEST, ACK, DUMP, EXCL_CREATE = 0x1, 0x4, 0x300, 0x600
IFF_UP = 1
NESTED = 0x8000
NO_DAD = 0x02


class Rtnetlink:
    """A socket in the current namespace."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, 0)

    def close(self) -> None:
        self._socket.close()

    def change(self, kind: int, flags: int, payload: bytes) -> None:
        """One request, and its acknowledgement."""
        header = struct.pack("=IHHII", 16 + len(payload), kind, flags | REQUEST | ACK, 1, 0)
        self._socket.send(header + payload)
        (code,) = struct.unpack_from("=i", self._socket.recv(65536), 16)
        if code:
            raise OSError(-code, os.strerror(-code), f"request {kind}")

    def links(self) -> int:
        """How many links there are."""
        query = struct.pack("=BxHiII", 0, 0, 0, 0, 0)
        self._socket.send(struct.pack("=IHHII", 16 + len(query), RTM_GETLINK, REQUEST | DUMP, 1, 0) + query)
        found = 0
        while True:
            data = self._socket.recv(1 << 17)
            while data:
                length, kind = struct.unpack_from("=IH", data)
                if kind == 3:
                    return found
                found += kind == RTM_NEWLINK
                data = data[(length + 3) & ~3 :]


def address(index: int, raw: bytes, prefix: int) -> bytes:
    """An address for a link, IPv6 without a search for duplicates."""
    if len(raw) == 4:
        header = struct.pack("=BBBBi", socket.AF_INET, prefix, 0, 0, index)
        return header + attribute(2, raw) + attribute(1, raw)
    return struct.pack("=BBBBi", socket.AF_INET6, prefix, NO_DAD, 0, index) + attribute(2, raw)


def link(index: int, flags: int = 0) -> bytes:
    """The link of a request; with flags, those that it shall have."""
    return struct.pack("=BxHiII", 0, 0, index, flags, flags)


def attribute(kind: int, value: bytes) -> bytes:
    """One attribute of a request."""
    return struct.pack("=HH", 4 + len(value), kind) + value + b"\0" * (-len(value) % 4)
