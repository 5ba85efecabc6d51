# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""What is allowed and denied: parsed, and cut into elements that do not overlap."""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.sandbox.network.plugins.module_utils._engine.errors import InvalidOption
from ansible_collections.sandbox.network.plugins.module_utils._engine.nft_tables import PROTOCOLS
from ansible_collections.sandbox.network.plugins.module_utils._resources.firewall_lists import (
    elements_of,
    parse_list,
)


@pytest.mark.parametrize(
    ("item", "cidr", "port", "proto"),
    [
        ("10.0.0.0/8", "10.0.0.0/8", None, None),
        ("10.0.0.1", "10.0.0.1", None, None),
        ("fd00::/8", "fd00::/8", None, None),
        ("fd00::1", "fd00::1", None, None),
        ("443", None, "443", "tcp"),
        (443, None, "443", "tcp"),
        ("443/udp", None, "443", "udp"),
        ("8000-8010/sctp", None, "8000-8010", "sctp"),
        ("10.0.0.0/8:53/udp", "10.0.0.0/8", "53", "udp"),
        ("10.0.0.1:53", "10.0.0.1", "53", "tcp"),
        ("[fd00::/8]:443/tcp", "fd00::/8", "443", "tcp"),
        ("[fd00::1]", "fd00::1", None, None),
        ("icmp", None, None, "icmp"),
        ({"cidr": "10.0.0.0/8"}, "10.0.0.0/8", None, None),
        ({"port": 80}, None, "80", "tcp"),
        ({"port": "80-80", "proto": "udp", "cidr": "FD00::1"}, "fd00::1", "80", "udp"),
    ],
)
def test_items_are_understood(item: Any, cidr: str | None, port: str | None, proto: str | None) -> None:
    assert parse_list("allow", [item]) == ({"cidr": cidr, "port": port, "proto": proto, "direction": "both"},)


@pytest.mark.parametrize(
    ("item", "words"),
    [
        ("", "allow[0]"),
        (True, "allow[0]"),
        (None, "allow[0]"),
        ("web", "'web'"),
        ("10.0.0.1/8", "host bits"),
        ("10.0.0.0/33", "prefix length"),
        ("10.0.0", "not an IP address"),
        ("10.0.0.1:0", "between 1 and 65535"),
        ("65536", "between 1 and 65535"),
        ("90-80", "ends before it begins"),
        ("80/gre", "'gre'"),
        ("[10.0.0.0/8:80", "allow[0]"),
        ("10.0.0.1; flush ruleset", "allow[0]"),
        ({}, "neither"),
        ({"port": 80, "proto": "icmp"}, "no ports"),
        ({"port": True}, "allow[0].port"),
        ({"cidr": "10.0.0.1", "direction": "up"}, "'up'"),
        ({"cidr": "10.0.0.1", "ports": 80}, "'ports'"),
        ({"cidr": "10.0.0.1", "proto": ["tcp"]}, "proto"),
    ],
)
def test_bad_items_are_refused(item: Any, words: str) -> None:
    with pytest.raises(InvalidOption) as error:
        parse_list("allow", [item])
    assert words in str(error.value)
    assert "allow[0]" in str(error.value)


def test_too_many_are_refused() -> None:
    with pytest.raises(InvalidOption, match="1025"):
        parse_list("deny", ["80"] * 1025)


def test_what_overlaps_is_cut() -> None:
    items = parse_list("allow", ["10.0.0.0/8", "443/tcp", "10.1.0.0/16:443"])
    assert elements_of(items, "in", 4) == [
        "10.0.0.0/8 . 0-255 . 0-65535",
        "0.0.0.0-9.255.255.255 . tcp . 443",
        "11.0.0.0-255.255.255.255 . tcp . 443",
    ]
    assert elements_of(items, "in", 6) == ["::/0 . tcp . 443"]


def test_directions_and_icmp_are_told_apart() -> None:
    items = parse_list("deny", [{"cidr": "10.0.0.0/8", "direction": "out"}, {"proto": "icmp", "direction": "in"}])
    assert elements_of(items, "out", 4) == ["10.0.0.0/8 . 0-255 . 0-65535"]
    assert elements_of(items, "in", 4) == ["0.0.0.0/0 . icmp . 0-65535"]
    assert elements_of(items, "in", 6) == ["::/0 . icmpv6 . 0-65535"]


CIDRS = ["0.0.0.0/0", "10.0.0.0/8", "10.0.0.0/30", "10.0.0.2", "10.0.0.4/30", "fd00::/8", None]
PORTS = ["80", "70-90", "1-65535", None]
ITEM = st.fixed_dictionaries(
    {"cidr": st.sampled_from(CIDRS), "port": st.sampled_from(PORTS), "proto": st.sampled_from(["tcp", "udp"])}
)
PACKETS = [
    (peer, proto, port)
    for peer in ("10.0.0.0", "10.0.0.2", "10.0.0.5", "10.9.9.9", "192.0.2.1")
    for proto in (1, 6, 17)
    for port in (0, 1, 69, 80, 91, 65535)
]


def within(text: str, value: Any, number: Any) -> bool:
    """Whether a part of an element covers a value."""
    if "/" in text:
        return value in ip_network(text)
    first, _dash, last = text.partition("-")
    return number(first) <= value <= number(last or first)


@given(st.lists(ITEM, max_size=6))
def test_elements_cover_what_the_items_do_and_never_twice(given_items: list[dict[str, Any]]) -> None:
    items = parse_list("allow", given_items)
    elements = [text.split(" . ") for text in elements_of(items, "in", 4)]
    for peer, proto, port in PACKETS:
        address = ip_address(peer)
        hits = [
            one
            for one in elements
            if within(one[0], address, ip_address)
            and within(one[1], proto, lambda text: PROTOCOLS.get(text) or int(text))
            and within(one[2], port, int)
        ]
        wanted = any(
            PROTOCOLS[item["proto"]] == proto
            and within(item["cidr"] or "0.0.0.0/0", address, ip_address)
            and within(item["port"] or "0-65535", port, int)
            for item in items
            if ":" not in (item["cidr"] or "")
        )
        assert len(hits) == wanted, (peer, proto, port, elements)
