# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The floor: the same sandboxes by bare netlink, with nothing but what the kernel must be told.

No check of what is there, no journal, no record, no undo, no look afterwards.
"""

from __future__ import annotations

import ctypes
import os
import socket
import struct
import time
from collections.abc import Sequence

from scenario import INTERFACE, Bridge, Sandbox

CLONE_NEWNET = 0x40000000
MS_BIND, MS_SHARED, MNT_DETACH = 0x1000, 1 << 20, 2
RTM_NEWLINK, RTM_DELLINK, RTM_GETLINK, RTM_SETLINK = 16, 17, 18, 19
RTM_NEWADDR, RTM_NEWROUTE = 20, 24
REQUEST, ACK, DUMP, EXCL_CREATE = 0x1, 0x4, 0x300, 0x600
IFF_UP = 1
NESTED = 0x8000
FIRST_BRIDGE, FIRST_INDEX = 10, 1000
ETH0_INDEX, LO_INDEX = 2, 1

_libc = ctypes.CDLL(None, use_errno=True)


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


def create(wanted: Sequence[Sandbox], bridges: Sequence[Bridge]) -> None:
    """Make bridges and sandboxes."""
    home = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    host = Rtnetlink()
    _check(_libc.mount(b"/run/netns", b"/run/netns", None, MS_BIND, None))
    _check(_libc.mount(b"", b"/run/netns", b"none", MS_SHARED, None))
    for bridge in bridges:
        _make_bridge(host, bridge, FIRST_BRIDGE + bridge.number)
    for number, sandbox in enumerate(wanted, FIRST_INDEX):
        _make_sandbox(host, home, sandbox, number)
    host.close()
    os.close(home)


def delete(wanted: Sequence[Sandbox], bridges: Sequence[Bridge]) -> None:
    """Take them away; the kernel removes the links with the namespaces."""
    for sandbox in wanted:
        _check(_libc.umount2(sandbox.path.encode(), MNT_DETACH))
        os.unlink(sandbox.path)
    host = Rtnetlink()
    while host.links() > 1 + len(bridges):
        time.sleep(0.002)
    for bridge in bridges:
        host.change(RTM_DELLINK, 0, _link(FIRST_BRIDGE + bridge.number))
    host.close()


def _make_bridge(host: Rtnetlink, bridge: Bridge, index: int) -> None:
    mac = bytes.fromhex(bridge.mac.replace(":", ""))
    info = _attribute(18 | NESTED, _attribute(1, b"bridge\0"))
    named = _attribute(3, bridge.name.encode() + b"\0")
    host.change(RTM_NEWLINK, EXCL_CREATE, _link(index) + named + _attribute(1, mac) + info)
    _ignore_routers(bridge.name)
    host.change(RTM_NEWLINK, 0, _link(index, IFF_UP))
    _add_addresses(host, index, bridge.addresses())


def _make_sandbox(host: Rtnetlink, home: int, sandbox: Sandbox, index: int) -> None:
    os.close(os.open(sandbox.path, os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0))
    _check(_libc.unshare(CLONE_NEWNET))
    _check(_libc.mount(b"/proc/thread-self/ns/net", sandbox.path.encode(), None, MS_BIND, None))
    descriptor = os.open(sandbox.path, os.O_RDONLY | os.O_CLOEXEC)
    inside = Rtnetlink()
    host.change(RTM_NEWLINK, EXCL_CREATE, _veth(sandbox, index, descriptor))
    no_link_local = _attribute(10 | NESTED, _attribute(8, b"\x01"))
    host.change(RTM_SETLINK, 0, _link(index) + _attribute(26 | NESTED, no_link_local))
    host.change(RTM_SETLINK, 0, _link(index, IFF_UP))
    _ignore_routers(INTERFACE)
    _check(_libc.setns(home, CLONE_NEWNET))
    inside.change(RTM_NEWLINK, 0, _link(LO_INDEX, IFF_UP))
    inside.change(RTM_NEWLINK, 0, _link(ETH0_INDEX, IFF_UP))
    _add_addresses(inside, ETH0_INDEX, sandbox.addresses)
    for gateway in sandbox.bridge.addresses():
        inside.change(RTM_NEWROUTE, EXCL_CREATE, _default_route(gateway))
    inside.close()
    os.close(descriptor)


def _ignore_routers(link: str) -> None:
    descriptor = os.open(f"/proc/sys/net/ipv6/conf/{link}/accept_ra", os.O_WRONLY | os.O_CLOEXEC)
    os.write(descriptor, b"0")
    os.close(descriptor)


def _veth(sandbox: Sandbox, index: int, namespace: int) -> bytes:
    queues = _attribute(31, struct.pack("=I", 1)) + _attribute(32, struct.pack("=I", 1))
    peer = (
        _link(ETH0_INDEX)
        + _attribute(3, INTERFACE.encode() + b"\0")
        + _attribute(28, struct.pack("=I", namespace))
        + queues
    )
    data = _attribute(2 | NESTED, _attribute(1 | NESTED, peer))
    return (
        _link(index)
        + _attribute(3, sandbox.port.encode() + b"\0")
        + _attribute(10, struct.pack("=I", FIRST_BRIDGE + sandbox.bridge.number))
        + queues
        + _attribute(18 | NESTED, _attribute(1, b"veth\0") + data)
    )


def _add_addresses(netlink: Rtnetlink, index: int, addresses: tuple[str, str]) -> None:
    v4, v6 = addresses
    raw = socket.inet_aton(v4)
    header = struct.pack("=BBBBi", socket.AF_INET, 24, 0, 0, index)
    netlink.change(RTM_NEWADDR, EXCL_CREATE, header + _attribute(2, raw) + _attribute(1, raw))
    raw = socket.inet_pton(socket.AF_INET6, v6)
    header = struct.pack("=BBBBi", socket.AF_INET6, 64, 0x02, 0, index)  # no DAD
    netlink.change(RTM_NEWADDR, EXCL_CREATE, header + _attribute(2, raw))


def _default_route(gateway: str) -> bytes:
    family = socket.AF_INET6 if ":" in gateway else socket.AF_INET
    header = struct.pack("=BBBBBBBBI", family, 0, 0, 0, 254, 4, 0, 1, 0)
    raw = socket.inet_pton(family, gateway)
    return header + _attribute(5, raw) + _attribute(4, struct.pack("=I", ETH0_INDEX))


def _link(index: int, flags: int = 0) -> bytes:
    return struct.pack("=BxHiII", 0, 0, index, flags, flags)


def _attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("=HH", 4 + len(value), kind) + value + b"\0" * (-len(value) % 4)


def _check(result: int) -> None:
    if result:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
