# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Hosts, and wishes for them, made up for the tests of the planners.

A host is a State as it would be read: links with their addresses and routes in two namespaces.
"""

from __future__ import annotations

import copy
import json
from typing import Any

from hypothesis import strategies as st

from ansible_collections.sandbox.network.plugins.module_utils._engine.kinds.registry import (
    foretell,
    inverse,
)
from ansible_collections.sandbox.network.plugins.module_utils._engine.operation import Operation
from ansible_collections.sandbox.network.plugins.module_utils._engine.state import (
    NamespaceState,
    State,
)
from ansible_collections.sandbox.network.plugins.module_utils._kernel.addressing import (
    AF_INET,
    AF_INET6,
    IFA_F_PERMANENT,
    IFA_F_SECONDARY,
    Address,
    Route,
)
from ansible_collections.sandbox.network.plugins.module_utils._kernel.links import Link
from ansible_collections.sandbox.network.plugins.module_utils._resources.link_options import (
    ADDRESS_OPTIONS,
    END_OPTIONS,
    OPTIONS,
    ROUTE_OPTIONS,
)

WEB1 = "/run/netns/web1"
NAMES = ["eth0", "eth1", "br0", "vh1"]
MACS = [None, "02:00:00:00:00:01", "02:00:00:00:00:02"]
IPV4 = ["10.0.0.1/24", "10.0.0.2/24", "10.0.0.3/24", "10.1.0.1/16", "192.0.2.1/32"]
IPV6 = ["fd00::1/64", "fd00::2/64", "fd01::1/48", "2001:db8::1/128"]
DIRECT = ["198.51.100.0/24", "2001:db8:1::/48"]
VIA = {"10.0.0.0/24": "10.0.0.254", "fd00::/64": "fd00::ffff"}
FAR = {"10.0.0.254": ["0.0.0.0/0", "203.0.113.0/24"], "fd00::ffff": ["::/0", "2001:db8:2::/48"]}


def end(**given: Any) -> dict[str, Any]:
    """The options of one end, as the module hands them over."""
    defaults = {name: option.get("default") for name, option in END_OPTIONS.items()}
    routes = given.get("routes")
    if routes is not None:
        given["routes"] = [{**dict.fromkeys(ROUTE_OPTIONS), **route} for route in routes]
    return {**defaults, **given}


def options(**given: Any) -> dict[str, Any]:
    """The options of a link, as the module hands them over."""
    defaults = {name: option.get("default") for name, option in OPTIONS.items()}
    peer = given.get("peer")
    if peer is not None:
        given["peer"] = end(**peer)
    return {**defaults, **end(**given)}


def address_of(text: str, ifindex: int, *, label: str = "", secondary: bool = False) -> Address:
    local, _slash, prefix = text.partition("/")
    family = AF_INET6 if ":" in text else AF_INET
    flags = IFA_F_PERMANENT | (IFA_F_SECONDARY if secondary else 0)
    return Address(ifindex, family, local, int(prefix), label=label if family == AF_INET else "", flags=flags)


def route_of(dst: str, ifindex: int, gateway: str = "") -> Route:
    ipv6 = ":" in dst
    scope = "global" if gateway or ipv6 else "link"
    return Route(
        AF_INET6 if ipv6 else AF_INET, dst, 254, 1024 if ipv6 else 0, ifindex, gateway, scope=scope, protocol=4
    )


@st.composite
def namespaces(draw: Any, identity: tuple[int, int]) -> NamespaceState:
    """A namespace with lo and up to three links; routes only where they can be."""
    namespace = NamespaceState(identity=identity)
    namespace.put(
        Link(
            1,
            "lo",
            mac="00:00:00:00:00:00",
            mtu=65536,
            txqlen=1000,
            up=True,
            loopback=True,
            accept_ra=1,
            ipv6_link_local=True,
        )
    )
    names = draw(st.lists(st.sampled_from(NAMES), unique=True, max_size=3))
    for index, name in enumerate(names, start=2):
        kind = draw(st.sampled_from(["bridge", "ifb", "bridge"]))
        link = Link(
            index,
            name,
            kind,
            mac=draw(st.sampled_from(MACS[1:])),
            mtu=draw(st.sampled_from([1500, 1400])),
            txqlen=draw(st.sampled_from([1000, 0])),
            up=draw(st.booleans()),
            alias=draw(st.sampled_from(["", "old"])),
            altnames=tuple(draw(st.lists(st.sampled_from(["one", "two"]), unique=True))) if index == 2 else (),
            accept_ra=draw(st.sampled_from([0, 1, 2])),
            ipv6_link_local=draw(st.booleans()),
            data={"multicast_snooping": True} if kind == "bridge" else {},
        )
        namespace.put(link)
        given = draw(st.lists(st.sampled_from(IPV4 + IPV6), unique=True, max_size=4))
        subnets: set[str] = set()
        for text in given:
            subnet = ".".join(text.split(".")[:2])
            secondary = "." in text and subnet in subnets
            subnets.add(subnet)
            namespace.addresses.setdefault(index, []).append(address_of(text, index, label=name, secondary=secondary))
        if link.up and index == 2:  # a route exists once in a namespace
            namespace.routes[index] = draw(routes(index, given))
    return namespace


@st.composite
def routes(draw: Any, ifindex: int, given: list[str]) -> list[Route]:
    found = [route_of(dst, ifindex) for dst in draw(st.lists(st.sampled_from(DIRECT), unique=True))]
    for subnet, gateway in VIA.items():
        if any(one.startswith(subnet.split("0/", maxsplit=1)[0].rstrip("/64")) for one in given):
            far = draw(st.lists(st.sampled_from(FAR[gateway]), unique=True))
            found += [route_of(dst, ifindex, gateway) for dst in far]
    return found


@st.composite
def hosts(draw: Any) -> State:
    """The namespace Ansible runs in, and web1."""
    state = State(kinds={"bridge": True, "veth": True, "ifb": True})
    state.namespaces[None] = draw(namespaces((4, 1)))
    state.namespaces[WEB1] = draw(namespaces((4, 2)))
    return state


@st.composite
def wanted_ends(draw: Any, name: str, netns: str | None) -> dict[str, Any]:
    given: dict[str, Any] = {"name": name, "netns": netns}
    choices = {
        "mtu": st.sampled_from([1500, 1400, 1300]),
        "mac": st.none(),
        "txqlen": st.sampled_from([1000, 500, 0]),
        "alias": st.sampled_from(["", "old", "new"]),
        "altnames": st.lists(st.sampled_from(["one", "two", "three"]), unique=True),
        "accept_ra": st.booleans(),
        "ipv6_link_local": st.booleans(),
        "purge_addresses": st.booleans(),
        "purge_routes": st.booleans(),
        "up": st.booleans(),
    }
    for option, values in choices.items():
        if draw(st.booleans()):
            given[option] = draw(values)
    given["addresses"] = draw(st.lists(st.sampled_from(IPV4 + IPV6), unique=True, max_size=4))
    if given.get("up", True):
        given["routes"] = draw(wanted_routes(given["addresses"]))
    return given


@st.composite
def wanted_routes(draw: Any, given: list[str]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [{"dst": dst} for dst in draw(st.lists(st.sampled_from(DIRECT), unique=True))]
    for mark, gateway in (("10.0.0.", "10.0.0.254"), ("fd00::", "fd00::ffff")):
        if any(one.startswith(mark) for one in given):
            far = draw(st.lists(st.sampled_from(FAR[gateway]), unique=True))
            found += [{"dst": dst, "gateway": gateway} for dst in far]
    return found


@st.composite
def wishes(draw: Any) -> list[dict[str, Any]]:
    """Options of up to three links, each of another name."""
    names = draw(st.lists(st.sampled_from(NAMES), unique=True, min_size=1, max_size=3))
    wanted = []
    for name in names:
        netns = draw(st.sampled_from([None, WEB1]))
        if draw(st.integers(0, 4)) == 0:
            wanted.append(options(name=name, netns=netns, state="absent"))
            continue
        given = draw(wanted_ends(name, netns))
        kind = draw(st.sampled_from(["bridge", "ifb", "veth", None]))
        if kind == "veth":
            other = WEB1 if netns is None else None
            given["peer"] = draw(wanted_ends(f"{name}-peer", other))
        recreate = draw(st.booleans())
        wanted.append(options(**given, kind=kind, recreate=recreate and kind is not None))
    return wanted


def undone(operations: list[Operation], after: State) -> State:
    """The state after the inverses of all operations, last first."""
    steps = [step for operation in reversed(operations) for step in inverse(operation)]
    return foretell(steps, after)


def through_json(operations: list[Operation]) -> list[Operation]:
    """Written into a journal and read again."""
    text = json.dumps([operation.as_dict() for operation in operations])
    return [Operation.from_dict(data) for data in json.loads(text)]


def essence(state: State) -> dict[str, Any]:
    """A state without what differs between links that are alike: their indexes."""
    return {
        str(path): _essence_of(namespace) if namespace else None for path, namespace in state.namespaces.items()
    } | {
        "records": {str(key): value for key, value in state.records.items() if value is not None},
        "files": {path: file for path, file in state.files.items() if file is not None},
    }


def _essence_of(namespace: NamespaceState) -> dict[str, Any]:
    return {
        link.name: {
            "kind": link.kind,
            "mac": link.mac,
            "mtu": link.mtu,
            "txqlen": link.txqlen,
            "up": link.up,
            "alias": link.alias,
            "altnames": link.altnames,
            "accept_ra": link.accept_ra,
            "ipv6_link_local": link.ipv6_link_local,
            "group": link.group,
            "master": namespace.name_of(link.master),
            "data": dict(link.data),
            "addresses": sorted((one.local, one.prefix, one.peer) for one in namespace.addresses.get(link.ifindex, ())),
            "routes": sorted(
                (one.dst, one.gateway, one.metric, one.table) for one in namespace.routes.get(link.ifindex, ())
            ),
        }
        for link in namespace.links.values()
    } | {"nsid": namespace.nsid}


def frozen(state: State) -> State:
    """A deep copy to compare with later."""
    return copy.deepcopy(state)


def option_names() -> dict[str, Any]:
    """Every option of a link, of an address and of a route."""
    return {"link": OPTIONS, "address": ADDRESS_OPTIONS, "route": ROUTE_OPTIONS}
