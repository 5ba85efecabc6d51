# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Devices that cannot be moved, or should not be without ``force``; found out before anything is touched."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from .._engine.errors import InvalidOption, TaskError
from .._engine.kinds.contract import place
from .._engine.state import NamespaceState, Netns, State
from .._kernel.addressing import RTN_UNICAST, TABLE_MAIN
from .._kernel.links import Link
from . import values
from .device_baggage import routes_lost
from .device_options import WantedDevice, name_of_template
from .link_removal import stand_on

# The kernel moves none of these; newer ones say so themselves (IFLA_NETNS_IMMUTABLE).
IMMOVABLE = ("bridge", "bond", "team", "vrf", "batadv", "openvswitch")
LONGEST_NUMBER = 32768  # of a template; the kernel looks no further
DEFAULT = ("0.0.0.0/0", "::/0")


def refuse_immovable(link: Link, netns: Netns, namespace: NamespaceState) -> None:
    """What no option allows. Raises TaskError."""
    where = place(netns, link.name)
    if link.loopback:
        raise TaskError(f"device: {where} is the loopback device, which belongs to its namespace")
    if link.immovable or link.kind in IMMOVABLE:
        raise TaskError(
            f"device: {where} is of kind {link.kind or 'physical'}, which the kernel moves to no other namespace"
        )
    ports = [other.name for other in namespace.links.values() if other.master == link.ifindex]
    if ports:
        raise TaskError(f"device: {where} has the ports {', '.join(ports[:5])}; take them out first")
    for route in routes_lost(link, namespace):
        if route.opaque:
            raise TaskError(
                f"device: the route {route.dst} would go with {where}, and it has details (a next hop object, or an"
                " encapsulation, for one) that could not be put back; delete it first"
            )


def refuse_without_force(link: Link, netns: Netns, state: State) -> None:
    """What somebody has to want. Raises TaskError."""
    for reason in reasons_against(link, netns, state):
        raise TaskError(f"device: {place(netns, link.name)} {reason}; force: true moves it all the same")


def reasons_against(link: Link, netns: Netns, state: State) -> Iterator[str]:
    """What would be lost for good with a device, or the host's own connection with it."""
    namespace = state.existing(netns)
    if netns is None:
        yield from _carries_the_host(link, namespace, state.session)
    for other in stand_on(link, namespace):
        yield f"carries {other.name}, which would lose its connection"
    for qdisc in namespace.qdiscs.get(link.ifindex, ()):
        if not qdisc.repeatable:
            yield f"has a qdisc of kind {qdisc.control.kind}, which could not be put back as it is"
    master = namespace.links.get(link.master)
    if master is not None and master.filters_vlans:
        yield f"is a port of {master.name}, which filters VLANs; those of the port could not be put back"
    elif master is not None and master.kind != "bridge":
        yield f"is a port of {master.name}; what it is to that could not be put back"


def _carries_the_host(link: Link, namespace: NamespaceState, session: frozenset[str]) -> Iterator[str]:
    """Through which the host is reached: by itself, or by the bridge whose way out it is."""
    master = namespace.links.get(link.master)
    ways = [link, *([master] if master is not None and not link.kind else [])]
    for way in ways:
        through = "" if way is link else f" through {way.name}"
        for routes in namespace.routes.values():
            for route in routes:
                is_default = route.dst in DEFAULT and route.table == TABLE_MAIN and route.type == RTN_UNICAST
                if is_default and route.leads_through(way.ifindex):
                    yield f"carries the host's default route{through}"
        yield from (f"{reason}{through}" for reason in carries_session(way, namespace, session))


def carries_session(link: Link, namespace: NamespaceState, session: frozenset[str]) -> Iterator[str]:
    """That whoever runs the task is connected to an address of the link."""
    for address in namespace.addresses.get(link.ifindex, ()):
        if address.local in session:
            yield f"carries the connection that this task is run over ({address.local})"


def name_in_target(one: WantedDevice, link: Link, target: NamespaceState) -> str:
    """What the device will be called. Raises TaskError when that, or an alternative name of
    the device, is a name of another link there."""
    name = free_name(one.template, target) if one.template else one.new_name or link.name
    option = "new_name" if one.new_name else "device"
    refuse_clash(option, name, link.altnames, one.netns, target)
    return name


def free_name(template: str, namespace: NamespaceState) -> str:
    """The name with the lowest number that no link has. Raises InvalidOption."""
    for number in range(LONGEST_NUMBER):
        name = name_of_template(template, number)
        if namespace.holder_of(name) is None:
            if len(name.encode()) > values.LONGEST_LINK_NAME:
                break
            return name
    raise InvalidOption("new_name", template, "gives no name that is free")


def refuse_clash(
    option: str,
    name: str,
    altnames: Sequence[str],
    netns: Netns,
    namespace: NamespaceState,
    itself: Link | None = None,
) -> None:
    """A name of the device that another link has: names and alternative names share one space.
    ``itself`` is the device where it is in that namespace already. Raises TaskError."""
    where = netns or "the namespace Ansible runs in"
    for wanted in (name, *altnames):
        what = "" if wanted == name else f"the alternative name {wanted!r} of the device: "
        other = namespace.holder_of(wanted)
        if other is not None and other is not itself:
            holder = "the name of another link" if other.name == wanted else f"an alternative name of {other.name}"
            raise TaskError(f"{option}: {what}{wanted!r} is {holder} in {where}")
    if name in altnames:
        raise TaskError(f"{option}: {name!r} is an alternative name of the device itself")
