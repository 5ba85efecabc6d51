# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Physical endpoints: a network card that is given to the VM as a whole, and taken back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .._engine.draft import Draft
from .._engine.errors import InvalidOption
from .._engine.kinds.contract import place
from .._engine.kinds.pci import FRESH_MTU, FRESH_TXQLEN
from .._engine.operation import Operation
from .._engine.state import State
from .._kernel.links import Link
from .._kernel.pci import PciDevice, place_of
from .device_baggage import Place, attributes_of, baggage_of, routes_lost
from .device_refusals import carries_session, reasons_against, refuse_clash
from .device_return import put_on
from .endpoint_options import WantedEndpoint
from .endpoint_record import Remembered, record_key

HARMLESS = ("", "vfio-pci", "pci-stub")
"""Drivers that leave a group to a VM."""
UNKNOWN, INITIAL = 0, 1
"""The number of the initial network namespace, and what older kernels say of all."""
NOT_OF_PHYSICAL = ("tap", "bridge", "mac", "rx_rate", "tx_rate")


def is_physical(link: Link) -> bool:
    """Whether a link is that of a network card on a PCI bus."""
    return not link.kind and bool(place_of(link.device))


def is_lent(record: Remembered, state: State) -> bool:
    """Whether the card of a record is where it was given to, and its namespace is there."""
    namespace = state.at(record["netns"])
    found = state.pci.get(record["pci"]["bdf"]) if record["type"] == "physical" else None
    if namespace is None or found is None or record["fingerprint"] != list(namespace.fingerprint):
        return False
    given: str = record["pci"]["bound_driver"]
    return found.driver == given


def reason_against_lending(one: WantedEndpoint, link: Link, state: State) -> str:
    """Why a link's device cannot be given to a VM; empty when it can."""
    return next(_reasons(one, link, state), "")


def _reasons(one: WantedEndpoint, link: Link, state: State) -> Iterator[str]:
    found = state.pci.get(place_of(link.device)) if is_physical(link) else None
    if found is None:
        yield "no device on a PCI bus"
        return
    if state.existing(None).cookie not in (UNKNOWN, INITIAL):
        yield "a device that would come back to the initial network namespace, which Ansible does not run in"
    yield from _reasons_of_bus(one.vfio_driver, found, state)
    namespace = state.existing(one.netns)
    for route in routes_lost(link, namespace):
        if route.opaque:
            yield f"the way of the route {route.dst}, which could not be put back"
    if not one.force:
        reasons = [*carries_session(link, namespace, state.session), *reasons_against(link, one.netns, state)]
        reasons += [f"has {found.functions} virtual functions, which would be gone"] if found.functions else []
        yield from (f"a device that {reason}; force: true gives it away all the same" for reason in reasons)


def _reasons_of_bus(driver: str, found: PciDevice, state: State) -> Iterator[str]:
    if found.group is None:
        yield f"the device {found.bdf}, which no IOMMU is in charge of (intel_iommu=on or the like for the kernel)"
    problem = state.pci_drivers.get(driver, "")
    if problem:
        yield f"a device for the driver {driver}, which {problem}"
    for other in found.neighbours:
        if not other.is_bridge and other.driver not in (*HARMLESS, driver):
            yield (
                f"the device {found.bdf}, which is in IOMMU group {found.group} with {other.bdf}, and that has the"
                f" driver {other.driver}: they can only be given away together"
            )


def plan_lending(one: WantedEndpoint, interface: str, position: int, draft: Draft) -> None:
    """Give a card to the driver for VMs, unless it has it. Raises TaskError."""
    state, key = draft.state, record_key(one.netns, interface)
    index = one.index_of(interface, position)
    record = state.record("endpoint", key)
    if record is not None and is_lent(record, state) and record["pci"]["bound_driver"] == one.vfio_driver:
        if record["index"] != index:
            draft.add([_put(key, {**record, "index": index}, record)])
        return
    if record is not None:
        plan_taking_back(record, draft)
    namespace = state.existing(one.netns)
    link = namespace.link(interface)
    if link is None:
        raise InvalidOption("interface", interface, f"is no link of {one.netns}")
    reason = reason_against_lending(one, link, state)
    if reason:
        where = place(one.netns, interface)
        raise InvalidOption("interface", interface, f"cannot be a physical endpoint: {where} is {reason}")
    record = _remember(one, link, index, state)
    restore = [_attributes(record, _place(record)), *(Operation.from_dict(step) for step in record["baggage"])]
    lending = {**_lending(record), **_place(record)._asdict(), "restore": [step.as_dict() for step in restore]}
    draft.add([Operation("pci.bind", lending), _put(key, record, None)])


