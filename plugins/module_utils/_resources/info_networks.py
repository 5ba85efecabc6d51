# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""What container inspection tells of a namespace: in short, and for each of its networks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .._kernel.addressing import AF_INET, AF_INET6, TABLE_MAIN, Address, Route
from .._kernel.links import Link
from .._store.attachments import Attachment
from .endpoint_info import Belongings
from .info_contents import Contents, Peer

DEFAULT = ("0.0.0.0/0", "::/0")
UNKNOWN = {
    "ip_address": None,
    "ip_prefix_len": None,
    "gateway": None,
    "global_ipv6_address": None,
    "global_ipv6_prefix_len": None,
    "ipv6_gateway": None,
    "mac_address": None,
}


@dataclass(frozen=True)
class Connections:
    """How the links of a namespace came to be, as far as that is known."""

    peers: Mapping[int, Peer]
    attachments: Sequence[Attachment]
    user_mode: str | None
    """The interface of its user-mode network."""
    moved: frozenset[int]
    """The indexes of the devices that were moved there."""


def summarise(path: str, contents: Contents) -> dict[str, Any]:
    """The first address of each family that any link has, and where the default routes lead."""
    summary: dict[str, Any] = {**UNKNOWN, "sandbox_key": path}
    links = {link.ifindex: link for link in contents.links if not link.loopback}
    for address in contents.addresses:
        link = links.get(address.ifindex)
        if link is not None and address.scope == "global" and _enter(address, summary):
            summary["mac_address"] = summary["mac_address"] or link.mac or None
    _enter_gateways(((route, route.gateway) for route in contents.routes), summary)
    return summary


def describe_networks(there: Belongings, known: Connections, *, statistics: bool) -> list[dict[str, Any]]:
    """The same for each link but the loopback, and to what it is connected."""
    addresses: dict[int, list[Address]] = {}
    for address in there.addresses:
        if address.scope == "global":
            addresses.setdefault(address.ifindex, []).append(address)
    defaults = [route for route in there.routes if route.table == TABLE_MAIN and route.dst in DEFAULT]
    networks = []
    for link in there.links:
        if not link.loopback:
            networks.append(_describe(link, addresses.get(link.ifindex, ()), defaults, known))
            if statistics:
                networks[-1]["statistics"] = dict(link.statistics)
    return networks


def _describe(
    link: Link, addresses: Sequence[Address], defaults: Sequence[Route], known: Connections
) -> dict[str, Any]:
    driver, network = _connection(link, known)
    told: dict[str, Any] = {
        "interface": link.name,
        "driver": driver,
        "network": network,
        **UNKNOWN,
        "mac_address": link.mac or None,
        "secondary_ip_addresses": [],
        "secondary_ipv6_addresses": [],
    }
    for address in addresses:
        if not _enter(address, told):
            family = "ipv6" if address.family == AF_INET6 else "ip"
            told[f"secondary_{family}_addresses"].append(f"{address.local}/{address.prefix}")
    _enter_gateways(_through(link.ifindex, defaults), told)
    return told


def _connection(link: Link, known: Connections) -> tuple[str, str | None]:
    """What connects a link, and the name of what it is connected to."""
    for attachment in known.attachments:
        if attachment.key.interface == link.name:
            return "cni", attachment.key.network
    if link.name == known.user_mode:
        return "slirp", None
    if link.ifindex in known.moved:
        return "device", None
    peer = known.peers.get(link.ifindex)
    if peer is not None and peer.link.master:
        bridge = next((one for one in peer.place.links if one.ifindex == peer.link.master), None)
        if bridge is not None and bridge.kind == "bridge":
            return "bridge", bridge.name
    return link.kind or "device", None


def _enter(address: Address, told: dict[str, Any]) -> bool:
    """Enter an address, unless there is one of its family already."""
    prefix = "global_ipv6" if address.family == AF_INET6 else "ip"
    if told[f"{prefix}_address"] is not None:
        return False
    told[f"{prefix}_address"], told[f"{prefix}_prefix_len"] = address.local, address.prefix
    return True


def _through(ifindex: int, routes: Sequence[Route]) -> Iterator[tuple[Route, str]]:
    """The routes that leave by a link, each with its next hop there."""
    for route in routes:
        if route.ifindex == ifindex:
            yield route, route.gateway
        for hop in route.hops:
            if hop.ifindex == ifindex:
                yield route, hop.gateway


def _enter_gateways(routes: Iterator[tuple[Route, str]], told: dict[str, Any]) -> None:
    """Enter the gateway of the default route with the lowest metric, for each family."""
    for route, gateway in sorted(routes, key=lambda one: one[0].metric):
        if route.table == TABLE_MAIN and gateway and route.dst in DEFAULT:
            key = "gateway" if route.family == AF_INET else "ipv6_gateway"
            told[key] = told[key] or gateway
