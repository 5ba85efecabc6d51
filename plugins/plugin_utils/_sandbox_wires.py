# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The links of one item of the role's sandbox_list to bridges: parsed, and checked against each other.

This file is private to the collection: it may change without notice.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

from ansible_collections.sandbox.network.plugins.plugin_utils import _sandbox_values as values
from ansible_collections.sandbox.network.plugins.plugin_utils._link_names import link_name
from ansible_collections.sandbox.network.plugins.plugin_utils._sandbox_bandwidth import bandwidth
from ansible_collections.sandbox.network.plugins.plugin_utils._sandbox_options import Options
from ansible_collections.sandbox.network.plugins.plugin_utils._sandbox_values import (
    MTU_SMALLEST_IPV6,
    Interface,
    Network,
)

OPTIONS = ("bridge", "interface", "addresses", "subnet", "gateway", "mac", "mtu", "bandwidth")
FAMILIES = {4: "IPv4", 6: "IPv6"}


@dataclass(frozen=True)
class Wire:
    """One link of a sandbox to a bridge, called ``interface`` inside and ``port`` on the host.

    ``owner`` has the leased addresses. ``gateways`` is what the router has, one address a network; those in
    ``named`` somebody gave. Default routes go to ``routers``, one at most of each family. ``rates`` are those of
    its bandwidth that are given.
    """

    where: str
    owner: str
    port: str
    interface: str
    bridge: str
    addresses: tuple[Interface, ...] = ()
    subnets: tuple[Network, ...] = ()
    gateways: tuple[Interface, ...] = ()
    named: tuple[Interface, ...] = ()
    routers: tuple[Interface, ...] = ()
    mac: str | None = None
    mtu: int | None = None
    rates: Mapping[str, int] = field(default_factory=dict)

    @property
    def networks(self) -> tuple[Network, ...]:
        """The networks that it leads to, each once."""
        return tuple(dict.fromkeys((*(address.network for address in self.addresses), *self.subnets)))


def parse_wires(own: Options, name: str, interface: str) -> tuple[tuple[Wire, ...], list[str]]:
    """The link that the options of the item itself describe, then one for each of ``networks``; and what is
    wrong with them. What is named there is eth1, eth2 and so on where nothing else is said.
    """
    problems: list[str] = []
    wires = [_parse(own, name, interface, None if own.item.get("addresses") else own.defaults.get("subnets"))]
    for number, element in enumerate(values.as_list(own.item.get("networks")), 1):
        where = f"{own.where}: networks[{number - 1}]"
        given = element if isinstance(element, Mapping) else {"bridge": element}
        options = Options(given, where, {"mtu": own.defaults.get("mtu"), "interface": f"eth{number}"})
        for option in given:
            if option not in OPTIONS:
                options.complain(f"{option} is not one of {', '.join(OPTIONS)}")
        inside = options.option("interface", values.interface_name) or ""
        if given.get("bridge") is None:
            options.complain("bridge: is missing")
        wires.append(_parse(options, f"{name}/{inside}", inside, None, link_name(name, inside)))
        problems += options.problems
    problems += _same(wires, "interface")
    problems += _same([wire for wire in wires if wire.mac], "mac")
    routed, contradictions = _routed(wires)
    return routed, problems + contradictions


@lru_cache(maxsize=4096)
def first_host(network: Network) -> Interface | None:
    """The first address of a network that a router can have, or None when it has none to spare."""
    if network.prefixlen == network.max_prefixlen or network.is_link_local:
        return None
    # The first of a larger network is its own name (IPv4) or every router's (IPv6).
    skipped = 0 if network.prefixlen == network.max_prefixlen - 1 else 1
    return ipaddress.ip_interface(f"{network[skipped]}/{network.prefixlen}")


def _parse(options: Options, owner: str, interface: str, fallback: object, port: str = "") -> Wire:
    """One link. Addresses, subnets and gateways depend on each other; ``fallback`` are subnets where none are given."""
    addresses = options.each("addresses", values.address)
    named = options.item.get("subnet") is not None
    subnets = options.each("subnet" if named else "subnets", values.subnet, None if named else fallback or ())
    networks = tuple(dict.fromkeys((*(address.network for address in addresses), *subnets)))
    given = options.item.get("gateway")
    chosen = _gateways(options, networks)
    left_over = (first_host(network) for network in networks if network.version not in _versions(chosen))
    gateways = (*chosen, *(one for one in left_over if one is not None))
    if given is not None and not values.as_list(given):
        gateways = ()
    taken = {gateway.ip for gateway in gateways}
    for address in addresses:
        if address.ip in taken:
            options.complain(
                f"addresses: {address} is the gateway's"
                " (set gateway to another address of its network, or to an empty list for none)"
            )
    mtu = options.option("mtu", values.mtu)
    if mtu is not None and mtu < MTU_SMALLEST_IPV6 and 6 in _versions(networks):
        # IPv6 switches itself off on a link with a smaller MTU, and its addresses go.
        options.complain(f"mtu: {mtu} is less than the {MTU_SMALLEST_IPV6} that IPv6 needs")
    return Wire(
        where=options.where,
        owner=owner,
        port=port or link_name(owner),
        interface=interface,
        bridge=options.option("bridge", values.link_name) or "",
        addresses=addresses,
        subnets=subnets,
        gateways=gateways,
        named=chosen,
        mac=options.option("mac", values.mac),
        mtu=mtu,
        rates=options.option("bandwidth", bandwidth) or {},
    )


def _gateways(options: Options, networks: Sequence[Network]) -> tuple[Interface, ...]:
    """The routers' addresses that are given, with the prefix lengths of their networks."""
    by_network: dict[Network, Interface] = {}
    for gateway in options.each("gateway", values.gateway):
        network = next((network for network in networks if gateway in network), None)
        if network is None:
            inside = ", ".join(map(str, networks)) or "it has none"
            options.complain(f"gateway: {gateway} is in none of its networks ({inside})")
        elif network in by_network:
            options.complain(f"gateway: {network} has two, {by_network[network].ip} and {gateway}")
        else:
            by_network[network] = ipaddress.ip_interface(f"{gateway}/{network.prefixlen}")
    return tuple(by_network.values())


def _versions(found: Iterable[Interface | Network]) -> set[int]:
    return {one.version for one in found}


def _same(wires: Sequence[Wire], option: str) -> list[str]:
    """What two links of one sandbox cannot both have."""
    holders: dict[str, Wire] = {}
    problems = []
    for wire in wires:
        value = getattr(wire, option)
        holder = holders.setdefault(value, wire)
        if holder is not wire:
            other = "the sandbox's own" if holder is wires[0] else f"that of {holder.where.rpartition(': ')[2]}"
            problems.append(f'{wire.where}: {option}: "{value}" is {other}, too')
    return problems


def _routed(wires: Sequence[Wire]) -> tuple[tuple[Wire, ...], list[str]]:
    """The links with their default routes: to the gateway that somebody named, else over the first link."""
    problems = []
    routers: dict[int, list[Interface]] = {}
    for version, family in FAMILIES.items():
        naming = [number for number, wire in enumerate(wires) if version in _versions(wire.named)]
        for number in naming[1:]:
            problems.append(
                f"{wires[number].where}: gateway: is a second default route of {family}, beside that of"
                f" {wires[naming[0]].where}"
            )
        chosen = naming[0] if naming else 0
        routers.setdefault(chosen, []).extend([one for one in wires[chosen].gateways if one.version == version][:1])
    return tuple(replace(wire, routers=tuple(routers.get(number, ()))) for number, wire in enumerate(wires)), problems
