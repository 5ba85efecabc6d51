# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""What is in a network namespace now, as documents: read as a whole whenever something has changed.

Events only say that something did. So no event can be misunderstood: not the deletion that a
bridge port's farewell looks like, not the routes that go without a word when a link goes down.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from typing import NamedTuple

from .._kernel.addressing import TABLE_MAIN, Address, read_addresses, read_routes
from .._kernel.errors import NoSuchNamespace
from .._kernel.links import read_links
from .._kernel.namespaces import Fingerprint, open_namespace
from .documents import Document, interface_document, is_ready, is_told, route_documents


class Interface(NamedTuple):
    """One interface as it is: its document, and whether it may be announced."""

    document: Document
    ready: bool


class View(NamedTuple):
    """A namespace: interfaces by index, and routes."""

    interfaces: dict[int, Interface]
    routes: list[Document]


PATIENCE = 0.1  # seconds for a table that changes while it is read; meanwhile no other sandbox is looked at


def read_view(netns: str | None, fingerprint: Fingerprint, ignore: str) -> View:
    """The namespace at a path, None for our own. Nothing of it stays open afterwards: it would not end.

    Raises NoSuchNamespace, also when it is another one by now; NotANamespace, UnstableRead, KernelError, OSError.
    """
    with closing(open_namespace(netns)) as namespace:
        if namespace.fingerprint != fingerprint:
            raise NoSuchNamespace(f"{netns} is another network namespace now")
        netlink = namespace.netlink
        netlink.patience = PATIENCE
        links = read_links(netlink)
        addresses = read_addresses(netlink)
        routes = read_routes(netlink, TABLE_MAIN)
    of_link: dict[int, list[Address]] = {}
    for address in addresses:
        of_link.setdefault(address.ifindex, []).append(address)
    none: Sequence[Address] = ()
    interfaces = {
        link.ifindex: Interface(interface_document(link, of_link.get(link.ifindex, none)), is_ready(link))
        for link in links
        if is_told(link, ignore)
    }
    return View(interfaces, route_documents(routes, {link.ifindex: link.name for link in links}))
