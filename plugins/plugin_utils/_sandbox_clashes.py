# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""What the items of one sandbox_list must not do to each other. Each check returns a text for everything wrong.

This file is private to the collection: it may change without notice.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from ansible_collections.sandbox.network.plugins.plugin_utils._sandbox_items import Sandbox
from ansible_collections.sandbox.network.plugins.plugin_utils._sandbox_values import Network
from ansible_collections.sandbox.network.plugins.plugin_utils._sandbox_wires import Wire

BRIDGE_PORTS = 1023  # the kernel's limit


def clashes(sandboxes: Sequence[Sandbox]) -> Iterator[str]:
    """Everything that is wrong with a list whose items are right by themselves."""
    wires = [wire for sandbox in sandboxes for wire in sandbox.wires]
    yield from _twice(((one.where, one.name) for one in sandboxes), "name: {0} is also the name of {1}")
    yield from _same_port(wires)
    given = ((wire.where, str(address.ip)) for wire in wires for address in wire.addresses)
    yield from _twice(given, "addresses: {0} is also an address of {1}")
    devices = ((one.where, device.called) for one in sandboxes for device in one.devices)
    yield from _twice(devices, "devices: {0} is also a device of {1}")
    yield from _address_of_gateway(wires)
    yield from _shared_networks(wires)
    yield from _full_bridges(wires)


def by_bridge(wires: Iterable[Wire]) -> dict[str, list[Wire]]:
    """The links on each bridge."""
    found: dict[str, list[Wire]] = {}
    for wire in wires:
        found.setdefault(wire.bridge, []).append(wire)
    return found


def _twice(pairs: Iterable[tuple[str, str]], text: str) -> Iterator[str]:
    """One problem for every value that an earlier one has already."""
    holders: dict[str, str] = {}
    for where, value in pairs:
        holder = holders.setdefault(value, where)
        if holder != where:
            yield f"{where}: {text.format(value, holder)}"


def _same_port(wires: Iterable[Wire]) -> Iterator[str]:
    """Two links whose ends on the host would be called the same: the hash makes it all but impossible."""
    different = {wire.owner: (wire.where, wire.port) for wire in wires}
    return _twice(
        different.values(),
        "name: the host's end of its link would be {0}, as that of {1}: rename one",
    )


def _address_of_gateway(wires: Sequence[Wire]) -> Iterator[str]:
    gateways = {gateway.ip: wire for wire in wires for gateway in wire.gateways}
    for wire in wires:
        for address in wire.addresses:
            if gateways.get(address.ip, wire) is not wire:
                yield f"{wire.where}: addresses: {address.ip} is the gateway of {gateways[address.ip].where}"


def _shared_networks(wires: Iterable[Wire]) -> Iterator[str]:
    """A network on two bridges, or two that overlap: the host would not know where to send."""
    # A link without gateways takes no part in the host's routing.
    bridges: dict[tuple[Network, str], Wire] = {}
    for wire in wires:
        for gateway in wire.gateways:
            bridges.setdefault((gateway.network, wire.bridge), wire)
    ordered = sorted(
        bridges,
        key=lambda key: (key[0].version, int(key[0].network_address), key[0].prefixlen, key[1]),
    )
    widest: dict[int, tuple[Network, str]] = {}
    for network, bridge in ordered:
        before, before_bridge = widest.get(network.version, (None, ""))
        if before is not None and network.network_address in before and bridge != before_bridge:
            wire, other = bridges[network, bridge], bridges[before, before_bridge]
            yield (
                f"{wire.where}: {network} on bridge {bridge} overlaps "
                f"{before} on bridge {before_bridge} ({other.where})"
            )
        if before is None or network.broadcast_address > before.broadcast_address:  # type: ignore[operator]
            widest[network.version] = (network, bridge)


def _full_bridges(wires: Iterable[Wire]) -> Iterator[str]:
    for name, ports in by_bridge(wires).items():
        if len(ports) > BRIDGE_PORTS:
            yield f"sandbox_list: {len(ports)} are on bridge {name}, which takes {BRIDGE_PORTS}: use several"
