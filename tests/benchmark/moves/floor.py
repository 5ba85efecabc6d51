# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The floor: bare requests. One moves and renames, one more for each address, one sets it up."""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Sequence

from libc import CLONE_NEWNET, check, libc
from rtnetlink import (
    EXCL_CREATE,
    IFF_UP,
    RTM_NEWADDR,
    RTM_NEWLINK,
    RTM_SETLINK,
    Rtnetlink,
    address,
    attribute,
    link,
)

from moves.devices import NAMESPACE, Device

IFLA_IFNAME, IFLA_NET_NS_FD = 3, 28


class Floor:
    """The requests, encoded before the clock starts.

    A device keeps its index, which is free in the namespace.
    """

    def __init__(self, devices: Sequence[Device]) -> None:
        self._home = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        self._box = os.open(f"/run/netns/{NAMESPACE}", os.O_RDONLY | os.O_CLOEXEC)
        indexed = [(socket.if_nametoindex(device.name), device) for device in devices]
        equipment = [_equipment(index, device) for index, device in indexed]
        self._there = [
            (_move(index, self._box, device.inside), *rest) for (index, device), rest in zip(indexed, equipment)
        ]
        self._back = [
            (_move(index, self._home, device.name), *rest) for (index, device), rest in zip(indexed, equipment)
        ]

    def there(self) -> None:
        """Into the namespace."""
        host, inside = self._sockets()
        _send(self._there, host, inside)

    def back(self) -> None:
        """And out of it."""
        host, inside = self._sockets()
        _send(self._back, inside, host)

    def _sockets(self) -> tuple[Rtnetlink, Rtnetlink]:
        host = Rtnetlink()
        check(libc.setns(self._box, CLONE_NEWNET))
        inside = Rtnetlink()
        check(libc.setns(self._home, CLONE_NEWNET))
        return host, inside


def _send(requests: Sequence[tuple[bytes, ...]], source: Rtnetlink, target: Rtnetlink) -> None:
    for move, *addresses, up in requests:
        source.change(RTM_SETLINK, 0, move)
        for one in addresses:
            target.change(RTM_NEWADDR, EXCL_CREATE, one)
        target.change(RTM_NEWLINK, 0, up)


def _move(index: int, namespace: int, name: str) -> bytes:
    target = attribute(IFLA_NET_NS_FD, struct.pack("=I", namespace))
    return link(index) + target + attribute(IFLA_IFNAME, name.encode() + b"\0")


def _equipment(index: int, device: Device) -> tuple[bytes, ...]:
    addresses = (address(index, one.packed, one.network.prefixlen) for one in device.addresses)
    return (*addresses, link(index, IFF_UP))
