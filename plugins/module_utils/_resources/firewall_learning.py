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
from .firewall_borrowed import plan_borrowed
from .firewall_elements import guarding_bridges

BRIDGE_KIND = "firewall_bridge"


def plan_learning(records: Iterable[Mapping[str, Any]], state: State) -> tuple[list[Operation], list[Operation]]:
    """What is put back before the rules change, and what is set after it."""
    own = state.existing(None)

    def put_back(bridge: str) -> Operation | None:
        return _set(bridge, own, wanted=True) if _learns(bridge, own) is False else None

    def set_up(bridge: str) -> Operation | None:
        return _set(bridge, own, wanted=False) if _learns(bridge, own) else None

    needed = {bridge for record in records for bridge in guarding_bridges(record, own)}
    return plan_borrowed(BRIDGE_KIND, needed, state, put_back=put_back, set_up=set_up)


def _learns(bridge: str, own: NamespaceState) -> bool | None:
    link = own.link(bridge)
    return link.learns_from_own if link is not None else None


def _set(bridge: str, own: NamespaceState, *, wanted: bool) -> Operation:
    change = {"set": {"learns_from_own": wanted}, "before": {"learns_from_own": not wanted}}
    return Operation("link.set", {"netns": None, "name": bridge, "ifindex": own.existing(bridge).ifindex, **change})
