# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Addresses and routes of links, by the module link on the real kernel."""

from __future__ import annotations

from typing import Any

import pytest
from box import Box, only

BR0: dict[str, Any] = {"name": "br0", "kind": "bridge", "mac": "02:00:00:00:00:01"}


def br0(*addresses: Any, routes: list[dict[str, Any]] | None = None, **more: Any) -> dict[str, Any]:
    args = {**BR0, "addresses": [*addresses], **more}
    return args if routes is None else {**args, "routes": routes}


# ---------------------------------------------------------------- addresses


@pytest.mark.parametrize(
    ("given_address", "expected"),
    [
        ("10.0.0.1/24", {"local": "10.0.0.1", "prefixlen": 24, "scope": "global", "label": "br0"}),
        ("10.0.0.0/31", {"local": "10.0.0.0", "prefixlen": 31}),
        ("10.0.0.1/32", {"local": "10.0.0.1", "prefixlen": 32}),
        ("FD00:0:0::1/64", {"local": "fd00::1", "prefixlen": 64, "scope": "global"}),
        ("fd00::1/128", {"local": "fd00::1", "prefixlen": 128}),
        ("fe80::1/64", {"local": "fe80::1", "prefixlen": 64, "scope": "link"}),
        ({"address": "10.0.0.1/32", "peer": "10.0.0.2"}, {"local": "10.0.0.1", "address": "10.0.0.2", "prefixlen": 32}),
        ({"address": "fd00::1/128", "peer": "fd00::2"}, {"local": "fd00::1", "address": "fd00::2", "prefixlen": 128}),
        ({"address": "10.0.0.1/24", "label": "br0:web"}, {"label": "br0:web"}),
        ({"address": "10.0.0.1/24", "scope": "link"}, {"scope": "link"}),
        ({"address": "10.0.0.1/24", "scope": "host"}, {"scope": "host"}),
        ({"address": "10.0.0.1/24", "broadcast": "+"}, {"broadcast": "10.0.0.255"}),
        ({"address": "10.0.0.1/24", "broadcast": "10.0.0.200"}, {"broadcast": "10.0.0.200"}),
        ({"address": "10.0.0.1/24", "noprefixroute": True}, {"noprefixroute": True}),
        ({"address": "fd00::1/64", "noprefixroute": True}, {"noprefixroute": True}),
        ({"address": "fd00::1/64", "nodad": True}, {"nodad": True}),
        ({"address": "10.0.0.1/24", "nodad": True}, {"local": "10.0.0.1"}),
    ],
)
def test_every_kind_of_address(box: Box, given_address: Any, expected: dict[str, Any]) -> None:
    box.sh("ip netns add web1")
    box.change("link", br0(given_address, netns="web1"))
    found = only(box.addresses("br0", "web1"))
    assert {key: found.get(key) for key in expected} == expected


def test_addresses_of_others_stay_unless_they_are_purged(box: Box) -> None:
    box.sh(
        "ip link add br0 address 02:00:00:00:00:01 type bridge",
        "ip link set br0 up",
        "ip addr add 10.7.0.1/24 dev br0",
        "ip addr add fd07::1/64 dev br0",
    )
    box.change("link", br0("10.0.0.1/24", "fd00::1/64"))
    assert box.cidrs("br0") == ["10.7.0.1/24", "10.0.0.1/24", "fd00::1/64", "fd07::1/64"]
    box.change("link", br0("10.0.0.1/24", "fd00::1/64", purge_addresses=True))
    assert box.cidrs("br0") == ["10.0.0.1/24", "fd00::1/64"]
    box.change("link", br0(purge_addresses=True))
    assert box.addresses("br0") == []


def test_link_local_addresses_of_the_user_are_theirs(box: Box) -> None:
    box.change("link", br0("fe80::1/64", "fd00::1/64"))
    box.change("link", br0("fe80::1/64", up=False))
    assert sorted(one["local"] for one in box.addresses("br0")) == ["fd00::1", "fe80::1"]
    box.change("link", br0("fe80::1/64", up=True))
    box.change("link", br0("fd00::1/64", purge_addresses=True))
    assert [one["local"] for one in box.addresses("br0")] == ["fd00::1"]


