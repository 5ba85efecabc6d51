# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Port forwards as options: short or long, with ranges and lists of protocols, made plain."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from .._engine.errors import InvalidOption
from .._programs.slirp4netns import Forward
from . import values

LOOPBACK = "127.0.0.1"
WILDCARDS = ("0.0.0.0", "::")
PROTOCOLS = ("tcp", "udp")
LARGEST_PORT = 65535
MOST = 16384
KEYS = ("proto", "host_addr", "host_port", "guest_addr", "guest_port")
SHORT = re.compile(
    r"(?:(?P<host_addr>\[[^\[\]]+\]|[^:/\[\]]*[^0-9:/\[\]-][^:/\[\]]*):)?(?P<host_port>[0-9-]+)(?::(?P<guest_port>[0-9-]+))?(?:/(?P<proto>.*))?"
)

OPTIONS: dict[str, Any] = {
    "proto": {"type": "str", "default": "tcp"},
    "host_addr": {"type": "str", "default": LOOPBACK},
    "host_port": {"type": "str"},
    "guest_addr": {"type": "str"},
    "guest_port": {"type": "str"},
}
"""One forward by plain options; a port is text because it may be a range."""


def parse_forwards(option: str, items: Sequence[Any]) -> tuple[Forward, ...]:
    """Forwards as wanted, one for each protocol and port. An empty guest address stands for that of
    the sandbox. Raises InvalidOption.
    """
    found: list[Forward] = []
    for position, item in enumerate(items):
        found += parse_forward(f"{option}[{position}]", item)
        if len(found) > MOST:
            raise InvalidOption(option, len(found), f"are more than {MOST} forwards")
    refuse_overlaps(option, found)
    return tuple(found)


def parse_forward(option: str, item: Any, *, host_addr: str = LOOPBACK) -> list[Forward]:
    """What one item stands for, at ``host_addr`` if it has no address of the host. Raises InvalidOption."""
    given = _long_form(option, item) if isinstance(item, Mapping) else _short_form(option, item)
    host_ports = _ports(f"{option}.host_port", values.required(f"{option}.host_port", given.get("host_port")))
    guest_text = given.get("guest_port")
    guest_ports = host_ports if guest_text in (None, "") else _ports(f"{option}.guest_port", guest_text)
    if len(host_ports) != len(guest_ports):
        raise InvalidOption(
            f"{option}.guest_port", guest_text, f"is not a range of {len(host_ports)} ports, as the host's"
        )
    host = given.get("host_addr")
    address = host_addr if host is None else _address(f"{option}.host_addr", host)
    guest = given.get("guest_addr")
    guest_addr = "" if guest in (None, "") else _guest(f"{option}.guest_addr", guest)
    return [
        Forward(proto, address, host_port, guest_addr, guest_port)
        for proto in _protocols(f"{option}.proto", given.get("proto") or "tcp")
        for host_port, guest_port in zip(host_ports, guest_ports)
    ]


def refuse_overlaps(option: str, forwards: Sequence[Forward]) -> None:
    """Two forwards of one list that would listen at the same place. Raises InvalidOption."""
    seen: dict[tuple[str, int], list[Forward]] = {}
    for one in forwards:
        others = seen.setdefault((one.proto, one.host_port), [])
        for other in others:
            if overlap(one.host_addr, other.host_addr):
                text = "is given twice" if one.host_addr == other.host_addr else f"overlaps with {host_side(other)}"
                raise InvalidOption(option, host_side(one), text)
        others.append(one)


def overlap(one: str, other: str) -> bool:
    """Whether two addresses of the host cannot both be listened at with one port. "::" takes IPv4 as well."""
    if one == other or "::" in (one, other):
        return True
    return (":" in one) == (":" in other) and (one in WILDCARDS or other in WILDCARDS)


def is_loopback(address: str) -> bool:
    """Whether an address is of the host itself only."""
    return address == "::1" or address.startswith("127.")


def host_side(forward: Forward) -> str:
    """Where a forward listens, as text."""
    address = f"[{forward.host_addr}]" if ":" in forward.host_addr else forward.host_addr
    return f"{address}:{forward.host_port}/{forward.proto}"


def describe_forward(forward: Forward) -> dict[str, Any]:
    """For results."""
    return {"id": forward.id, **dict(zip(KEYS, forward.essence))}


def _long_form(option: str, item: Mapping[str, Any]) -> dict[str, Any]:
    for key in item:
        if key not in KEYS:
            raise InvalidOption(option, key, f"is not one of {', '.join(KEYS)}")
    return dict(item)


def _short_form(option: str, item: Any) -> dict[str, Any]:
    text = str(item) if isinstance(item, int) and not isinstance(item, bool) else item
    matched = SHORT.fullmatch(text) if isinstance(text, str) else None
    if not matched:
        raise InvalidOption(
            option, item, "is not [HOST_ADDR:]HOST_PORT[:GUEST_PORT][/PROTO], such as 127.0.0.1:8080:80/tcp"
        )
    given: dict[str, Any] = {key: value for key, value in matched.groupdict().items() if value is not None}
    if "/" in text and not given.get("proto"):
        raise InvalidOption(option, item, "has no protocol after '/'")
    if "host_addr" in given:
        given["host_addr"] = given["host_addr"].strip("[]")
    return given


def _protocols(option: str, value: Any) -> Iterator[str]:
    words = [word.strip() for word in str(value).split(",")]
    values.no_duplicates(option, words)
    for word in words:
        if word not in PROTOCOLS:
            raise InvalidOption(option, value, "is not tcp, udp or tcp,udp")
    yield from words


def _ports(option: str, value: Any) -> range:
    matched = re.fullmatch(r"([0-9]{1,6})(?:-([0-9]{1,6}))?", str(value))
    if isinstance(value, bool) or not matched:
        raise InvalidOption(option, value, "is not a port, nor a range of ports such as 8000-8010")
    first, last = int(matched[1]), int(matched[2] or matched[1])
    for port in (first, last):
        if not 1 <= port <= LARGEST_PORT:
            raise InvalidOption(option, value, f"is not between 1 and {LARGEST_PORT}")
    if last < first:
        raise InvalidOption(option, value, "is a range that ends before it begins")
    return range(first, last + 1)


def _address(option: str, value: Any) -> str:
    address = values.ip_address(option, value)
    if address.is_multicast():
        raise InvalidOption(option, value, "is a multicast address")
    return str(address)


def _guest(option: str, value: Any) -> str:
    text = _address(option, value)
    if text in WILDCARDS:
        raise InvalidOption(option, value, "is not the address of one host")
    return text
