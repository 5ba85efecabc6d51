# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The loopback interface of a namespace, taken up and down without loss.

With an interface that goes down the kernel deletes its IPv6 addresses and its routes.
On lo these are service addresses: whoever put them there wants to find them again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from .._engine.errors import TaskError
from .._engine.kinds.route import route_args, route_key, route_of
from .._engine.operation import Operation
from .._engine.state import NamespaceState
from .._kernel.addressing import Route, read_addresses, read_routes
from .._kernel.links import find_link_by_index
from .._kernel.namespaces import Namespace
from .link_addressing import keeping
from .link_record import routes_made

LOOPBACK = 1  # the index of lo in every namespace


def observe_loopback(handle: Namespace, namespace: NamespaceState) -> bool:
    """Read lo; whether it is up."""
    lo = find_link_by_index(handle.netlink, LOOPBACK)
    if lo is None:
        return False
    namespace.put(lo)
    return lo.up


def observe_what_is_on_it(handle: Namespace, namespace: NamespaceState) -> None:
    """Read what others gave lo: addresses, and routes, also those that only in part lead through it.

    The kernel's own addresses, which have the scope of the host, stay once lo was up.
    """
    addresses = [one for one in read_addresses(handle.netlink) if one.ifindex == LOOPBACK]
    namespace.addresses[LOOPBACK] = [one for one in addresses if one.scope != "host"]
    namespace.routes[LOOPBACK] = [one for one in read_routes(handle.netlink) if one.leads_through(LOOPBACK)]


def is_up(namespace: NamespaceState | None) -> bool:
    """Whether lo is up; that of a new namespace is down."""
    lo = namespace.links.get(LOOPBACK) if namespace else None
    return bool(lo and lo.up)


def routes_on_it(path: str, namespace: NamespaceState) -> list[dict[str, Any]]:
    """The routes that somebody made through lo, as arguments, in an order to add them in.

    Raises TaskError for one that we could not make again.
    """
    found = routes_made(namespace, namespace.links[LOOPBACK])
    for route in found:
        if route.opaque or route.hops:
            raise TaskError(
                f"the route {route.dst} would go with lo in {path}, and it has details"
                " (several next hops, for one) that could not be put back; delete it first"
            )
    return [route_args(route, path, "lo") for route in sorted(found, key=lambda one: bool(one.gateway))]


def take_down(path: str, routes: Sequence[dict[str, Any]], namespace: NamespaceState) -> Iterator[Operation]:
    """Its routes go by name, so that an undo knows them; its addresses stay."""
    for route in reversed(routes):
        yield Operation("route.delete", route)
    yield _set_up(path, namespace, up=False)


def bring_up(path: str, namespace: NamespaceState | None) -> Operation:
    """Bring lo up; an undo takes it down, and its addresses stay then, too."""
    return _set_up(path, namespace, up=True)


def give_back(lost: Sequence[dict[str, Any]], namespace: NamespaceState) -> Iterator[Operation]:
    """The routes that went when lo was taken down, but for those that are there again."""
    present = {_key(route) for route in namespace.routes.get(LOOPBACK, ())}
    for route in lost:
        if _key(route_of(route, LOOPBACK)) not in present:
            yield Operation("route.add", route)


def _key(route: Route) -> tuple[Any, ...]:
    return (*route_key(route), route.gateway)


def _set_up(path: str, namespace: NamespaceState | None, *, up: bool) -> Operation:
    args = {
        "netns": path,
        "name": "lo",
        "ifindex": LOOPBACK,
        "set": {"up": up},
        "before": {"up": not up},
    }
    lo = namespace.links.get(LOOPBACK) if namespace else None
    if namespace and lo:
        args.update(keeping(namespace.addresses.get(LOOPBACK, ()), lo, path))
    return Operation("link.set", args)
