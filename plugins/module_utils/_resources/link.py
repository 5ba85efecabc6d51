# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The resource link: network devices of a namespace, with their addresses and routes."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

from .._engine.draft import Draft
from .._engine.errors import InvalidOption, TaskError
from .._engine.kinds.contract import place
from .._engine.kinds.route import route_key
from .._engine.operation import Operation, without_empty
from .._engine.resource import Reader
from .._engine.state import NamespaceState, Netns, State
from .._engine.subjects import link_subject
from .._kernel.addressing import RTN_UNICAST, Route, ipv6_enabled
from .._kernel.links import Link
from .._kernel.namespaces import Identity, own_identity
from .link_addressing import is_made_by_kernel
from .link_observing import (
    observe_carried,
    observe_kind,
    observe_relatives,
    read_if_there,
    refuse_same_namespace,
    search_named,
)
from .link_options import End, WantedLink, parse_link
from .link_planning import plan_absent, plan_present, refuse_missing_namespaces
from .link_record import believed, record_key, routes_made
from .link_removal import find_parent, find_peer, grouped
from .link_traffic import observe_traffic, traffic_of
from .netns import namespace_subjects

LARGEST_PORT = 1 << 16


class LinkResource:
    """Observe and plan links."""

    def parse(self, options: dict[str, Any]) -> WantedLink:
        """One link as wanted. Raises InvalidOption."""
        return parse_link(options)

    def check(self, wanted: Sequence[WantedLink]) -> None:
        """Refuse a name, an alternative name or an address that is given twice."""
        names: list[tuple[Netns, str]] = []
        for one in wanted:
            for end in one.ends:
                names += [end.key, *((end.netns, name) for name in end.altnames)]
        seen: set[tuple[Netns, str]] = set()
        for netns, name in names:
            if (netns, name) in seen:
                raise InvalidOption("name", place(netns, name), "is given twice")
            seen.add((netns, name))
        macs: set[tuple[Netns, str]] = set()
        for end in (end for one in wanted if one.present for end in one.ends if end.mac):
            if (end.netns, end.mac) in macs:
                raise InvalidOption("mac", end.mac, f"is given twice in {end.netns or 'one namespace'}")
            macs.add((end.netns, str(end.mac)))

    def subjects(self, wanted: Sequence[WantedLink]) -> frozenset[str]:
        """A sandbox as a whole; where Ansible runs, each link by itself."""
        own = own_identity()[1]
        subjects: set[str] = set()
        for one in wanted:
            for end in one.ends:
                subjects.update(namespace_subjects(end.netns) if end.netns else [link_subject(end.name, own)])
        return frozenset(subjects)

    def observe(self, wanted: Sequence[WantedLink], reader: Reader) -> State:
        """Links, addresses and routes of each namespace that is named, read once."""
        state = State(ipv6=ipv6_enabled())
        own = own_identity()
        for path in dict.fromkeys([None, *(path for one in wanted for path in one.netnses)]):
            state.namespaces[path] = read_if_there(path, reader)
        refuse_same_namespace(state)
        missing: set[tuple[Netns, int]] = set()
        for one in wanted:
            missing.update(observe_relatives(one, state, reader))
            observe_kind(one, state, reader)
            key = record_key(one.end, own)
            record = reader.records.get("link", key)
            state.records["link", key] = believed(record)
        search_named(missing, state, reader)
        observe_carried(wanted, state, reader)
        observe_traffic(wanted, state, reader)
        return state

    def plan(self, wanted: Sequence[WantedLink], state: State) -> list[Operation]:
        """Item by item on a working copy, so that an item may lean on an earlier one."""
        refuse_missing_namespaces((path for one in wanted if one.present for path in one.netnses), state)
        own = _own_identity(state)
        working = state.copy()
        operations: list[Operation] = []
        for one in _in_order(wanted, state):
            if one.present:
                steps = plan_present(one, Draft(working, state), own)
            else:
                steps = plan_absent(one, Draft(working, state), own)
            operations += steps
        _refuse_removed(wanted, working)
        return grouped(operations)

    def describe(self, wanted: WantedLink, before: State, after: State) -> dict[str, Any]:
        """The link for the result."""
        result = describe_end(wanted.end, after)
        if wanted.peer is not None:
            result["peer"] = describe_end(wanted.peer, after)
        return result


def describe_end(end: End, state: State) -> dict[str, Any]:
    """One end of a link for the result; what is not known yet is None."""
    namespace = state.at(end.netns)
    link = namespace.link(end.name) if namespace else None
    if namespace is None or link is None:
        return {"name": end.name, "netns": end.netns, "state": "absent"}
    data = {name: value for name, value in link.data.items() if name != "parent"}
    below = find_parent(link, end.netns, state)
    return {
        "name": link.name,
        "netns": end.netns,
        "state": "present",
        "kind": link.kind or None,
        "ifindex": link.known_index,
        "mac": link.mac or None,
        "mtu": link.mtu or None,
        "txqlen": link.txqlen if link.ifindex > 0 else link.txqlen or None,
        "up": link.up,
        "master": namespace.name_of(link.master) or None,
        "parent": below[1] if below else None,
        "alias": link.alias,
        "altnames": list(link.altnames),
        "addresses": sorted(
            f"{one.local}/{one.prefix}"
            for one in namespace.addresses.get(link.ifindex, ())
            if not (one.scope == "host" or is_made_by_kernel(one, link.mac))
        ),
        "routes": [_describe_route(one) for one in sorted(_unicast(namespace, link), key=route_key)],
        **traffic_of(end, link, namespace),
        **data,
    }


def _unicast(namespace: NamespaceState, link: Link) -> list[Route]:
    return [one for one in routes_made(namespace, link) if one.type == RTN_UNICAST]


def _describe_route(route: Route) -> dict[str, Any]:
    named = without_empty({"dst": route.dst, "gateway": route.gateway, "src": route.src})
    return {**named, "metric": route.metric, "table": route.table}


def _in_order(wanted: Sequence[WantedLink], state: State) -> Iterator[WantedLink]:
    """As given, but links to be deleted one after the other so that an undo, which makes the
    last one first, gives bridges the same ports under the same numbers; an ifb after those that use it."""

    def rank(one: WantedLink) -> tuple[bool, bool, int]:
        link = state.link(*one.end.key)
        peer = find_peer(link, one.end.netns, state) if link else None
        port = max(link.port if link else 0, peer[1].port if peer else 0)
        kind = link.kind if link else ""
        return kind == "bridge", kind == "ifb", -port if port else -LARGEST_PORT

    for present, run in itertools.groupby(wanted, lambda one: one.present):
        items = list(run)
        yield from items if present else sorted(items, key=rank)


def _refuse_removed(wanted: Sequence[WantedLink], working: State) -> None:
    """A link that another item of the list takes away, as the peer of its own."""
    for end in (end for one in wanted if one.present for end in one.ends):
        if working.link(*end.key) is None:
            raise TaskError(f"{place(end.netns, end.name)} is removed by another item of this list")


def _own_identity(state: State) -> Identity:
    """The identity of the namespace Ansible runs in, as it was read."""
    own = state.namespaces[None]
    return own.identity if own and own.identity else (0, 0)
