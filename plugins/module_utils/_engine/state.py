# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""What was read of the host: the observed state that plans are made from.

Plans read it, and operations can be foretold on a copy of it: what a task would
leave behind is known without running it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Optional

from .._kernel.addressing import Address, Neighbour, Route
from .._kernel.links import Link
from .._kernel.namespaces import Fingerprint, Identity
from .._kernel.pci import PciDevice
from .._kernel.traffic import Qdisc
from .._programs.cni_config import NetworkConfig
from .._programs.finding import Program
from .._programs.slirp4netns import Forward
from .._programs.systemd import Unit
from .._store.attachments import Attachment, Key
from .nft_tables import Table

Netns = Optional[str]
"""Path of a namespace; None is the one Ansible runs in."""


@dataclass
class NamespaceState:
    """One namespace as read; addresses and routes by the index of their link.

    A foretold link has a negative index.
    """

    identity: Identity | None = None
    cookie: int = 0
    links: dict[int, Link] = field(default_factory=dict)
    addresses: dict[int, list[Address]] = field(default_factory=dict)
    routes: dict[int, list[Route]] = field(default_factory=dict)
    neighbours: list[Neighbour] = field(default_factory=list)
    qdiscs: dict[int, list[Qdisc]] = field(default_factory=dict)
    redirects: dict[str, str] = field(default_factory=dict)
    """Links that are wired to another one by us, by name; empty for a link that has gone."""
    settings: dict[int, dict[str, tuple[str, str]]] = field(default_factory=dict)
    """Kernel settings of links that are not as those of new links: what they are, and those."""
    sysctls: dict[str, str | None] = field(default_factory=dict)
    fixed_sysctls: set[str] = field(default_factory=set)
    """Those that the kernel lets nobody change here."""
    ipv6_disabled: bool = False
    """Whether new links have IPv6 off."""
    nsid: int | None = None
    pids: list[int] = field(default_factory=list)
    link_names: frozenset[str] = frozenset()
    """The links of a namespace that we may not enter, as its process tells them."""
    visitors: list[str] = field(default_factory=list)
    """The devices that were moved here from elsewhere."""
    _indexes: dict[str, int] = field(default_factory=dict)
    _altnames: dict[str, int] = field(default_factory=dict)

    @property
    def fingerprint(self) -> Fingerprint:
        """What the namespace is, for whoever looks later; zeros for a foretold one."""
        return (*(self.identity or (0, 0)), self.cookie)

    def put(self, link: Link) -> None:
        """Enter a link, or replace the one of the same index."""
        former = self.links.get(link.ifindex)
        if former is not None:
            self._forget_names(former)
        self.links[link.ifindex] = link
        self._indexes[link.name] = link.ifindex
        self._altnames.update(dict.fromkeys(link.altnames, link.ifindex))

    def drop(self, link: Link) -> None:
        """Forget a link with everything on it."""
        self.links.pop(link.ifindex, None)
        self._forget_names(link)
        self.addresses.pop(link.ifindex, None)
        self.routes.pop(link.ifindex, None)
        self.neighbours = [one for one in self.neighbours if one.ifindex != link.ifindex]
        self.qdiscs.pop(link.ifindex, None)
        self.redirects.pop(link.name, None)
        self.settings.pop(link.ifindex, None)

    def link(self, name: str) -> Link | None:
        """The link of that name, or None."""
        index = self._indexes.get(name)
        return None if index is None else self.links[index]

    def existing(self, name: str) -> Link:
        """The link of that name. Raises KeyError."""
        return self.links[self._indexes[name]]

    def link_called(self, altname: str) -> Link | None:
        """The link that has an alternative name, or None."""
        index = self._altnames.get(altname)
        return None if index is None else self.links[index]

    def holder_of(self, name: str) -> Link | None:
        """The link that has a name, or has it as an alternative one: both share one space."""
        return self.link(name) or self.link_called(name)

    def _forget_names(self, link: Link) -> None:
        self._indexes.pop(link.name, None)
        for altname in link.altnames:
            self._altnames.pop(altname, None)

    def name_of(self, ifindex: int) -> str:
        """The name of the link of that index; empty for 0 and for an unknown one."""
        link = self.links.get(ifindex)
        return link.name if link else ""

    def copy(self) -> NamespaceState:
        """A copy that can be changed; what it holds is immutable."""
        return replace(
            self,
            links=dict(self.links),
            addresses={index: list(found) for index, found in self.addresses.items()},
            routes={index: list(found) for index, found in self.routes.items()},
            qdiscs=dict(self.qdiscs),
            redirects=dict(self.redirects),
            settings=dict(self.settings),
            sysctls=dict(self.sysctls),
            _indexes=dict(self._indexes),
            _altnames=dict(self._altnames),
        )


