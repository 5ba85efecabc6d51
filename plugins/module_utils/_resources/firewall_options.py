# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The options of the firewall of a sandbox, checked and made plain."""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

from .._engine.errors import InvalidOption
from .._engine.form import Form
from .._programs.slirp4netns import Forward
from . import values
from .firewall_guard import GUARDS
from .firewall_lists import parse_list
from .forwards import LOOPBACK, MOST, WILDCARDS, host_side, parse_forward

POLICIES = ("isolate", "open", "closed")
LOOPBACK6 = "::1"
AT_LOOPBACK6 = (LOOPBACK6, "::")
LONGEST_NAME = 64  # a comment in nftables has 128 bytes

OPTIONS: dict[str, Any] = {
    "sandbox": {"type": "str"},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "netns": {"type": "str"},
    "addresses": {"type": "list", "elements": "str"},
    "interface": {"type": "str"},
    "mac": {"type": "str"},
    "interfaces": {
        "type": "list",
        "elements": "dict",
        "options": {"name": {"type": "str", "required": True}, "mac": {"type": "str"}},
    },
    "policy": {"type": "str", "choices": list(POLICIES), "default": "isolate"},
    "masquerade": {"type": "bool", "default": False},
    "ports": {"type": "list", "elements": "raw"},
    "allow": {"type": "list", "elements": "raw"},
    "deny": {"type": "list", "elements": "raw"},
    "antispoof": {"type": "bool", "default": True},
    "guard": {"type": "str", "choices": list(GUARDS), "default": "auto"},
    "forwarding": {"type": "bool", "default": False},
}
FORM = Form(
    options=OPTIONS,
    single="firewall",
    plural="sandboxes",
    constraints={"mutually_exclusive": [("interface", "interfaces")]},
)


@dataclass(frozen=True)
class Firewall:
    """The rules of a sandbox as wanted. ``netns`` is where its links are looked for, empty for nowhere.

    ``interfaces`` are links of the host, each with the MAC address of the sandbox there, which may be empty; with none,
    they are found.
    ``addresses`` None stands for all that the links have. A guest address of a port may be empty. A port that was given
    no address of the host is there once for each loopback: ``optional`` are the places that fall away where the
    sandbox has no address of that family.
    """

    sandbox: str
    present: bool
    netns: str = ""
    addresses: tuple[str, ...] | None = None
    interfaces: tuple[tuple[str, str], ...] = ()
    policy: str = "isolate"
    masquerade: bool = False
    ports: tuple[Forward, ...] = ()
    optional: frozenset[tuple[str, str, int]] = frozenset()
    allow: tuple[dict[str, Any], ...] = ()
    deny: tuple[dict[str, Any], ...] = ()
    antispoof: bool = True
    guard: str = "auto"
    forwarding: bool = False


def parse_firewall(options: dict[str, Any]) -> Firewall:
    """The rules of one sandbox as wanted. Raises InvalidOption."""
    sandbox = _name(options["sandbox"])
    if options["state"] == "absent":
        return Firewall(sandbox, present=False)
    addresses = None if options["addresses"] is None else _addresses(options["addresses"])
    netns = values.namespace_path("netns", options["netns"]) or values.namespace_path("sandbox", sandbox)
    policy = options["policy"]
    ports, optional = _ports(options["ports"] or ())
    if policy == "closed" and ports:
        raise InvalidOption("ports", host_side(ports[0]), "cannot be published with policy: closed")
    return Firewall(
        sandbox=sandbox,
        present=True,
        netns=str(netns),
        addresses=addresses,
        interfaces=_interfaces(options),
        policy=policy,
        masquerade=options["masquerade"],
        ports=ports,
        optional=optional,
        allow=parse_list("allow", options["allow"] or ()),
        deny=parse_list("deny", options["deny"] or ()),
        antispoof=options["antispoof"],
        guard=options["guard"],
        forwarding=options["forwarding"],
    )


def meet(one: str, other: str) -> bool:
    """Whether two addresses of this host stand for a common one. ``::`` stands for IPv6 only."""
    return one == other or ((":" in one) == (":" in other) and (one in WILDCARDS or other in WILDCARDS))