def plan_taking_back(record: Remembered, draft: Draft) -> list[str]:
    """Give a card back to its former driver, and make of its link what it was. What is unplugged is only forgotten.

    Returns what cannot be put back any more, and why. Raises TaskError.
    """
    state, origin = draft.state, _place(record)
    found = state.pci.get(record["pci"]["bdf"])
    left_out: list[str] = []
    if found is not None and _is_ours(record, found):
        home = state.at(record["netns"])
        if home is None or record["fingerprint"] != list(home.fingerprint):
            draft.add([Operation("pci.release", _lending(record))])
        else:
            refuse_clash("interface", origin.name, record["attributes"]["altnames"], origin.netns, home)
            index = None if origin.ifindex in home.links else origin.ifindex
            there = origin._replace(ifindex=index)
            draft.add([Operation("pci.release", {**_lending(record), **there._asdict()})])
            draft.add([_attributes(record, there)])
            left_out = put_on(record, origin, there, draft)
    key = record_key(record["netns"], record["interface"])
    draft.add([Operation("record.drop", {"kind": "endpoint", "name": key, "before": record})])
    return left_out


def _is_ours(record: Remembered, found: PciDevice) -> bool:
    """Whether a device is still as we left it: nobody gave it to another driver, and no boot was since."""
    return bool(record["fingerprint"]) and found.driver in ("", record["pci"]["bound_driver"])


def _remember(one: WantedEndpoint, link: Link, index: int, state: State) -> Remembered:
    namespace = state.existing(one.netns)
    found = state.pci.get(place_of(link.device))
    if found is None:
        raise InvalidOption("interface", link.name, "is no device on a PCI bus")
    return {
        "netns": one.netns,
        "fingerprint": list(namespace.fingerprint),
        "interface": link.name,
        "ifindex": link.ifindex,
        "since": None,
        "type": "physical",
        "index": index,
        **dict.fromkeys(("model", "tap", "bridge", "node")),
        "made": {},
        "mac": link.mac,
        "permanent_mac": link.permanent_mac or link.mac,
        "attributes": attributes_of(link),
        "pci": {
            "bdf": found.bdf,
            "make": found.make,
            "driver": found.driver,
            "override": found.override,
            "bound_driver": one.vfio_driver,
            "group": found.group,
        },
        "baggage": [step.as_dict() for step in baggage_of(link, one.netns, namespace)],
    }


def _put(key: str, record: Remembered, before: Remembered | None) -> Operation:
    return Operation("record.put", {"kind": "endpoint", "name": key, "value": record, "before": before})


def _place(record: Remembered) -> Place:
    return Place(record["netns"], record["interface"], record["ifindex"])


def _lending(record: Remembered) -> dict[str, Any]:
    pci = record["pci"]
    return {
        **{name: pci[name] for name in ("bdf", "make", "group")},
        "driver": pci["bound_driver"],
        "before": {"driver": pci["driver"], "override": pci["override"]},
        "mac": record["permanent_mac"],
    }


def _attributes(record: Remembered, there: Place) -> Operation:
    """What a link that its driver has made anew is not, or may not be."""
    then = record["attributes"]
    fresh = attributes_of(Link(0, "", mac=record["permanent_mac"], mtu=FRESH_MTU, txqlen=FRESH_TXQLEN))
    names = [name for name in then if then[name] != fresh[name] or name in ("mtu", "altnames")]
    change = {"set": {name: then[name] for name in names}, "before": {name: fresh[name] for name in names}}
    return Operation("link.set", {**there._asdict(), **change})


def refuse_options_of_virtual(one: WantedEndpoint) -> None:
    """Options that say how a link is wired. Raises InvalidOption."""
    for name in NOT_OF_PHYSICAL if one.interface is not None else ():
        value = getattr(one, name)
        if value is not None:
            raise InvalidOption(name, value, "is not for a physical device, which is given to the VM as a whole")
