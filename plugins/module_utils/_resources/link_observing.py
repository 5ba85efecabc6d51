# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Observing links: their namespaces, and where their other halves are."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

from .._engine.errors import TaskError
from .._engine.kinds.contract import place
from .._engine.resource import Reader
from .._engine.state import NamespaceState, Netns, State
from .._kernel.addressing import read_addresses, read_routes
from .._kernel.errors import NoSuchNamespace, NotANamespace
from .._kernel.features import can_make_kind
from .._kernel.links import Link, read_links
from .._kernel.namespaces import Identity, is_leftover, named_namespaces
from .._kernel.sysctl import read_sysctl
from . import values
from .link_options import MAY_HAVE_PARENT, WantedLink
from .link_removal import find_parent, find_peer

LOOPBACK = 1  # the index of lo in every namespace


def read_if_there(path: Netns, reader: Reader) -> NamespaceState | None:
    """Links, addresses and routes of a namespace; None when it does not exist. Raises NotANamespace."""
    try:
        handle = reader.host.at(path)
    except NoSuchNamespace:
        return None
    except NotANamespace:
        if os.path.dirname(str(path)) == values.NETNS_DIR and is_leftover(str(path)):  # netns repairs it
            return None
        raise
    namespace = NamespaceState(identity=handle.identity, cookie=handle.fingerprint[2])
    for link in read_links(handle.netlink):
        namespace.put(link)
    for address in read_addresses(handle.netlink):
        namespace.addresses.setdefault(address.ifindex, []).append(address)
    for route in read_routes(handle.netlink):
        namespace.routes.setdefault(route.ifindex, []).append(route)
    lo = namespace.links.get(LOOPBACK)
    if lo is not None and lo.ipv6_disabled:  # then perhaps of all links
        namespace.ipv6_disabled = read_sysctl(handle, "net.ipv6.conf.default.disable_ipv6") == "1"
    return namespace


def refuse_same_namespace(state: State) -> None:
    """One namespace by two names would be planned for twice. Raises TaskError."""
    known: dict[Identity, str] = {}
    for path, namespace in state.namespaces.items():
        if namespace is None or namespace.identity is None:
            continue
        other = known.setdefault(namespace.identity, path or "")
        if other != (path or ""):
            what = f"the same namespace as {other}" if other else "the namespace Ansible itself runs in"
            raise TaskError(f"netns: {path} is {what}")


def observe_relatives(one: WantedLink, state: State, reader: Reader) -> Iterator[tuple[Netns, int]]:
    """By which ids the namespaces of found links know those of their peers and parents.

    A link that is to be deleted can be made again only with its other half: yields the
    ids of the namespaces to look for.
    """
    may_go = one.recreate or not one.present
    for end in one.ends if may_go else (one.end,):
        namespace = state.at(end.netns)
        link = namespace.link(end.name) if namespace else None
        if link is None or link.parent_nsid is None:
            continue
        for other in (*one.netnses, None):
            _learn_nsid(end.netns, other, state, reader)
        known = find_peer(link, end.netns, state) or find_parent(link, end.netns, state)
        if known is None and may_go:
            yield end.netns, link.parent_nsid


def _learn_nsid(seen_from: Netns, other: Netns, state: State, reader: Reader) -> None:
    if other != seen_from and (seen_from, other) not in state.nsids and state.at(other):
        state.learn_nsid(seen_from, other, reader.host.nsid(other, seen_from=seen_from))


def search_named(missing: set[tuple[Netns, int]], state: State, reader: Reader) -> None:
    """Read the named namespaces that hold the other halves of links; one walk for all."""
    for path in named_namespaces(values.NETNS_DIR) if missing else ():
        for netns in {netns for netns, _nsid in missing}:
            unread = path not in state.namespaces
            if unread and (netns, reader.host.nsid(path, seen_from=netns)) in missing:
                state.namespaces[path] = read_if_there(path, reader)
                _learn_nsid(netns, path, state, reader)


def observe_carried(wanted: Sequence[WantedLink], state: State, reader: Reader) -> None:
    """What stands, in namespaces that were not read, on the links that are to be deleted."""
    leaving = {
        (netns, link.ifindex)
        for one in wanted
        if one.recreate or not one.present
        for netns, link in _with_peer(one, state)
    }
    unread = [path for path in named_namespaces(values.NETNS_DIR) if path not in state.namespaces] if leaving else []
    for path in unread:
        for link in read_links(reader.host.at(path).netlink):
            if link.kind not in MAY_HAVE_PARENT or link.parent_nsid is None:
                continue
            below = link.data.get("parent") or link.parent
            for netns, ifindex in leaving:
                if ifindex == below and reader.host.nsid(netns, seen_from=path) == link.parent_nsid:
                    state.carried.setdefault((netns, ifindex), []).append(place(path, link.name))


def _with_peer(one: WantedLink, state: State) -> Iterator[tuple[Netns, Link]]:
    """A link that exists, and the other end of a veth, wherever that is."""
    link = state.link(*one.end.key)
    if link is not None:
        yield one.end.netns, link
        peer = find_peer(link, one.end.netns, state)
        if peer is not None:
            yield peer


def observe_kind(one: WantedLink, state: State, reader: Reader) -> None:
    """Whether the kernel can make the link, where it has to be made."""
    if one.present and one.kind and one.kind not in state.kinds:
        namespace = state.at(one.end.netns)
        exists = namespace is not None and namespace.link(one.end.name) is not None
        if not exists or one.recreate:
            state.kinds[one.kind] = can_make_kind(reader.host.at(None).netlink, one.kind)