def refuse_meetings(option: str, ports: Sequence[Forward]) -> None:
    """Two ports of one list that would be published at the same place. Raises InvalidOption."""
    seen: dict[tuple[str, int], list[Forward]] = {}
    for one in ports:
        others = seen.setdefault((one.proto, one.host_port), [])
        for other in others:
            if meet(one.host_addr, other.host_addr):
                text = "is given twice" if one.host_addr == other.host_addr else f"overlaps with {host_side(other)}"
                raise InvalidOption(option, host_side(one), text)
        others.append(one)


def _name(value: Any) -> str:
    name = values.required("sandbox", value)
    if not re.fullmatch(r"[A-Za-z0-9_.][A-Za-z0-9_.-]*", name) or name in (".", ".."):
        raise InvalidOption(
            "sandbox", value, "is not a name: letters, digits, '_', '.' and '-' only, and no '-' in front"
        )
    if len(name) > LONGEST_NAME:
        raise InvalidOption("sandbox", value, f"is longer than {LONGEST_NAME} characters")
    return name


def _interfaces(options: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    if options["interface"] is not None:
        name = values.link_name("interface", options["interface"])
        return ((name, values.mac_address("mac", options["mac"]) or ""),)
    if options["mac"] is not None:
        raise InvalidOption("mac", options["mac"], "needs interface")
    found = []
    for position, given in enumerate(options["interfaces"] or ()):
        where = f"interfaces[{position}]"
        name = values.link_name(f"{where}.name", given["name"])
        found.append((name, values.mac_address(f"{where}.mac", given.get("mac")) or ""))
    values.no_duplicates("interfaces", [name for name, _mac in found])
    return tuple(found)


def _addresses(given: Sequence[str]) -> tuple[str, ...]:
    found = []
    for text in given:
        if "/" in text:
            address, prefix = values.ip_interface("addresses", text)
        else:
            address = str(values.ip_address("addresses", text))
            prefix = 128 if ":" in address else 32
        known = ip_address(address)
        if known.is_loopback or known.is_multicast or known.is_unspecified:
            raise InvalidOption("addresses", text, "is not the address of a sandbox")
        found.append(f"{address}/{prefix}")
    if not found:
        raise InvalidOption("addresses", [], "is empty; left out, the addresses of the links are taken")
    values.no_duplicates("addresses", [one.partition("/")[0] for one in found])
    return tuple(found)


def _ports(items: Sequence[Any]) -> tuple[tuple[Forward, ...], frozenset[tuple[str, str, int]]]:
    """Ports, and the places of those that are published only where the sandbox has an address of the family."""
    given: list[Forward] = []
    for position, item in enumerate(items):
        given += parse_forward(f"ports[{position}]", item, host_addr="")
        if len(given) > MOST:
            raise InvalidOption("ports", len(given), f"are more than {MOST}")
    elsewhere = {(one.proto, one.host_port) for one in given if one.host_addr in AT_LOOPBACK6}
    found: list[Forward] = []
    optional: set[tuple[str, str, int]] = set()
    for one in given:
        meant = [one] if one.host_addr else list(_at_loopbacks(one, elsewhere))
        found += meant
        if not one.host_addr and not one.guest_addr:
            optional.update(port.host_side for port in meant)
    for one in found:
        if one.guest_addr and (":" in one.guest_addr) != (":" in one.host_addr):
            raise InvalidOption(
                "ports", host_side(one), f"cannot lead to {one.guest_addr}, which is of the other family"
            )
    refuse_meetings("ports", found)
    return tuple(found), frozenset(optional)


def _at_loopbacks(one: Forward, elsewhere: Container[tuple[str, int]]) -> Iterator[Forward]:
    """A port without an address of the host at 127.0.0.1, and at ::1 unless another one of the list is there.

    One that leads to an address is there in the family of that.
    """
    for address in (LOOPBACK, LOOPBACK6):
        if one.guest_addr:
            wanted = (":" in one.guest_addr) == (":" in address)
        else:
            wanted = address == LOOPBACK or (one.proto, one.host_port) not in elsewhere
        if wanted:
            yield one._replace(host_addr=address)
