# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Planning one link: made, changed in place, replaced, or taken away."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import Any

from .._engine.draft import Draft
from .._engine.errors import NotThereYet, TaskError
from .._engine.kinds.contract import place
from .._engine.kinds.registry import KINDS
from .._engine.kinds.route import route_args
from .._engine.operation import Operation, without_empty
from .._engine.state import NamespaceState, Netns, State
from .._kernel.addressing import RTN_UNICAST
from .._kernel.links import Link
from .._kernel.namespaces import Identity
from . import values
from .link_addressing import (
    OF_THE_KERNEL,
    keeping,
    plan_addressing,
    refuse_opaque,
)
from .link_options import CHANGEABLE, CHANGEABLE_OF_KIND, End, WantedLink
from .link_record import deletable, identity_of, plan_restoration, record_key, remember
from .link_refusals import (
    obstacle_of,
    parent_netns,
    refuse_impossible,
    refuse_master,
    refuse_mtu,
    refuse_small_mtu,
    refuse_without_ipv6,
)
from .link_removal import accept_ra, plan_deletion, stand_on
from .link_traffic import plan_traffic


def refuse_missing_namespaces(paths: Iterable[Netns], state: State) -> None:
    """Raises NotThereYet for named namespaces that do not exist, TaskError for other paths."""
    missing = dict.fromkeys(path for path in paths if state.at(path) is None)
    if not missing:
        return

    def assume() -> None:
        for path in missing:
            KINDS["netns.create"].foretell({"path": path}, state)

    for path in missing:
        if os.path.dirname(str(path)) != values.NETNS_DIR:
            raise TaskError(f"netns: there is no network namespace {path}")
    names = ", ".join(str(path) for path in list(missing)[:5])
    more = f" and {len(missing) - 5} more" if len(missing) > 5 else ""
    raise NotThereYet(f"netns: there is no network namespace {names}{more}", assume)


def plan_present(one: WantedLink, draft: Draft, own: Identity) -> list[Operation]:
    """Make a link, or change it in place. ``own`` is the namespace Ansible runs in. Raises TaskError."""
    link = draft.state.link(*one.end.key)
    obstacle = obstacle_of(one, link, draft.state)
    if obstacle and not one.recreate:
        raise TaskError(f"{obstacle}; recreate: true replaces it")
    if obstacle:
        _plan_replacement(one, draft)
        link = None
    if link is None:
        refuse_impossible(one, draft)
        draft.add([_creation(one, draft.state)])
    for end in one.ends:  # both ends up first: an address without carrier stays tentative
        _plan_attributes(one, end, draft)
    for end in one.ends:
        _plan_addressing(end, draft)
    for end in one.ends:
        found = draft.state.existing(end.netns).existing(end.name)
        plan_traffic(end, draft, deletable=deletable(found))
    if link is not None and not deletable(link):
        remember(one, draft, own)
    return draft.operations


def plan_absent(one: WantedLink, draft: Draft, own: Identity) -> list[Operation]:
    """Delete a link, or put back what was changed on one that cannot be deleted. Raises TaskError."""
    working = draft.state
    link = working.link(*one.end.key)
    if link is not None and deletable(link):
        draft.add(plan_deletion(link, one.end.netns, working))
    key = record_key(one.end, own)
    record = working.record("link", key)
    if record is not None:
        if link is not None and record["of"] == identity_of(one.end, link, working):
            plan_restoration(record, one.end, draft)
        draft.add([Operation("record.drop", {"kind": "link", "name": key, "before": record})])
    return draft.operations


def _plan_addressing(end: End, draft: Draft) -> None:
    namespace = draft.state.existing(end.netns)
    link = namespace.existing(end.name)
    refuse_without_ipv6(end, link, namespace, draft.state)
    draft.add(plan_addressing(end, namespace, link))


def _plan_replacement(one: WantedLink, draft: Draft) -> None:
    for end in one.ends:
        link = draft.state.link(*end.key)
        if link is not None:
            if not deletable(link):
                raise TaskError(f"{place(end.netns, end.name)} cannot be deleted, so not recreated")
            draft.add(plan_deletion(link, end.netns, draft.state))


