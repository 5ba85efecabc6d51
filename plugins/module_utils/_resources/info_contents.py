# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""What netns_info reads of namespaces: each of them once, however many names it has."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from .._engine.errors import TaskError
from .._kernel.addressing import Address, Neighbour, Route, read_addresses, read_neighbours, read_routes
from .._kernel.errors import NotANamespace
from .._kernel.host import Host
from .._kernel.links import Link, read_links
from .._kernel.namespaces import Fingerprint, Identity, identify, is_leftover, names_of, own_identity


@dataclass
class Contents:
    """One namespace as read; ``path`` None is the one Ansible runs in. ``names`` are the paths that lead to it."""

    path: str | None
    names: Sequence[str]
    fingerprint: Fingerprint
    nsid: int | None
    links: list[Link]
    addresses: list[Address]
    routes: list[Route]
    neighbours: list[Neighbour]

    @property
    def identity(self) -> Identity:
        """Device and inode."""
        return self.fingerprint[:2]


class Peer(NamedTuple):
    """The other end of a veth, and the namespace that it is in."""

    place: Contents
    link: Link


def read_contents(path: str | None, host: Host, wanted: frozenset[str], names: Sequence[str] = ()) -> Contents:
    """What is in a namespace now. Raises NoSuchNamespace, NotANamespace, KernelError, UnstableRead."""
    handle = host.at(path)
    netlink = handle.netlink
    return Contents(
        path=path,
        names=names,
        fingerprint=handle.fingerprint,
        nsid=host.nsid(path) if path else None,
        links=read_links(netlink, statistics="statistics" in wanted),
        addresses=read_addresses(netlink),
        routes=read_routes(netlink) if path else [],
        neighbours=read_neighbours(netlink) if path and "neighbours" in wanted else [],
    )


def read_each(paths: Sequence[str], host: Host, wanted: frozenset[str], *, named: bool) -> dict[str, Contents | None]:
    """What is at each path; None for anything but a namespace, which is an error where it was asked for by name.

    Paths of one namespace have one value in common. Raises TaskError.
    """
    at = {path: _identity_at(path, named=named) for path in paths}
    leading: dict[Identity, dict[str, None]] = {}
    for path, identity in at.items():
        if identity is not None:
            leading.setdefault(identity, {})[path] = None
    for identity, mounted in names_of(leading).items():
        leading[identity].update(dict.fromkeys(mounted))
    read: dict[Identity, Contents] = {}
    for path, identity in at.items():
        if identity is not None and identity not in read:
            read[identity] = read_contents(path, host, wanted, sorted(leading[identity]))
    return {path: read[identity] if identity is not None else None for path, identity in at.items()}


def _identity_at(path: str, *, named: bool) -> Identity | None:
    try:
        identity = identify(path)
    except NotANamespace as error:
        if named and not is_leftover(path):
            raise TaskError(str(error)) from None
        return None
    if identity is not None and identity == own_identity():
        if named:
            raise TaskError(f"name: {path} is the namespace Ansible itself runs in")
        return None
    return identity


def state_of(path: str) -> str:
    """What is at a path of which nothing was read."""
    try:
        identity = identify(path)
    except NotANamespace:
        return "leftover" if is_leftover(path) else "foreign"
    return "absent" if identity is None else "own"


class Peers:
    """Which namespace and link is at the other end of each veth."""

    def __init__(self, host: Host, known: Sequence[Contents]) -> None:
        self._host = host
        self._known = known
        self._found: dict[Identity, Mapping[int, Peer]] = {}

    def of(self, contents: Contents) -> Mapping[int, Peer]:
        """The peers of a namespace's links, by the index of the link."""
        if contents.identity not in self._found:
            self._found[contents.identity] = self._look(contents)
        return self._found[contents.identity]

    def _look(self, contents: Contents) -> Mapping[int, Peer]:
        found = {}
        ids: dict[int | None, Contents] = {None: contents}
        for link in contents.links:
            if link.kind != "veth" or not link.parent:
                continue
            if link.parent_nsid not in ids:
                self._learn(contents, link.parent_nsid, ids)
            other = ids.get(link.parent_nsid)
            for peer in other.links if other else ():
                if peer.ifindex == link.parent and peer.parent == link.ifindex:
                    found[link.ifindex] = Peer(other or contents, peer)
        return found

    def _learn(self, contents: Contents, wanted: int | None, ids: dict[int | None, Contents]) -> None:
        """Ask for the ids of the other namespaces until the wanted one is known."""
        known = {id(other) for other in ids.values()}
        for other in self._known:
            if other is contents or id(other) in known:
                continue
            nsid = self._host.nsid(other.path, seen_from=contents.path)
            if nsid is not None:
                ids[nsid] = other
            if nsid == wanted:
                return


def label_of(path: str | None) -> str:
    """How a namespace is called: by its name, or by the process that it was found through."""
    if path is None:
        return "host"
    process = re.fullmatch("/proc/([0-9]+)/ns/net", path)
    return f"pid:{process[1]}" if process else printable(os.path.basename(path))


def printable(text: str) -> str:
    """A name found on disk as text that every terminal and JSON parser can take."""
    return os.fsencode(text).decode("utf-8", "backslashreplace")
