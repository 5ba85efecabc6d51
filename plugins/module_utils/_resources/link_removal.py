# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Planning the removal of links, in a form from which each can be made again."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

from .._engine.errors import TaskError
from .._engine.kinds.address import address_args
from .._engine.kinds.contract import place
from .._engine.kinds.route import route_args
from .._engine.operation import Operation, without_empty
from .._engine.state import NamespaceState, Netns, State
from .._kernel.addressing import RTN_UNICAST
from .._kernel.links import Link
from .link_addressing import OF_THE_KERNEL, is_made_by_kernel, oldest_first
from .link_options import MAY_HAVE_PARENT
from .link_traffic import refuse_in_use, restoring_traffic


def plan_deletion(link: Link, netns: Netns, state: State) -> list[Operation]:
    """Delete a link; the operation says how to make it again. Raises TaskError."""
    namespace = state.existing(netns)
    _refuse_with_links_on_top(link, netns, state)
    refuse_in_use(link, netns, namespace)
    peer_place = find_peer(link, netns, state)
    args: dict[str, Any] = {**_making(link, netns, namespace), "kind": link.kind}
    data = {name: value for name, value in link.data.items() if name not in ("persist", "parent")}
    if data:
        args["data"] = data
    below = find_parent(link, netns, state)
    if below is not None:
        args["parent_netns"], args["parent"] = below
    restore = list(_restoring(link, netns, namespace))
    if peer_place is not None:
        peer_netns, peer = peer_place
        _refuse_with_links_on_top(peer, peer_netns, state)
        peer_namespace = state.existing(peer_netns)
        args["peer"] = _making(peer, peer_netns, peer_namespace)
        restore += _restoring(peer, peer_netns, peer_namespace)
    args["restore"] = [operation.as_dict() for operation in restore]
    return [Operation("link.delete", args)]


def grouped(operations: Sequence[Operation]) -> list[Operation]:
    """Deletions that follow each other in one namespace, made one request by a group."""

    def run_of(operation: Operation) -> tuple[bool, Netns]:
        return operation.kind == "link.delete", operation.args.get("netns")

    result: list[Operation] = []
    for (deleting, _netns), members in itertools.groupby(operations, run_of):
        run = list(members)
        if deleting and len(run) > 1:
            result += [_mark(operation) for operation in run]
            run = [operation.replace(group=None) for operation in run]
        result += run
    return result


def find_peer(link: Link, netns: Netns, state: State) -> tuple[Netns, Link] | None:
    """The other end of a veth, if it is in a namespace that was read."""
    if link.kind != "veth" or not link.parent:
        return None
    for path in _where_relatives_are(link, netns, state):
        namespace = state.at(path)
        peer = namespace.links.get(link.parent) if namespace else None
        if peer and peer.kind == "veth" and are_peers(link, netns, peer, path, state):
            return path, peer
    return None


def find_parent(link: Link, netns: Netns, state: State) -> tuple[Netns, str] | None:
    """Namespace and name of the link that a macvlan, VLAN or VXLAN stands on, if known."""
    index = link.data.get("parent") or link.parent
    if link.kind not in MAY_HAVE_PARENT or not index:
        return None
    for path in _where_relatives_are(link, netns, state):
        namespace = state.at(path)
        if namespace and index in namespace.links:
            return path, namespace.name_of(index)
    return None


def _where_relatives_are(link: Link, netns: Netns, state: State) -> list[Netns]:
    """The namespace that the peer or the parent of a link is in; of a foretold link it may be any."""
    if link.ifindex < 0:
        return list(state.namespaces)
    return [netns] if link.parent_nsid is None else state.known_as(netns, link.parent_nsid)


def are_peers(first: Link, netns: Netns, second: Link, other: Netns, state: State) -> bool:
    """Whether two veths are the ends of one pair: indexes, and the namespace's id."""
    if first.parent != second.ifindex or second.parent != first.ifindex:
        return False
    if netns == other:
        return first.parent_nsid is None
    if first.ifindex < 0:  # foretold: made together
        return True
    return first.parent_nsid is not None and first.parent_nsid == state.nsids.get((netns, other))


