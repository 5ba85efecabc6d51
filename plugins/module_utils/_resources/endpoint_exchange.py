# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Endpoints as a file for others, in the shape of virtcontainers' ``network.json``, and back.

What that shape has no place for stands below ``Record``. A file of another program has none:
of its endpoints, links are let go as far as names and addresses tell.
"""

from __future__ import annotations

import base64
import ipaddress
import json
from collections.abc import Iterable
from typing import Any

from .._engine.errors import TaskError
from .._engine.kinds.address import address_of
from .._engine.state import NamespaceState
from .endpoint_record import Remembered

MODELS = {0: "macvtap", 1: "bridged", 2: "macvtap"}
"""What the numbers of virtcontainers mean (0: its default). It has none for tcfilter and none."""
NUMBERS = {"bridged": 1, "macvtap": 2}
OURS = ("made", "ifindex", "fingerprint")
"""What is known again by its name, wherever the file is read."""


def exported(netns: str, records: Iterable[Remembered]) -> str:
    """The text of the file for the endpoints of a namespace."""
    endpoints = [{"Type": record["type"], "Data": _data(record)} for record in records]
    content = {"NetNsPath": netns, "NetNsCreated": False, "Endpoints": endpoints}
    return json.dumps(content, indent=1, sort_keys=True) + "\n"


def imported(text: str, path: str, namespace: NamespaceState | None) -> tuple[list[Remembered], list[dict[str, str]]]:
    """The endpoints of a file as records, and those that cannot be read, with the reason.

    Raises TaskError for a file that is none.
    """
    try:
        content = json.loads(text)
        netns, endpoints = str(content["NetNsPath"]), list(content["Endpoints"] or [])
    except (ValueError, KeyError, TypeError):
        raise TaskError(f"network_json: {path} has no endpoints in the shape of virtcontainers") from None
    records: list[Remembered] = []
    unknown: list[dict[str, str]] = []
    for endpoint in endpoints:
        try:
            kind, data = endpoint["Type"], endpoint["Data"]
            if kind == "physical" and "Record" in data:
                records.append(_with_identity(data["Record"], netns, namespace))
                continue
            if kind != "virtual":
                unknown.append(
                    {"interface": _name(data), "reason": f"of type {kind!r}, of which nothing is wired here"}
                )
                continue
            records.append(_record(data, netns, namespace))
        except (KeyError, TypeError, ValueError, AttributeError):
            unknown.append({"interface": _name(endpoint), "reason": "not in a shape that is known"})
    return records, unknown


def _data(record: Remembered) -> dict[str, Any]:
    ours = {name: value for name, value in record.items() if name not in OURS}
    if record["type"] == "physical":
        pci = record["pci"]
        return {
            "EndpointType": "physical",
            "IfaceName": record["interface"],
            "HardAddr": record["mac"],
            "BDF": pci["bdf"],
            "Driver": pci["driver"],
            "VendorDeviceID": pci["make"],
            "Record": ours,
        }
    addresses = [_address(step) for step in record["baggage"] if step["op"] == "address.add"]
    routes = [
        {"Dst": step["dst"], "Gw": step.get("gateway", "")} for step in record["baggage"] if step["op"] == "route.add"
    ]
    return {
        "EndpointType": record["type"],
        "NetPair": {
            "ID": f"{record['interface']}-{record['tap']}",
            "Name": record["bridge"] or f"br{record['index']}_kata",
            "VirtIface": {"Name": record["interface"], "HardAddr": record["mac"], "Addrs": addresses},
            "TAPIface": {"Name": record["tap"], "HardAddr": record["mac"], "Addrs": None},
            "NetInterworkingModel": NUMBERS.get(record["model"], 0),
            "VMFds": [],
            "VhostFds": [],
        },
        "EndpointProperties": {"Iface": {"Name": record["interface"]}, "Addrs": addresses, "Routes": routes, "DNS": {}},
        "Record": ours,
    }


def _address(step: dict[str, Any]) -> dict[str, Any]:
    address = address_of(step, 0)
    return {"IP": address.local, "Mask": address.prefix, "Label": address.label}


def _record(data: dict[str, Any], netns: str, namespace: NamespaceState | None) -> Remembered:
    pair = data["NetPair"]
    return _with_identity(data.get("Record") or _of_another_program(pair, netns), netns, namespace)


def _with_identity(record: Remembered, netns: str, namespace: NamespaceState | None) -> Remembered:
    link = namespace.link(record["interface"]) if namespace else None
    names = [record[role] for role in ("tap", "bridge") if record[role]]
    made = [namespace.link(name) for name in names] if namespace else []
    return {
        **record,
        "netns": netns,
        "fingerprint": list(namespace.fingerprint) if namespace else [],
        "ifindex": link.ifindex if link else None,
        "made": {one.name: one.ifindex for one in made if one is not None},
    }


def _of_another_program(pair: dict[str, Any], netns: str) -> Remembered:
    interface, model = pair["VirtIface"]["Name"], MODELS[int(pair["NetInterworkingModel"])]
    addresses = pair["VirtIface"].get("Addrs") or []
    return {
        "netns": netns,
        "interface": interface,
        "index": 0,
        "type": "virtual",
        "model": model,
        "tap": pair["TAPIface"]["Name"],
        "bridge": pair["Name"] if model == "bridged" else None,
        "queues": 1,
        "vnet_hdr": True,
        "owner": None,
        "group": None,
        "node": None,
        "qdisc": False,
        "rates": {},
        "mac": pair["TAPIface"].get("HardAddr") or pair["VirtIface"]["HardAddr"],
        "up": True,
        "master": "",
        "ipv6_disabled": False,
        "baggage": [_step(one, interface, netns) for one in addresses],
    }


def _step(given: dict[str, Any], interface: str, netns: str) -> dict[str, Any]:
    """An address as Go writes it: its mask is a number of bits, or base64 of its bytes."""
    local, mask = ipaddress.ip_address(given["IP"]), given["Mask"]
    if isinstance(mask, str):
        mask = bin(int.from_bytes(base64.b64decode(mask), "big")).count("1")
    step = {"op": "address.add", "netns": netns, "link": interface, "ifindex": None}
    return {**step, "address": f"{local}/{int(mask)}"}


def _name(data: Any) -> str:
    """The name of an endpoint's link, as far as it can be made out."""
    try:
        return str(data.get("Name") or data["NetPair"]["VirtIface"]["Name"])
    except (AttributeError, KeyError, TypeError):
        return "?"
