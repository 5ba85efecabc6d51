# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The floor: the same sandboxes by bare netlink, with nothing but what the kernel must be told.

No check of what is there, no journal, no record, no undo, no look afterwards.
"""

from __future__ import annotations

import os
import socket
import struct
import time
from collections.abc import Sequence

from libc import CLONE_NEWNET, check, libc
from rtnetlink import (
    EXCL_CREATE,
    IFF_UP,
    NESTED,
    RTM_DELLINK,
    RTM_NEWADDR,
    RTM_NEWLINK,
    RTM_NEWROUTE,
    RTM_SETLINK,
    Rtnetlink,
    address,
    attribute,
    link,
)
from scenario import INTERFACE, Bridge, Sandbox

MS_BIND, MS_SHARED, MNT_DETACH = 0x1000, 1 << 20, 2
FIRST_BRIDGE, FIRST_INDEX = 10, 1000
ETH0_INDEX, LO_INDEX = 2, 1


def create(wanted: Sequence[Sandbox], bridges: Sequence[Bridge]) -> None:
    """Make bridges and sandboxes."""
    home = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    host = Rtnetlink()
    check(libc.mount(b"/run/netns", b"/run/netns", None, MS_BIND, None))
    check(libc.mount(b"", b"/run/netns", b"none", MS_SHARED, None))
    for bridge in bridges:
        _make_bridge(host, bridge, FIRST_BRIDGE + bridge.number)
    for number, sandbox in enumerate(wanted, FIRST_INDEX):
        _make_sandbox(host, home, sandbox, number)
    host.close()
    os.close(home)


def delete(wanted: Sequence[Sandbox], bridges: Sequence[Bridge]) -> None:
    """Take them away; the kernel removes the links with the namespaces."""
    for sandbox in wanted:
        check(libc.umount2(sandbox.path.encode(), MNT_DETACH))
        os.unlink(sandbox.path)
    host = Rtnetlink()
    while host.links() > 1 + len(bridges):
        time.sleep(0.002)
    for bridge in bridges:
        host.change(RTM_DELLINK, 0, link(FIRST_BRIDGE + bridge.number))
    host.close()


def _make_bridge(host: Rtnetlink, bridge: Bridge, index: int) -> None:
    mac = bytes.fromhex(bridge.mac.replace(":", ""))
    info = attribute(18 | NESTED, attribute(1, b"bridge\0"))
    named = attribute(3, bridge.name.encode() + b"\0")
    host.change(RTM_NEWLINK, EXCL_CREATE, link(index) + named + attribute(1, mac) + info)
    _ignore_routers(bridge.name)
    host.change(RTM_NEWLINK, 0, link(index, IFF_UP))
    _add_addresses(host, index, bridge.addresses())


def _make_sandbox(host: Rtnetlink, home: int, sandbox: Sandbox, index: int) -> None:
    os.close(os.open(sandbox.path, os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0))
    check(libc.unshare(CLONE_NEWNET))
    check(libc.mount(b"/proc/thread-self/ns/net", sandbox.path.encode(), None, MS_BIND, None))
    descriptor = os.open(sandbox.path, os.O_RDONLY | os.O_CLOEXEC)
    inside = Rtnetlink()
    host.change(RTM_NEWLINK, EXCL_CREATE, _veth(sandbox, index, descriptor))
    no_link_local = attribute(10 | NESTED, attribute(8, b"\x01"))
    host.change(RTM_SETLINK, 0, link(index) + attribute(26 | NESTED, no_link_local))
    host.change(RTM_SETLINK, 0, link(index, IFF_UP))
    _ignore_routers(INTERFACE)
    check(libc.setns(home, CLONE_NEWNET))
    inside.change(RTM_NEWLINK, 0, link(LO_INDEX, IFF_UP))
    inside.change(RTM_NEWLINK, 0, link(ETH0_INDEX, IFF_UP))
    _add_addresses(inside, ETH0_INDEX, sandbox.addresses)
    for gateway in sandbox.bridge.addresses():
        inside.change(RTM_NEWROUTE, EXCL_CREATE, _default_route(gateway))
    inside.close()
    os.close(descriptor)


def _ignore_routers(name: str) -> None:
    descriptor = os.open(f"/proc/sys/net/ipv6/conf/{name}/accept_ra", os.O_WRONLY | os.O_CLOEXEC)
    os.write(descriptor, b"0")
    os.close(descriptor)


def _veth(sandbox: Sandbox, index: int, namespace: int) -> bytes:
    queues = attribute(31, struct.pack("=I", 1)) + attribute(32, struct.pack("=I", 1))
    peer = (
        link(ETH0_INDEX)
        + attribute(3, INTERFACE.encode() + b"\0")
        + attribute(28, struct.pack("=I", namespace))
        + queues
    )
    data = attribute(2 | NESTED, attribute(1 | NESTED, peer))
    return (
        link(index)
        + attribute(3, sandbox.port.encode() + b"\0")
        + attribute(10, struct.pack("=I", FIRST_BRIDGE + sandbox.bridge.number))
        + queues
        + attribute(18 | NESTED, attribute(1, b"veth\0") + data)
    )


def _add_addresses(netlink: Rtnetlink, index: int, addresses: tuple[str, str]) -> None:
    v4, v6 = addresses
    netlink.change(RTM_NEWADDR, EXCL_CREATE, address(index, socket.inet_aton(v4), 24))
    netlink.change(RTM_NEWADDR, EXCL_CREATE, address(index, socket.inet_pton(socket.AF_INET6, v6), 64))


def _default_route(gateway: str) -> bytes:
    family = socket.AF_INET6 if ":" in gateway else socket.AF_INET
    header = struct.pack("=BBBBBBBBI", family, 0, 0, 0, 254, 4, 0, 1, 0)
    raw = socket.inet_pton(family, gateway)
    return header + attribute(5, raw) + attribute(4, struct.pack("=I", ETH0_INDEX))
