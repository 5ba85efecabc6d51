# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Devices that were moved into a namespace: with it a virtual one would end, and none would find home."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from .._engine.errors import NotThereYet
from .._engine.operation import Operation
from .._engine.resource import Reader
from .._engine.state import NamespaceState, State
from .._kernel.links import find_link_by_index
from .endpoint_record import removal_of_node


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


def observe_endpoints(paths: Collection[str], state: State, reader: Reader) -> None:
    """What is remembered of endpoints in namespaces that are to go: it goes with them. A card that a
    VM has would not come home.
    """
    for name, record in reader.records.all("endpoint").items() if paths else ():
        path = record.value["netns"]
        if path in paths:
            state.records["endpoint", name] = record.value
            namespace = state.at(path)
            if record.value["type"] == "physical" and namespace is not None and record.this_boot:
                namespace.visitors.append(f"{record.value['interface']}, which a VM has (vm_endpoint)")


def forget_endpoints(path: str, state: State) -> Iterator[Operation]:
    """With a namespace go its taps; device nodes of macvtaps, and records, would stay."""
    for (kind, name), value in state.records.items():
        if kind != "endpoint" or value is None or value["netns"] != path:
            continue
        yield from removal_of_node(value)
        yield Operation("record.drop", {"kind": kind, "name": name, "before": value})


def refuse_visitors(path: str, namespace: NamespaceState) -> None:
    """Raises NotThereYet for devices that have to go home first: in a play, an earlier task brings them."""
    if namespace.visitors:
        names = ", ".join(sorted(namespace.visitors)[:5])
        message = (
            f"{path} has devices inside that were moved there: {names}; bring them back first"
            " (netdev_move with state: absent), or give force: true"
        )
        raise NotThereYet(message, namespace.visitors.clear)
