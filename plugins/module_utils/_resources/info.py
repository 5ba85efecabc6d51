# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""What netns_info gathers: each namespace as it is, read only."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from typing import Any

from .._engine.errors import TaskError
from .._kernel.addressing import (
    AF_INET6,
    TABLE_MAIN,
    Address,
    Neighbour,
    Route,
    read_addresses,
    read_neighbours,
    read_routes,
)
from .._kernel.errors import NotANamespace
from .._kernel.host import Host
from .._kernel.links import Link, read_links
from .._kernel.namespaces import Fingerprint, Identity, identify, is_leftover, own_identity, processes_inside
from .._store.attachments import Attachment
from .._store.records import Record, Records
from . import values
from .cni_info import attachments_of, read_attachments
from .cni_options import CACHE_DIR
from .endpoint_info import Belongings, describe_recorded, endpoints_of, of_the_guest
from .guest import describe_guest
from .netmon_info import Monitors
from .slirp_info import read_user_mode
from .topology import Node, describe_topology

GATHER = [
    "links",
    "addresses",
    "routes",
    "statistics",
    "neighbours",
    "endpoints",
    "forwards",
    "monitors",
    "attachments",
    "processes",
]
OPTIONS: dict[str, Any] = {
    "name": {"type": "list", "elements": "str"},
    "gather": {"type": "list", "elements": "str", "choices": GATHER, "default": GATHER},
    "netns_dir": {"type": "path", "default": values.NETNS_DIR},
    "cni_cache_dir": {"type": "path", "default": CACHE_DIR},
    "state_dir": {"type": "path", "default": "/run/sandbox-network"},
    "lock_timeout": {"type": "float", "default": 30.0},  # of the group; reading takes no lock
}
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


@dataclass
class Contents:
    """One namespace as read; ``path`` None is the one Ansible runs in."""

    path: str | None
    fingerprint: Fingerprint
    nsid: int | None
    links: list[Link]
    addresses: list[Address]
    routes: list[Route]
    neighbours: list[Neighbour]

    @property
    def identity(self) -> Identity:
        """Device and inode."""
        return self.fingerprint[:2]


def gather_namespaces(params: dict[str, Any]) -> dict[str, Any]:
    """The result of netns_info for its options. Raises TaskError, InvalidOption."""
    wanted = frozenset(params["gather"])
    paths = _paths(params)
    records = Records(params["state_dir"])
    with closing(Host()) as host:
        own = _read(None, host, wanted)
        named = params["name"] is not None
        found = {path: _read_if_there(path, host, wanted, named=named) for path in paths}
        present = {path: contents for path, contents in found.items() if contents is not None}
        peers = _Peers(host, [own, *present.values()])
        identities = {contents.identity for contents in present.values()}
        inside = processes_inside(identities) if "processes" in wanted and identities else {}
        endpoints = records.all("endpoint")
        attached = read_attachments(params["cni_cache_dir"]) if "attachments" in wanted else []
        monitors = Monitors.read(params["state_dir"]) if "monitors" in wanted else None
        namespaces = [
            _describe(path, contents, wanted, peers, records, endpoints, attached, inside, monitors)
            for path, contents in found.items()
        ]
        nodes = [
            Node(_label(contents.path), contents.links, _cidrs(contents), peers.of(contents))
            for contents in [own, *present.values()]
        ]
    return {"namespaces": namespaces, "topology": describe_topology(nodes)}


def _paths(params: dict[str, Any]) -> list[str]:
    """The namespaces that are named, or all of the directory; left-over files too."""
    directory = params["netns_dir"]
    if params["name"] is not None:
        paths = []
        for name in params["name"]:
            if name.startswith(("/", "pid:")):
                path = values.namespace_path("name", name)
            else:
                path = os.path.join(directory, values.file_name("name", name, new=False))
            paths.append(str(path))
        values.no_duplicates("name", paths)
        return paths
    try:
        return [os.path.join(directory, entry) for entry in sorted(os.listdir(directory))]
    except (FileNotFoundError, NotADirectoryError):
        return []


def _read_if_there(path: str, host: Host, wanted: frozenset[str], *, named: bool) -> Contents | None:
    """What is in a namespace; None for anything else, an error where it was asked for by name."""
    try:
        identity = identify(path)
    except NotANamespace as error:
        if named and not is_leftover(path):
            raise TaskError(str(error)) from None
        return None
    if identity is None:
        return None
    if identity == own_identity():
        if named:
            raise TaskError(f"name: {path} is the namespace Ansible itself runs in")
        return None
    return _read(path, host, wanted)


def _state_of(path: str) -> str:
    """What is at a path of which nothing was read."""
    try:
        identity = identify(path)
    except NotANamespace:
        return "leftover" if is_leftover(path) else "foreign"
    return "absent" if identity is None else "own"


def _read(path: str | None, host: Host, wanted: frozenset[str]) -> Contents:
    handle = host.at(path)
    netlink = handle.netlink
    return Contents(
        path=path,
        fingerprint=handle.fingerprint,
        nsid=host.nsid(path) if path else None,
        links=read_links(netlink, statistics="statistics" in wanted),
        addresses=read_addresses(netlink),
        routes=read_routes(netlink) if path else [],
        neighbours=read_neighbours(netlink) if path and "neighbours" in wanted else [],
    )


