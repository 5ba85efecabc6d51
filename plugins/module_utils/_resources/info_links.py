# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Links, addresses, routes and neighbours of a namespace as netns_info returns them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from .._kernel.addressing import AF_INET6, Address, Neighbour, Route
from .._kernel.links import Link
from .info_contents import Contents, Peer

FLAG_NAMES = {
    0x1: "up",
    0x2: "broadcast",
    0x8: "loopback",
    0x10: "pointopoint",
    0x40: "running",
    0x80: "noarp",
    0x100: "promisc",
    0x200: "allmulti",
    0x1000: "multicast",
    0x10000: "lower_up",
    0x20000: "dormant",
}


def describe_links(contents: Contents, peers: Mapping[int, Peer], wanted: frozenset[str]) -> list[dict[str, Any]]:
    """The links with what is wanted of them: ``addresses``, ``statistics``."""
    names = names_in(contents)
    return [_describe_link(link, contents, names, peers.get(link.ifindex), wanted) for link in contents.links]


def describe_routes(contents: Contents) -> list[dict[str, Any]]:
    """The routes of all tables."""
    names = names_in(contents)
    return [_describe_route(route, names) for route in contents.routes]


def describe_neighbours(contents: Contents) -> list[dict[str, Any]]:
    """The entries of the neighbour tables."""
    names = names_in(contents)
    return [_describe_neighbour(one, names) for one in contents.neighbours]


def names_in(contents: Contents) -> dict[int, str]:
    """The names of the links by their indexes."""
    return {link.ifindex: link.name for link in contents.links}


def _describe_link(
    link: Link, contents: Contents, names: Mapping[int, str], peer: Peer | None, wanted: frozenset[str]
) -> dict[str, Any]:
    result: dict[str, Any] = {
        "name": link.name,
        "ifindex": link.ifindex,
        "kind": link.kind or None,
        "mac": link.mac or None,
        "mtu": link.mtu,
        "txqlen": link.txqlen,
        "up": link.up,
        "flags": [name for bit, name in FLAG_NAMES.items() if link.flags & bit],
        "master": names.get(link.master),
        "alias": link.alias,
        "altnames": list(link.altnames),
        "parent": names.get(link.data.get("parent") or link.parent)
        if link.parent_nsid is None and link.kind != "veth"
        else None,
        "peer": {"name": peer.link.name, "netns": peer.place.path} if peer else None,
    }
    if "addresses" in wanted:
        result["addresses"] = [_describe_address(one) for one in contents.addresses if one.ifindex == link.ifindex]
    if "statistics" in wanted:
        result["statistics"] = dict(link.statistics)
    return result


def _describe_address(address: Address) -> dict[str, Any]:
    return {
        "address": f"{address.local}/{address.prefix}",
        "family": "ipv6" if address.family == AF_INET6 else "ipv4",
        "peer": address.peer or None,
        "label": address.label or None,
        "broadcast": address.broadcast or None,
        "scope": address.scope,
        "tentative": bool(address.flags & 0x40),
        "dadfailed": bool(address.flags & 0x08),
        "permanent": address.permanent,
        "noprefixroute": address.noprefixroute,
        "valid": address.valid,
        "preferred": address.preferred,
    }


def _describe_route(route: Route, names: Mapping[int, str]) -> dict[str, Any]:
    return {
        "dst": route.dst,
        "gateway": route.gateway or None,
        "link": names.get(route.ifindex),
        "src": route.src or None,
        "metric": route.metric,
        "table": route.table,
        "scope": route.scope,
        "protocol": route.protocol,
        "onlink": route.onlink,
    }


def _describe_neighbour(neighbour: Neighbour, names: Mapping[int, str]) -> dict[str, Any]:
    told = {key: value for key, value in asdict(neighbour).items() if key not in ("ifindex", "family")}
    return {**told, "link": names.get(neighbour.ifindex, "")}
