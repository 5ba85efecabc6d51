# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""What a moved device brings along: up state, addresses, routes and neighbours in its new namespace."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from ipaddress import ip_address, ip_network
from typing import Any

from .._engine.draft import Draft
from .._engine.errors import TaskError
from .._engine.kinds.address import address_key, address_of, subnet_of
from .._engine.kinds.contract import place
from .._engine.kinds.neighbour import neighbour_key, neighbour_of
from .._engine.kinds.route import route_key, route_of
from .._engine.operation import Operation
from .._engine.state import NamespaceState
from .._kernel.addressing import RTN_UNICAST, Address, Route
from .._kernel.links import Link
from .device_baggage import Place, elsewhere
from .device_options import WantedDevice
from .device_record import Remembered, origin_of
from .link_addressing import keeping

Step = dict[str, Any]


def plan_settling(one: WantedDevice, record: Remembered, draft: Draft) -> None:
    """Up, then addresses, routes and neighbours: what of it is missing. Raises TaskError."""
    namespace = draft.state.existing(one.netns)
    link = _link_of(record, namespace)
    if link.up != one.up:
        change: dict[str, Any] = {"set": {"up": one.up}, "before": {"up": link.up}}
        change.update(keeping(namespace.addresses.get(link.ifindex, ()), link, one.netns))
        draft.add(
            [Operation("link.set", {"netns": one.netns, "name": link.name, "ifindex": link.known_index, **change})]
        )
    if one.keep_addresses:
        draft.add(_missing_addresses(one, record, link, namespace))
    if one.keep_routes:
        draft.add(_missing_routes(one, record, link, namespace))
        draft.add(_missing_neighbours(one, record, link, namespace))


def skipped_addresses(one: WantedDevice, record: Remembered, link: Link) -> list[dict[str, str]]:
    """The addresses that are not brought along, each with the reason."""
    return [
        {"address": step["address"], "reason": _reason_to_skip(one, step, link)}
        for step in _of_kind("address.add", record)
        if _reason_to_skip(one, step, link)
    ]


def skipped_routes(one: WantedDevice, record: Remembered, link: Link) -> list[dict[str, str]]:
    """The routes that are not brought along although routes are asked for, each with the reason."""
    brought = _brought_addresses(one, record, link)
    reasons = [
        (step, _reason_to_leave(step, record, brought, _direct(record, brought), link))
        for step in _of_kind("route.add", record)
    ]
    return [{"dst": step["dst"], "reason": reason} for step, reason in reasons if reason and one.keep_routes]


def _link_of(record: Remembered, namespace: NamespaceState) -> Link:
    index = record["ifindex"]
    return namespace.existing(record["name"]) if index is None else namespace.links[index]


def _of_kind(kind: str, record: Remembered) -> Iterator[Step]:
    return (step for step in record["baggage"] if step["op"] == kind)


def _reason_to_skip(one: WantedDevice, step: Step, link: Link) -> str:
    """Why an address stays behind; empty when it is brought along."""
    if not one.keep_addresses:
        return "addresses: drop"
    if step.get("valid") is not None:
        return "dynamic"
    scope = address_of(step, 0).scope
    if scope != "global":
        return f"scope {scope}"
    if ":" in step["address"] and link.ipv6_disabled:
        return "IPv6 is off there (disable_ipv6)"
    return ""


def _brought_addresses(one: WantedDevice, record: Remembered, link: Link) -> list[Address]:
    steps = [step for step in _of_kind("address.add", record) if not _reason_to_skip(one, step, link)]
    return [address_of(step, 0) for step in steps]


def _here(step: Step, record: Remembered, link: Link, one: WantedDevice) -> Operation:
    return elsewhere(step, origin_of(record), Place(one.netns, link.name, link.known_index))


def _missing_addresses(
    one: WantedDevice, record: Remembered, link: Link, namespace: NamespaceState
) -> Iterator[Operation]:
    present = {address_key(address) for address in namespace.addresses.get(link.ifindex, ())}
    for step in _of_kind("address.add", record):
        if not _reason_to_skip(one, step, link) and address_key(address_of(step, 0)) not in present:
            yield _here(step, record, link, one)


def _missing_routes(
    one: WantedDevice, record: Remembered, link: Link, namespace: NamespaceState
) -> Iterator[Operation]:
    brought = _brought_addresses(one, record, link)
    direct = _direct(record, brought)
    known = {route_key(route): route for routes in namespace.routes.values() for route in routes}
    for step in _of_kind("route.add", record):
        if _reason_to_leave(step, record, brought, direct, link):
            continue
        operation = _here(step, record, link, one)
        wanted = route_of(operation.args, link.ifindex)
        there = known.get(route_key(wanted))
        if there is None:
            yield operation
        elif not _same_way(there, wanted, link):
            raise TaskError(
                f"routes: {wanted.dst} of {one.called} exists in {one.netns} through"
                f" {namespace.name_of(there.ifindex) or 'several links, or none'}, with the same table and metric"
                if there.ifindex != link.ifindex
                else f"routes: {wanted.dst} leads another way through {place(one.netns, link.name)} by now; delete it"
            )


def _same_way(found: Route, wanted: Route, link: Link) -> bool:
    if wanted.hops:
        return [(hop.gateway, hop.weight) for hop in found.hops] == [(hop.gateway, hop.weight) for hop in wanted.hops]
    return (found.ifindex, found.gateway) == (link.ifindex, wanted.gateway)


def _direct(record: Remembered, brought: Sequence[Address]) -> list[str]:
    """The destinations that are reached without a gateway, as CIDRs."""
    subnets = [subnet_of(one) for one in brought if not one.noprefixroute]
    steps = [step for step in _of_kind("route.add", record) if not step.get("gateway") and not step.get("hops")]
    return subnets + [step["dst"] for step in steps if step["link"] == record["origin"]["name"]]


def _reason_to_leave(
    step: Step, record: Remembered, brought: Sequence[Address], direct: Sequence[str], link: Link
) -> str:
    """Why a route stays behind; empty when it is brought along."""
    route = route_of(step, 0)
    origin = record["origin"]
    if step["link"] != origin["name"]:
        return f"through {step['link']}"
    if any(hop.ifindex != origin["ifindex"] for hop in route.hops):
        return "through other devices, too"
    if route.type != RTN_UNICAST:
        return "of another type than unicast"
    if ":" in route.dst and link.ipv6_disabled:
        return "IPv6 is off there (disable_ipv6)"
    if route.src and all(one.local != route.src for one in brought):
        return f"its source {route.src} stays behind"
    for gateway, onlink in [(route.gateway, route.onlink), *((hop.gateway, hop.onlink) for hop in route.hops)]:
        if gateway and not onlink and not _within_reach(gateway, direct):
            return f"its gateway {gateway} is out of reach"
    return ""


def _within_reach(gateway: str, direct: Sequence[str]) -> bool:
    address = ip_address(gateway)
    if address.version == 6 and address.is_link_local:
        return True
    subnets = map(ip_network, direct)
    return any(address.version == subnet.version and address in subnet for subnet in subnets)


def _missing_neighbours(
    one: WantedDevice, record: Remembered, link: Link, namespace: NamespaceState
) -> Iterator[Operation]:
    present = {(neighbour_key(found), found.mac) for found in namespace.neighbours if found.lasting}
    for step in _of_kind("neighbour.add", record):
        wanted = neighbour_of(step, link.ifindex)
        off = ":" in wanted.address and link.ipv6_disabled
        if (neighbour_key(wanted), wanted.mac) not in present and not off:
            yield _here(step, record, link, one)
