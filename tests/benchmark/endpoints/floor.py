# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The floor: bare requests in each namespace, and the ioctls that make a tap."""

from __future__ import annotations

import fcntl
import os
import struct
from collections.abc import Sequence

from libc import CLONE_NEWNET, check, libc
from rtnetlink import Rtnetlink

from endpoints.devices import TAP, Endpoint
from endpoints.wiring import TAP_INDEX, Request, attaching, detaching

TUNSETIFF, TUNSETPERSIST, TUNSETIFINDEX = 0x400454CA, 0x400454CB, 0x400454DA
IFF_TAP, IFF_NO_PI, IFF_VNET_HDR = 0x0002, 0x1000, 0x4000


class Floor:
    """The requests, encoded before the clock starts."""

    def __init__(self, model: str, endpoints: Sequence[Endpoint]) -> None:
        self._with_tap = model != "macvtap"
        self._attaching = [(one.netns, attaching(model, one.mac)) for one in endpoints]
        self._detaching = [(one.netns, detaching(model, one.mac)) for one in endpoints]

    def attach(self) -> None:
        """Wire all links."""
        _send(self._attaching, with_tap=self._with_tap)

    def detach(self) -> None:
        """And let them go."""
        _send(self._detaching, with_tap=False)


def _send(plans: Sequence[tuple[str, Sequence[Request]]], *, with_tap: bool) -> None:
    home = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    for netns, requests in plans:
        _enter(os.open(f"/run/netns/{netns}", os.O_RDONLY | os.O_CLOEXEC))
        if with_tap:
            _make_tap()
        netlink = Rtnetlink()
        for request in requests:
            netlink.change(*request)
        netlink.close()
    _enter(home)


def _enter(namespace: int) -> None:
    check(libc.setns(namespace, CLONE_NEWNET))
    os.close(namespace)


def _make_tap() -> None:
    descriptor = os.open("/dev/net/tun", os.O_RDWR | os.O_CLOEXEC)
    fcntl.ioctl(descriptor, TUNSETIFINDEX, struct.pack("=I", TAP_INDEX))
    fcntl.ioctl(descriptor, TUNSETIFF, struct.pack("=16sH22x", TAP.encode(), IFF_TAP | IFF_NO_PI | IFF_VNET_HDR))
    fcntl.ioctl(descriptor, TUNSETPERSIST, 1)
    os.close(descriptor)