def _creation(one: WantedLink, state: State) -> Operation:
    queues = one.queues or 1 if one.kind == "veth" else 0
    args = {**_born(one.end, queues), "kind": one.kind}
    if one.parent:
        args["parent_netns"] = parent_netns(one, state)
        args["parent"] = one.parent
    data = dict(one.data)
    if one.kind in ("macvlan", "macvtap"):
        data.setdefault("mode", "bridge")
    if data:
        args["data"] = data
    if one.peer:
        args["peer"] = _born(one.peer, queues)
    return Operation("link.add", args)


def _born(end: End, queues: int) -> dict[str, Any]:
    details = {
        "mac": end.mac,
        "mtu": end.mtu,
        "txqlen": end.txqlen,
        "master": end.master,
        "queues": queues or None,
    }
    return {"netns": end.netns, "name": end.name, "ifindex": None, **without_empty(details)}


def _plan_attributes(one: WantedLink, end: End, draft: Draft) -> None:
    namespace = draft.state.existing(end.netns)
    link = namespace.existing(end.name)
    refuse_master(end, namespace, draft)
    refuse_mtu(end, link, namespace)
    before, wanted = _differences(one, end, link, namespace)
    newborn = link.accept_ra is None and link.ifindex < 0 and draft.state.ipv6
    differs = link.accept_ra is not None and bool(link.accept_ra) != end.accept_ra
    if end.accept_ra is not None and (newborn or differs):
        draft.add([accept_ra(end.netns, link, wanted=int(end.accept_ra), before=link.accept_ra)])
    if not wanted:
        return
    args: dict[str, Any] = {**_target(end.netns, link), "set": wanted, "before": before}
    if any(name in wanted for name in CHANGEABLE_OF_KIND):
        args["kind"] = link.kind
    found = namespace.addresses.get(link.ifindex, [])
    if "up" in wanted:
        args.update(keeping(found, link, end.netns))
    if wanted.get("up") is False:
        draft.add(_routes_lost_when_down(link, end, namespace))
    if "mtu" in wanted:
        draft.add(_lower_those_on_top(link, end, namespace))
    draft.add([Operation("link.set", args)])


def _target(netns: Netns, link: Link) -> dict[str, Any]:
    """Which link an operation is about; the index of a new one is given later."""
    return {"netns": netns, "name": link.name, "ifindex": link.known_index}


def _routes_lost_when_down(link: Link, end: End, namespace: NamespaceState) -> list[Operation]:
    lost = [
        one
        for routes in namespace.routes.values()
        for one in routes
        if one.leads_through(link.ifindex) and one.protocol not in OF_THE_KERNEL and one.type == RTN_UNICAST
    ]
    refuse_opaque(lost, end)
    return [Operation("route.delete", route_args(one, end.netns, end.name)) for one in lost]


def _lower_those_on_top(link: Link, end: End, namespace: NamespaceState) -> Iterator[Operation]:
    """The MTU of links that stand on one follows it down, but not up again."""
    for other in stand_on(link, namespace):
        if end.mtu is not None and other.mtu > end.mtu:
            refuse_small_mtu(end, other, namespace)
            change = {"set": {"mtu": end.mtu}, "before": {"mtu": other.mtu}}
            yield Operation("link.set", {**_target(end.netns, other), **change})


def _differences(
    one: WantedLink, end: End, link: Link, namespace: NamespaceState
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The attributes that change in place: their old and their new values."""
    before: dict[str, Any] = {}
    wanted: dict[str, Any] = {}

    def compare(name: str, new: Any, old: Any) -> None:
        if new is not None and new != old:
            wanted[name], before[name] = new, old

    for name in CHANGEABLE:
        compare(name, getattr(end, name), getattr(link, name))
    mode = link.ipv6_link_local
    if mode is None or bool(mode) != end.ipv6_link_local:  # whichever way the kernel makes the address
        compare("ipv6_link_local", end.ipv6_link_local, link.ipv6_link_local)
    if end is one.end:
        for name in CHANGEABLE_OF_KIND:
            compare(name, one.data.get(name), link.data.get(name))
    missing = [name for name in end.altnames if name not in link.altnames]
    for name in missing:
        other = namespace.holder_of(name)
        if other is not None and other is not link:
            raise TaskError(f"altnames: {name!r} is a name of {other.name} already")
    if missing:
        wanted["altnames"] = [*link.altnames, *missing]
        before["altnames"] = list(link.altnames)
    if end.master is not None:
        compare("master", end.master, namespace.name_of(link.master))
    compare("up", end.up, link.up)
    return before, wanted
