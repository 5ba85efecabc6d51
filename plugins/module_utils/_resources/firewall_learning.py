# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Bridges whose table no sandbox writes into under the address of another one.

Frames to the addresses that a bridge keeps to itself (01:80:c2:00:00:00 to 0f: LLDP, spanning tree) pass by no rule
before the bridge has learnt where their sender is; those of LLDP pass by none at all (br_input.c). Learnt so, the
MAC address of a neighbour would lead its frames to the sandbox. So the bridge is told not to learn from them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from .._engine.operation import Operation
from .._engine.state import NamespaceState, State
from .firewall_elements import guarding_bridges

BRIDGE_KIND = "firewall_bridge"


def plan_learning(records: Iterable[Mapping[str, Any]], state: State) -> tuple[list[Operation], list[Operation]]:
    """What is put back before the rules change, and what is set after it."""
    own = state.existing(None)
    needed = sorted({bridge for record in records for bridge in guarding_bridges(record, own)})
    restored: list[Operation] = []
    set_up: list[Operation] = []
    for (kind, name), memory in sorted(state.records.items()):
        bridge = name.partition(":")[2]
        if kind != BRIDGE_KIND or memory is None or bridge in needed:
            continue
        if _learns(bridge, own) is False:
            restored.append(_set(bridge, own, wanted=True))
        restored.append(Operation("record.drop", {"kind": BRIDGE_KIND, "name": name, "before": memory}))
    for bridge in needed:
        name = f"{own.fingerprint[1]}:{bridge}"
        if not _learns(bridge, own):
            continue
        if state.record(BRIDGE_KIND, name) is None:
            memory = {"kind": BRIDGE_KIND, "name": name, "value": {"identity": list(own.fingerprint)}, "before": None}
            set_up.append(Operation("record.put", memory))
        set_up.append(_set(bridge, own, wanted=False))
    return restored, set_up


def _learns(bridge: str, own: NamespaceState) -> bool | None:
    link = own.link(bridge)
    return link.learns_from_own if link is not None else None


def _set(bridge: str, own: NamespaceState, *, wanted: bool) -> Operation:
    change = {"set": {"learns_from_own": wanted}, "before": {"learns_from_own": not wanted}}
    return Operation("link.set", {"netns": None, "name": bridge, "ifindex": own.existing(bridge).ifindex, **change})
