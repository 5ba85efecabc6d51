# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""An endpoint for the result of the module: all that a VMM, and the system in the VM, has to know."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .._engine.operation import without_empty
from .._engine.state import State
from .._kernel.links import Link
from .endpoint_hypervisor import arguments, descriptors
from .endpoint_options import WantedEndpoint, synthetic_mac
from .endpoint_record import Remembered, made_link, record_key
from .endpoint_selection import found_socket, is_tap, type_of

Description = dict[str, Any]


def describe_endpoint(one: WantedEndpoint, interface: str, position: int, state: State) -> Description | None:
    """The endpoint of a link; None where there is none."""
    record = state.record("endpoint", record_key(one.netns, interface))
    queues = one.queues
    if type_of(one, interface, state) == "vhost-user":
        found = _of_socket(one, interface, position, state)
    elif record is not None and record["type"] == "physical":
        found, queues = _of_card(record), 1
    elif record is not None:
        found, queues = _of_wired_link(record, state), record["queues"]
    elif is_tap(one, interface, state):
        found = _of_tap(one, interface, position, state)
    else:
        return None
    vhost = one.vhost != "never" and state.kinds.get("vhost-net", False)
    made = arguments(found, queues=queues, queue_size=one.queue_size, vnet_hdr=one.vnet_hdr, vhost=vhost)
    return {**found, "descriptors": descriptors(found, queues), "hypervisor": made}


def _endpoint(kind: str, netns: str, interface: str, index: int, mac: str | None, **more: Any) -> Description:
    """What all have; of the rest, what is not said is None, or empty."""
    absent = dict.fromkeys(("model", "tap", "bridge", "mtu", "pci", "socket_path"))
    return {
        "type": kind,
        "name": interface,
        "netns": netns,
        "index": index,
        "hard_addr": mac,
        **absent,
        "addresses": [],
        "routes": [],
        **more,
    }


def _of_wired_link(record: Remembered, state: State) -> Description:
    namespace = state.existing(record["netns"])
    tap, link = made_link(record, "tap", namespace), namespace.link(record["interface"])
    major, minor = state.node_numbers.get(record["node"], (None, None))
    return _endpoint(
        record["type"],
        record["netns"],
        record["interface"],
        record["index"],
        record["mac"],
        model=record["model"],
        tap=_tap(record["tap"], tap, device=record["node"], major=major, minor=minor),
        bridge=record["bridge"],
        mtu=link.mtu or None if link else None,
        **_addressing(record, link, state),
    )


def _of_tap(one: WantedEndpoint, interface: str, position: int, state: State) -> Description:
    link, index = state.existing(one.netns).existing(interface), one.index_of(interface, position)
    mac = one.mac if one.mac and one.mac != "random" else synthetic_mac(index)
    tap = _tap(interface, link)
    return _endpoint("virtual", one.netns, interface, index, mac, model="none", tap=tap, mtu=link.mtu or None)


def _of_socket(one: WantedEndpoint, interface: str, position: int, state: State) -> Description:
    link, index = state.link(one.netns, interface), one.index_of(interface, position)
    return _endpoint(
        "vhost-user",
        one.netns,
        interface,
        index,
        link.mac if link else None,
        mtu=link.mtu if link else None,
        addresses=_global_addresses(one.netns, link, state),
        socket_path=one.socket or found_socket(one, interface, state),
    )


def _of_card(record: Remembered) -> Description:
    pci, interface = record["pci"], record["interface"]
    group = pci["group"]
    return _endpoint(
        "physical",
        record["netns"],
        interface,
        record["index"],
        record["mac"],
        mtu=record["attributes"]["mtu"] or None,
        addresses=_addresses_of(record["baggage"]),
        routes=_routes_of([step for step in record["baggage"] if step.get("link") == interface]),
        pci={
            "bdf": pci["bdf"],
            "vendor_device_id": pci["make"],
            "driver": pci["driver"],
            "bound_driver": pci["bound_driver"],
            "iommu_group": group,
            "vfio_device": None if group is None else f"/dev/vfio/{group}",
        },
    )


def _tap(
    name: str, link: Link | None, device: str | None = None, major: int | None = None, minor: int | None = None
) -> Description:
    index = link.known_index if link else None
    return {"name": name, "ifindex": index, "device": device, "major": major, "minor": minor}


def _addressing(record: Remembered, link: Link | None, state: State) -> Description:
    """What the VM is to have: what the link has, or had before it was taken off."""
    if record["model"] not in ("none", "tcfilter"):
        return {"addresses": _addresses_of(record["baggage"]), "routes": _routes_of(record["baggage"])}
    routes = state.existing(record["netns"]).routes.get(link.ifindex, ()) if link else ()
    return {
        "addresses": _global_addresses(record["netns"], link, state),
        "routes": [{"dst": one.dst, "gateway": one.gateway} for one in routes if one.gateway],
    }


def _global_addresses(netns: str, link: Link | None, state: State) -> list[str]:
    found = state.existing(netns).addresses.get(link.ifindex, ()) if link else ()
    return [f"{one.local}/{one.prefix}" for one in found if one.scope == "global"]


def _addresses_of(baggage: Sequence[dict[str, Any]]) -> list[str]:
    """The global ones of what was taken off a link: those that name no other scope."""
    return [step["address"] for step in baggage if step["op"] == "address.add" and "scope" not in step]


def _routes_of(baggage: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    routes = [step for step in baggage if step["op"] == "route.add"]
    return [without_empty({"dst": step["dst"], "gateway": step.get("gateway", "")}) for step in routes]
