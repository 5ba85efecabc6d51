# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The way back: a device as it was, where it was, from what is remembered of it."""

from __future__ import annotations

from collections.abc import Iterator

from .._engine.draft import Draft
from .._engine.kinds.route import route_key, route_of
from .._engine.kinds.traffic import control_of
from .._engine.operation import Operation
from .._engine.state import NamespaceState, Netns
from .._kernel.links import Link
from .._kernel.traffic import redirects_to
from .device_baggage import Place, attributes_of, baggage_of, elsewhere, renaming
from .device_record import Remembered, origin_of
from .device_refusals import refuse_clash


def plan_return(record: Remembered, netns: Netns, link: Link, draft: Draft) -> list[str]:
    """From ``netns``, where the device is, to its origin. Raises TaskError for a clash of names there.

    Returns what cannot be put back any more, and why.
    """
    state, origin = draft.state, origin_of(record)
    home = state.existing(origin.netns)
    at_home = netns == origin.netns
    altnames = dict.fromkeys([*link.altnames, *record["attributes"]["altnames"]])
    refuse_clash("device", origin.name, list(altnames), origin.netns, home, itself=link if at_home else None)
    index = link.ifindex if at_home else _free_index(origin.ifindex, home)
    here, there = Place(netns, link.name, link.ifindex), Place(origin.netns, origin.name, index)
    if at_home and here != there:
        draft.add(renaming(here, there, link, home))
    elif here != there:
        baggage = [operation.as_dict() for operation in baggage_of(link, netns, state.existing(netns))]
        draft.add([Operation("link.move", {**here._asdict(), "to": there._asdict(), "restore": baggage})])
    draft.add(_attributes_back(record, there, home))
    return put_on(record, origin, there, draft)


def put_on(record: Remembered, origin: Place, there: Place, draft: Draft) -> list[str]:
    """Put all that stood on a device at ``origin`` on it again, now that it is ``there`` as it was made.

    Returns what cannot be put back any more, and why.
    """
    state, home = draft.state, draft.state.existing(there.netns)
    elapsed = max(0, state.now - (record["since"] or state.now))
    no_ipv6 = home.ipv6_disabled and not _switches_ipv6_on(record)
    left_out = []
    for step in record["baggage"]:
        operation = elsewhere(step, origin, there)
        if operation.args.get("valid") is not None and operation.args["valid"] <= elapsed:
            continue  # its time is over
        obstacle = _obstacle(operation, there, home, no_ipv6)
        if obstacle:
            left_out.append(obstacle)
        else:
            draft.add([_aged(operation, elapsed)])
    return left_out


def _switches_ipv6_on(record: Remembered) -> bool:
    return any(step.get("key", "").endswith("/disable_ipv6") and step["value"] == "0" for step in record["baggage"])


def _obstacle(operation: Operation, there: Place, home: NamespaceState, no_ipv6: bool) -> str:
    """Why something of a device cannot be put back, because its origin has changed meanwhile."""
    args = operation.args
    if operation.kind == "link.set":
        return _obstacle_to_bridge(args["set"], there, home)
    if operation.kind == "filter.add":
        gone = [index for index in redirects_to(control_of(args, 0)) if index not in home.links]
        return f"filter {args['handle']}: the link that it sends packets to is gone" if gone else ""
    what = args.get("dst") or args.get("address") or ""
    if no_ipv6 and ":" in what:
        return f"{operation.kind.partition('.')[0]} {what}: IPv6 is off for new links by now (disable_ipv6)"
    if operation.kind == "route.add":
        reason = next(_obstacles_to_route(operation, there, home), "")
        return f"route {args['dst']}: {reason}" if reason else ""
    return ""


def _obstacle_to_bridge(wanted: dict[str, object], there: Place, home: NamespaceState) -> str:
    if wanted.get("master") and home.link(str(wanted["master"])) is None:
        return f"master: {wanted['master']} is gone"
    if "port_settings" in wanted and not home.existing(there.name).master:
        return "port settings: it is the port of no bridge"
    return ""


def _obstacles_to_route(operation: Operation, there: Place, home: NamespaceState) -> Iterator[str]:
    args = operation.args
    route = route_of(args, args["ifindex"] or 0)
    ways = [home.link(args["link"])] if not route.hops else [home.links.get(hop.ifindex) for hop in route.hops]
    if route.hops and args["ifindex"] is None:
        ways = [home.link(there.name)]
    if None in ways:
        yield "a link that it leads through is gone"
    if any(way is not None and not way.up for way in ways):
        yield "a link that it leads through is down"
    addresses = {one.local for found in home.addresses.values() for one in found}
    if route.src and route.src not in addresses:
        yield f"its source {route.src} is no address of the namespace any more"
    for other in (other for routes in home.routes.values() for other in routes):
        same_way = (other.ifindex, other.gateway, other.hops) == (route.ifindex, route.gateway, route.hops)
        if route_key(other) == route_key(route) and not same_way:
            yield "another route has its destination, table and metric by now"


def _aged(operation: Operation, elapsed: int) -> Operation:
    """Lifetimes ran on while the device was away."""
    aged = {
        name: max(0, operation.args[name] - elapsed)
        for name in ("valid", "preferred")
        if operation.args.get(name) is not None
    }
    return operation.replace(**aged) if aged else operation


def _free_index(wanted: int | None, home: NamespaceState) -> int | None:
    """The index that the device had, unless somebody took it; None: another one is promised."""
    return None if wanted is None or wanted in home.links else wanted


def _attributes_back(record: Remembered, there: Place, home: NamespaceState) -> Iterator[Operation]:
    now, then = attributes_of(home.existing(there.name)), record["attributes"]
    differing = [name for name in then if then[name] != now[name]]
    if differing:
        change = {"set": {name: then[name] for name in differing}, "before": {name: now[name] for name in differing}}
        yield Operation("link.set", {**there._asdict(), **change})
