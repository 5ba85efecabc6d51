# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Planning the addresses and routes of one link."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from ipaddress import ip_address, ip_network

from .._engine.errors import TaskError
from .._engine.kinds.address import address_args, address_key
from .._engine.kinds.contract import place
from .._engine.kinds.route import route_args, route_key
from .._engine.operation import Operation
from .._engine.state import NamespaceState
from .._kernel.addressing import (
    AF_INET,
    AF_INET6,
    IFA_F_SECONDARY,
    IFAPROT_KERNEL_LL,
    IFAPROT_KERNEL_LO,
    RTN_UNICAST,
    RTPROT_KERNEL,
    Address,
    Route,
)
from .._kernel.links import Link
from .link_options import End, WantedAddress, WantedRoute

RTPROT_REDIRECT = 1
RTPROT_RA = 9
OF_THE_KERNEL = (RTPROT_KERNEL, RTPROT_REDIRECT, RTPROT_RA)


def plan_addresses(end: End, namespace: NamespaceState, link: Link) -> Iterator[Operation]:
    """Delete what is wrong or surplus, then add what is missing.

    What the kernel deletes along with an address is deleted by name before, and put
    back where it still makes sense.
    """
    found = namespace.addresses.get(link.ifindex, [])
    present = {address_key(one): one for one in found}
    wanted = {address_key(one.address): one for one in end.addresses}
    wrong = [key for key in wanted if key in present and _differs(wanted[key], present[key], end)]
    surplus = [
        key for key, one in present.items() if end.purge_addresses and key not in wanted and _may_be_purged(one, link)
    ]
    gone = [present[key] for key in (*wrong, *surplus)]
    if not gone and wanted.keys() <= present.keys():
        return
    cycled = _secondaries_lost_with(gone, found)
    lost = _routes_lost_with([*cycled, *gone], found, namespace, link)
    for name, route in lost:
        yield Operation("route.delete", route_args(route, end.netns, name))
    for address in [*cycled, *gone]:
        yield Operation("address.delete", address_args(address, end.netns, end.name))
    # in the order that they had: the first of a subnet is its primary
    again = [
        one if address_key(one) not in wanted else wanted[address_key(one)].address
        for one in found
        if one in cycled or address_key(one) in wrong
    ]
    new = [one.address for key, one in wanted.items() if key not in present]
    for address in [*again, *new]:
        placed = replace(address, ifindex=link.ifindex)
        yield Operation("address.add", address_args(placed, end.netns, end.name))
    left = [one for one in found if one not in gone and one not in cycled] + again + new
    for name, route in lost:
        if _comes_back(route, name, left, end):
            yield Operation("route.add", route_args(route, end.netns, name))


def plan_routes(end: End, namespace: NamespaceState, ifindex: int) -> Iterator[Operation]:
    """Delete what is wrong or surplus, then add what is missing; direct routes first.

    ``namespace`` has the addresses as planned already. Raises TaskError for a route
    that the kernel could not take.
    """
    present = {route_key(one): one for one in namespace.routes.get(ifindex, ())}
    wanted = {route_key(one.route): one for one in end.routes}
    for key, one in wanted.items():
        found = present.get(key)
        if found is None:
            _refuse_taken(one.route, end, namespace, ifindex)
        if found is None or _route_differs(one, found):
            _refuse_unreachable(one.route, end, namespace, ifindex)
            _refuse_foreign_source(one.route, namespace)
    for key, found in present.items():
        replaced = key in wanted and _route_differs(wanted[key], found)
        surplus = end.purge_routes and key not in wanted and _is_route_to_purge(found)
        if replaced or surplus:
            yield Operation("route.delete", route_args(found, end.netns, end.name))
    missing = [one.route for key, one in wanted.items() if key not in present or _route_differs(one, present[key])]
    for route in sorted(missing, key=lambda one: bool(one.gateway)):
        complete = replace(route, ifindex=ifindex)
        yield Operation("route.add", route_args(complete, end.netns, end.name))


def kept_over_down(addresses: Sequence[Address], mac: str) -> list[Address]:
    """The IPv6 addresses that the kernel removes from a link that goes down, and that
    neither it nor a router makes again."""
    return [
        one for one in addresses if one.family == AF_INET6 and not is_made_by_kernel(one, mac) and not one.from_router
    ]


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


def _routes_lost_with(
    gone: Sequence[Address], found: Sequence[Address], namespace: NamespaceState, link: Link
) -> list[tuple[str, Route]]:
    """The routes that the kernel deletes with addresses, without a word about it.

    Those of any link whose source is such an address, and with the last IPv4 address
    of a link all of its IPv4 routes. Each with the name of its link.
    """
    sources = {one.local for one in gone}
    kept = {one.local for one in found} - sources
    none_left = _any_ipv4(sources) and not _any_ipv4(kept)
    return [
        (namespace.name_of(index), route)
        for index, routes in namespace.routes.items()
        for route in routes
        if route.protocol not in OF_THE_KERNEL
        and (route.src in sources or (none_left and index == link.ifindex and route.family == AF_INET))
    ]


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
    subnets = [ip_network(f"{one.peer or one.local}/{one.prefix}", strict=False) for one in addresses]
    return any(reached.version == subnet.version and reached in subnet for subnet in subnets)


def _any_ipv4(addresses: set[str]) -> bool:
    return any("." in one for one in addresses)


def _route_differs(wanted: WantedRoute, found: Route) -> bool:
    route = wanted.route
    if route.gateway != found.gateway or found.multipath:
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
            if route_key(other) == route_key(route) and other.type == RTN_UNICAST:
                via = namespace.name_of(index) or "several links"
                raise TaskError(
                    f"routes.dst: {route.dst} for {place(end.netns, end.name)} exists through"
                    f" {via}, with the same table and metric; give it another metric"
                )


def _refuse_unreachable(route: Route, end: End, namespace: NamespaceState, ifindex: int) -> None:
    """A gateway must be reachable directly, or be said to be (``onlink``)."""
    if not route.gateway or route.onlink:
        return
    gateway = ip_address(route.gateway)
    if gateway.is_link_local:
        return
    addresses = [one for one in namespace.addresses.get(ifindex, ()) if not one.noprefixroute]
    direct = [*namespace.routes.get(ifindex, ()), *(one.route for one in end.routes)]
    subnets = [ip_network(one.dst) for one in direct if not one.gateway]
    if not _covers(addresses, route.gateway) and not any(
        gateway.version == subnet.version and gateway in subnet for subnet in subnets
    ):
        raise TaskError(
            f"routes.gateway: {route.gateway} of {route.dst} is not in a subnet of"
            f" {place(end.netns, end.name)}; add an address of its subnet, or onlink: true"
        )
    if any(one.local == route.gateway for one in namespace.addresses.get(ifindex, ())):
        raise TaskError(
            f"routes.gateway: {route.gateway} of {route.dst} is an address of {place(end.netns, end.name)} itself"
        )


def _refuse_foreign_source(route: Route, namespace: NamespaceState) -> None:
    if route.src and not any(one.local == route.src for found in namespace.addresses.values() for one in found):
        raise TaskError(f"routes.src: {route.src} of {route.dst} is no address of the namespace")
