# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Planning one link: made, changed in place, replaced, or taken away."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import Any

from .._engine.draft import Draft
from .._engine.errors import InvalidOption, NotThereYet, TaskError
from .._engine.kinds.contract import place
from .._engine.kinds.registry import KINDS
from .._engine.kinds.route import route_args
from .._engine.operation import Operation, without_empty
from .._engine.state import NamespaceState, Netns, State
from .._kernel.addressing import AF_INET6, RTN_UNICAST
from .._kernel.links import Link
from .._kernel.namespaces import Identity
from . import values
from .link_addressing import (
    OF_THE_KERNEL,
    keeping,
    kept_over_down,
    leads_through,
    plan_addressing,
    refuse_opaque,
)
from .link_options import CHANGEABLE, CHANGEABLE_OF_KIND, SMALLEST_FOR_IPV6, End, WantedLink
from .link_record import deletable, identity_of, plan_restoration, record_key, remember
from .link_removal import accept_ra, are_peers, find_parent, plan_deletion, stand_on

TAKE_PORTS = ("bridge", "bond", "team", "vrf", "openvswitch", "hsr", "batadv")


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


def _missing_link(message: str, netns: Netns, name: str, draft: Draft) -> TaskError:
    """The error for a link that another one needs; an earlier task may have to make it,
    unless it is there and this very list takes it away."""
    if draft.observed.link(netns, name) is not None:
        return TaskError(f"{message} any more: this list removes it")

    def assume() -> None:
        namespace = draft.observed.existing(netns)
        namespace.put(Link(ifindex=draft.observed.foretold_index(), name=name, up=True))

    return NotThereYet(message, assume)


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
    _refuse_without_ipv6(end, link, namespace, draft.state)
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
        found = link.data.get(name)
        fixed = name not in CHANGEABLE_OF_KIND or "passthru" in (found, wanted)
        if fixed and found != wanted:
            return f"{where} has {name} {found}, not {wanted}"
    if one.queues and one.kind == "veth" and link.tx_queues != one.queues:
        return f"{where} has {link.tx_queues} queues, not {one.queues}"
    if one.parent:
        below = find_parent(link, one.end.netns, state)
        if below is None or not _is_parent_of(one, *below):
            found = place(*below) if below else "a link elsewhere"
            return f"{where} stands on {found}, not on {place(one.parent_netns, one.parent)}"
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
    lower = below.link(one.parent) if below and one.parent else None
    if one.parent and lower is None:
        message = f"parent: {one.parent!r}, for {where}, does not exist"
        raise _missing_link(message, parent_netns(one, state), one.parent, draft)
    _refuse_mtu_above_parent(one.end, lower)


def _is_parent_of(one: WantedLink, netns: Netns, name: str) -> bool:
    """Whether the link that a found one stands on is the one asked for, wherever that was to be."""
    return name == one.parent and one.parent_netns in (None, netns)


def _refuse_mtu_above_parent(end: End, lower: Link | None) -> None:
    if lower is not None and end.mtu is not None and lower.mtu and end.mtu > lower.mtu:
        raise InvalidOption("mtu", end.mtu, f"is above that of {lower.name}, which is {lower.mtu}")


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
    _refuse_master(end, namespace, draft)
    _refuse_mtu(end, link, namespace)
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
    return {"netns": netns, "name": link.name, "ifindex": link.ifindex if link.ifindex > 0 else None}


def _routes_lost_when_down(link: Link, end: End, namespace: NamespaceState) -> list[Operation]:
    lost = [
        one
        for routes in namespace.routes.values()
        for one in routes
        if leads_through(one, link.ifindex) and one.protocol not in OF_THE_KERNEL and one.type == RTN_UNICAST
    ]
    refuse_opaque(lost, end)
    return [Operation("route.delete", route_args(one, end.netns, end.name)) for one in lost]


def _lower_those_on_top(link: Link, end: End, namespace: NamespaceState) -> Iterator[Operation]:
    """The MTU of links that stand on one follows it down, but not up again."""
    for other in stand_on(link, namespace):
        if end.mtu is not None and other.mtu > end.mtu:
            _refuse_small_mtu(end, other, namespace)
            change = {"set": {"mtu": end.mtu}, "before": {"mtu": other.mtu}}
            yield Operation("link.set", {**_target(end.netns, other), **change})


def _refuse_master(end: End, namespace: NamespaceState, draft: Draft) -> None:
    master = namespace.link(end.master) if end.master else None
    if end.master and master is None:
        message = f"master: {end.master!r}, beside {place(end.netns, end.name)}, does not exist"
        raise _missing_link(message, end.netns, end.master, draft)
    if master is not None and master.ifindex > 0 and master.kind not in TAKE_PORTS:
        kind = "the loopback device" if master.loopback else f"of kind {master.kind or 'physical'}"
        raise InvalidOption("master", end.master, f"of {place(end.netns, end.name)} is {kind}, which takes no ports")


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


def _refuse_mtu(end: End, link: Link, namespace: NamespaceState) -> None:
    """What the kernel would refuse, or what it would take IPv6 away for."""
    if end.mtu is not None and link.largest_mtu and end.mtu > link.largest_mtu:
        raise InvalidOption("mtu", end.mtu, f"is above {link.largest_mtu}, the largest of {place(end.netns, end.name)}")
    if end.mtu is not None and end.mtu != link.mtu:
        _refuse_small_mtu(end, link, namespace)
        master = namespace.link(end.master) if end.master else namespace.links.get(link.master)
        if master is not None and master.kind == "bridge":  # it takes the smallest of its ports
            _refuse_small_mtu(end, master, namespace)
    smallest = end.mtu or link.mtu
    if (
        link.ifindex > 0
        and smallest < SMALLEST_FOR_IPV6
        and any(one.address.family == AF_INET6 for one in end.addresses)
    ):
        raise InvalidOption("addresses", end.name, f"has the MTU {smallest}; IPv6 needs {SMALLEST_FOR_IPV6} at least")


def _refuse_small_mtu(end: End, link: Link, namespace: NamespaceState) -> None:
    """Below the smallest MTU of IPv6 (RFC 8200, section 5) the kernel takes all of it off a link."""
    if end.mtu is None or end.mtu >= SMALLEST_FOR_IPV6:
        return
    addresses = kept_over_down(namespace.addresses.get(link.ifindex, ()), link.mac)
    routes = [one for one in namespace.routes.get(link.ifindex, ()) if one.protocol not in OF_THE_KERNEL]
    if addresses or any(one.family == AF_INET6 for one in routes):
        raise InvalidOption(
            "mtu",
            end.mtu,
            f"would take IPv6 from {place(end.netns, link.name)}: {SMALLEST_FOR_IPV6} at least",
        )


def _refuse_without_ipv6(end: End, link: Link, namespace: NamespaceState, state: State) -> None:
    off = "in this kernel" if not state.ipv6 else ""
    if link.ipv6_disabled or (link.ifindex < 0 and namespace.ipv6_disabled):
        off = f"on {place(end.netns, end.name)} (disable_ipv6)"
    for one in end.addresses:
        if off and one.address.family == AF_INET6:
            raise InvalidOption("addresses", one.address.local, f"needs IPv6, which is off {off}")
