# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Devices that were moved into a namespace: with it a virtual one would end, and none would find home."""

from __future__ import annotations

from collections.abc import Collection

from .._engine.errors import NotThereYet
from .._engine.resource import Reader
from .._engine.state import NamespaceState, State
from .._kernel.links import find_link_by_index


def observe_visitors(paths: Collection[str], state: State, reader: Reader) -> None:
    """The devices that were moved into namespaces, and are in them still."""
    for record in reader.records.all("device").values() if paths else ():
        path, index = record.value["netns"], record.value["ifindex"]
        namespace = state.at(path) if path in paths and record.this_boot else None
        if namespace is None or record.value["fingerprint"] != list(namespace.fingerprint):
            continue
        link = find_link_by_index(reader.host.at(path).netlink, index)
        if link is not None:
            namespace.visitors.append(link.name)


def refuse_visitors(path: str, namespace: NamespaceState) -> None:
    """Raises NotThereYet for devices that have to go home first: in a play, an earlier task brings them."""
    if namespace.visitors:
        names = ", ".join(sorted(namespace.visitors)[:5])
        message = (
            f"{path} has devices inside that were moved there: {names}; bring them back first"
            " (netdev_move with state: absent), or give force: true"
        )
        raise NotThereYet(message, namespace.visitors.clear)
