# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Our nftables tables as values: what is in their sets, and whether their rules are ours.

An element is a text as nft(8) shows it, such as ``127.0.0.1 . tcp . 8080 : 10.80.0.2 . 80``, with the
sandbox that it is of. Reading JSON and writing text are opposites.
"""

from __future__ import annotations

import hashlib
import re
import socket
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from typing import Any

from .nft_rules import ADDRESS, AT_TARGET, BRIDGE, INET, TARGET

TABLE = "sandbox_network"
FAMILIES = ("inet", "bridge")
CHAINS = {"inet": INET, "bridge": BRIDGE}
PROTOCOLS = {"icmp": 1, "tcp": 6, "udp": 17, "icmpv6": 58, "sctp": 132}
PROTOCOL_NAMES = {number: name for name, number in PROTOCOLS.items()}
SAFE = re.compile(r"[A-Za-z0-9_.:/-]+")
PRIORITIES = {"raw": -300, "dstnat": -100, "filter": 0, "srcnat": 100}
BRIDGE_FILTER = -200

Elements = dict[str, dict[str, str]]
"""By set: its elements, each with the sandbox that it is of, empty for several."""


@dataclass(frozen=True)
class Declaration:
    """A set, or with ``value`` a map; the types of the parts of a key and of a value."""

    key: tuple[str, ...]
    value: tuple[str, ...] = ()
    intervals: bool = False

    @property
    def text(self) -> str:
        """The declaration as nft reads it."""
        if TARGET in self.key:
            return f"typeof {' . '.join('iifname' if one == 'ifname' else AT_TARGET for one in self.key)};"
        value = f" : {' . '.join(self.value)}" if self.value else ""
        return f"type {' . '.join(self.key)}{value};{' flags interval;' if self.intervals else ''}"


def _of_both(name: str, declaration: Declaration) -> dict[str, Declaration]:
    """A set for each family; the address of the family stands for ``address``."""

    def meant(types: tuple[str, ...], version: int) -> tuple[str, ...]:
        return tuple(ADDRESS[version] if one == "address" else one for one in types)

    return {
        f"{name}{version}": Declaration(
            meant(declaration.key, version), meant(declaration.value, version), declaration.intervals
        )
        for version in ADDRESS
    }


_LISTED = Declaration(("address", "address", "inet_proto", "inet_service"), intervals=True)
_STATIONS = Declaration(("ifname", "ether_addr"))
DECLARATIONS: dict[str, dict[str, Declaration]] = {
    "inet": {
        **_of_both("sandboxes", Declaration(("address",))),
        **_of_both("isolated", Declaration(("address",))),
        **_of_both("closed", Declaration(("address",))),
        **_of_both("allow_in", _LISTED),
        **_of_both("allow_out", _LISTED),
        **_of_both("deny_in", _LISTED),
        **_of_both("deny_out", _LISTED),
        **_of_both("published", Declaration(("address", "inet_proto", "inet_service"), ("address", "inet_service"))),
        **_of_both("published_any", Declaration(("inet_proto", "inet_service"), ("address", "inet_service"))),
        **_of_both("masqueraded", Declaration(("address",))),
        **_of_both("nearby", Declaration(("address", "address"), intervals=True)),
        **_of_both("sources", Declaration(("ifname", "address"))),
        "guarded": Declaration(("ifname",)),
        "stations": _STATIONS,
    },
    "bridge": {
        **_of_both("sources", Declaration(("ifname", "address"))),
        "guarded": Declaration(("ifname",)),
        "restricted": Declaration(("ifname",)),
        "members": Declaration(("ether_addr",)),
        "hairpins": Declaration(("ifname", "ifname")),
        "stations": _STATIONS,
        "targets": Declaration(("ifname", TARGET)),
        "routers": Declaration(("ifname",), ("ether_addr",)),
        "shielded": Declaration(("ether_addr",), ("ether_addr",)),
    },
}


@dataclass(frozen=True)
class Table:
    """A table as read. One that is not ours any more, because somebody changed its rules, has its ``text``."""

    elements: Elements = field(default_factory=dict)
    text: str = ""

    @property
    def intact(self) -> bool:
        """Whether rules and sets are ours."""
        return not self.text


# ---------------------------------------------------------------- rules


def comment_of(family: str, rule: str, why: str) -> str:
    """The comment that a rule is known by: why it is there, and a hash of it and of the sets it may name."""
    sets = sorted((name, one.text) for name, one in DECLARATIONS[family].items())
    return f"{why} ({hashlib.sha256(repr((rule, sets)).encode()).hexdigest()[:8]})"


def skeleton(family: str) -> str:
    """The commands that make a table, without elements."""
    lines = [f"table {family} {TABLE} {{"]
    for name, declaration in DECLARATIONS[family].items():
        lines.append(f" {'map' if declaration.value else 'set'} {name} {{ {declaration.text} }}")
    for name, (hook, rules) in CHAINS[family].items():
        lines += [f" chain {name} {{", f"  {hook}"] if hook else [f" chain {name} {{"]
        lines += [f'  {rule} comment "{comment_of(family, rule, why)}"' for rule, why in rules]
        lines.append(" }")
    return "\n".join([*lines, "}", ""])


def is_intact(family: str, listed: Iterable[Mapping[str, Any]]) -> bool:
    """Whether a listed table has our sets, chains and rules and no others."""
    sets, hooks = set(), {}
    rules: dict[str, list[str]] = {name: [] for name in CHAINS[family]}
    for one in listed:
        if "set" in one or "map" in one:
            sets.add((one.get("set") or one["map"])["name"])
        elif "chain" in one:
            chain = one["chain"]
            hooks[chain["name"]] = tuple(chain.get(key) for key in ("type", "hook", "prio", "policy"))
        elif "rule" in one:
            rules.setdefault(one["rule"]["chain"], []).append(one["rule"].get("comment", ""))
    wanted = {
        name: [comment_of(family, rule, why) for rule, why in found] for name, (_hook, found) in CHAINS[family].items()
    }
    expected = {name: _hook(family, hook) for name, (hook, _rules) in CHAINS[family].items()}
    return (sets, hooks, rules) == (set(DECLARATIONS[family]), expected, wanted)


def _hook(family: str, text: str) -> tuple[Any, ...]:
    words = re.match(r"type (\w+) hook (\w+) priority (\S+); policy (\w+);", text)
    if not words:
        return (None,) * 4
    priority = PRIORITIES.get(words[3])
    if family == "bridge" and words[3] == "filter":
        priority = BRIDGE_FILTER
    return words[1], words[2], int(words[3]) if priority is None else priority, words[4]


# ---------------------------------------------------------------- elements


def read_elements(family: str, listed: Iterable[Mapping[str, Any]]) -> Elements:
    """What is in the sets of an intact table."""
    found: Elements = {}
    for one in listed:
        described = one.get("set") or one.get("map")
        if described and described.get("elem"):
            declaration = DECLARATIONS[family][described["name"]]
            found[described["name"]] = dict(_read(element, declaration) for element in described["elem"])
    return found


def _read(element: Any, declaration: Declaration) -> tuple[str, str]:
    key, value = element if declaration.value else (element, None)
    owner = ""
    if isinstance(key, dict) and "elem" in key:
        owner, key = key["elem"].get("comment", ""), key["elem"]["val"]
    text = _join(key, declaration.key)
    return (f"{text} : {_join(value, declaration.value)}" if declaration.value else text), owner


def _join(value: Any, types: tuple[str, ...]) -> str:
    if len(types) == 1:
        return _part(value, types[0])
    return " . ".join([_part(part, kind) for part, kind in zip(value["concat"], types)])


def _part(part: Any, kind: str) -> str:
    """nft and our options both have addresses as inet_ntop(3) does, so that they need no parsing here."""
    if isinstance(part, str) and kind != TARGET:
        return part
    if isinstance(part, dict):
        if "prefix" in part:
            return f"{part['prefix']['addr']}/{part['prefix']['len']}"
        return span(*(_part(end, kind) for end in part["range"]))
    if kind == TARGET:
        return address_text(int(str(part), 0).to_bytes(16, "big"))
    if kind == "inet_proto":
        return PROTOCOL_NAMES.get(part, str(part))
    return str(part)


def address_text(packed: bytes) -> str:
    """An address in its one form."""
    return socket.inet_ntop(socket.AF_INET if len(packed) == 4 else socket.AF_INET6, packed)


def span(first: str, last: str) -> str:
    """A range of addresses or numbers, as an element has it: in the shortest form."""
    if first == last:
        return first
    if "." in first or ":" in first:
        one, other = ip_address(first), ip_address(last)
        size = int(other) - int(one) + 1
        if size & (size - 1) == 0 and int(one) % size == 0:
            return prefix(first, one.max_prefixlen - size.bit_length() + 1)
    return f"{first}-{last}"


def prefix(address: str, length: int) -> str:
    """A network, as an element has it: an address alone where it has only one."""
    if length == (128 if ":" in address else 32):
        return address
    network = ip_network(f"{address}/{length}", strict=False)
    return f"{address_text(network.network_address.packed)}/{length}"


def element_commands(verb: str, family: str, elements: Mapping[str, Mapping[str, str]]) -> Iterator[str]:
    """The commands that ``add`` or ``delete`` elements."""
    for name, found in sorted(elements.items()):
        if found:
            declaration = DECLARATIONS[family][name]
            texts = [_write(text, owner if verb == "add" else "", declaration) for text, owner in found.items()]
            yield f"{verb} element {family} {TABLE} {name} {{ {', '.join(texts)} }}"


def _write(text: str, owner: str, declaration: Declaration) -> str:
    key, _colon, value = text.partition(" : ")
    comment = f' comment "{_safe(owner)}"' if owner else ""
    written = " . ".join(_write_part(part, kind) for part, kind in zip(key.split(" . "), declaration.key))
    values = " . ".join(_write_part(part, kind) for part, kind in zip(value.split(" . "), declaration.value))
    return f"{written}{comment} : {values}" if values else f"{written}{comment}"


def _write_part(part: str, kind: str) -> str:
    if kind == "ifname":
        return f'"{_safe(part)}"'
    if kind == TARGET:
        return f"0x{int(ip_address(part)):032x}"
    if kind == "inet_proto":
        return str(PROTOCOLS.get(part, _safe(part)))
    return _safe(part)


def _safe(text: str) -> str:
    """What cannot end a word of nft's language. Everything was checked long before: this is the last look."""
    if not SAFE.fullmatch(text):
        raise ValueError(f"{text!r} must not be written into a table of nftables")
    return text
