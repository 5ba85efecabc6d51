# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Operations on routes."""

from __future__ import annotations

import errno
from collections.abc import Mapping, Sequence
from typing import Any

from ..._kernel import requests
from ..._kernel.addressing import (
    AF_INET,
    AF_INET6,
    RTN_UNICAST,
    TABLE_MAIN,
    NextHop,
    Route,
    read_routes,
    wait_until_usable,
)
from ..._kernel.errors import KernelError
from ..._kernel.requests import PROTOCOL_STATIC
from ..operation import Operation, without_empty
from ..state import Netns, State
from .contract import Args, Context, place, section


class RouteAdd:
    """Add a route through a link."""

    def apply(self, args: Args, context: Context) -> None:
        try:
            route = route_of(args, args["ifindex"])
            netlink = context.host.at(args["netns"]).netlink
            if route.family == AF_INET6 and route.src:
                wait_until_usable(netlink, route.src)
            netlink.change(requests.add_route(route))
        except KernelError as error:
            if error.errno == errno.EEXIST and _is_there(args, context):
                return
            where = place(args["netns"], args["link"])
            raise error.while_doing(f"adding route {shown_route(args)} through {where}") from None

    def inverse(self, args: Args) -> Sequence[Operation]:
        return [Operation("route.delete", args)]

    def foretell(self, args: Args, state: State) -> None:
        namespace = state.at(args["netns"])
        link = namespace.link(args["link"]) if namespace else None
        if namespace and link:
            route = route_of(args, link.ifindex)
            found = namespace.routes.setdefault(route.ifindex, [])
            if route_key(route) not in map(route_key, found):
                found.append(route)

    def show(self, args: Args, before: dict[str, Any], after: dict[str, Any]) -> None:
        where = place(args["netns"], args["link"])
        section(before, "links", where).setdefault("routes", [])
        section(after, "links", where).setdefault("routes", []).append(shown_route(args))


class RouteDelete:
    """Delete a route; the arguments are those that add it again."""

    def apply(self, args: Args, context: Context) -> None:
        try:
            request = requests.delete_route(route_of(args, args["ifindex"]))
            context.host.at(args["netns"]).netlink.change(request)
        except KernelError as error:
            if error.errno in (errno.ESRCH, errno.ENODEV) and not _is_there(args, context):
                return
            where = place(args["netns"], args["link"])
            raise error.while_doing(f"deleting route {shown_route(args)} through {where}") from None

    def inverse(self, args: Args) -> Sequence[Operation]:
        return [Operation("route.add", args)]

    def foretell(self, args: Args, state: State) -> None:
        namespace = state.at(args["netns"])
        link = namespace.link(args["link"]) if namespace else None
        if namespace and link:
            gone = route_of(args, link.ifindex)
            namespace.routes[gone.ifindex] = [
                one
                for one in namespace.routes.get(gone.ifindex, ())
                if (route_key(one), one.gateway) != (route_key(gone), gone.gateway)
            ]

    def show(self, args: Args, before: dict[str, Any], after: dict[str, Any]) -> None:
        where = place(args["netns"], args["link"])
        section(before, "links", where).setdefault("routes", []).append(shown_route(args))
        section(after, "links", where).setdefault("routes", [])


def _is_there(args: Args, context: Context) -> bool:
    """Look: what the kernel answered is no proof of what there is."""
    wanted = route_of(args, args["ifindex"])
    return any(
        (one.ifindex, one.gateway, route_key(one)) == (wanted.ifindex, wanted.gateway, route_key(wanted))
        for one in read_routes(context.host.at(args["netns"]).netlink)
    )


def route_args(route: Route, netns: Netns, link: str) -> dict[str, Any]:
    """A route as the arguments of an operation; the index of a new link is given later."""
    details = {
        "gateway": route.gateway,
        "metric": route.metric,
        "src": route.src,
        "scope": "" if route.scope == "global" else route.scope,
        "onlink": route.onlink,
        "tos": route.tos,
        "metrics": dict(route.metrics),
        "table": None if route.table == TABLE_MAIN else route.table,
        "type": None if route.type == RTN_UNICAST else route.type,
        "protocol": None if route.protocol == PROTOCOL_STATIC else route.protocol,
        "hops": [_hop_args(hop) for hop in route.hops],
    }
    return {
        "netns": netns,
        "link": link,
        "ifindex": route.ifindex if route.ifindex >= 0 else None,  # 0: through no link, as a blackhole
        "dst": route.dst,
        **{key: value for key, value in without_empty(details).items() if value != 0},
    }


def _hop_args(hop: NextHop) -> dict[str, Any]:
    details = without_empty({"gateway": hop.gateway, "onlink": hop.onlink})
    return {"ifindex": hop.ifindex, "weight": hop.weight, **details}


def route_of(args: Mapping[str, Any], ifindex: int) -> Route:
    """The opposite of route_args."""
    hops = args.get("hops", ())
    return Route(
        family=AF_INET6 if ":" in args["dst"] else AF_INET,
        dst=args["dst"],
        table=args.get("table", TABLE_MAIN),
        metric=args.get("metric", 0),
        ifindex=0 if hops else ifindex,
        gateway=args.get("gateway", ""),
        src=args.get("src", ""),
        scope=args.get("scope", "global"),
        protocol=args.get("protocol", PROTOCOL_STATIC),
        type=args.get("type", RTN_UNICAST),
        onlink=args.get("onlink", False),
        tos=args.get("tos", 0),
        metrics=tuple(sorted(args.get("metrics", {}).items())),
        hops=tuple(NextHop(**hop) for hop in hops),
    )


def route_key(route: Route) -> tuple[str, int, int, int]:
    """What makes a route distinct in a namespace: destination, table, metric, tos."""
    return route.dst, route.table, route.metric, route.tos


def shown_route(args: Mapping[str, Any]) -> str:
    """A route for a diff or a message."""
    details = [
        f"{word} {args[name]}"
        for name, word in (
            ("gateway", "via"),
            ("src", "src"),
            ("metric", "metric"),
            ("table", "table"),
            ("scope", "scope"),
        )
        if args.get(name)
    ]
    return " ".join([args["dst"], *details, *(["onlink"] if args.get("onlink") else [])])
