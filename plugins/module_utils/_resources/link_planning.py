# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Planning one link: made, changed in place, replaced, or taken away."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

from .._engine.draft import Draft
from .._engine.errors import InvalidOption, NotThereYet, TaskError
from .._engine.kinds.contract import place
from .._engine.kinds.registry import KINDS
from .._engine.kinds.route import route_args
from .._engine.operation import Operation, without_empty
from .._engine.state import NamespaceState, Netns, State
from .._kernel.addressing import AF_INET6, RTN_UNICAST, Address
from .._kernel.links import Link
from .._kernel.namespaces import Identity
from . import values
from .link_addressing import OF_THE_KERNEL, keeping, kept_over_down, plan_addressing
from .link_options import CHANGEABLE, CHANGEABLE_OF_KIND, End, WantedLink
from .link_record import deletable, identity_of, plan_restoration, record_key, remember
from .link_removal import accept_ra, are_peers, find_parent, plan_deletion


def refuse_missing_namespaces(wanted: Sequence[WantedLink], state: State) -> None:
    """Raises NotThereYet for named namespaces that do not exist, TaskError for other paths."""
    missing = dict.fromkeys(path for one in wanted if one.present for path in one.netnses if state.at(path) is None)
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


def _assume_link(netns: Netns, name: str, state: State) -> Callable[[], None]:
    def assume() -> None:
        namespace = state.existing(netns)
        namespace.put(Link(ifindex=state.foretold_index(), name=name, up=True))

    return assume


def plan_present(one: WantedLink, draft: Draft, own: Identity) -> list[Operation]:
    """Make a link, or change it in place. ``own`` is the namespace Ansible runs in. Raises TaskError."""
    link = draft.state.link(*one.end.key)
    obstacle = _obstacle(one, link, draft.state)
    if obstacle and not one.recreate:
        raise TaskError(f"{obstacle}; recreate: true replaces it")
    if obstacle:
        _plan_replacement(one, draft)
        link = None
    if link is None:
        _refuse_impossible(one, draft)
        draft.add([_creation(one, draft.state)])
    for end in one.ends:  # both ends up first: an address without carrier stays tentative
        _plan_attributes(one, end, draft)
    for end in one.ends:
        _plan_addressing(end, draft)
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
    _refuse_without_ipv6(end, draft.state)
    draft.add(plan_addressing(end, namespace, link))


def _plan_replacement(one: WantedLink, draft: Draft) -> None:
    for end in one.ends:
        link = draft.state.link(*end.key)
        if link is not None:
            if not deletable(link):
                raise TaskError(f"{place(end.netns, end.name)} cannot be deleted, so not recreated")
            draft.add(plan_deletion(link, end.netns, draft.state))


def _obstacle(one: WantedLink, link: Link | None, state: State) -> str:
    """Why a link cannot become what is wanted in place; empty when it can."""
    where = place(one.end.netns, one.end.name)
    if link is None:
        peer = state.link(*one.peer.key) if one.peer else None
        if one.peer and peer:
            return f"{place(one.peer.netns, one.peer.name)} exists, but not as the peer of {where}"
        return ""
    if one.kind is None:
        return ""
    if link.kind != one.kind:
        return f"{where} exists and is of kind {link.kind or 'physical'}, not {one.kind}"
    for name, wanted in one.data.items():
        if name not in CHANGEABLE_OF_KIND and link.data.get(name) != wanted:
            return f"{where} has {name} {link.data.get(name)}, not {wanted}"
    if one.queues and one.kind == "veth" and link.tx_queues != one.queues:
        return f"{where} has {link.tx_queues} queues, not {one.queues}"
    if one.parent:
        below = find_parent(link, one.end.netns, state)
        if below is None or below != (parent_netns(one, state), one.parent):
            found = place(*below) if below else "a link elsewhere"
            return f"{where} stands on {found}, not on {one.parent}"
    if one.peer:
        peer = state.link(*one.peer.key)
        if peer is None or not are_peers(link, one.end.netns, peer, one.peer.netns, state):
            return f"{place(one.peer.netns, one.peer.name)} is not the peer of {where}"
    return ""