def test_a_link_that_goes_down_keeps_its_ipv6_addresses(box: Box) -> None:
    addresses = ["10.0.0.1/24", "fd00::1/64", {"address": "fd00::2/64", "nodad": True, "noprefixroute": True}]
    box.change("link", br0(*addresses, routes=[{"dst": "fd09::/64", "gateway": "fd00::9"}]))
    box.sh("ip addr add fd07::1/64 dev br0; ip addr add fd08::1/64 dev br0 valid_lft 3000 preferred_lft 2000")
    before = box.cidrs("br0")
    box.change("link", br0(*addresses, up=False))
    assert sorted(box.cidrs("br0")) == sorted(before)
    assert box.routes() == []
    box.change("link", br0(*addresses))
    assert sorted(box.cidrs("br0")) == sorted(before)
    (limited,) = [one for one in box.addresses("br0") if one["local"] == "fd08::1"]
    assert 2000 < limited["valid_life_time"] <= 3000 and limited["preferred_life_time"] <= 2000


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("10.0.0.1/24", "10.0.0.1/16"),
        ("fd00::1/64", "fd00::1/48"),
        ({"address": "10.0.0.1/24"}, {"address": "10.0.0.1/24", "label": "br0:x"}),
        ({"address": "10.0.0.1/24", "broadcast": "10.0.0.255"}, {"address": "10.0.0.1/24", "broadcast": "10.0.0.254"}),
        ({"address": "fd00::1/64"}, {"address": "fd00::1/64", "noprefixroute": True}),
        ({"address": "10.0.0.1/32", "peer": "10.0.0.2"}, {"address": "10.0.0.1/32", "peer": "10.0.0.3"}),
    ],
)
def test_details_of_an_address_change(box: Box, old: Any, new: Any) -> None:
    box.change("link", br0(old))
    box.change("link", br0(new, purge_addresses=True))
    assert len(box.addresses("br0")) == 1


def test_another_prefix_length_of_an_ipv6_address_replaces_it(box: Box) -> None:
    box.change("link", br0("fd00::1/64"))
    box.change("link", br0("fd00::1/48"))
    assert box.cidrs("br0") == ["fd00::1/48"]


def test_secondary_addresses_survive_their_primary(box: Box) -> None:
    for promote in "01":
        box.sh(f"echo {promote} > /proc/sys/net/ipv4/conf/all/promote_secondaries")
        box.change("link", br0("10.0.0.1/24", "10.0.0.2/24", "10.0.0.3/24", "10.0.1.1/24", "10.0.1.2/24"))
        box.change("link", br0("10.0.0.2/24", "10.0.0.3/24", "10.0.1.2/24", purge_addresses=True))
        assert sorted(box.cidrs("br0")) == ["10.0.0.2/24", "10.0.0.3/24", "10.0.1.2/24"]
        box.change("link", {"name": "br0", "state": "absent"})


@pytest.mark.parametrize("detail", [{"label": "br0:x"}, {"broadcast": "10.0.0.99"}, {"noprefixroute": True}])
def test_the_first_address_stays_the_first(box: Box, detail: dict[str, Any]) -> None:
    box.change("link", br0("10.0.0.1/24", "10.0.0.2/24"))
    box.change("link", br0({"address": "10.0.0.1/24", **detail}, "10.0.0.2/24"))
    assert box.cidrs("br0") == ["10.0.0.1/24", "10.0.0.2/24"]


# ---------------------------------------------------------------- routes

ADDRESSES = ("10.0.0.1/24", {"address": "fd00::1/64", "nodad": True})