@dataclass(frozen=True)
class FileState:
    """A plain file: its text, its mode bits, and the ids of its user and group."""

    content: str
    mode: int
    owner: tuple[int, int] = (0, 0)

    def as_dict(self) -> dict[str, Any]:
        """For operations and records."""
        return {"content": self.content, "mode": self.mode, "owner": list(self.owner)}

    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> FileState:
        """The opposite of as_dict."""
        return FileState(data["content"], data["mode"], (data["owner"][0], data["owner"][1]))


@dataclass(frozen=True)
class HelperState:
    """A helper process: what was asked for; while it lives its pid and when it was started, in clock
    ticks since the boot; and what it said when it has died. One that lingers has lost its supervisor.

    A foretold one is alive and has no pid.
    """

    spec: Mapping[str, Any]
    alive: bool
    pid: int | None = None
    started: int | None = None
    lingers: bool = False
    last_words: str = ""


@dataclass
class State:
    """Everything a plan may ask for. A namespace that does not exist is None."""

    namespaces: dict[Netns, NamespaceState | None] = field(default_factory=dict)
    leftovers: set[str] = field(default_factory=set)
    files: dict[str, FileState | None] = field(default_factory=dict)
    directories: dict[str, bool] = field(default_factory=dict)
    records: dict[tuple[str, str], dict[str, Any] | None] = field(default_factory=dict)
    kinds: dict[str, bool] = field(default_factory=dict)
    """Whether this kernel can make links of a kind."""
    nsids: dict[tuple[Netns, Netns], int | None] = field(default_factory=dict)
    """The id of the second namespace as the first one knows it."""
    carried: dict[tuple[Netns, int], list[str]] = field(default_factory=dict)
    """What stands on a link, in namespaces that were not read: as text."""
    taken_nsids: set[int] = field(default_factory=set)
    """The wanted ids that other namespaces have."""
    ipv6: bool = True
    nodes: dict[str, bool] = field(default_factory=dict)
    """Whether device nodes of ours are there, and are those of their links."""
    node_numbers: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Major and minor number of the device nodes that are there."""
    sockets: dict[str, str | None] = field(default_factory=dict)
    """What is wrong with a socket: empty for nothing, None where there is none."""
    pci: dict[str, PciDevice | None] = field(default_factory=dict)
    """PCI devices by their places; None where there is none any more."""
    pci_drivers: dict[str, str] = field(default_factory=dict)
    """What is wrong with a driver: empty for nothing."""
    helpers: dict[str, HelperState | None] = field(default_factory=dict)
    """Helper processes by their directories."""
    runtimes: dict[str, str | None] = field(default_factory=dict)
    """What is wrong with a runtime that is to be called; empty for nothing, None where there is none."""
    units: dict[str, Unit] = field(default_factory=dict)
    """Units of systemd by their names."""
    forwards: dict[str, list[Forward]] = field(default_factory=dict)
    """Port forwards by the API socket of the slirp4netns that has them."""
    ended: list[str] = field(default_factory=list)
    """Namespaces that are gone, of which something is left."""
    programs: dict[tuple[str, str | None], Program] = field(default_factory=dict)
    """Installed programs, by what was asked for: its name, and its path where one was given."""
    installed: dict[str, dict[str, str] | None] = field(default_factory=dict)
    """The files of programs of this collection, text by relative path, by the directories that they are in."""
    firewall: dict[str, Table | None] = field(default_factory=dict)
    """Our nftables tables by family."""
    assumed: set[str] = field(default_factory=set)
    """Sandboxes whose links check mode takes for made, whatever they will be."""
    busy: dict[tuple[str, str, int], str] = field(default_factory=dict)
    """Why nobody could listen where a forward is to; empty for nothing."""
    attachments: dict[Key, Attachment | None] = field(default_factory=dict)
    """Interfaces that are attached to networks by CNI plugins, or were begun to be."""
    unwell: dict[Key, str] = field(default_factory=dict)
    """What is wrong with an attachment."""
    configs: dict[tuple[str, str], NetworkConfig] = field(default_factory=dict)
    """Network configurations by directory and name."""
    host_local: dict[str, dict[str, str]] = field(default_factory=dict)
    """What the leases of CNI's host-local say, by directory and address."""
    state_dir: str = ""
    warnings: list[str] = field(default_factory=list)
    """What the user should know, whatever is planned."""
    session: frozenset[str] = frozenset()
    """The addresses of this host that the connection of whoever runs the task leads to."""
    now: int = 0
    """Seconds since the boot."""
    lowest_index: int = 0
    _known_as: dict[tuple[Netns, int], Netns] = field(default_factory=dict)

    def copy(self) -> State:
        """A copy that can be changed without changing this one."""
        return replace(
            self,
            namespaces={path: namespace.copy() if namespace else None for path, namespace in self.namespaces.items()},
            leftovers=set(self.leftovers),
            files=dict(self.files),
            directories=dict(self.directories),
            records=dict(self.records),
            nsids=dict(self.nsids),
            nodes=dict(self.nodes),
            node_numbers=dict(self.node_numbers),
            pci=dict(self.pci),
            helpers=dict(self.helpers),
            units=dict(self.units),
            installed=dict(self.installed),
            firewall=dict(self.firewall),
            assumed=set(self.assumed),
            forwards={socket: list(found) for socket, found in self.forwards.items()},
            attachments=dict(self.attachments),
            unwell=dict(self.unwell),
            host_local={directory: dict(leases) for directory, leases in self.host_local.items()},
            _known_as=dict(self._known_as),
        )

    def learn_nsid(self, netns: Netns, other: Netns, nsid: int | None) -> None:
        """Enter the id by which a namespace knows another one, None for none."""
        self.nsids[netns, other] = nsid
        if nsid is not None:
            self._known_as[netns, nsid] = other

    def known_as(self, netns: Netns, nsid: int) -> list[Netns]:
        """The namespace that one knows by an id, if it is among those that were read."""
        return [self._known_as[netns, nsid]] if (netns, nsid) in self._known_as else []

    def at(self, netns: Netns) -> NamespaceState | None:
        """The namespace at a path, None when it does not exist."""
        return self.namespaces.get(netns)

    def existing(self, netns: Netns) -> NamespaceState:
        """The namespace at a path. Raises KeyError when it does not exist."""
        namespace = self.namespaces[netns]
        if namespace is None:
            raise KeyError(netns)
        return namespace

    def link(self, netns: Netns, name: str) -> Link | None:
        """The link of that name in the namespace at a path, None when there is none."""
        namespace = self.namespaces.get(netns)
        return namespace.link(name) if namespace else None

    def record(self, kind: str, name: str) -> dict[str, Any] | None:
        """What is remembered of an object, or None."""
        return self.records.get((kind, name))

    def foretold_index(self) -> int:
        """An index for a link that does not exist yet."""
        self.lowest_index -= 1
        return self.lowest_index
