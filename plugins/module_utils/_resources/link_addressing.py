# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Planning the addresses and routes of one link."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from ipaddress import ip_address, ip_network
from typing import Any

from .._engine.errors import TaskError
from .._engine.kinds.address import address_args, address_key, subnet_of
from .._engine.kinds.contract import place
from .._engine.kinds.route import route_args, route_key
from .._engine.operation import Operation
from .._engine.state import NamespaceState, Netns
from .._kernel.addressing import (
    AF_INET,
    AF_INET6,
    IFA_F_SECONDARY,
    IFAPROT_KERNEL_LL,
    IFAPROT_KERNEL_LO,
    RTN_UNICAST,
    RTPROT_KERNEL,
    TABLE_MAIN,
    Address,
    Route,
)
from .._kernel.links import Link
from .link_options import End, WantedAddress, WantedRoute

RTPROT_REDIRECT = 1
RTPROT_RA = 9
OF_THE_KERNEL = (RTPROT_KERNEL, RTPROT_REDIRECT, RTPROT_RA)


def plan_addressing(end: End, namespace: NamespaceState, link: Link) -> Iterator[Operation]:
    """The addresses and routes of a link: delete what is wrong or surplus, add what is missing.

    Routes go before the addresses that they lean on and come after them, so that the
    reverse order is one in which everything can be undone. What the kernel deletes
    along with an address is deleted by name before, and put back where it still makes
    sense. Raises TaskError for a route that the kernel could not take.
    """
    addresses = _address_changes(end, namespace, link)
    routes = _route_changes(end, namespace, link, addresses)
    for name, route in routes.removed:
        yield Operation("route.delete", route_args(route, end.netns, name))
    for address in reversed(oldest_first(addresses.removed)):
        yield Operation("address.delete", address_args(address, end.netns, end.name))
    for address in addresses.added:
        placed = replace(address, ifindex=link.ifindex)
        leaning = _leaning_on_first(address, addresses, end, namespace, link)
        yield Operation("address.add", {**address_args(placed, end.netns, end.name), **leaning})
    for name, route in sorted(routes.added, key=lambda one: bool(one[1].gateway)):
        yield Operation("route.add", route_args(route, end.netns, name))


def oldest_first(addresses: Sequence[Address]) -> list[Address]:
    """Addresses of one link, as read, in an order in which adding them gives that order again.

    Of IPv4 the kernel lists the older first: the first of a subnet is its primary.
    Of IPv6 it lists the newer first.
    """
    ipv4 = [one for one in addresses if one.family == AF_INET]
    ipv6 = [one for one in addresses if one.family == AF_INET6]
    return ipv4 + ipv6[::-1]


@dataclass(frozen=True)
class _AddressChanges:
    """``removed`` in the kernel's order, ``added`` in ours; ``left`` is what the link then has."""

    removed: list[Address]
    added: list[Address]
    left: list[Address]


@dataclass(frozen=True)
class _RouteChanges:
    """Each route with the name of its link."""

    removed: list[tuple[str, Route]]
    added: list[tuple[str, Route]]


def _address_changes(end: End, namespace: NamespaceState, link: Link) -> _AddressChanges:
    found = namespace.addresses.get(link.ifindex, [])
    if not (end.addresses or end.purge_addresses):
        return _AddressChanges([], [], found)
    present = {address_key(one): one for one in found}
    wanted = {address_key(one.address): one for one in end.addresses}
    wrong = {key for key in wanted if key in present and _differs(wanted[key], present[key], end)}
    surplus = {
        key for key, one in present.items() if end.purge_addresses and key not in wanted and _may_be_purged(one, link)
    }
    gone = [one for one in found if address_key(one) in wrong | surplus]
    cycled = _secondaries_lost_with(gone, found)
    removed = [one for one in found if one in gone or one in cycled]
    again = [
        wanted[address_key(one)].address if address_key(one) in wanted else one
        for one in oldest_first(removed)
        if one in cycled or address_key(one) in wrong
    ]
    new = [one.address for key, one in wanted.items() if key not in present]
    left = [one for one in found if one not in removed]
    _refuse_other_scopes([*again, *new], left, end)
    return _AddressChanges(removed, again + new, left + again + new)


def _refuse_other_scopes(added: Sequence[Address], left: Sequence[Address], end: End) -> None:
    """The kernel wants one scope for the IPv4 addresses of one subnet of a link."""
    scopes: dict[str, str] = {}
    for one in [*left, *added]:
        if one.family == AF_INET and scopes.setdefault(subnet_of(one), one.scope) != one.scope:
            where = place(end.netns, end.name)
            raise TaskError(f"addresses.scope: {one.local} on {where} must have the scope of the others of its subnet")


