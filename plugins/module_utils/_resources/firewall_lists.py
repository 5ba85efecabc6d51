# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""What a sandbox is allowed and denied, as options and as elements of sets.

Sets of nftables take no elements that overlap, lists of users do: so what a list covers is cut into
pieces that do not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from ipaddress import ip_network
from typing import Any

from .._engine.errors import InvalidOption
from .._engine.nft_tables import PROTOCOLS, address_text, span
from . import values

KEYS = ("cidr", "proto", "port", "direction")
DIRECTIONS = ("in", "out", "both")
WITH_PORTS = ("tcp", "udp", "sctp")
PROTOS = (*WITH_PORTS, "icmp")
LARGEST_PORT, LARGEST_PROTOCOL = 65535, 255
MOST = 1024
Box = tuple[tuple[int, int], ...]
"""First and last peer address, protocol and port."""


def parse_list(option: str, items: Sequence[Any]) -> tuple[dict[str, Any], ...]:
    """What one of the lists says, each item with all of KEYS. Raises InvalidOption."""
    if len(items) > MOST:
        raise InvalidOption(option, len(items), f"are more than {MOST} items")
    return tuple(_parse(f"{option}[{position}]", item) for position, item in enumerate(items))


def _parse(option: str, item: Any) -> dict[str, Any]:
    given = _long_form(option, item) if isinstance(item, Mapping) else _short_form(option, item)
    cidr = None if given.get("cidr") in (None, "") else _cidr(f"{option}.cidr", given["cidr"])
    port = None if given.get("port") in (None, "") else _port(f"{option}.port", given["port"])
    proto = given.get("proto") or ("tcp" if port else None)
    if proto is not None and proto not in PROTOS:
        raise InvalidOption(f"{option}.proto", proto, f"is not one of {', '.join(PROTOS)}")
    if port and proto not in WITH_PORTS:
        raise InvalidOption(f"{option}.port", port, f"cannot be given with {proto}, which has no ports")
    if cidr is None and proto is None:
        raise InvalidOption(option, None, "has neither cidr nor port nor proto")
    direction = given.get("direction") or "both"
    if direction not in DIRECTIONS:
        raise InvalidOption(f"{option}.direction", direction, f"is not one of {', '.join(DIRECTIONS)}")
    return {"cidr": cidr, "proto": proto, "port": port, "direction": direction}


def _long_form(option: str, item: Mapping[str, Any]) -> dict[str, Any]:
    for key in item:
        if key not in KEYS:
            raise InvalidOption(option, key, f"is not one of {', '.join(KEYS)}")
    return dict(item)


def _short_form(option: str, item: Any) -> dict[str, Any]:
    """``CIDR``, ``PORT/PROTO``, or both with a colon between; an IPv6 one in brackets then."""
    text = str(item) if isinstance(item, int) and not isinstance(item, bool) else item
    if isinstance(text, str) and text:
        if re.fullmatch(r"[0-9]+(-[0-9]+)?(/[a-z]+)?", text):
            return _with_port({}, text)
        bracketed = re.fullmatch(r"\[([^\[\]]+)\](?::(.+))?", text)
        if bracketed:
            return _with_port({"cidr": bracketed[1]}, bracketed[2])
        if "." in text:
            cidr, _colon, rest = text.partition(":")
            return _with_port({"cidr": cidr}, rest)
        if ":" in text:
            return {"cidr": text}
        if text in PROTOS:
            return {"proto": text}
    raise InvalidOption(option, item, "is not CIDR, PORT/PROTO or CIDR:PORT/PROTO, such as 10.0.0.0/8:443/tcp")


def _with_port(given: dict[str, Any], text: str | None) -> dict[str, Any]:
    port, _slash, proto = (text or "").partition("/")
    return {**given, **({"port": port} if port else {}), **({"proto": proto} if proto else {})}


def _cidr(option: str, value: Any) -> str:
    text = str(value)
    if "/" not in text:
        return str(values.ip_address(option, text))
    return str(values.ip_network(option, text).cidr)


def _port(option: str, value: Any) -> str:
    matched = re.fullmatch(r"([0-9]{1,6})(?:-([0-9]{1,6}))?", str(value))
    if isinstance(value, bool) or not matched:
        raise InvalidOption(option, value, "is not a port, nor a range of ports such as 8000-8010")
    first, last = int(matched[1]), int(matched[2] or matched[1])
    for port in (first, last):
        if not 1 <= port <= LARGEST_PORT:
            raise InvalidOption(option, value, f"is not between 1 and {LARGEST_PORT}")
    if last < first:
        raise InvalidOption(option, value, "is a range that ends before it begins")
    return str(first) if first == last else f"{first}-{last}"


def elements_of(items: Sequence[Mapping[str, Any]], direction: str, version: int) -> list[str]:
    """What a list covers in one direction and family, as elements without the sandbox's own address."""
    covered: list[Box] = []
    for item in items:
        if item["direction"] in (direction, "both"):
            box = _box(item, version)
            if box is not None:
                covered += _without(box, covered)
    return [" . ".join(_texts(box, version)) for box in covered]


def _box(item: Mapping[str, Any], version: int) -> Box | None:
    network = ip_network(item["cidr"] or ("0.0.0.0/0" if version == 4 else "::/0"))
    if network.version != version:
        return None
    proto = "icmpv6" if item["proto"] == "icmp" and version == 6 else item["proto"]
    number = PROTOCOLS.get(proto)
    first, _dash, last = (item["port"] or f"0-{LARGEST_PORT}").partition("-")
    return (
        (int(network.network_address), int(network.broadcast_address)),
        (0, LARGEST_PROTOCOL) if number is None else (number, number),
        (int(first), int(last or first)),
    )


def _without(box: Box, others: Sequence[Box]) -> list[Box]:
    """The pieces of a box that are in none of the others."""
    pieces = [box]
    for other in others:
        pieces = [piece for one in pieces for piece in _minus(one, other)]
    return pieces


def _minus(box: Box, other: Box) -> Iterator[Box]:
    if any(one[1] < two[0] or two[1] < one[0] for one, two in zip(box, other)):
        yield box
        return
    left = list(box)
    for side, (first, last) in enumerate(other):
        begin, end = left[side]
        if begin < first:
            yield (*left[:side], (begin, first - 1), *left[side + 1 :])
        if last < end:
            yield (*left[:side], (last + 1, end), *left[side + 1 :])
        left[side] = (max(begin, first), min(end, last))


def _texts(box: Box, version: int) -> Iterator[str]:
    peers, protocols, ports = box
    width = 4 if version == 4 else 16
    first, last = (address_text(end.to_bytes(width, "big")) for end in peers)
    yield span(first, last)
    names = {number: name for name, number in PROTOCOLS.items()}
    yield (
        names.get(protocols[0], str(protocols[0])) if protocols[0] == protocols[1] else f"{protocols[0]}-{protocols[1]}"
    )
    yield str(ports[0]) if ports[0] == ports[1] else f"{ports[0]}-{ports[1]}"
