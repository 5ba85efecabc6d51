# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""A sandbox that reaches itself by a port of its own, where br_netfilter shows frames of bridges to the rules for IP.

There, what the rules lead to a port of the same bridge stays on the bridge, and a bridge sends nothing back through
the port that it came from, unless the port is in hairpin mode (br_netfilter_hooks.c, ip-link(8)). It is put into that
mode then; rules of ours let nothing come back but what leads to a published port.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from .._engine.operation import Operation
from .._engine.state import NamespaceState, State
from .firewall_borrowed import plan_borrowed
from .firewall_elements import hairpins_of

PORT_KIND = "firewall_port"


def plan_hairpins(records: Iterable[Mapping[str, Any]], state: State) -> tuple[list[Operation], list[Operation]]:
    """What is put back before the rules change, and what is set after it."""
    own = state.existing(None)

    def put_back(interface: str) -> Operation | None:
        return _set(interface, 0, own) if _has_hairpin(interface, own) else None

    def set_up(interface: str) -> Operation | None:
        if own.link(interface) is None or _has_hairpin(interface, own):
            return None
        return _set(interface, 1, own)

    needed = {interface for record in records for interface in hairpins_of(record, own)}
    return plan_borrowed(PORT_KIND, needed, state, put_back=put_back, set_up=set_up)


def _has_hairpin(interface: str, own: NamespaceState) -> bool:
    link = own.link(interface)
    return link is not None and dict(link.port_settings).get("hairpin") == 1


def _set(interface: str, value: int, own: NamespaceState) -> Operation:
    link = own.existing(interface)
    others = {name: found for name, found in link.port_settings if name != "hairpin"}
    change = {"set": {**others, "hairpin": value}, "before": {**others, "hairpin": 1 - value}}
    return Operation(
        "link.set",
        {
            "netns": None,
            "name": interface,
            "ifindex": link.ifindex,
            **{side: {"port_settings": settings} for side, settings in change.items()},
        },
    )