def _mark(deletion: Operation) -> Operation:
    """Give a link the group of the condemned; the operation that restores it knows its own."""
    args = {
        "netns": deletion.args["netns"],
        "name": deletion.args["name"],
        "ifindex": deletion.args["ifindex"],
        "set": {"group": None},
        "before": {"group": deletion.args["restore"][0]["set"]["group"]},
    }
    return Operation("link.set", args)


def _making(link: Link, netns: Netns, namespace: NamespaceState) -> dict[str, Any]:
    """The arguments that make an end of a link again, with the same index."""
    args = {
        "master": namespace.name_of(link.master),
        "mac": link.mac,
        "mtu": link.mtu,
        "txqlen": link.txqlen,
        "queues": link.tx_queues if link.kind == "veth" else None,
    }
    return {
        "netns": netns,
        "name": link.name,
        "ifindex": link.ifindex,
        **without_empty(args),
    }


def _restoring(link: Link, netns: Netns, namespace: NamespaceState) -> Iterator[Operation]:
    """What was on a link, and what leaned on it."""
    target = {"netns": netns, "name": link.name, "ifindex": link.ifindex}
    values: dict[str, Any] = without_empty({"alias": link.alias, "altnames": list(link.altnames)})
    values.update(without_empty({"promisc": link.promisc, "allmulti": link.allmulti}))
    if link.ipv6_link_local is not None:
        values["ipv6_link_local"] = link.ipv6_link_local
    if link.learns_from_own is False:
        values["learns_from_own"] = False
    yield Operation("link.set", {**target, "set": {**values, "group": link.group}, "before": {}})
    if link.accept_ra is not None:
        yield accept_ra(netns, link, wanted=link.accept_ra, before=None)
    if link.up:
        yield Operation("link.set", {**target, "set": {"up": True}, "before": {}})
    for address in oldest_first(namespace.addresses.get(link.ifindex, ())):
        if not is_made_by_kernel(address, link.mac):
            yield Operation("address.add", address_args(address, netns, link.name))
    yield from restoring_traffic(link, netns, namespace)
    routes = namespace.routes.get(link.ifindex, ())
    for route in sorted(routes, key=lambda one: bool(one.gateway)):
        if route.protocol not in OF_THE_KERNEL and route.type == RTN_UNICAST:
            yield Operation("route.add", route_args(route, netns, link.name))
    for port in namespace.links.values():
        if port.master == link.ifindex:
            enslaving = {"netns": netns, "name": port.name, "ifindex": port.ifindex}
            yield Operation("link.set", {**enslaving, "set": {"master": link.name}, "before": {"master": ""}})


def accept_ra(netns: Netns, link: Link, *, wanted: int, before: int | None) -> Operation:
    """Take router advertisements on a link (1; 2 also when forwarding), or do not (0)."""
    args = {
        "netns": netns,
        "link": link.name,
        "ifindex": link.known_index,
        "key": f"net/ipv6/conf/{link.name}/accept_ra",
        "value": str(wanted),
        "before": None if before is None else str(before),
    }
    return Operation("sysctl.set", args)


def stand_on(link: Link, namespace: NamespaceState) -> list[Link]:
    """The links of a namespace that stand on one of its links, as a macvlan on its parent."""
    return [
        other
        for other in namespace.links.values()
        if other.kind in MAY_HAVE_PARENT
        and (other.data.get("parent") or other.parent) == link.ifindex
        and other.parent_nsid is None
    ]


def _refuse_with_links_on_top(link: Link, netns: Netns, state: State) -> None:
    here = [place(netns, other.name) for other in stand_on(link, state.existing(netns))]
    for carried in [*here, *state.carried.get((netns, link.ifindex), ())]:
        raise TaskError(
            f"{place(netns, link.name)} carries {carried}, which would be deleted with it;"
            " delete that first (in front of it in the list)"
        )
