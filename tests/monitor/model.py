# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""What a runtime knows from what it was told, and what is there as `ip` shows it: two pictures of one form."""

from __future__ import annotations

import copy
import ipaddress
import json
import os
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

Document = dict[str, Any]
SCOPES = {"global": 0, "site": 200, "link": 253, "host": 254, "nowhere": 255}


@dataclass(frozen=True)
class Call:
    """One call of a runtime, as it has written it down itself. ``at``: seconds of time.monotonic."""

    verb: str
    document: Any
    exit: int = 0
    at: float = 0.0
    facts: Document = field(default_factory=dict)

    def __str__(self) -> str:
        what = self.document["Name"] if isinstance(self.document, dict) else f"{len(self.document)} routes"
        return f"{self.verb} {what}" + (f" (exit status {self.exit})" if self.exit else "")


class Knowledge:
    """What a runtime knows: interfaces, found again by their MAC address or else by their name, and routes."""

    def __init__(self, interfaces: Iterable[Document] = (), routes: Iterable[Document] = ()) -> None:
        self.interfaces = [plain_interface(one) for one in interfaces]
        self.routes = plain_routes(routes)
        self.surprises: list[str] = []
        self.without_effect: list[str] = []

    def apply(self, call: Call) -> None:
        """Take in a call that succeeded. What makes no sense is a surprise."""
        if call.exit:
            return
        before = copy.deepcopy((self.interfaces, self.routes))
        if call.verb == "update-routes":
            self.routes = plain_routes(call.document)
        else:
            self._apply_interface(call.verb, plain_interface(call.document))
        if before == (self.interfaces, self.routes):
            self.without_effect.append(str(call))

    def _apply_interface(self, verb: str, document: Document) -> None:
        known = self._find(document)
        if verb == "del-iface" and known is not None and known != document:
            self.surprises.append(f"{verb} {document}, which is known as {known}")
        if (verb == "add-iface") != (known is None):
            self.surprises.append(f"{verb} {document['Name']}, which is {'not ' if known is None else ''}known")
        if known is not None:
            self.interfaces.remove(known)
        if verb != "del-iface":
            self.interfaces.append(document)

    def _find(self, document: Document) -> Document | None:
        same_mac = [one for one in self.interfaces if one["HwAddr"] == document["HwAddr"]]
        same_name = [one for one in same_mac or self.interfaces if one["Name"] == document["Name"]]
        return next(iter(same_name or same_mac), None)


@dataclass(frozen=True)
class Kernel:
    """A namespace: links that are up and have a carrier, other links, and routes."""

    ready: list[Document]
    others: list[Document]
    routes: list[Document]

    def differences(self, known: Knowledge) -> list[str]:
        """What a runtime should be told, in words; a link that was never up need not be known."""
        found = []
        for document in self.ready:
            if document not in known.interfaces:
                found.append(f"not known: {_short(document)}")
        for document in known.interfaces:
            if document not in self.ready and document not in self.others:
                found.append(f"not there: {_short(document)}")
        if known.routes != self.routes:
            missing = [one for one in self.routes if one not in known.routes]
            gone = [one for one in known.routes if one not in self.routes]
            found.append(f"{len(missing)} routes not known: {missing[:2]}, {len(gone)} not there: {gone[:2]}")
        return found


def look(*where: str, without: Iterable[str] = ()) -> Kernel:
    """A namespace, given as options of `ip`. ``without``: names of links that are to be ignored."""
    links = [one for one in _ip(*where, "-d", "address") if _is_told(one) and one["ifname"] not in without]
    documents = [(_is_ready(one), plain_interface(_interface(one))) for one in links]
    routes = [
        document
        for family in ("-4", "-6")
        for route in _ip(*where, "-d", family, "route", "show", "table", "main")
        for document in _routes(route)
    ]
    ready = [document for is_ready, document in documents if is_ready]
    others = [document for is_ready, document in documents if not is_ready]
    return Kernel(ready, others, plain_routes(routes))


def is_settled(*where: str) -> bool:
    """Whether the kernel has told of every carrier, which it does in its own time, and given those links their
    link-local addresses.
    """
    links = [one for one in _ip(*where, "address") if _is_told(one) and {"UP", "LOWER_UP"} <= set(one["flags"])]
    return all(
        _is_ready(one) and any(address["local"].startswith("fe80:") for address in one["addr_info"]) for one in links
    )


def plain_interface(document: Document) -> Document:
    """Addresses in one order; flags as far as `ip` tells them."""
    addresses = sorted(document["IPAddresses"], key=lambda one: (one["Family"], one["Address"], one["Mask"]))
    return {**document, "IPAddresses": addresses, "RawFlags": bool(document["RawFlags"])}


def plain_routes(documents: Iterable[Document]) -> list[Document]:
    """Routes in one order."""
    return sorted(documents, key=lambda one: json.dumps(one, sort_keys=True))


def _ip(*words: str) -> Any:
    done = subprocess.run(["ip", "-json", *words], capture_output=True, check=True, timeout=60)
    found = json.loads(done.stdout.decode("utf-8", "surrogateescape") or "[]", strict=False)
    for one in found:  # a name that is not text is shown escaped
        one.update(
            {key: os.fsencode(one[key]).decode("utf-8", "backslashreplace") for key in ("ifname", "dev") if key in one}
        )
    return found


def _short(document: Document) -> Document:
    return {**document, "IPAddresses": f"{len(document['IPAddresses'])} addresses"}


def _is_told(link: Document) -> bool:
    return bool(link.get("address")) and "LOOPBACK" not in link["flags"]


def _is_ready(link: Document) -> bool:
    return "UP" in link["flags"] and "NO-CARRIER" not in link["flags"]


def _interface(link: Document) -> Document:
    kind = link.get("linkinfo", {}).get("info_kind")
    return {
        "Device": link["ifname"],
        "Name": link["ifname"],
        "IPAddresses": [
            {
                "Family": 2 if one["family"] == "inet" else 10,
                "Address": one["local"],
                "Mask": str(one["prefixlen"]),
            }
            for one in link["addr_info"]
        ],
        "Mtu": link["mtu"],
        "RawFlags": not _is_ready(link),
        "HwAddr": link["address"],
        "PciPath": {},
        "LinkType": "tap" if kind == "tun" else kind or "device",
    }


def _routes(route: Document) -> list[Document]:
    if route.get("protocol") == "kernel":
        return []
    destination = "" if route["dst"] == "default" else str(ipaddress.ip_network(route["dst"]))
    return [
        {
            "Dest": destination,
            "Gateway": hop.get("gateway", hop.get("via", {}).get("host", "")),
            "Device": hop.get("dev", ""),
            "Source": route.get("prefsrc", ""),
            "Scope": SCOPES[route.get("scope", "global")],
        }
        for hop in _hops(route)
    ]


def _hops(route: Document) -> list[Document]:
    hops: list[Document] = route.get("nexthops", [route])
    return hops
