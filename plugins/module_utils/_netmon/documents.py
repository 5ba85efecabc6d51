# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The documents that a runtime is handed: one for an interface, and the list of the routes.

The keys are those of the Kata agent. What is not told (lo, links of endpoints, links without a
MAC address, which no runtime can find again) has no document.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from .._kernel.addressing import AF_INET6, RTPROT_KERNEL, TABLE_MAIN, Address, Route
from .._kernel.links import Link

Document = dict[str, Any]

FAMILIES = {False: 2, True: 10}
IFF_UP, IFF_RUNNING = 0x1, 0x40
SCOPES = {"global": 0, "site": 200, "link": 253, "host": 254, "nowhere": 255}
DEFAULT = ("0.0.0.0/0", "::/0")


def is_told(link: Link, ignore: str) -> bool:
    """Whether a link has a document."""
    return not link.loopback and bool(link.mac) and not fnmatchcase(link.name, ignore)


def is_ready(link: Link) -> bool:
    """Whether a link can be announced: up, and with a carrier."""
    return link.up and link.running


def interface_document(link: Link, addresses: Sequence[Address]) -> Document:
    """One interface. ``RawFlags`` is 0 while it is up, as it always was, else the kernel's flags."""
    return {
        "Device": link.name,
        "Name": link.name,
        "IPAddresses": [
            {"Family": FAMILIES[one.family == AF_INET6], "Address": one.local, "Mask": str(one.prefix)}
            for one in addresses
        ],
        "Mtu": link.mtu,
        "RawFlags": 0 if is_ready(link) else link.flags,
        "HwAddr": link.mac,
        "PciPath": {},
        "LinkType": link.kind or "device",
    }


def route_documents(routes: Sequence[Route], names: Mapping[int, str]) -> list[Document]:
    """The routes of the main table that somebody made; one with several next hops has an entry for each."""
    found = []
    for route in routes:
        if route.protocol == RTPROT_KERNEL or route.table != TABLE_MAIN:
            continue
        for ifindex, gateway in [(hop.ifindex, hop.gateway) for hop in route.hops] or [(route.ifindex, route.gateway)]:
            document = {
                "Dest": "" if route.dst in DEFAULT else route.dst,
                "Gateway": gateway,
                "Device": names.get(ifindex, ""),
                "Source": route.src,
                "Scope": SCOPES.get(route.scope, 0),
            }
            found.append(document)
    return sorted(found, key=lambda one: [str(value) for value in one.values()])
