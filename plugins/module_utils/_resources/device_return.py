# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The way back: a device as it was, where it was, from what is remembered of it."""

from __future__ import annotations

from collections.abc import Iterator

from .._engine.draft import Draft
from .._engine.kinds.route import route_key, route_of
from .._engine.operation import Operation
from .._engine.state import NamespaceState, Netns
from .._kernel.links import Link
from .device_baggage import Place, attributes_of, baggage_of, elsewhere, renaming
from .device_record import Remembered, origin_of
from .device_refusals import refuse_clash


def plan_return(record: Remembered, netns: Netns, link: Link, draft: Draft) -> None:
    """From ``netns``, where the device is, to its origin. Raises TaskError for a clash of names there."""
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
    elapsed = max(0, state.now - (record["since"] or state.now))
    for step in record["baggage"]:
        operation = elsewhere(step, origin, there)
        if not left_out(operation, record, home, elapsed):
            draft.add([_aged(operation, elapsed)])


def left_out(operation: Operation, record: Remembered, home: NamespaceState, elapsed: int) -> str:
    """Why something of a device cannot be put back, or need not be; empty when it is put back."""
    args = operation.args
    of_device = record["origin"]["name"] in (args.get("link"), args.get("name"))
    if args.get("valid") is not None and args["valid"] <= elapsed:
        return f"the lifetime of {args['address']} is over"
    master = args["set"].get("master") if operation.kind == "link.set" else None
    if master and home.link(master) is None:
        return f"{master}, which it was a port of, is gone"
    if operation.kind == "link.set" and "port_settings" in args["set"] and not _port_of_a_bridge(record, home):
        return "it is the port of no bridge"
    if operation.kind == "route.add":
        return _why_no_route(operation, of_device, home)
    return ""


def _why_no_route(operation: Operation, of_device: bool, home: NamespaceState) -> str:
    args = operation.args
    if not of_device and home.link(args["link"]) is None:
        return f"the link {args['link']} of the route {args['dst']} is gone"
    wanted = route_of(args, args["ifindex"] or 0)
    taken = [
        route
        for routes in home.routes.values()
        for route in routes
        if route_key(route) == route_key(wanted) and (route.ifindex, route.gateway) != (wanted.ifindex, wanted.gateway)
    ]
    if taken and not wanted.hops:
        return f"another route to {wanted.dst} has its table and metric by now"
    if any(hop.ifindex not in home.links and hop.ifindex != args["ifindex"] for hop in wanted.hops):
        return f"a link of the route to {wanted.dst} is gone"
    return ""


def _port_of_a_bridge(record: Remembered, home: NamespaceState) -> bool:
    masters = [step["set"]["master"] for step in record["baggage"] if "master" in step.get("set", {})]
    return any(home.link(master) is not None for master in masters)


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