def _refuse_impossible(one: WantedLink, draft: Draft) -> None:
    """What the kernel would refuse, found out before anything is touched."""
    state = draft.state
    where = place(one.end.netns, one.end.name)
    if one.kind is None:
        raise InvalidOption("name", one.end.name, f"does not exist as {where}; kind makes it")
    if not state.kinds.get(one.kind, True):
        raise TaskError(f"kind: this kernel cannot make links of kind {one.kind!r} ({_missing(one.kind)})")
    if one.kind == "veth" and one.peer is None:
        raise InvalidOption("peer", None, "is required to make a link of kind veth")
    for end in one.ends:
        namespace = state.existing(end.netns)
        other = namespace.link_called(end.name)
        if other is not None:
            raise TaskError(f"name: {place(end.netns, end.name)} is an alternative name of {other.name}")
    namespace = state.existing(one.end.netns)
    below = state.at(parent_netns(one, state))
    if one.parent and (below is None or below.link(one.parent) is None):
        raise NotThereYet(
            f"parent: {one.parent!r} does not exist, for {where}",
            _assume_link(parent_netns(one, state), one.parent, draft.observed),
        )


def _missing(kind: str) -> str:
    options = {"vlan": "VLAN_8021Q", "tap": "TUN", "tun": "TUN"}
    return f"CONFIG_{options.get(kind, kind.upper())} is not built, or its module not installed"


def parent_netns(one: WantedLink, state: State) -> Netns:
    """Where the parent is: as told, else beside the link, else where Ansible runs."""
    if one.parent_netns is not None or one.parent is None:
        return one.parent_netns
    beside = state.at(one.end.netns)
    return one.end.netns if beside is not None and beside.link(one.parent) else None


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
    if end.master and namespace.link(end.master) is None:
        raise NotThereYet(
            f"master: {end.master!r} does not exist beside {place(end.netns, end.name)}",
            _assume_link(end.netns, end.master, draft.observed),
        )
    before, wanted = _differences(one, end, link, namespace)
    newborn = link.accept_ra is None and link.ifindex < 0 and draft.state.ipv6
    differs = link.accept_ra is not None and bool(link.accept_ra) != end.accept_ra
    if end.accept_ra is not None and (newborn or differs):
        wanted_ra = int(end.accept_ra)
        draft.add([accept_ra(end.netns, end.name, wanted=wanted_ra, before=link.accept_ra)])
    if not wanted:
        return
    target = {
        "netns": end.netns,
        "name": end.name,
        "ifindex": link.ifindex if link.ifindex > 0 else None,
    }
    args: dict[str, Any] = {**target, "set": wanted, "before": before}
    if any(name in wanted for name in CHANGEABLE_OF_KIND):
        args["kind"] = link.kind
    found = namespace.addresses.get(link.ifindex, [])
    if "up" in wanted:
        args.update(keeping(found, link, end.netns))
    if wanted.get("up") is False:
        for route in list(namespace.routes.get(link.ifindex, ())):
            if route.protocol not in OF_THE_KERNEL and route.type == RTN_UNICAST:
                draft.add([Operation("route.delete", route_args(route, end.netns, end.name))])
    _refuse_small_mtu(end, kept_over_down(found, link.mac))
    draft.add([Operation("link.set", args)])


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
    if end is one.end:
        for name in CHANGEABLE_OF_KIND:
            compare(name, one.data.get(name), link.data.get(name))
    missing = [name for name in end.altnames if name not in link.altnames]
    for name in missing:
        other = namespace.link(name) or namespace.link_called(name)
        if other is not None and other is not link:
            raise TaskError(f"altnames: {name!r} is a name of {other.name} already")
    if missing:
        wanted["altnames"] = [*link.altnames, *missing]
        before["altnames"] = list(link.altnames)
    if end.master is not None:
        compare("master", end.master, namespace.name_of(link.master))
    compare("up", end.up, link.up)
    return before, wanted


def _refuse_small_mtu(end: End, ipv6: Sequence[Address]) -> None:
    if end.mtu is not None and end.mtu < 1280 and ipv6:
        raise InvalidOption(
            "mtu",
            end.mtu,
            f"would take the IPv6 addresses from {place(end.netns, end.name)}: 1280 at least",
        )


def _refuse_without_ipv6(end: End, state: State) -> None:
    if not state.ipv6:
        for one in end.addresses:
            if one.address.family == AF_INET6:
                raise InvalidOption("addresses", one.address.local, "needs IPv6, which is off here")