class _Peers:
    """Which namespace and link is at the other end of each veth."""

    def __init__(self, host: Host, known: Sequence[Contents]) -> None:
        self._host = host
        self._known = known

    def of(self, contents: Contents) -> dict[int, tuple[Contents, Link]]:
        """The peers of a namespace's links, by the index of the link."""
        found = {}
        ids: dict[int | None, Contents] = {None: contents}
        for link in contents.links:
            if link.kind != "veth" or not link.parent:
                continue
            if link.parent_nsid not in ids:
                self._learn(contents, link.parent_nsid, ids)
            other = ids.get(link.parent_nsid)
            for peer in other.links if other else ():
                if peer.ifindex == link.parent and peer.parent == link.ifindex:
                    found[link.ifindex] = (other or contents, peer)
        return found

    def _learn(self, contents: Contents, wanted: int | None, ids: dict[int | None, Contents]) -> None:
        """Ask for the ids of the other namespaces until the wanted one is known."""
        known = {id(other) for other in ids.values()}
        for other in self._known:
            if other is contents or id(other) in known:
                continue
            nsid = self._host.nsid(other.path, seen_from=contents.path)
            if nsid is not None:
                ids[nsid] = other
            if nsid == wanted:
                return


def _describe(
    path: str,
    contents: Contents | None,
    wanted: frozenset[str],
    peers: _Peers,
    records: Records,
    endpoints: Mapping[str, Record],
    attached: Sequence[Attachment],
    inside: dict[tuple[int, int], list[int]],
    monitors: Monitors | None,
) -> dict[str, Any]:
    result: dict[str, Any] = {"name": _label(path), "path": _printable(path)}
    if contents is None:
        return {**result, "state": _state_of(path)}
    record = records.get("netns", path)
    result.update(
        state="present",
        inode=contents.identity[1],
        nsid=contents.nsid,
        created=bool(
            record and record.value.get("created") and tuple(record.value["identity"]) == contents.fingerprint
        ),
        **_summary(contents),
    )
    names = {link.ifindex: link.name for link in contents.links}
    if "links" in wanted:
        found = peers.of(contents)
        result["links"] = [
            _describe_link(link, contents, names, found.get(link.ifindex), wanted) for link in contents.links
        ]
    if "routes" in wanted:
        result["routes"] = [_describe_route(route, names) for route in contents.routes]
    if "neighbours" in wanted:
        result["neighbours"] = [
            {**_without(asdict(one), "ifindex", "family"), "link": names.get(one.ifindex, "")}
            for one in contents.neighbours
        ]
    own = endpoints_of(path, contents.fingerprint, endpoints)
    if "endpoints" in wanted:
        result["endpoints"] = [describe_recorded(one) for one in own]
    user_mode = read_user_mode(path, contents.fingerprint, records) if wanted & {"forwards", "processes"} else None
    if "forwards" in wanted:
        result["forwards"] = user_mode.forwards if user_mode else []
    if monitors is not None:
        result["monitors"] = monitors.of(path)
    if "attachments" in wanted:
        result["attachments"] = attachments_of(path, contents.fingerprint, attached)
    if "processes" in wanted:
        result["pids"] = inside.get(contents.identity, [])
        result["user_mode"] = user_mode.health if user_mode else None
    there = Belongings(contents.links, contents.addresses, contents.routes, contents.neighbours)
    given = of_the_guest(own, there)
    neighbours = given.neighbours if "neighbours" in wanted else []
    result["guest"] = describe_guest(given.links, given.addresses, given.routes, neighbours)
    return result


def _describe_link(
    link: Link,
    contents: Contents,
    names: dict[int, str],
    peer: tuple[Contents, Link] | None,
    wanted: frozenset[str],
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
        "peer": {"name": peer[1].name, "netns": peer[0].path} if peer else None,
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


def _describe_route(route: Route, names: dict[int, str]) -> dict[str, Any]:
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


def _summary(contents: Contents) -> dict[str, Any]:
    """What container inspection gives: the first link that has a global address."""
    summary: dict[str, Any] = {
        "ip_address": None,
        "ip_prefix_len": None,
        "gateway": None,
        "global_ipv6_address": None,
        "global_ipv6_prefix_len": None,
        "ipv6_gateway": None,
        "mac_address": None,
        "sandbox_key": contents.path,
    }
    order = {link.ifindex: link for link in contents.links if not link.loopback}
    for address in contents.addresses:
        link = order.get(address.ifindex)
        if link is None or address.scope != "global":
            continue
        prefix = "global_ipv6" if address.family == AF_INET6 else "ip"
        if summary[f"{prefix}_address"] is None:
            summary[f"{prefix}_address"] = address.local
            summary[f"{prefix}_prefix_len"] = address.prefix
            summary["mac_address"] = summary["mac_address"] or link.mac or None
    for route in sorted(contents.routes, key=lambda one: one.metric):
        if route.table == TABLE_MAIN and route.gateway and route.dst in ("0.0.0.0/0", "::/0"):
            key = "ipv6_gateway" if route.family == AF_INET6 else "gateway"
            summary[key] = summary[key] or route.gateway
    return summary


def _cidrs(contents: Contents) -> dict[int, list[str]]:
    """The addresses worth drawing, by the index of their link."""
    drawn: dict[int, list[str]] = {}
    for one in contents.addresses:
        if one.scope == "global":
            drawn.setdefault(one.ifindex, []).append(f"{one.local}/{one.prefix}")
    return drawn


def _label(path: str | None) -> str:
    """How a namespace is called: by its name, or by the process that it was found through."""
    if path is None:
        return "host"
    process = re.fullmatch("/proc/([0-9]+)/ns/net", path)
    return f"pid:{process[1]}" if process else _printable(os.path.basename(path))


def _printable(text: str) -> str:
    """A name found on disk as text that every terminal and JSON parser can take."""
    return os.fsencode(text).decode("utf-8", "backslashreplace")


def _without(data: dict[str, Any], *names: str) -> dict[str, Any]:
    return {key: value for key, value in data.items() if key not in names}
