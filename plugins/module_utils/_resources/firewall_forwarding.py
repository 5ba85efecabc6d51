# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The host forwards for sandboxes that want it, and no longer when the last of them has gone.

It is set for the families of their addresses. A host that forwards already is left as it is.

The kernel copies the setting to every link, and once IPv6 is forwarded it takes no router advertisements on a link
whose ``accept_ra`` is 1, and forgets the default routes that it learned there (ip-sysctl(8) of the kernel's
documentation; rt6_purge_dflt_routers). So links that have learned something get 2 before, and 1 after it again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from .._engine.operation import Operation
from .._engine.state import NamespaceState, State
from .._kernel.addressing import AF_INET6, read_addresses, read_routes
from .._kernel.links import Link
from .._kernel.namespaces import Namespace
from .._kernel.sysctl import read_changed_along, read_sysctl
from .firewall_elements import addresses_of
from .link_removal import accept_ra
from .netns_settings import plan_original_settings, plan_settings

FORWARDING_KIND = "firewall_forwarding"
KEYS = {4: "net.ipv4.ip_forward", 6: "net.ipv6.conf.all.forwarding"}
OFF = "0"
RTPROT_RA = 9
WHEN_NOT_FORWARDING, ALWAYS = 1, 2
"""Values of accept_ra."""


def observe_forwarding(records: Iterable[Mapping[str, Any]], state: State, handle: Namespace) -> None:
    """Whether the host forwards; where that will change, also what changes along with it, and what it learned."""
    own = state.existing(None)
    needed = _families(records)
    for version, key in KEYS.items():
        memory = state.record(FORWARDING_KIND, _name(key, own))
        if version not in needed and memory is None:
            continue
        found = own.sysctls[key] = read_sysctl(handle, key)
        if version not in needed or found == OFF:
            own.sysctls.update(read_changed_along(handle, key))
        if version == 6 and version in needed and found == OFF:
            for address in read_addresses(handle.netlink):
                own.addresses.setdefault(address.ifindex, []).append(address)
            for route in read_routes(handle.netlink):
                own.routes.setdefault(route.ifindex, []).append(route)


def plan_forwarding(records: Iterable[Mapping[str, Any]], state: State) -> tuple[list[Operation], list[Operation]]:
    """What is put back before the rules change, and what is set after it."""
    own = state.existing(None)
    needed = _families(records)
    restored: list[Operation] = []
    set_up: list[Operation] = []
    for version, key in KEYS.items():
        memory = state.record(FORWARDING_KIND, _name(key, own))
        if version in needed and own.sysctls.get(key) == OFF:
            set_up += _switch_on(version, memory, own)
        elif version not in needed and memory is not None:
            restored += _put_back(key, memory, own)
    return restored, set_up


def _switch_on(version: int, memory: dict[str, Any] | None, own: NamespaceState) -> list[Operation]:
    key = KEYS[version]
    learning = [link for link in own.links.values() if version == 6 and _has_learned(link, own)]
    originals: dict[str, Any] = {"sysctl": {}}
    steps = [accept_ra(None, link, wanted=ALWAYS, before=link.accept_ra) for link in learning]
    steps += plan_settings(None, {key: "1"}, own, own, originals)
    former = memory or {"identity": list(own.fingerprint), "sysctl": {}, "accept_ra": []}
    value = {
        **former,
        "sysctl": {**originals["sysctl"], **former["sysctl"]},
        "accept_ra": sorted({*former["accept_ra"], *(link.ifindex for link in learning)}),
    }
    if value != memory:
        remembered = {"kind": FORWARDING_KIND, "name": _name(key, own), "value": value, "before": memory}
        steps.insert(0, Operation("record.put", remembered))
    return steps


def _put_back(key: str, memory: dict[str, Any], own: NamespaceState) -> list[Operation]:
    steps = list(plan_original_settings(None, memory["sysctl"], own))
    for link in map(own.links.get, memory["accept_ra"]):
        if link is not None and link.accept_ra == ALWAYS:
            steps.append(accept_ra(None, link, wanted=WHEN_NOT_FORWARDING, before=ALWAYS))
    return [*steps, Operation("record.drop", {"kind": FORWARDING_KIND, "name": _name(key, own), "before": memory})]


def _has_learned(link: Link, own: NamespaceState) -> bool:
    """Whether a link has a route or an address that a router told of, and would not be told again."""
    if link.accept_ra != WHEN_NOT_FORWARDING:
        return False
    routes = (route for found in own.routes.values() for route in found if route.leads_through(link.ifindex))
    addresses = own.addresses.get(link.ifindex, ())
    return any(route.protocol == RTPROT_RA for route in routes) or any(
        one.family == AF_INET6 and one.scope == "global" and one.valid is not None for one in addresses
    )


def _families(records: Iterable[Mapping[str, Any]]) -> set[int]:
    wanting = [record for record in records if record["forwarding"]]
    return {version for version in KEYS if any(addresses_of(record, version) for record in wanting)}


def _name(key: str, own: NamespaceState) -> str:
    return f"{own.fingerprint[1]}:{key}"
