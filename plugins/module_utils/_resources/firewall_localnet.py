# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Published ports at 127.0.0.1: the kernel has to take answers for it on the link that leads to the sandbox.

That is its setting ``route_localnet``, of that link alone. It is dangerous by itself (CVE-2020-8558), so a rule of
ours drops whatever comes from outside for 127.0.0.0/8, and is there before the setting and until after it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from .._engine.operation import Operation
from .._engine.state import State
from .._kernel.namespaces import Namespace
from .._kernel.sysctl import read_sysctl, sysctl_key
from .firewall_borrowed import plan_borrowed
from .firewall_elements import devices_of

LINK_KIND = "firewall_link"
OFF, ON = "0", "1"


def key_of(device: str) -> str:
    """The setting of a link."""
    return sysctl_key(f"net/ipv4/conf/{device}/route_localnet")


def observe_localnet(records: Iterable[Mapping[str, Any]], state: State, handle: Namespace) -> None:
    """The setting of the links where it is or will be needed."""
    own = state.existing(None)
    devices = {device for record in records for device in devices_of(record, own, 4)}
    devices |= {name.partition(":")[2] for kind, name in state.records if kind == LINK_KIND}
    own.sysctls.update({key: read_sysctl(handle, key) for key in map(key_of, sorted(devices))})


def plan_localnet(records: Iterable[Mapping[str, Any]], state: State) -> tuple[list[Operation], list[Operation]]:
    """What is put back before the rules change, and what is set after it."""
    own = state.existing(None)

    def put_back(device: str) -> Operation | None:
        found = own.sysctls.get(key_of(device))
        return _set(device, OFF, found) if found not in (None, OFF) else None

    def set_up(device: str) -> Operation | None:
        return _set(device, ON, OFF) if own.sysctls.get(key_of(device)) == OFF else None

    needed = {device for record in records for device in devices_of(record, own, 4)}
    return plan_borrowed(LINK_KIND, needed, state, put_back=put_back, set_up=set_up)


def _set(device: str, value: str, before: str | None) -> Operation:
    return Operation("sysctl.set", {"netns": None, "key": key_of(device), "value": value, "before": before})