def _leaning_on_first(
    address: Address, changes: _AddressChanges, end: End, namespace: NamespaceState, link: Link
) -> dict[str, Any]:
    """What an undo of the link's first IPv4 address must put back: with its last one the
    kernel takes all IPv4 routes of a link away."""
    found = namespace.addresses.get(link.ifindex, ())
    ipv4 = [one for one in changes.added if one.family == AF_INET]
    if not ipv4 or address is not ipv4[0] or any(one.family == AF_INET for one in found):
        return {}
    routes = [one for one in namespace.routes.get(link.ifindex, ()) if one.family == AF_INET]
    kept = [Operation("route.add", route_args(one, end.netns, end.name)).as_dict() for one in routes]
    return {"keep": kept} if kept else {}


def _route_changes(end: End, namespace: NamespaceState, link: Link, addresses: _AddressChanges) -> _RouteChanges:
    if not (end.routes or end.purge_routes or addresses.removed):
        return _RouteChanges([], [])
    found = namespace.routes.get(link.ifindex, [])
    present = {route_key(one): one for one in found}
    wanted = {route_key(one.route): one for one in end.routes}
    wrong = {key for key in wanted if key in present and _route_differs(wanted[key], present[key])}
    surplus = {
        key for key, one in present.items() if end.purge_routes and key not in wanted and _is_route_to_purge(one)
    }
    replaced = [(end.name, one) for one in found if route_key(one) in wrong | surplus]
    lost = [one for one in _routes_lost_with(addresses, namespace, link) if one not in replaced]
    refuse_opaque([route for _name, route in [*lost, *replaced]], end)
    back = [one for one in lost if _comes_back(one[1], one[0], addresses.left, end)]
    going = wrong | {route_key(route) for name, route in lost if name == end.name}
    new = [one.route for key, one in wanted.items() if key not in present or key in going]
    unreached = {subnet_of(one) for one in addresses.removed}
    staying = [one for one in found if (end.name, one) not in replaced and one.dst not in unreached]
    direct = [one for one in [*staying, *(one.route for one in end.routes)] if not one.gateway]
    for route in new:
        if route_key(route) not in going:
            _refuse_taken(route, end, namespace, link.ifindex)
        # the kernel looks in the route's own table, then as for any packet
        seen = [one for one in direct if one.table in (route.table, TABLE_MAIN)]
        _refuse_unreachable(route, end, addresses.left, seen)
        _refuse_foreign_source(route, namespace, link.ifindex, addresses.left)
    placed = [(end.name, replace(route, ifindex=link.ifindex)) for route in new]
    return _RouteChanges([*lost, *replaced], [*back, *placed])


def kept_over_down(addresses: Sequence[Address], mac: str) -> list[Address]:
    """The IPv6 addresses that the kernel removes from a link that goes down, and that
    neither it nor a router makes again."""
    return [
        one for one in addresses if one.family == AF_INET6 and not is_made_by_kernel(one, mac) and not one.from_router
    ]


def keeping(addresses: Sequence[Address], link: Link, netns: Netns) -> dict[str, Any]:
    """What `link.set` must put back after the link went down, or in an undo came up again."""
    kept = oldest_first(kept_over_down(addresses, link.mac))
    return {"keep": [address_args(one, netns, link.name) for one in kept]} if kept else {}


def is_made_by_kernel(address: Address, mac: str) -> bool:
    """Whether the kernel itself put an address on a link: its link-local one, or lo's.

    Kernels before 5.18 do not say so; there the link-local address is known by its
    interface identifier, made from the MAC address (RFC 4291, appendix A).
    """
    if address.protocol in (IFAPROT_KERNEL_LL, IFAPROT_KERNEL_LO):
        return True
    return address.family == AF_INET6 and address.local == _link_local_of(mac)


def _link_local_of(mac: str) -> str:
    if not mac.strip("0:"):
        return ""
    octets = bytes.fromhex(mac.replace(":", ""))
    if len(octets) != 6:
        return ""
    identifier = bytes([octets[0] ^ 2]) + octets[1:3] + b"\xff\xfe" + octets[3:]
    return str(ip_address(bytes.fromhex("fe80000000000000") + identifier))


def _differs(wanted: WantedAddress, found: Address, end: End) -> bool:
    """Whether a detail that was asked for is different."""
    address = wanted.address
    if (address.prefix, address.peer) != (found.prefix, found.peer):
        return True
    details = {
        "label": ((address.label or end.name), found.label),
        "scope": (address.scope, found.scope),
        "broadcast": (address.broadcast, found.broadcast),
        "noprefixroute": (address.noprefixroute, found.noprefixroute),
        # IPv4 has no duplicate address detection: the kernel forgets the flag
        "nodad": (address.nodad and address.family == AF_INET6, found.nodad),
    }
    return any(name in wanted.given and expected != actual for name, (expected, actual) in details.items())


def _may_be_purged(address: Address, link: Link) -> bool:
    """Not an address with a lifetime, nor what the kernel itself puts on a link."""
    return address.permanent and address.scope != "host" and not is_made_by_kernel(address, link.mac)


