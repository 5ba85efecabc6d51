# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Links that cannot be deleted: what was changed on them is remembered, to be put back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from .._engine.draft import Draft
from .._engine.kinds.address import address_args
from .._engine.kinds.registry import foretell, inverse
from .._engine.kinds.route import route_args
from .._engine.operation import Operation
from .._engine.state import NamespaceState, State
from .._kernel.addressing import AF_INET, Address, Route
from .._kernel.links import Link
from .._kernel.namespaces import Identity
from .._store.records import Record
from .link_addressing import OF_THE_KERNEL, keeping, oldest_first
from .link_options import CHANGEABLE, End, WantedLink
from .link_removal import accept_ra


def record_key(end: End, own: Identity) -> str:
    """How the record of a link is called: its namespace and its name."""
    return f"{end.netns or own[1]}:{end.name}"


def believed(record: Record | None) -> dict[str, Any] | None:
    """What a record says; of an earlier boot there is nothing to put back."""
    if record is None:
        return None
    return record.value if record.this_boot else {"of": [], "done": []}


def deletable(link: Link) -> bool:
    """Virtual links can be deleted; lo and physical ones are only put back as they were."""
    return bool(link.kind) and not link.loopback


def remember(one: WantedLink, draft: Draft, own: Identity) -> None:
    """A link that cannot be deleted: remember what was changed, to put it back."""
    link = draft.state.link(*one.end.key)
    if link is None or not draft.operations:
        return
    key = record_key(one.end, own)
    before = draft.state.record("link", key)
    identity = identity_of(one.end, link, draft.state)
    earlier = before["done"] if before and before["of"] == identity else []
    done = [operation.as_dict() for operation in draft.operations]
    value = {"of": identity, "done": [*earlier, *done]}
    args = {
        "kind": "link",
        "name": key,
        "value": value,
        "before": before,
    }
    draft.add([Operation("record.put", args)])


def identity_of(end: End, link: Link, state: State) -> list[int]:
    """Which link a record is about: the fingerprint of its namespace, and its index."""
    return [*state.existing(end.netns).fingerprint, link.ifindex]


def plan_restoration(record: dict[str, Any], end: End, draft: Draft) -> None:
    """Undo what the record holds on a copy, then do what makes the difference."""
    done = [Operation.from_dict(data) for data in reversed(record["done"])]
    steps = [step for operation in done for step in inverse(operation)]
    restored = foretell(steps, draft.state)
    now, then = draft.state.existing(end.netns), restored.existing(end.netns)
    link, former = now.existing(end.name), then.existing(end.name)
    old_routes, new_routes = routes_made(now, link), routes_made(then, link)
    for route in old_routes:
        if route not in new_routes:
            draft.add([Operation("route.delete", route_args(route, end.netns, end.name))])
    old, new = now.addresses.get(link.ifindex, []), then.addresses.get(link.ifindex, [])
    staying = _staying(old, new, end)
    for address in reversed(oldest_first([one for one in old if one not in staying])):
        draft.add([Operation("address.delete", address_args(address, end.netns, end.name))])
    draft.add(_attributes_back(link, former, end, now, then, staying))
    back = [_args(one, end) for one in staying]
    for address in oldest_first([one for one in new if _args(one, end) not in back]):
        draft.add([Operation("address.add", address_args(address, end.netns, end.name))])
    for route in new_routes:
        if route not in old_routes:
            draft.add([Operation("route.add", route_args(route, end.netns, end.name))])


def _staying(old: Sequence[Address], new: Sequence[Address], end: End) -> list[Address]:
    """The addresses that are right already; of IPv4 also in the right order, for the first
    of a subnet is its primary."""
    wanted = [_args(one, end) for one in new if one.family == AF_INET]
    staying: list[Address] = []
    for one in old:
        if one.family == AF_INET and _args(one, end) == next(iter(wanted[len(staying) :]), None):
            staying.append(one)
    others = [_args(one, end) for one in new if one.family != AF_INET]
    return staying + [one for one in old if one.family != AF_INET and _args(one, end) in others]


def _args(address: Address, end: End) -> dict[str, Any]:
    """All that makes an address what it is, without the lifetime that runs down."""
    args = address_args(address, end.netns, end.name)
    return {name: value for name, value in args.items() if name not in ("valid", "preferred")}


def routes_made(namespace: NamespaceState, link: Link) -> list[Route]:
    """The routes of a link that somebody made, not the kernel."""
    routes = namespace.routes.get(link.ifindex, ())
    return [route for route in routes if route.protocol not in OF_THE_KERNEL]


def _attributes_back(
    link: Link,
    former: Link,
    end: End,
    now: NamespaceState,
    then: NamespaceState,
    staying: Sequence[Address],
) -> Iterator[Operation]:
    if former.accept_ra is not None and former.accept_ra != link.accept_ra:
        yield accept_ra(end.netns, link, wanted=former.accept_ra, before=link.accept_ra)
    names = (*CHANGEABLE, "ipv6_link_local", "up")
    current = {name: getattr(link, name) for name in names}
    back = {name: getattr(former, name) for name in names}
    current.update(altnames=list(link.altnames), master=now.name_of(link.master))
    back.update(altnames=list(former.altnames), master=then.name_of(former.master))
    differing = [name for name in back if back[name] != current[name]]
    if differing:
        args = {
            "netns": end.netns,
            "name": end.name,
            "ifindex": link.ifindex,
            "set": {name: back[name] for name in differing},
            "before": {name: current[name] for name in differing},
        }
        if "up" in differing:
            args.update(keeping(staying, link, end.netns))
        yield Operation("link.set", args)
