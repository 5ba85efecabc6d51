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
from .firewall_elements import hairpins_of

PORT_KIND = "firewall_port"


def plan_hairpins(records: Iterable[Mapping[str, Any]], state: State) -> tuple[list[Operation], list[Operation]]:
    """What is put back before the rules change, and what is set after it."""
    own = state.existing(None)
    needed = {interface for record in records for interface in hairpins_of(record, own)}
    restored: list[Operation] = []
    set_up: list[Operation] = []
    for (kind, name), memory in sorted(state.records.items()):
        interface = name.partition(":")[2]
        if kind != PORT_KIND or memory is None or interface in needed:
            continue
        if _has_hairpin(interface, own):
            restored.append(_set(interface, 0, own))
        restored.append(Operation("record.drop", {"kind": PORT_KIND, "name": name, "before": memory}))
    for interface in sorted(needed):
        name = f"{own.fingerprint[1]}:{interface}"
        if own.link(interface) is None or _has_hairpin(interface, own):
            continue
        if state.record(PORT_KIND, name) is None:
            memory = {"kind": PORT_KIND, "name": name, "value": {"identity": list(own.fingerprint)}, "before": None}
            set_up.append(Operation("record.put", memory))
        set_up.append(_set(interface, 1, own))
    return restored, set_up


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
