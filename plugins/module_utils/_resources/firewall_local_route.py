# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Published ports at ::1: the kernel has to take answers for it on the link that leads to the sandbox.

It looks for a loopback address only among the routes of the link by which a packet came (rt6_need_strict), so there
is a local route for ::1 through that link, which is less preferred than that of lo. It lets nobody in: what a link
brings for ::1 is dropped before all rules and routes (ip6_rcv_core).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from .._engine.kinds.route import route_args
from .._engine.operation import Operation
from .._engine.state import NamespaceState, State
from .._kernel.addressing import AF_INET6, RTN_LOCAL, TABLE_LOCAL, Route, read_routes
from .._kernel.links import Link
from .._kernel.namespaces import Namespace
from .._kernel.requests import PROTOCOL_STATIC
from .firewall_elements import devices_of

LOCAL_ROUTE_KIND = "firewall_local_route"
LOOPBACK6 = "::1/128"
FIRST_METRIC = 1024
"""Of no link: each has its own, as a route of the same metric through another link is in the way of a new one."""


def observe_local_routes(records: Iterable[Mapping[str, Any]], state: State, handle: Namespace) -> None:
    """The routes for ::1, where there are or will be some."""
    own = state.existing(None)
    remembered = any(kind == LOCAL_ROUTE_KIND for kind, _name in state.records)
    if remembered or any(devices_of(record, own, 6) for record in records):
        for route in read_routes(handle.netlink, TABLE_LOCAL):
            if route.dst == LOOPBACK6:
                own.routes.setdefault(route.ifindex, []).append(route)


def plan_local_routes(records: Iterable[Mapping[str, Any]], state: State) -> tuple[list[Operation], list[Operation]]:
    """What is put back before the rules change, and what is set after it."""
    own = state.existing(None)
    needed = {device for record in records for device in devices_of(record, own, 6)}
    restored: list[Operation] = []
    set_up: list[Operation] = []
    for (kind, name), memory in sorted(state.records.items()):
        link = own.link(name.partition(":")[2])
        if kind != LOCAL_ROUTE_KIND or memory is None or name.partition(":")[2] in needed:
            continue
        if link is not None and _ours(link) in own.routes.get(link.ifindex, ()):
            restored.append(Operation("route.delete", route_args(_ours(link), None, link.name)))
        restored.append(Operation("record.drop", {"kind": LOCAL_ROUTE_KIND, "name": name, "before": memory}))
    for link in filter(None, map(own.link, sorted(needed))):
        if not link.up or link.ipv6_disabled or _has_one(link, own):
            continue
        name = f"{own.fingerprint[1]}:{link.name}"
        if state.record(LOCAL_ROUTE_KIND, name) is None:
            value = {"identity": list(own.fingerprint)}
            memory = {"kind": LOCAL_ROUTE_KIND, "name": name, "value": value, "before": None}
            set_up.append(Operation("record.put", memory))
        set_up.append(Operation("route.add", route_args(_ours(link), None, link.name)))
    return restored, set_up


def _has_one(link: Link, own: NamespaceState) -> bool:
    return any(route.dst == LOOPBACK6 for route in own.routes.get(link.ifindex, ()))


def _ours(link: Link) -> Route:
    return Route(
        family=AF_INET6,
        dst=LOOPBACK6,
        table=TABLE_LOCAL,
        metric=FIRST_METRIC + link.ifindex,
        ifindex=link.ifindex,
        type=RTN_LOCAL,
        protocol=PROTOCOL_STATIC,
    )
