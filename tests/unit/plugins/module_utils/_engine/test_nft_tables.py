# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Our nftables tables as values: what nft prints as JSON, and what is written for it to read."""

from __future__ import annotations

import pytest

from ansible_collections.sandbox.network.plugins.module_utils._engine import nft_tables
from ansible_collections.sandbox.network.plugins.module_utils._engine.nft_rules import BRIDGE, INET
from ansible_collections.sandbox.network.plugins.module_utils._engine.nft_tables import (
    DECLARATIONS,
    FAMILIES,
    comment_of,
    element_commands,
    is_intact,
    prefix,
    read_elements,
    skeleton,
    span,
)

# By family and set: an element as nft 1.0.6 prints it, and what it is here.
PRINTED = [
    ("inet", "sandboxes4", "10.80.0.2", "10.80.0.2", ""),
    ("inet", "sandboxes6", {"elem": {"val": "fd00::2", "comment": "web1"}}, "fd00::2", "web1"),
    (
        "inet",
        "allow_in4",
        {"concat": ["10.80.0.2", {"prefix": {"addr": "10.0.0.0", "len": 8}}, {"range": [0, 255]}, {"range": [1, 9]}]},
        "10.80.0.2 . 10.0.0.0/8 . 0-255 . 1-9",
        "",
    ),
    (
        "inet",
        "deny_out6",
        {"elem": {"val": {"concat": ["fd00::2", {"range": ["::", "fc00::5"]}, 58, 0]}, "comment": "web1"}},
        "fd00::2 . ::-fc00::5 . icmpv6 . 0",
        "web1",
    ),
    (
        "inet",
        "published4",
        [{"elem": {"val": {"concat": ["127.0.0.1", 6, 8080]}, "comment": "web1"}}, {"concat": ["10.80.0.2", 80]}],
        "127.0.0.1 . tcp . 8080 : 10.80.0.2 . 80",
        "web1",
    ),
    ("inet", "published_any6", [{"concat": [17, 53]}, {"concat": ["fd00::2", 53]}], "udp . 53 : fd00::2 . 53", ""),
    ("bridge", "routers", ["v1", "02:00:00:00:00:01"], "v1 : 02:00:00:00:00:01", ""),
    ("bridge", "targets", {"concat": ["v1", "0xfe800000000000000000000000000001"]}, "v1 . fe80::1", ""),
]


@pytest.mark.parametrize(("family", "name", "printed", "text", "owner"), PRINTED)
def test_elements_are_read(family: str, name: str, printed: object, text: str, owner: str) -> None:
    kind = "map" if DECLARATIONS[family][name].value else "set"
    assert read_elements(family, [{kind: {"name": name, "elem": [printed]}}]) == {name: {text: owner}}


@pytest.mark.parametrize(
    ("name", "text", "owner", "written"),
    [
        ("allow_in4", "10.80.0.2 . 10.0.0.0/8 . 0-255 . 1-9", "", "10.80.0.2 . 10.0.0.0/8 . 0-255 . 1-9"),
        ("deny_in6", "fd00::2 . ::/0 . icmpv6 . 0", "web1", 'fd00::2 . ::/0 . 58 . 0 comment "web1"'),
        ("published4", "127.0.0.1 . tcp . 80 : 10.0.0.2 . 8", "w", '127.0.0.1 . 6 . 80 comment "w" : 10.0.0.2 . 8'),
        ("stations", "v1 . 02:00:00:00:00:01", "", '"v1" . 02:00:00:00:00:01'),
    ],
)
def test_elements_are_written(name: str, text: str, owner: str, written: str) -> None:
    (command,) = element_commands("add", "inet", {name: {text: owner}})
    assert command == f"add element inet sandbox_network {name} {{ {written} }}"


@pytest.mark.parametrize("bad", ['v1"', "v1; flush ruleset #", "v1\n", "$x", "v1 }", "{", "é"])
def test_nothing_else_is_written(bad: str) -> None:
    """The last look at what was checked before."""
    for text, owner in ((f"{bad} . 02:00:00:00:00:01", ""), ("v1 . 02:00:00:00:00:01", bad)):
        with pytest.raises(ValueError, match="must not be written"):
            list(element_commands("add", "inet", {"stations": {text: owner}}))


