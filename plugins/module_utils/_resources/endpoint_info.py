# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""What netns_info tells of the endpoints of a namespace, and what their VMs are to have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from .._engine.kinds.address import address_of
from .._engine.kinds.neighbour import neighbour_of
from .._engine.kinds.route import route_of
from .._kernel.addressing import Address, Neighbour, Route
from .._kernel.links import Link
from .._kernel.namespaces import Fingerprint
from .._store.records import Record
from .endpoint_record import Remembered

TOLD = ("index", "model", "tap", "bridge")


class Belongings(NamedTuple):
    """What is in a namespace."""

    links: Sequence[Link]
    addresses: Sequence[Address]
    routes: Sequence[Route]
    neighbours: Sequence[Neighbour]


def endpoints_of(fingerprint: Fingerprint, records: Mapping[str, Record]) -> list[Remembered]:
    """The records of the endpoints of a namespace, by the name of their link, whatever name it had then."""
    found = [
        record.value
        for record in records.values()
        if record.this_boot and record.value["fingerprint"] == list(fingerprint)
    ]
    return sorted(found, key=lambda one: str(one["interface"]))


def describe_recorded(endpoint: Remembered) -> dict[str, Any]:
    """An endpoint in short."""
    return {
        "name": endpoint["interface"],
        "hard_addr": endpoint["mac"],
        **{name: endpoint[name] for name in TOLD},
    }


def of_the_guest(endpoints: Sequence[Remembered], there: Belongings) -> Belongings:
    """What the VM is to have of it: without the taps and bridges that wire it, and with what was
    taken off a link for it."""
    made = {(name, index) for one in endpoints for name, index in one["made"].items()}
    links = [link for link in there.links if not {(link.name, None), (link.name, link.ifindex)} & made]
    kept = {link.ifindex for link in links}
    addresses = [one for one in there.addresses if one.ifindex in kept]
    routes = [one for one in there.routes if one.ifindex in kept or not one.ifindex]
    neighbours = [one for one in there.neighbours if one.ifindex in kept]
    for endpoint in endpoints:
        link = next((one for one in links if _is_that_of(endpoint, one)), None)
        if link is None:
            continue
        links[links.index(link)] = replace(link, mac=endpoint["mac"])
        for step in endpoint["baggage"]:
            # a route with an address of the link as its source may lead through another one
            through = next((one.ifindex for one in links if one.name == step["link"]), None)
            if through is None:
                continue
            if step["op"] == "address.add":
                _add(addresses, address_of(step, through))
            elif step["op"] == "route.add":
                _add(routes, route_of(step, through))
            elif step["op"] == "neighbour.add":
                _add(neighbours, neighbour_of(step, through))
    return Belongings(links, addresses, routes, neighbours)


def _is_that_of(endpoint: Remembered, link: Link) -> bool:
    return link.name == endpoint["interface"] and endpoint["ifindex"] in (None, link.ifindex)


def _add(there: list[Any], one: Any) -> None:
    if one not in there:
        there.append(one)
