# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""What links cannot be or become, found out before anything is touched.

What the kernel would refuse, and what it would do without a word to something else.
"""

from __future__ import annotations

from .._engine.draft import Draft
from .._engine.errors import InvalidOption, NotThereYet, TaskError
from .._engine.kinds.contract import place
from .._engine.state import NamespaceState, Netns, State
from .._kernel.addressing import AF_INET6
from .._kernel.links import Link
from .link_addressing import OF_THE_KERNEL, kept_over_down
from .link_options import CHANGEABLE_OF_KIND, SMALLEST_FOR_IPV6, End, WantedLink
from .link_removal import are_peers, find_parent

TAKE_PORTS = ("bridge", "bond", "team", "vrf", "openvswitch", "hsr", "batadv")


def obstacle_of(one: WantedLink, link: Link | None, state: State) -> str:
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


def refuse_impossible(one: WantedLink, draft: Draft) -> None:
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
    if one.kind == "vlan" and one.end.up and lower is not None and not lower.up:
        below_where = place(parent_netns(one, state), lower.name)
        raise InvalidOption("parent", one.parent, f"is down: {where} can be up only when {below_where} is")


def refuse_master(end: End, namespace: NamespaceState, draft: Draft) -> None:
    """A master that does not exist, or is nothing that has ports."""
    master = namespace.link(end.master) if end.master else None
    if end.master and master is None:
        message = f"master: {end.master!r}, beside {place(end.netns, end.name)}, does not exist"
        raise _missing_link(message, end.netns, end.master, draft)
    if master is not None and master.ifindex > 0 and master.kind not in TAKE_PORTS:
        kind = "the loopback device" if master.loopback else f"of kind {master.kind or 'physical'}"
        raise InvalidOption("master", end.master, f"of {place(end.netns, end.name)} is {kind}, which takes no ports")


def refuse_mtu(end: End, link: Link, namespace: NamespaceState) -> None:
    """What the kernel would refuse, or what it would take IPv6 away for."""
    if end.mtu is not None and link.largest_mtu and end.mtu > link.largest_mtu:
        raise InvalidOption("mtu", end.mtu, f"is above {link.largest_mtu}, the largest of {place(end.netns, end.name)}")
    if end.mtu is not None and end.mtu != link.mtu:
        refuse_small_mtu(end, link, namespace)
        master = namespace.link(end.master) if end.master else namespace.links.get(link.master)
        if master is not None and master.kind == "bridge":  # it takes the smallest of its ports
            refuse_small_mtu(end, master, namespace)
    mtu = end.mtu or link.mtu
    wants_ipv6 = any(one.address.family == AF_INET6 for one in end.addresses)
    if wants_ipv6 and link.ifindex > 0 and mtu < SMALLEST_FOR_IPV6:
        raise InvalidOption("addresses", end.name, f"has the MTU {mtu}; IPv6 needs {SMALLEST_FOR_IPV6} at least")


def refuse_small_mtu(end: End, link: Link, namespace: NamespaceState) -> None:
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


def refuse_without_ipv6(end: End, link: Link, namespace: NamespaceState, state: State) -> None:
    """IPv6 addresses where the kernel has no IPv6, or the link has it off."""
    off = "in this kernel" if not state.ipv6 else ""
    if link.ipv6_disabled or (link.ifindex < 0 and namespace.ipv6_disabled):
        off = f"on {place(end.netns, end.name)} (disable_ipv6)"
    for one in end.addresses:
        if off and one.address.family == AF_INET6:
            raise InvalidOption("addresses", one.address.local, f"needs IPv6, which is off {off}")


def parent_netns(one: WantedLink, state: State) -> Netns:
    """Where the parent is: as told, else beside the link, else where Ansible runs."""
    if one.parent_netns is not None or one.parent is None:
        return one.parent_netns
    beside = state.at(one.end.netns)
    return one.end.netns if beside is not None and beside.link(one.parent) else None


def _missing_link(message: str, netns: Netns, name: str, draft: Draft) -> TaskError:
    """The error for a link that another one needs; an earlier task may have to make it,
    unless it is there and this very list takes it away."""
    if draft.observed.link(netns, name) is not None:
        return TaskError(f"{message} any more: this list removes it")

    def assume() -> None:
        namespace = draft.observed.existing(netns)
        namespace.put(Link(ifindex=draft.observed.foretold_index(), name=name, up=True))

    return NotThereYet(message, assume)


def _is_parent_of(one: WantedLink, netns: Netns, name: str) -> bool:
    """Whether the link that a found one stands on is the one asked for, wherever that was to be."""
    return name == one.parent and one.parent_netns in (None, netns)


def _refuse_mtu_above_parent(end: End, lower: Link | None) -> None:
    if lower is not None and end.mtu is not None and lower.mtu and end.mtu > lower.mtu:
        raise InvalidOption("mtu", end.mtu, f"is above that of {lower.name}, which is {lower.mtu}")


def _missing(kind: str) -> str:
    options = {"vlan": "VLAN_8021Q", "tap": "TUN", "tun": "TUN"}
    return f"CONFIG_{options.get(kind, kind.upper())} is not built, or its module not installed"
