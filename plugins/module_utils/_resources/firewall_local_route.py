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
from .._engine.state import State
from .._kernel.addressing import AF_INET6, RTN_LOCAL, TABLE_LOCAL, Route, read_routes
from .._kernel.links import Link
from .._kernel.namespaces import Namespace
from .._kernel.requests import PROTOCOL_STATIC
from .firewall_borrowed import plan_borrowed
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

    def put_back(device: str) -> Operation | None:
        link = own.link(device)
        if link is None or _ours(link) not in own.routes.get(link.ifindex, ()):
            return None
        return Operation("route.delete", route_args(_ours(link), None, device))

    def set_up(device: str) -> Operation | None:
        link = own.link(device)
        if link is None or not link.up or link.ipv6_disabled:
            return None
        if any(route.dst == LOOPBACK6 for route in own.routes.get(link.ifindex, ())):
            return None
        return Operation("route.add", route_args(_ours(link), None, device))

    needed = {device for record in records for device in devices_of(record, own, 6)}
    return plan_borrowed(LOCAL_ROUTE_KIND, needed, state, put_back=put_back, set_up=set_up)


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
