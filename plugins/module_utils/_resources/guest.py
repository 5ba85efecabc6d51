# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""A sandbox's links, routes and neighbours in the form that a VM's agent takes.

Key names are those of the Kata agent's interface and route documents.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .._kernel.addressing import (
    AF_INET6,
    RTPROT_KERNEL,
    TABLE_MAIN,
    Address,
    Neighbour,
    Route,
)
from .._kernel.links import Link
from .._kernel.requests import SCOPE_NUMBERS

IFF_NOARP = 0x80
FAMILY = {False: 2, True: 10}


def describe_guest(
    links: Sequence[Link],
    addresses: Sequence[Address],
    routes: Sequence[Route],
    neighbours: Sequence[Neighbour],
) -> dict[str, Any]:
    """``{interfaces, routes, neighbours}``; loopback and link-local addresses are left out."""
    names = {link.ifindex: link.name for link in links if not link.loopback}
    gateways = {route.gateway for route in routes if _is_default(route)}
    return {
        "interfaces": [
            _interface(link, [one for one in addresses if one.ifindex == link.ifindex])
            for link in links
            if not link.loopback
        ],
        "routes": [
            _route(route, names) for route in routes if route.protocol != RTPROT_KERNEL and route.table == TABLE_MAIN
        ],
        "neighbours": [_neighbour(one, names) for one in neighbours if _worth_telling(one, names, gateways)],
    }


def _interface(link: Link, addresses: Sequence[Address]) -> dict[str, Any]:
    return {
        "Device": link.name,
        "Name": link.name,
        "IPAddresses": [
            {
                "Family": FAMILY[one.family == AF_INET6],
                "Address": one.local,
                "Mask": str(one.prefix),
            }
            for one in addresses
            if one.scope == "global"
        ],
        "Mtu": link.mtu,
        "RawFlags": link.flags & IFF_NOARP,
        "HwAddr": link.mac,
        "PciPath": "",
        "LinkType": link.kind,
    }


def _route(route: Route, names: dict[int, str]) -> dict[str, Any]:
    return {
        "Dest": "" if _is_default(route) else route.dst,
        "Gateway": route.gateway,
        "Device": names.get(route.ifindex, ""),
        "Source": route.src,
        "Scope": SCOPE_NUMBERS.get(route.scope, 0),
    }


def _neighbour(neighbour: Neighbour, names: dict[int, str]) -> dict[str, Any]:
    return {
        "Device": names[neighbour.ifindex],
        "Address": neighbour.address,
        "HwAddr": neighbour.mac,
        "State": neighbour.state,
    }


def _worth_telling(neighbour: Neighbour, names: dict[int, str], gateways: set[str]) -> bool:
    """Permanent entries, and the default gateway once it has answered."""
    if not neighbour.mac or neighbour.ifindex not in names:
        return False
    if neighbour.state == "permanent":
        return True
    return neighbour.state == "reachable" and neighbour.address in gateways


def _is_default(route: Route) -> bool:
    return route.dst in ("0.0.0.0/0", "::/0")
