# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Options of links: any value is parsed or refused by name, nothing else happens."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from worlds import end, options

from ansible_collections.sandbox.network.plugins.module_utils._engine.errors import InvalidOption
from ansible_collections.sandbox.network.plugins.module_utils._resources.link_options import (
    END_OPTIONS,
    OPTIONS,
    ROUTE_OPTIONS,
    parse_link,
)

TEXT = st.one_of(
    st.text(max_size=20),
    st.text("0123456789abcdef.:/%²٣-", max_size=20),
    st.sampled_from(
        [
            "10.0.0.1/24",
            "fd00::1/64",
            "default",
            "10.0.0.1",
            "fd00::1",
            "²",
            "9" * 5000,
            "br0",
            "02:00:00:00:00:01",
            "+",
        ]
    ),
)
SCALAR = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), TEXT)
ANYTHING = st.recursive(
    SCALAR, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3), max_leaves=6
)
ADDRESS = st.one_of(
    ANYTHING,
    st.fixed_dictionaries(
        {"address": st.one_of(st.sampled_from(["10.0.0.1/24", "fd00::1/64"]), ANYTHING)},
        optional=dict.fromkeys(("peer", "label", "scope", "broadcast", "noprefixroute", "nodad"), ANYTHING),
    ),
)
OF_TYPE = {
    "str": st.one_of(st.none(), TEXT),
    "path": st.one_of(st.none(), TEXT),
    "int": st.one_of(st.none(), st.integers()),
    "bool": st.booleans(),
}


def values_for(option: dict[str, Any]) -> st.SearchStrategy[Any]:
    """What AnsibleModule lets through for an option."""
    if option.get("choices"):
        return st.sampled_from([*option["choices"], option.get("default", option["choices"][0])])
    return OF_TYPE[option["type"]]


ROUTE = st.fixed_dictionaries({name: values_for(option) for name, option in ROUTE_OPTIONS.items()}).filter(
    lambda route: route["dst"] is not None
)
END = st.fixed_dictionaries(
    {},
    optional={
        **{name: values_for(option) for name, option in END_OPTIONS.items() if option["type"] in OF_TYPE},
        "addresses": st.lists(ADDRESS, max_size=3),
        "routes": st.lists(ROUTE, max_size=3),
        "altnames": st.lists(TEXT, max_size=3),
    },
)
LINK = st.fixed_dictionaries(
    {"name": st.one_of(st.just("br0"), TEXT)},
    optional={
        name: values_for(option) for name, option in OPTIONS.items() if option["type"] in OF_TYPE and name != "name"
    },
)


def attempt(given_options: dict[str, Any]) -> tuple[Any, str]:
    """The link, or None and the option that is refused."""
    try:
        return parse_link(given_options), ""
    except InvalidOption as error:
        return None, error.option


@settings(max_examples=250, deadline=None)
@given(LINK, END, st.none() | END)
def test_any_options_are_parsed_or_refused(
    link: dict[str, Any], first: dict[str, Any], second: dict[str, Any] | None
) -> None:
    given_options = options(**{**first, **link, "peer": second})
    parsed, refused = attempt(given_options)
    if parsed is None:
        assert refused.split(".")[0] in OPTIONS
    else:
        assert hash(parsed.end) == hash(parsed.end)
        assert parsed.present == (given_options["state"] == "present")


@settings(max_examples=250, deadline=None)
@given(st.lists(ADDRESS, min_size=1, max_size=3))
def test_any_addresses_are_parsed_or_refused(addresses: list[Any]) -> None:
    parsed, refused = attempt(options(name="br0", kind="bridge", addresses=addresses))
    if parsed is None:
        assert refused.startswith("addresses")
    else:
        assert len(parsed.end.addresses) == len(addresses)


@settings(max_examples=250, deadline=None)
@given(ROUTE)
def test_any_route_is_parsed_or_refused(route: dict[str, Any]) -> None:
    parsed, refused = attempt(options(name="br0", kind="bridge", routes=[route]))
    if parsed is None:
        assert refused.startswith("routes")
    else:
        (wanted,) = parsed.end.routes
        assert 1 <= wanted.route.table < 1 << 32 and 0 <= wanted.route.metric < 1 << 32
        assert (":" in wanted.route.dst) == (wanted.route.family == 10)


def test_an_error_in_the_peer_names_the_peer() -> None:
    with pytest.raises(InvalidOption, match=r"^peer\.mtu: 5 "):
        parse_link(options(name="v0", kind="veth", peer={"name": "v1", "mtu": 5}))


def test_defaults() -> None:
    link = parse_link(options(name="br0"))
    assert link.present and link.end.up and link.kind is None and link.peer is None
    assert link.end.addresses == () and link.end.routes == () and link.data == {}
    assert end()["up"] is True


@pytest.mark.parametrize(
    ("table", "number"),
    [(None, 254), ("main", 254), ("local", 255), ("default", 253), ("1", 1), ("4294967295", 4294967295)],
)
def test_tables(table: str | None, number: int) -> None:
    (wanted,) = parse_link(options(name="br0", routes=[{"dst": "10.9.0.0/16", "table": table}])).end.routes
    assert wanted.route.table == number


@pytest.mark.parametrize(
    ("route", "scope", "metric"),
    [
        ({"dst": "10.9.0.0/16"}, "link", 0),
        ({"dst": "10.9.0.0/16", "gateway": "10.0.0.1"}, "global", 0),
        ({"dst": "fd09::/64"}, "global", 1024),
        ({"dst": "fd09::/64", "metric": 0}, "global", 1024),
        ({"dst": "fd09::/64", "metric": 5}, "global", 5),
    ],
)
def test_what_the_kernel_would_add_is_added(route: dict[str, Any], scope: str, metric: int) -> None:
    (wanted,) = parse_link(options(name="br0", routes=[route])).end.routes
    assert (wanted.route.scope, wanted.route.metric) == (scope, metric)