@pytest.mark.parametrize(
    ("route", "expected"),
    [
        ({"dst": "default", "gateway": "10.0.0.9"}, {"dst": "default", "gateway": "10.0.0.9"}),
        ({"dst": "default", "gateway": "fd00::9"}, {"dst": "default", "gateway": "fd00::9", "metric": 1024}),
        ({"dst": "0.0.0.0/0", "gateway": "10.0.0.9"}, {"dst": "default"}),
        ({"dst": "::/0"}, {"dst": "default", "dev": "br0"}),
        ({"dst": "10.9.0.0/16"}, {"dst": "10.9.0.0/16", "scope": "link"}),
        ({"dst": "10.9.0.1/32", "gateway": "10.0.0.9"}, {"dst": "10.9.0.1"}),
        ({"dst": "10.9.0.0/16", "gateway": "10.0.0.9", "metric": 77}, {"metric": 77}),
        ({"dst": "10.9.0.0/16", "gateway": "10.0.0.9", "metric": 4294967295}, {"metric": 4294967295}),
        ({"dst": "fd09::/64", "gateway": "fd00::9", "metric": 77}, {"metric": 77}),
        ({"dst": "fd09::/64", "gateway": "fe80::9"}, {"gateway": "fe80::9"}),
        ({"dst": "10.9.0.0/16", "gateway": "10.0.0.9", "src": "10.0.0.1"}, {"prefsrc": "10.0.0.1"}),
        ({"dst": "fd09::/64", "gateway": "fd00::9", "src": "fd00::1"}, {"prefsrc": "fd00::1"}),
        ({"dst": "10.9.0.0/16", "gateway": "10.5.0.9", "onlink": True}, {"flags": ["onlink"]}),
        ({"dst": "fd09::/64", "gateway": "fd05::9", "onlink": True}, {"flags": ["onlink"]}),
        ({"dst": "10.9.0.0/16", "gateway": "10.0.0.9", "table": "100"}, {"table": "100"}),
        ({"dst": "fd09::/64", "gateway": "fd00::9", "table": "100000"}, {"table": "100000"}),
        ({"dst": "10.9.0.0/16", "gateway": "10.0.0.9", "table": "default"}, {"table": "default"}),
        ({"dst": "10.9.0.0/16", "scope": "host"}, {"scope": "host"}),
    ],
)
def test_every_kind_of_route(box: Box, route: dict[str, Any], expected: dict[str, Any]) -> None:
    box.sh("ip netns add web1; ip -n web1 link add br0 address 02:00:00:00:00:01 type bridge")
    box.change("link", br0(*ADDRESSES, netns="web1", routes=[route]))
    found = only(box.routes("web1"))
    found["flags"] = [flag for flag in found["flags"] if flag != "linkdown"]
    assert {key: found.get(key) for key in expected} == expected
    assert found["protocol"] == "static"
    box.change("link", br0(*ADDRESSES, netns="web1", routes=[], purge_routes=True))
    assert box.routes("web1") == []


def test_the_source_of_an_ipv6_route_may_be_as_new_as_the_route(box: Box) -> None:
    box.sh("ip netns add web1")
    routes = [{"dst": "default", "gateway": "fd00::9", "src": "fd00::1"}]
    args = {
        "name": "eth0",
        "netns": "web1",
        "kind": "veth",
        "peer": {"name": "vh1"},
        "addresses": ["fd00::1/64"],
        "routes": routes,
    }
    box.change("link", args)
    assert only(box.routes("web1"))["prefsrc"] == "fd00::1"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ({"dst": "default", "gateway": "10.0.0.9"}, {"dst": "default", "gateway": "10.0.0.8"}),
        ({"dst": "default", "gateway": "fd00::9"}, {"dst": "default", "gateway": "fd00::8"}),
        ({"dst": "10.9.0.0/16", "gateway": "10.0.0.9"}, {"dst": "10.9.0.0/16"}),
        ({"dst": "fd09::/64"}, {"dst": "fd09::/64", "gateway": "fd00::9"}),
        ({"dst": "10.9.0.0/16"}, {"dst": "10.9.0.0/16", "src": "10.0.0.1"}),
        ({"dst": "10.9.0.0/16", "gateway": "10.0.0.9"}, {"dst": "10.9.0.0/16", "gateway": "10.0.0.9", "onlink": True}),
    ],
)
def test_the_same_destination_is_replaced(box: Box, old: dict[str, Any], new: dict[str, Any]) -> None:
    box.change("link", br0(*ADDRESSES, routes=[old]))
    box.change("link", br0(*ADDRESSES, routes=[new]))
    found = only(box.routes())
    assert found.get("gateway") == new.get("gateway")


def test_another_metric_or_table_is_another_route(box: Box) -> None:
    routes = [
        {"dst": "10.9.0.0/16", "gateway": "10.0.0.9", **more}
        for more in ({}, {"metric": 5}, {"table": "77"}, {"metric": 5, "table": "77"})
    ]
    box.change("link", br0(*ADDRESSES, routes=routes))
    assert len(box.routes()) == 4


def test_routes_of_others_stay_unless_they_are_purged(box: Box) -> None:
    box.sh("ip link add br9 type bridge; ip link set br9 up; ip route add 10.77.0.0/16 dev br9")
    box.change("link", br0(*ADDRESSES))
    box.sh(
        "ip route add 10.8.0.0/16 via 10.0.0.9",
        "ip route add fd08::/64 via fd00::9",
        "ip route add blackhole 10.66.0.0/16",
        "ip route add 10.55.0.0/16 via 10.0.0.9 table 55",
    )
    wanted = [{"dst": "10.9.0.0/16", "gateway": "10.0.0.9"}]
    box.change("link", br0(*ADDRESSES, routes=wanted))
    assert len(box.routes()) == 6
    box.change("link", br0(*ADDRESSES, routes=wanted, purge_routes=True))
    assert {route["dst"] for route in box.routes()} == {"10.9.0.0/16", "10.77.0.0/16", "10.66.0.0/16"}


