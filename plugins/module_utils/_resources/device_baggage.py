# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""What the kernel takes off a device that leaves its namespace, as operations that put it on again.

It takes every address, route, neighbour, qdisc and kernel setting, the master, and takes the
device down. MTU, MAC, queue length, alias, group, alternative names and flags stay with it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from .._engine.kinds.address import address_args
from .._engine.kinds.neighbour import neighbour_args
from .._engine.kinds.route import route_args
from .._engine.kinds.traffic import class_args, control_args
from .._engine.operation import Operation
from .._engine.state import NamespaceState, Netns
from .._kernel.addressing import Route
from .._kernel.links import Link
from .._kernel.sysctl import setting_of_link
from .._kernel.traffic import Qdisc
from .link_addressing import OF_THE_KERNEL, is_made_by_kernel, oldest_first

KEPT = ("mtu", "mac", "txqlen", "alias", "group", "promisc", "allmulti")
"""The attributes that stay with a device wherever it goes."""


class Place(NamedTuple):
    """A device as operations name it; the index of one that is yet to be moved is None."""

    netns: Netns
    name: str
    ifindex: int | None


def attributes_of(link: Link) -> dict[str, Any]:
    """What stays with a device, and yet may be another when it comes back."""
    return {**{name: getattr(link, name) for name in KEPT}, "altnames": list(link.altnames)}


def baggage_of(link: Link, netns: Netns, namespace: NamespaceState) -> list[Operation]:
    """What a device that leaves would lose, in an order in which it can be put on again.

    What it lost already, as a link that is down its IPv4 routes, is nothing to put back.
    """
    return [
        *_settings(link, netns, namespace),
        *_bridge_port(link, netns, namespace),
        *_traffic_control(link, netns, namespace),
        *_up(link, netns),
        *_addresses(link, netns, namespace),
        *_routes(link, netns, namespace),
        *_neighbours(link, netns, namespace),
    ]


def routes_lost(link: Link, namespace: NamespaceState) -> list[Route]:
    """The routes that somebody made and that go with a device: those through it, and those
    through others whose source is an address of it."""
    sources = {one.local for one in namespace.addresses.get(link.ifindex, ())}
    return [
        route
        for routes in namespace.routes.values()
        for route in routes
        if route.protocol not in OF_THE_KERNEL and (route.leads_through(link.ifindex) or route.src in sources)
    ]


def _target(link: Link, netns: Netns) -> dict[str, Any]:
    return {"netns": netns, "name": link.name, "ifindex": link.ifindex}


def _settings(link: Link, netns: Netns, namespace: NamespaceState) -> Iterator[Operation]:
    for name, (value, of_new_links) in sorted(namespace.settings.get(link.ifindex, {}).items()):
        args = {
            "netns": netns,
            "link": link.name,
            "ifindex": link.ifindex,
            "key": setting_of_link(link.name, name),
            "value": value,
            "before": of_new_links,
        }
        yield Operation("sysctl.set", args)


def _bridge_port(link: Link, netns: Netns, namespace: NamespaceState) -> Iterator[Operation]:
    master = namespace.name_of(link.master)
    if master:
        joining = {"set": {"master": master}, "before": {"master": ""}}
        yield Operation("link.set", {**_target(link, netns), **joining})
    if link.port_settings:
        settings = {"set": {"port_settings": dict(link.port_settings)}, "before": {}}
        yield Operation("link.set", {**_target(link, netns), **settings})


def _traffic_control(link: Link, netns: Netns, namespace: NamespaceState) -> Iterator[Operation]:
    qdiscs = _repeatable(namespace.qdiscs.get(link.ifindex, ()))
    for qdisc in qdiscs:
        args = control_args(qdisc.control, netns, link.name)
        if qdisc.classes:
            args["classes"] = [class_args(one) for one in qdisc.classes]
        yield Operation("qdisc.add", args)
    for qdisc in qdiscs:
        for one in qdisc.filters:
            yield Operation("filter.add", control_args(one, netns, link.name))


def _repeatable(qdiscs: Sequence[Qdisc]) -> list[Qdisc]:
    """Those that the kernel takes again, and that are not inside of another one."""
    left: set[int] = set()
    for qdisc in qdiscs:
        if not qdisc.repeatable or qdisc.control.parent >> 16 in left:
            left.add(qdisc.control.handle >> 16)
    return [one for one in qdiscs if one.control.handle >> 16 not in left]


def _up(link: Link, netns: Netns) -> Iterator[Operation]:
    if link.up:
        yield Operation("link.set", {**_target(link, netns), "set": {"up": True}, "before": {"up": False}})


def _addresses(link: Link, netns: Netns, namespace: NamespaceState) -> Iterator[Operation]:
    for address in oldest_first(namespace.addresses.get(link.ifindex, ())):
        if not is_made_by_kernel(address, link.mac) and not address.from_router:
            yield Operation("address.add", address_args(address, netns, link.name))


def _routes(link: Link, netns: Netns, namespace: NamespaceState) -> Iterator[Operation]:
    for route in directly_reached_first(routes_lost(link, namespace)):
        through = link.name if route.leads_through(link.ifindex) else namespace.name_of(route.ifindex)
        yield Operation("route.add", route_args(route, netns, through))


def directly_reached_first(routes: Sequence[Route]) -> list[Route]:
    """Routes in an order in which the kernel takes them: a gateway must be within reach."""
    return sorted(routes, key=lambda one: bool(one.gateway or one.hops))


def _neighbours(link: Link, netns: Netns, namespace: NamespaceState) -> Iterator[Operation]:
    for neighbour in namespace.neighbours:
        if neighbour.ifindex == link.ifindex and neighbour.lasting:
            yield Operation("neighbour.add", neighbour_args(neighbour, netns, link.name))


def renaming(former: Place, there: Place, link: Link, namespace: NamespaceState) -> list[Operation]:
    """Rename a device where it is, and put on again what that takes off it.

    The kernel relabels IPv4 addresses when it renames their link, all but one of them with
    numbers (``inetdev_changename``): they go first and come again.
    """
    baggage = baggage_of(link, former.netns, namespace)
    steps = [step.as_dict() for step in baggage]
    return [
        *(step for leaving in reversed(baggage) for step in _without_ipv4(leaving)),
        Operation("link.move", {**former._asdict(), "to": there._asdict(), "restore": steps}),
        *(elsewhere(step, former, there) for step in steps),
    ]


def _without_ipv4(step: Operation) -> Sequence[Operation]:
    """With the last IPv4 address go the routes and neighbours: all by name, so that an undo knows them."""
    area, _dot, _verb = step.kind.partition(".")
    what = step.args.get("dst") or step.args.get("address") or ""
    return [Operation(f"{area}.delete", step.args)] if "." in what and ":" not in what else []


def elsewhere(step: Mapping[str, Any], former: Place, there: Place) -> Operation:
    """A step of the baggage of a device, for the device in another place, under another name.

    A step about another link, such as a route with an address of the device as its source,
    stays what it is.
    """
    args = dict(step)
    kind = args.pop("op")
    which = "link" if "link" in args else "name"
    args["netns"] = there.netns
    if args[which] == former.name:
        args[which], args["ifindex"] = there.name, there.ifindex
        if "key" in args:
            args["key"] = args["key"].replace(f"/{former.name}/", f"/{there.name}/")
        hops = [
            {**hop, "ifindex": there.ifindex} if hop["ifindex"] == former.ifindex else hop
            for hop in args.get("hops", ())
        ]
        if hops:
            args["hops"] = hops
    return Operation(kind, args)