def _secondaries_lost_with(gone: Sequence[Address], found: Sequence[Address]) -> list[Address]:
    """IPv4: with the first address of a subnet the kernel deletes the others of it."""
    primaries = [
        ip_network(f"{one.local}/{one.prefix}", strict=False)
        for one in gone
        if one.family == AF_INET and not one.flags & IFA_F_SECONDARY
    ]
    return [
        one
        for one in found
        if one.family == AF_INET
        and one.flags & IFA_F_SECONDARY
        and one not in gone
        and ip_network(f"{one.local}/{one.prefix}", strict=False) in primaries
    ]


def _routes_lost_with(addresses: _AddressChanges, namespace: NamespaceState, link: Link) -> list[tuple[str, Route]]:
    """The routes that the kernel deletes with addresses, without a word about it.

    Those of any link whose source is such an address, and with the last IPv4 address
    of a link all of its IPv4 routes. Each with the name of its link.
    """
    found = namespace.addresses.get(link.ifindex, [])
    sources = {one.local for one in addresses.removed}
    kept = {one.local for one in found} - sources
    none_left = _any_ipv4(sources) and not _any_ipv4(kept)
    return [
        (namespace.name_of(index), route)
        for index, routes in namespace.routes.items()
        for route in routes
        if route.protocol not in OF_THE_KERNEL
        and (route.src in sources or (none_left and route.family == AF_INET and route.leads_through(link.ifindex)))
    ]


def refuse_opaque(routes: Sequence[Route], end: End) -> None:
    """Raises TaskError for a route that would be lost and that we could not make again."""
    for route in routes:
        if route.opaque or route.hops:
            raise TaskError(
                f"the route {route.dst} would go with this change of {place(end.netns, end.name)}, and it has details"
                " (several next hops, for one) that could not be put back; delete it first"
            )


def _comes_back(route: Route, name: str, left: Sequence[Address], end: End) -> bool:
    """Whether a route that went with an address is put back beside the ones left."""
    replaced = {route_key(one.route) for one in end.routes}
    purged = end.purge_routes and name == end.name and _is_route_to_purge(route)
    if (route_key(route) in replaced and name == end.name) or purged:
        return False
    if route.src and all(one.local != route.src for one in left):
        return False
    if name != end.name or not route.gateway or route.onlink:
        return _any_ipv4({one.local for one in left}) or name != end.name
    return _covers(left, route.gateway)


def _covers(addresses: Sequence[Address], gateway: str) -> bool:
    """Whether a gateway is in the subnet of one of the addresses."""
    reached = ip_address(gateway)
    subnets = [ip_network(subnet_of(one)) for one in addresses]
    return any(reached.version == subnet.version and reached in subnet for subnet in subnets)


def _any_ipv4(addresses: set[str]) -> bool:
    return any("." in one for one in addresses)


def _route_differs(wanted: WantedRoute, found: Route) -> bool:
    route = wanted.route
    if route.gateway != found.gateway:
        return True
    details = {
        "src": (route.src, found.src),
        "scope": (route.scope, found.scope),
        "onlink": (route.onlink, found.onlink),
    }
    return any(name in wanted.given and expected != actual for name, (expected, actual) in details.items())


def _is_route_to_purge(route: Route) -> bool:
    return route.protocol not in OF_THE_KERNEL and route.type == RTN_UNICAST


def _refuse_taken(route: Route, end: End, namespace: NamespaceState, ifindex: int) -> None:
    """A foreign route with the same key, through another link."""
    for index, routes in namespace.routes.items():
        if index == ifindex:
            continue
        for other in routes:
            if route_key(other) == route_key(route):
                via = f"through {namespace.name_of(index)}" if index else "through several links, or none"
                raise TaskError(
                    f"routes.dst: {route.dst} for {place(end.netns, end.name)} exists {via},"
                    " with the same table and metric; give it another metric"
                )


def _refuse_unreachable(route: Route, end: End, addresses: Sequence[Address], direct: Sequence[Route]) -> None:
    """A gateway must be reachable directly, or be said to be (``onlink``)."""
    if not route.gateway or route.onlink:
        return
    gateway = ip_address(route.gateway)
    if gateway.version == 6 and gateway.is_link_local:
        return
    with_route = [one for one in addresses if not one.noprefixroute]
    subnets = [ip_network(one.dst) for one in direct]
    if not _covers(with_route, route.gateway) and not any(
        gateway.version == subnet.version and gateway in subnet for subnet in subnets
    ):
        raise TaskError(
            f"routes.gateway: {route.gateway} of {route.dst} is not in a subnet of"
            f" {place(end.netns, end.name)}; add an address of its subnet, or onlink: true"
        )
    if any(one.local == route.gateway for one in addresses):
        raise TaskError(
            f"routes.gateway: {route.gateway} of {route.dst} is an address of {place(end.netns, end.name)} itself"
        )


def _refuse_foreign_source(route: Route, namespace: NamespaceState, ifindex: int, addresses: Sequence[Address]) -> None:
    """A source must be an address of the namespace, as it will be."""
    others = [one for index, found in namespace.addresses.items() if index != ifindex for one in found]
    if route.src and all(one.local != route.src for one in [*addresses, *others]):
        raise TaskError(f"routes.src: {route.src} of {route.dst} is no address of the namespace")
