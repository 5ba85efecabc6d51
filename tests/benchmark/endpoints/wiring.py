# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The requests of the floor: what the kernel must be told to wire a link, and to let it go."""

from __future__ import annotations

import socket
import struct

from rtnetlink import (
    EXCL_CREATE,
    IFF_UP,
    NESTED,
    RTM_DELLINK,
    RTM_NEWADDR,
    RTM_NEWLINK,
    RTM_SETLINK,
    address,
    attribute,
    link,
)

from endpoints.devices import ADDRESSES, BRIDGE, INTERFACE_INDEX, MTU, SYNTHETIC_MAC, TAP

Request = tuple[int, int, bytes]

RTM_DELADDR, RTM_NEWQDISC, RTM_DELQDISC, RTM_NEWTFILTER = 21, 36, 37, 44
IFLA_ADDRESS, IFLA_IFNAME, IFLA_MTU, IFLA_LINK, IFLA_MASTER, IFLA_LINKINFO = 1, 3, 4, 5, 10, 18
TAP_INDEX, BRIDGE_INDEX = 100, 101
TC_H_INGRESS, INGRESS_HANDLE = 0xFFFFFFF1, 0xFFFF0000
PRIORITY, ETH_P_ALL = 1, 3
U32_TERMINAL, TC_ACT_STOLEN, TCA_EGRESS_REDIR = 1, 4, 1
MACVLAN_MODE_BRIDGE = 4


def attaching(model: str, mac: str) -> list[Request]:
    """Wire the link; its tap is there already, unless it is a macvtap."""
    if model == "tcfilter":
        return [
            (RTM_NEWLINK, 0, link(TAP_INDEX, IFF_UP) + _number(IFLA_MTU, MTU)),
            *(_ingress(RTM_NEWQDISC, EXCL_CREATE, index) for index in (TAP_INDEX, INTERFACE_INDEX)),
            _redirect(TAP_INDEX, INTERFACE_INDEX),
            _redirect(INTERFACE_INDEX, TAP_INDEX),
        ]
    without = _addresses(RTM_DELADDR, 0)
    if model == "macvtap":
        return [*without, _interface(_mac(SYNTHETIC_MAC)), _macvtap(mac)]
    master = _number(IFLA_MASTER, BRIDGE_INDEX)
    return [
        _make(BRIDGE_INDEX, BRIDGE, "bridge"),
        (RTM_SETLINK, 0, link(TAP_INDEX, IFF_UP) + _number(IFLA_MTU, MTU) + master),
        *without,
        _interface(_mac(SYNTHETIC_MAC) + master),
    ]


def detaching(model: str, mac: str) -> list[Request]:
    """Let it go, and make it what it was."""
    tap = (RTM_DELLINK, 0, link(TAP_INDEX))
    if model == "tcfilter":
        return [_ingress(RTM_DELQDISC, 0, INTERFACE_INDEX), tap]
    bridges = [(RTM_DELLINK, 0, link(BRIDGE_INDEX))] if model == "bridged" else []
    return [tap, *bridges, _interface(_mac(mac)), *_addresses(RTM_NEWADDR, EXCL_CREATE)]


def _interface(attributes: bytes) -> Request:
    return RTM_SETLINK, 0, link(INTERFACE_INDEX) + attributes


def _macvtap(mac: str) -> Request:
    mode = attribute(2 | NESTED, _number(1, MACVLAN_MODE_BRIDGE))
    return _make(TAP_INDEX, TAP, "macvtap", mode, _number(IFLA_LINK, INTERFACE_INDEX) + _mac(mac))


def _make(index: int, name: str, kind: str, data: bytes = b"", more: bytes = b"") -> Request:
    info = attribute(IFLA_LINKINFO | NESTED, attribute(1, kind.encode() + b"\0") + data)
    return RTM_NEWLINK, EXCL_CREATE, link(index, IFF_UP) + attribute(IFLA_IFNAME, name.encode() + b"\0") + more + info


def _addresses(kind: int, flags: int) -> list[Request]:
    return [(kind, flags, address(INTERFACE_INDEX, one.packed, one.network.prefixlen)) for one in ADDRESSES]


def _ingress(kind: int, flags: int, index: int) -> Request:
    return kind, flags, _traffic(index, INGRESS_HANDLE, TC_H_INGRESS, 0, "ingress")


def _redirect(index: int, target: int) -> Request:
    """All that arrives at one leaves by the other: u32 with a key that matches everything, and mirred."""
    selector = struct.pack("=BBBxHHhhI", U32_TERMINAL, 0, 1, 0, 0, 0, 0, 0) + struct.pack("=IIii", 0, 0, 0, 0)
    mirred = struct.pack("=IIiiiiI", 0, 0, TC_ACT_STOLEN, 0, 0, TCA_EGRESS_REDIR, target)
    action = attribute(1, b"mirred\0") + attribute(2, attribute(2, mirred))
    options = attribute(2, attribute(5, selector) + attribute(7, attribute(1, action)))
    info = PRIORITY << 16 | socket.htons(ETH_P_ALL)
    return RTM_NEWTFILTER, EXCL_CREATE, _traffic(index, 0, INGRESS_HANDLE, info, "u32") + options


def _traffic(index: int, handle: int, parent: int, info: int, kind: str) -> bytes:
    return struct.pack("=BxxxiIII", 0, index, handle, parent, info) + attribute(1, kind.encode() + b"\0")


def _mac(mac: str) -> bytes:
    return attribute(IFLA_ADDRESS, bytes.fromhex(mac.replace(":", "")))


def _number(kind: int, value: int) -> bytes:
    return attribute(kind, struct.pack("=I", value))
