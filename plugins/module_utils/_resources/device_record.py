# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""What is remembered of a device that was moved, and where it is found again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .._engine.operation import Operation
from .._engine.state import Netns, State
from .._kernel.links import Link
from .._store.records import Record
from .device_baggage import Place, attributes_of
from .device_options import WantedDevice

Remembered = dict[str, Any]


def record_key(netns: str, from_netns: Netns, name: str) -> str:
    """How the record of a device is called: where it went, where it came from, and its name there."""
    return f"{netns}:{from_netns or ''}:{name}"


def believed(record: Record | None) -> Remembered | None:
    """What a record says; after a reboot a device is where the system put it, nowhere of ours."""
    if record is None:
        return None
    return record.value if record.this_boot else {**record.value, "fingerprint": [], "device": "", "permanent_mac": ""}


def remembered_in(one: WantedDevice, state: State) -> list[tuple[str, Remembered]]:
    """The records of all devices that are meant, with their keys, the latest first: ports come
    back to a bridge in the opposite order of their leaving."""
    if not one.is_any:
        found = remembered_of(one, state)
        return [found] if found else []
    records = [
        (key, record)
        for (kind, key), record in state.records.items()
        if kind == "device" and record and _is_meant(one, record)
    ]
    return sorted(records, key=lambda entry: order_of_return(entry[1]))


def remembered_of(one: WantedDevice, state: State) -> tuple[str, Remembered] | None:
    """The record of a device, if there is one, with its key. Who brings one back need not say
    where it came from."""
    if one.name:
        key = record_key(one.netns, one.from_netns, one.name)
        record = state.record("device", key)
        if record is not None or one.present:
            return (key, record) if record is not None else None
    for (kind, key), record in state.records.items():
        if kind == "device" and record is not None and not one.is_any and _is_meant(one, record):
            return key, record
    return None


def order_of_return(record: Remembered) -> tuple[int, int]:
    """The last one to leave is the first to come back: what leans on others finds them there."""
    return -(record["since"] or 0), -record["turn"]


def of_the_same_name(one: WantedDevice, state: State) -> list[Remembered]:
    """The devices of that name, or MAC address, wherever they were moved to."""
    return [
        record
        for (kind, _key), record in state.records.items()
        if kind == "device" and record and not one.is_any
        if one.name in (None, record["origin"]["name"]) and one.mac in (None, record["mac"], record["permanent_mac"])
    ]


def moved_on(record: Remembered, state: State) -> Remembered | None:
    """Where a device went from the namespace that it had been moved to, if we moved it there."""
    for (kind, _key), other in state.records.items():
        if kind == "device" and other and other["origin"]["netns"] == record["netns"]:
            same = other["origin"]["fingerprint"] == record["fingerprint"]
            if same and other["origin"]["ifindex"] == record["ifindex"]:
                return other
    return None


def _is_meant(one: WantedDevice, record: Remembered) -> bool:
    return (
        record["netns"] == one.netns
        and one.from_netns in (None, record["origin"]["netns"])
        and one.name in (None, record["origin"]["name"])
        and one.mac in (None, record["mac"], record["permanent_mac"])
    )


def origin_of(record: Remembered) -> Place:
    """Where a device was, and how it was called there."""
    origin = record["origin"]
    return Place(origin["netns"], origin["name"], origin["ifindex"])


def moved_link(record: Remembered, state: State) -> Link | None:
    """The device in the namespace that it was moved to, whatever it is called there by now."""
    namespace = state.at(record["netns"])
    if namespace is None or record["fingerprint"] != list(namespace.fingerprint):
        return None
    if record["ifindex"] is None:  # foretold
        return namespace.link(record["name"])
    return namespace.links.get(record["ifindex"])


def returned_link(record: Remembered, state: State) -> tuple[Netns, Link] | None:
    """A physical device whose namespace has ended: the kernel put it into the initial one, under
    the name that it had there, or ``dev0`` and so on where that was taken."""
    if not record["device"] and not record["permanent_mac"]:
        return None
    for netns in dict.fromkeys((None, record["origin"]["netns"])):
        namespace = state.at(netns)
        for link in namespace.links.values() if namespace else ():
            if not link.kind and (link.device, link.permanent_mac) == (record["device"], record["permanent_mac"]):
                return netns, link
    return None


def is_given_to_vm(record: Remembered, state: State) -> bool:
    """Whether a device was given to a VM in the namespace that it was moved to: it has no link then."""
    return any(
        kind == "endpoint" and other is not None and _is_endpoint_of(record, other)
        for (kind, _key), other in state.records.items()
    )


def _is_endpoint_of(record: Remembered, endpoint: Remembered) -> bool:
    device = f"pci/{endpoint['pci']['bdf']}" if endpoint.get("pci") else ""
    return bool(device) and (device, endpoint["fingerprint"]) == (record["device"], record["fingerprint"])


def remember(one: WantedDevice, link: Link, new_name: str, baggage: Sequence[Operation], state: State) -> Remembered:
    """The record of a device that is about to be moved; index and time are filled in then."""
    origin = state.existing(one.from_netns)
    return {
        "netns": one.netns,
        "fingerprint": list(state.existing(one.netns).fingerprint),
        "name": new_name,
        "ifindex": None,
        "since": None,
        "turn": sum(1 for (kind, _key), record in state.records.items() if kind == "device" and record),
        "origin": {
            "netns": one.from_netns,
            "fingerprint": list(origin.fingerprint),
            "name": link.name,
            "ifindex": link.known_index,
        },
        "mac": link.mac,
        "device": "" if link.kind else link.device,
        "permanent_mac": "" if link.kind else link.permanent_mac,
        "attributes": attributes_of(link),
        "baggage": [operation.as_dict() for operation in baggage],
    }