@pytest.mark.parametrize(
    ("old", "new", "gateways"),
    [
        (["10.0.0.1/24"], ["10.1.0.1/24"], ("10.0.0.9", "10.1.0.9")),
        (["fd00::1/64"], ["fd01::1/64"], ("fd00::9", "fd01::9")),
        (["10.0.0.1/24", "fd00::1/64"], ["10.1.0.1/24", "fd01::1/64"], ("10.0.0.9", "10.1.0.9")),
    ],
)
@pytest.mark.parametrize("purge_routes", [False, True])
def test_a_link_moves_to_another_subnet_with_its_default_route(
    box: Box, old: list[str], new: list[str], gateways: tuple[str, str], purge_routes: bool
) -> None:
    box.change("link", br0(*old, routes=[{"dst": "default", "gateway": gateways[0]}]))
    box.change(
        "link",
        br0(*new, purge_addresses=True, purge_routes=purge_routes, routes=[{"dst": "default", "gateway": gateways[1]}]),
    )
    assert box.cidrs("br0") == new and box.gateways() == {"default": gateways[1]}


def test_routes_stay_when_only_the_host_part_changes(box: Box) -> None:
    box.change("link", br0("10.0.0.1/24", routes=[{"dst": "default", "gateway": "10.0.0.9"}, {"dst": "10.9.0.0/16"}]))
    box.sh("ip route add 10.8.0.0/16 via 10.0.0.9")
    box.change("link", br0("10.0.0.2/24", purge_addresses=True))
    assert box.gateways() == {"default": "10.0.0.9", "10.9.0.0/16": None, "10.8.0.0/16": "10.0.0.9"}


def test_routes_that_cannot_stay_go_with_the_address(box: Box) -> None:
    box.change("link", br0("10.0.0.1/24"))
    box.sh("ip route add 10.8.0.0/16 via 10.0.0.9")
    result = box.change("link", br0("10.1.0.1/24", purge_addresses=True))
    assert box.routes() == []
    assert "route.delete" in [one["op"] for one in result["operations"]]


def test_routes_of_other_links_survive_their_source_address(box: Box) -> None:
    """The kernel drops every route whose source is an address that goes, through whichever link."""
    box.sh("ip link add br9 type bridge; ip link set br9 up; ip addr add 10.7.0.1/24 dev br9")
    box.change("link", br0("10.0.0.1/24"))
    box.sh("ip route add 10.8.0.0/16 via 10.7.0.9 dev br9 src 10.0.0.1")
    box.change("link", br0({"address": "10.0.0.1/24", "label": "br0:x"}))
    assert box.gateways() == {"10.8.0.0/16": "10.7.0.9"}
    before = box.snapshot()
    outcome = box.run(
        "link",
        {
            "links": [
                {"name": "br0", "addresses": ["10.0.0.2/24"], "purge_addresses": True},
                {"name": "ifb0", "kind": "ifb", "master": "lo"},
            ]
        },
    )
    assert outcome.failed and box.unlike(before) == [], str(outcome)


@pytest.mark.parametrize(
    ("routes", "words"),
    [
        ([{"dst": "10.9.0.0/16", "gateway": "10.5.0.1"}], ("routes.gateway", "10.5.0.1", "onlink")),
        ([{"dst": "fd09::/64", "gateway": "fd05::1"}], ("routes.gateway", "fd05::1")),
        ([{"dst": "10.9.0.0/16", "gateway": "10.0.0.1"}], ("routes.gateway", "10.0.0.1")),
        ([{"dst": "10.9.0.0/16", "gateway": "10.0.0.9", "src": "10.0.0.77"}], ("routes.src", "10.0.0.77")),
        ([{"dst": "10.77.0.0/16", "gateway": "10.0.0.9"}], ("routes.dst", "10.77.0.0/16", "br9")),
    ],
)
def test_routes_that_cannot_be(box: Box, routes: list[dict[str, Any]], words: tuple[str, ...]) -> None:
    box.sh("ip link add br9 type bridge; ip link set br9 up; ip route add 10.77.0.0/16 dev br9")
    box.refused("link", br0(*ADDRESSES, routes=routes), *words)
    assert box.links() == {"lo", "br9"}


def test_a_wanted_route_stays_when_the_last_address_goes(box: Box) -> None:
    """With the last IPv4 address of a link the kernel takes all of its IPv4 routes."""
    routes = [{"dst": "10.9.0.0/16"}]
    box.change("link", br0("10.0.0.1/24", routes=routes))
    box.change("link", br0(routes=routes, purge_addresses=True))
    assert box.gateways() == {"10.9.0.0/16": None}
