# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Plans for the rules of sandboxes: what is remembered, what clashes, and what changes in the tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .._engine.errors import InvalidOption
from .._engine.kinds.firewall import OURS
from .._engine.nft_tables import Elements, Table
from .._engine.operation import Operation
from .._engine.state import NamespaceState, State
from .._programs.slirp4netns import Forward
from .firewall_elements import Record, addresses_of, all_addresses_of, ports_of, ways_to
from .firewall_options import LOOPBACK6, Firewall, meet
from .forwards import host_side

FLOWS = ("policy", "masquerade", "deny", "addresses")
"""What a change of ends the connections that a sandbox has."""


def as_recorded(
    one: Firewall, addresses: tuple[str, ...], links: list[dict[str, Any]], own: NamespaceState, *, assumed: bool
) -> dict[str, Any]:
    """What is remembered of a sandbox. Raises InvalidOption for a port that leads nowhere."""
    ports = _complete(one, addresses, links, own, assumed=assumed)
    return {
        "identity": list(own.fingerprint),
        "policy": one.policy,
        "masquerade": one.masquerade,
        "antispoof": one.antispoof,
        "guard": one.guard,
        "forwarding": one.forwarding,
        "addresses": list(addresses),
        "links": links,
        "allow": list(one.allow),
        "deny": list(one.deny),
        "ports": [list(port.essence) for port in ports],
    }


def _complete(
    one: Firewall, addresses: tuple[str, ...], links: list[dict[str, Any]], own: NamespaceState, *, assumed: bool
) -> Iterator[Forward]:
    """Ports with the address that they lead to: the first of the sandbox in the family of the host's.

    An optional one of a family in which it has none, or which the host does not speak with it, is left out.
    """
    bare = [address.partition("/")[0] for address in addresses]
    for port in one.ports:
        same = [address for address in bare if (":" in address) == (":" in port.host_addr)]
        silent = _without_ipv6(links, own) if port.host_addr == LOOPBACK6 else ""
        if silent and port.host_side in one.optional:
            continue
        if silent:
            raise InvalidOption("ports", host_side(port), f"needs IPv6, which is off on {silent}")
        if port.guest_addr and port.guest_addr not in bare and not assumed:
            raise InvalidOption("ports", port.guest_addr, f"is no address of {one.sandbox}")
        if port.guest_addr or same:
            yield port._replace(guest_addr=port.guest_addr or same[0])
        elif not assumed and port.host_side not in one.optional:
            family = "IPv6" if ":" in port.host_addr else "IPv4"
            raise InvalidOption("ports", host_side(port), f"needs an {family} address of {one.sandbox}, which has none")


def _without_ipv6(links: list[dict[str, Any]], own: NamespaceState) -> str:
    """The link by which the host reaches a sandbox, if it has none with IPv6; empty where it has."""
    ways = [way for way in map(own.link, ways_to(links, own)) if way is not None]
    return ways[0].name if ways and all(way.ipv6_disabled for way in ways) else ""


def refuse_clashes(wanted: Mapping[str, Firewall], records: Mapping[str, Record]) -> None:
    """What two sandboxes cannot both have. Raises InvalidOption, for the one that is asked for."""
    holders: dict[tuple[str, str], str] = {}
    places: dict[tuple[str, int], list[tuple[Forward, str]]] = {}
    for name, record in sorted(records.items(), key=lambda item: item[0] in wanted):
        sandbox = name.partition(":")[2]
        for option, text in _belongings(record):
            holder = holders.setdefault((option, text), sandbox)
            if holder != sandbox:
                raise InvalidOption(option, text, f"is of the sandbox {holder} already")
        for port in ports_of(record):
            others = places.setdefault((port.proto, port.host_port), [])
            for other, holder in others:
                if holder != sandbox and meet(port.host_addr, other.host_addr):
                    raise InvalidOption(
                        "ports",
                        host_side(port),
                        f"overlaps with {host_side(other)}, published for the sandbox {holder}",
                    )
            others.append((port, sandbox))


def _belongings(record: Record) -> Iterator[tuple[str, str]]:
    for address in addresses_of(record):
        yield "addresses", address
    for link in record["links"]:
        yield "interface", link["interface"]
        if link["mac"]:
            yield "mac", link["mac"]


def plan_tables(wanted: Mapping[str, Elements], state: State) -> list[Operation]:
    """One operation for all tables, or none: elements that differ, or a table made anew with all of them."""
    tables = {}
    for family, elements in wanted.items():
        found = state.firewall.get(family)
        change = _change(found, elements)
        if change is not None:
            tables[family] = change
    return [Operation("firewall.change", {"tables": tables})] if tables else []


def _change(found: Table | None, wanted: Elements) -> dict[str, Any] | None:
    if not wanted:
        if found is None:
            return None
        return {"before": found.text or OURS, "after": None, "remove": _sorted(found.elements), "add": {}}
    if found is None or not found.intact:
        return {"before": found.text if found else None, "after": OURS, "remove": {}, "add": _sorted(wanted)}
    remove, add = _difference(found.elements, wanted), _difference(wanted, found.elements)
    return {"before": OURS, "after": OURS, "remove": remove, "add": add} if remove or add else None


def _difference(some: Elements, others: Elements) -> Elements:
    return _sorted(
        {
            name: {text: owner for text, owner in found.items() if others.get(name, {}).get(text) != owner}
            for name, found in some.items()
        }
    )


def _sorted(elements: Elements) -> Elements:
    return {name: dict(sorted(found.items())) for name, found in sorted(elements.items()) if found}


def plan_forgetting(before: Mapping[str, Record], after: Mapping[str, Record], *, rebuilt: bool) -> Iterator[Operation]:
    """Which connections the kernel must not go on with as it began them.

    Of a table that had gone, those that began meanwhile and should not have.
    """
    every: set[str] = set()
    inbound: set[str] = set()
    places: set[tuple[str, str, int]] = set()
    for name in {*before, *after}:
        old, new = before.get(name), after.get(name)
        if old is not None and (new is None or any(old[aspect] != new[aspect] for aspect in FLOWS)):
            every.update(all_addresses_of(old))
        if new is not None and (rebuilt or old is None or any(old[one] != new[one] for one in ("policy", "allow"))):
            (every if new["policy"] == "closed" else inbound).update(all_addresses_of(new))
        had, has = set(map(tuple, old["ports"] if old else ())), set(map(tuple, new["ports"] if new else ()))
        places.update((proto, address, port) for proto, address, port, *_guest in had ^ has)
        if rebuilt:
            places.update((proto, address, port) for proto, address, port, *_guest in has if proto == "udp")
    if every or inbound or places:
        forgotten = {"addresses": sorted(every), "inbound": sorted(inbound), "places": sorted(map(list, places))}
        yield Operation("conntrack.forget", forgotten)
