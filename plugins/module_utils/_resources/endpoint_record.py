# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""What is remembered of an endpoint, and what of it is still there."""

from __future__ import annotations

from typing import Any

from .._engine.operation import Operation
from .._engine.state import NamespaceState, State
from .._kernel.links import Link
from .._store.records import Record

Remembered = dict[str, Any]
STRIPPED = ("address", "route", "neighbour")
"""What a link loses whose address a VM gets."""


def record_key(netns: str, interface: str) -> str:
    """How the record of an endpoint is called: its namespace and its link there."""
    return f"{netns}:{interface}"


def believed(record: Record | None) -> Remembered | None:
    """What a record says; of an earlier boot there is nothing left but the record."""
    if record is None:
        return None
    return record.value if record.this_boot else {**record.value, "fingerprint": [], "made": {}, "node": None}


def recorded(netns: str, state: State) -> dict[str, Remembered]:
    """The records of the endpoints of a namespace, by the name of their link."""
    return {
        value["interface"]: value
        for (kind, _key), value in sorted(state.records.items())
        if kind == "endpoint" and value and value["netns"] == netns
    }


def is_about(record: Remembered, link: Link | None, namespace: NamespaceState) -> bool:
    """Whether a record is about the link that has the name now."""
    if link is None or record["fingerprint"] != list(namespace.fingerprint):
        return False
    return link.ifindex < 0 or record["ifindex"] in (None, link.ifindex)


def made_link(record: Remembered, role: str, namespace: NamespaceState) -> Link | None:
    """The tap or the bridge of an endpoint, if it is the one that we made."""
    name = record[role]
    if not name or record["fingerprint"] != list(namespace.fingerprint):
        return None
    index = record["made"].get(name)
    link = namespace.link(name) if index is None else namespace.links.get(index)
    return link if link is not None and link.name == name else None


def removal_of_node(record: Remembered) -> list[Operation]:
    """How the device node of an endpoint goes, if it has one."""
    if not record["node"]:
        return []
    owner = [record["owner"] or 0, record["group"] or 0]
    tap = {"netns": record["netns"], "link": record["tap"], "ifindex": record["made"].get(record["tap"]) or 0}
    return [Operation("node.remove", {**tap, "path": record["node"], "owner": owner})]


def stripped(steps: list[Operation]) -> list[Operation]:
    """Of all that is on a link: its addresses, routes and neighbours."""
    return [step for step in steps if step.kind.partition(".")[0] in STRIPPED]