def test_a_deletion_says_nothing_of_the_owner() -> None:
    assert list(element_commands("delete", "inet", {"closed4": {"10.0.0.2": "web1"}, "closed6": {}})) == [
        "delete element inet sandbox_network closed4 { 10.0.0.2 }"
    ]


@pytest.mark.parametrize(
    ("first", "last", "text"),
    [
        ("10.0.0.0", "10.0.0.255", "10.0.0.0/24"),
        ("10.0.0.1", "10.0.1.0", "10.0.0.1-10.0.1.0"),
        ("0.0.0.0", "255.255.255.255", "0.0.0.0/0"),
        ("::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "::/0"),
        ("10.0.0.7", "10.0.0.7", "10.0.0.7"),
        ("80", "90", "80-90"),
    ],
)
def test_a_range_has_its_shortest_form(first: str, last: str, text: str) -> None:
    assert span(first, last) == text


def test_a_network_is_told_by_its_first_address() -> None:
    assert [prefix("10.80.0.2", 24), prefix("10.80.0.2", 32), prefix("fd00::2", 64)] == [
        "10.80.0.0/24",
        "10.80.0.2",
        "fd00::/64",
    ]


def listed(family: str) -> list[dict[str, dict[str, object]]]:
    """Our table as nft tells it."""
    hooks = {
        "before": ("filter", "prerouting", -300),
        "arriving": ("nat", "prerouting", -100) if family == "inet" else ("filter", "prerouting", -300),
        "leaving": ("nat", "output", -100),
        "behind": ("nat", "postrouting", 100),
        "forward": ("filter", "forward", 0 if family == "inet" else -200),
        "input": ("filter", "input", 0 if family == "inet" else -200),
        "output": ("filter", "output", 0),
    }
    found: list[dict[str, dict[str, object]]] = [{"metainfo": {}}, {"table": {"name": "sandbox_network"}}]
    found += [{"map" if one.value else "set": {"name": name}} for name, one in DECLARATIONS[family].items()]
    chains = {"inet": INET, "bridge": BRIDGE}[family]
    for name in chains:
        told = dict(zip(("type", "hook", "prio"), hooks[name]), policy="accept") if name in hooks else {}
        found.append({"chain": {"name": name, **told}})
    found += [
        {"rule": {"chain": name, "comment": comment_of(family, rule, why)}}
        for name, (_hook, rules) in chains.items()
        for rule, why in rules
    ]
    return found


@pytest.mark.parametrize("family", FAMILIES)
def test_only_our_rules_are_ours(family: str) -> None:
    whole = listed(family)
    assert is_intact(family, whole)
    for number, one in enumerate(whole):
        if "metainfo" not in one and "table" not in one:
            assert not is_intact(family, [*whole[:number], *whole[number + 1 :]]), one
    for more in ({"rule": {"chain": "forward"}}, {"chain": {"name": "mine"}}, {"set": {"name": "mine"}}):
        assert not is_intact(family, [*whole, more])
    other = [
        {"chain": {**one["chain"], "policy": "drop"}} if one.get("chain", {}).get("hook") else one for one in whole
    ]
    assert not is_intact(family, other)


@pytest.mark.parametrize("family", FAMILIES)
def test_rules_are_of_constants(family: str) -> None:
    """Every set that a rule names is declared, every set is used, and every chain is reached."""
    text = skeleton(family)
    for name in DECLARATIONS[family]:
        assert f"@{name}" in text, name
    chains = {"inet": INET, "bridge": BRIDGE}[family]
    for name, (hook, _rules) in chains.items():
        assert hook or f"jump {name}" in text, name
    comments = [comment_of(family, rule, why) for _hook, rules in chains.values() for rule, why in rules]
    assert max(map(len, comments)) < 128
    assert all(nft_tables.re.fullmatch(r'[^"\\\n]+', one) for one in comments)
