# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""What netns_info gathers: each namespace as it is, read only."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from .._kernel.host import Host
from .._kernel.namespaces import Fingerprint, Identity, processes_inside
from .._programs.slirp4netns import Forward
from .._store.attachments import Attachment
from .._store.records import Record, Records
from . import values
from .cni_info import Attached, describe_attached
from .cni_info import ports_of as ports_by_plugins
from .cni_options import CACHE_DIR
from .endpoint_info import Belongings, describe_recorded, endpoints_of, of_the_guest
from .firewall_info import Rules
from .forwards import describe_forward
from .guest import describe_guest
from .info_contents import Contents, Peer, Peers, label_of, printable, read_contents, read_each, state_of
from .info_links import describe_links, describe_neighbours, describe_routes
from .info_networks import Connections, describe_networks, summarise
from .netmon_info import Monitors
from .slirp_info import UserMode, read_user_mode, recorded_network
from .topology import Node, describe_topology

GATHER = [
    "links",
    "addresses",
    "routes",
    "statistics",
    "neighbours",
    "networks",
    "endpoints",
    "forwards",
    "firewall",
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


@dataclass(frozen=True)
class Memory:
    """What is remembered of all namespaces, as far as it is asked for, read once."""

    records: Records
    endpoints: Mapping[str, Record]
    moved: Mapping[Fingerprint, frozenset[int]]
    """The indexes of devices that were moved into a namespace."""
    rules: Rules
    attached: Attached
    monitors: Monitors | None

    @staticmethod
    def read(params: Mapping[str, Any], wanted: frozenset[str], host: Host, own: Contents) -> Memory:
        """Raises StoreError for a damaged record, TaskError, ProgramError."""
        records = Records(params["state_dir"])
        by_plugins = wanted & {"attachments", "networks", "forwards"}
        by_rules = wanted & {"firewall", "forwards"}
        return Memory(
            records,
            records.all("endpoint"),
            _moved(records.all("device").values()) if "networks" in wanted else {},
            Rules.read(records, host, own, look="firewall" in wanted) if by_rules else Rules(),
            Attached.read(params["cni_cache_dir"]) if by_plugins else Attached(()),
            Monitors.read(params["state_dir"]) if "monitors" in wanted else None,
        )


def gather_namespaces(params: dict[str, Any]) -> dict[str, Any]:
    """The result of netns_info for its options. Raises TaskError, InvalidOption."""
    wanted = frozenset(params["gather"])
    paths = _paths(params)
    with closing(Host()) as host:
        own = read_contents(None, host, wanted)
        found = read_each(paths, host, wanted, named=params["name"] is not None)
        names = _asked_for(found)
        every = [own, *(contents for contents, _paths in names)]
        peers = Peers(host, every)
        inside = _processes(every[1:]) if "processes" in wanted else {}
        memory = Memory.read(params, wanted, host, own)
        namespaces = [
            _describe(path, contents, wanted, peers.of(contents), memory, inside)
            if contents is not None
            else {**_named(path), "state": state_of(path)}
            for path, contents in found.items()
        ]
        nodes = [
            Node(" = ".join(called), contents.links, _cidrs(contents), peers.of(contents))
            for contents, called in [(own, [label_of(None)]), *names]
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


def _asked_for(found: Mapping[str, Contents | None]) -> list[tuple[Contents, list[str]]]:
    """Each namespace once, with how it is called by those who asked for it."""
    names: dict[Identity, tuple[Contents, list[str]]] = {}
    for path, contents in found.items():
        if contents is not None:
            names.setdefault(contents.identity, (contents, []))[1].append(label_of(path))
    return list(names.values())


def _processes(contents: Iterable[Contents]) -> dict[Identity, list[int]]:
    identities = {one.identity for one in contents}
    return processes_inside(identities) if identities else {}


def _moved(records: Iterable[Record]) -> dict[Fingerprint, frozenset[int]]:
    found: dict[Fingerprint, frozenset[int]] = {}
    for record in records:
        if record.this_boot and record.value["ifindex"] is not None:
            device, inode, cookie = record.value["fingerprint"]
            place = (device, inode, cookie)
            found[place] = found.get(place, frozenset()) | {record.value["ifindex"]}
    return found


def _named(path: str) -> dict[str, Any]:
    return {"name": label_of(path), "path": printable(path)}


def _describe(
    path: str,
    contents: Contents,
    wanted: frozenset[str],
    peers: Mapping[int, Peer],
    memory: Memory,
    inside: Mapping[Identity, list[int]],
) -> dict[str, Any]:
    record = memory.records.get("netns", path)
    result: dict[str, Any] = {
        **_named(path),
        "state": "present",
        "inode": contents.identity[1],
        "nsid": contents.nsid,
        "created": bool(
            record and record.value.get("created") and tuple(record.value["identity"]) == contents.fingerprint
        ),
        "shared_with": [printable(name) for name in contents.names if name != path],
        **summarise(path, contents),
    }
    if "links" in wanted:
        result["links"] = describe_links(contents, peers, wanted)
    if "routes" in wanted:
        result["routes"] = describe_routes(contents)
    if "neighbours" in wanted:
        result["neighbours"] = describe_neighbours(contents)
    endpoints = endpoints_of(contents.fingerprint, memory.endpoints)
    there = Belongings(contents.links, contents.addresses, contents.routes, contents.neighbours)
    given = of_the_guest(endpoints, there)
    if "endpoints" in wanted:
        result["endpoints"] = [describe_recorded(one) for one in endpoints]
    attached = memory.attached.to(contents.fingerprint)
    network = None
    if wanted & {"networks", "forwards", "processes"}:
        network = recorded_network(contents.names, contents.fingerprint, memory.records)
    if "networks" in wanted:
        tap = network[1]["network"].get("interface") if network else None
        known = Connections(peers, attached, tap, memory.moved.get(contents.fingerprint, frozenset()))
        result["networks"] = describe_networks(given, known, statistics="statistics" in wanted)
    user_mode = None
    if network and wanted & {"forwards", "processes"}:
        user_mode = read_user_mode(*network, memory.records.state_dir)
    sandboxes = _sandboxes(contents, peers, memory.rules)
    if "forwards" in wanted:
        result["forwards"] = [
            {**describe_forward(one), "by": by} for by, one in _forwards(user_mode, sandboxes, memory.rules, attached)
        ]
    if "firewall" in wanted:
        result["firewall"] = [memory.rules.describe(sandbox) for sandbox in sandboxes]
    if memory.monitors is not None:
        result["monitors"] = memory.monitors.of(contents.names)
    if "attachments" in wanted:
        result["attachments"] = [describe_attached(one) for one in attached]
    if "processes" in wanted:
        result["pids"] = inside.get(contents.identity, [])
        result["user_mode"] = user_mode.health if user_mode else None
    neighbours = given.neighbours if "neighbours" in wanted else []
    result["guest"] = describe_guest(given.links, given.addresses, given.routes, neighbours)
    return result


def _sandboxes(contents: Contents, peers: Mapping[int, Peer], rules: Rules) -> list[str]:
    """The sandboxes of the firewall that are in a namespace."""
    if not rules.records:
        return []
    leading = {peer.link.name for peer in peers.values() if peer.place.path is None}
    return rules.of(leading, {address.local for address in contents.addresses})


def _forwards(
    user_mode: UserMode | None, sandboxes: Iterable[str], rules: Rules, attached: Iterable[Attachment]
) -> Iterator[tuple[str, Forward]]:
    """The ports of the host that lead to a namespace, each with what does that."""
    if user_mode is not None:
        for one in user_mode.forwards:
            yield str(user_mode.health["backend"]), one
    for sandbox in sandboxes:
        for one in rules.ports(sandbox):
            yield "firewall", one
    for attachment in attached:
        for one in ports_by_plugins(attachment):
            yield "cni", one


def _cidrs(contents: Contents) -> dict[int, list[str]]:
    """The addresses worth drawing, by the index of their link."""
    drawn: dict[int, list[str]] = {}
    for one in contents.addresses:
        if one.scope == "global":
            drawn.setdefault(one.ifindex, []).append(f"{one.local}/{one.prefix}")
    return drawn
