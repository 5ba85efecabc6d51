# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""What the role rootless asks the modules for, and what it makes of their answers."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.sandbox.network.plugins.plugin_utils import _rootless_plan as plans

DEFAULTS = {"backend": "slirp4netns"}


def planned(*items: Any, state: str = "present") -> dict[str, Any]:
    plan = plans.plan(items, DEFAULTS, state)
    assert plan["problems"] == []
    return plan


def test_a_name_is_enough() -> None:
    plan = planned({"name": "web1"})
    assert plan["namespaces"] == [{"name": "web1", "dns": ["10.0.2.3"]}]
    assert plan["networks"] == [{"backend": "slirp4netns"}]


def test_options_reach_the_modules() -> None:
    item = {
        "name": "web1",
        "backend": "pasta",
        "cidr": "10.9.0.0/16",
        "mtu": "1400",
        "ipv6": "yes",
        "interface": "eth0",
    }
    plan = planned({**item, "host_loopback": True, "forwards": ["8080:80"]})
    assert plan["namespaces"] == [{"name": "web1", "dns": ["10.9.0.3"]}]
    options = {"backend": "pasta", "cidr": "10.9.0.0/16", "mtu": 1400, "ipv6": True, "interface": "eth0"}
    assert plan["networks"] == [{**options, "host_loopback": True, "forwards": ["8080:80"], "purge": True}]


@pytest.mark.parametrize(
    ("dns", "seen", "served"),
    [
        (True, {"dns": ["10.0.2.3"]}, {}),
        (None, {"dns": ["10.0.2.3"]}, {}),
        (["192.0.2.53", "2001:DB8::53"], {"dns": ["192.0.2.53", "2001:db8::53"]}, {}),
        ([], {"dns": []}, {}),
        ("no", {}, {"dns": False}),
    ],
)
def test_name_servers(dns: Any, seen: dict[str, Any], served: dict[str, Any]) -> None:
    plan = planned({"name": "web1", "dns": dns})
    assert plan["namespaces"] == [{"name": "web1", **seen}]
    assert plan["networks"] == [{"backend": "slirp4netns", **served}]


def test_forwards_are_all_or_those_that_there_are() -> None:
    plan = planned({"name": "a"}, {"name": "b", "forwards": []}, {"name": "c", "forwards": ["8080", 8081]})
    assert [("forwards" in one, one.get("purge")) for one in plan["networks"]] == [
        (False, None),
        (True, True),
        (True, True),
    ]


def test_names_are_enough_to_take_away() -> None:
    plan = planned({"name": "a", "forwards": ["8080:80"]}, {"name": "b"}, state="absent")
    assert plan == {"problems": [], "namespaces": [{"name": "a"}, {"name": "b"}], "networks": []}


@pytest.mark.parametrize(
    ("item", "text"),
    [
        ("web1", "rootless_list[1]: 'web1' is not a dictionary with a \"name\""),
        ({}, "rootless_list[1]: name: is missing or empty"),
        ({"name": "a/b"}, "rootless_list[1] (a/b): name: 'a/b' is not a name"),
        ({"name": "first"}, "rootless_list[1] (first): name: first is also the name of rootless_list[0] (first)"),
        ({"name": "a", "colour": "red"}, "rootless_list[1] (a): colour is not one of name, forwards"),
        ({"name": "a", "backend": "vde"}, 'backend: "vde" is not one of slirp4netns, pasta'),
        ({"name": "a", "cidr": "10.0.2.0/26"}, "with a prefix length of at most 25"),
        ({"name": "a", "forwards": ["x"]}, "forwards: 'x' is not [HOST_ADDR:]HOST_PORT"),
        ({"name": "a", "interface": "lo"}, 'interface: "lo" is the loopback'),
        ({"name": "a", "dns": "10.0.0.1"}, "dns: '10.0.0.1' is neither true nor false nor a list of addresses"),
        ({"name": "a", "dns": ["nonsense"]}, 'dns: "nonsense" is not the address of a name server'),
        ({"name": "a", "dns": [f"10.0.0.{last}" for last in range(4)]}, "dns: 4 name servers are more than the 3"),
        ({"name": "a", "mtu": 1000, "ipv6": True}, "mtu: 1000 is less than the 1280 that IPv6 needs"),
        ({"name": "a", "mtu": 65521, "backend": "pasta"}, "mtu: 65521 is more than the 65520 of pasta"),
    ],
)
def test_what_is_refused_names_item_option_and_value(item: Any, text: str) -> None:
    plan = plans.plan([{"name": "first"}, item], DEFAULTS, "present")
    (problem,) = plan["problems"]
    assert text in problem
    assert (plan["namespaces"], plan["networks"]) == ([], [])


def test_everything_wrong_is_told_at_once() -> None:
    items = [{"name": "a", "mtu": 1, "ipv6": "perhaps"}, {"name": "a"}, {"name": "b", "dns": 7}]
    assert len(plans.plan(items, DEFAULTS, "present")["problems"]) == 4


THERE = {"name": "a", "pid": 7, "netns": "pid:7", "enter": ["nsenter", "--"], "created": False}
FORETOLD = {"name": "b", "pid": None, "netns": None, "enter": None, "created": True}


def test_only_networks_of_what_is_there() -> None:
    networks = [{"backend": "pasta"}, {"backend": "slirp4netns"}]
    assert plans.connected(networks, [THERE, FORETOLD]) == [{"netns": "pid:7", "backend": "pasta"}]


def test_what_there_is_to_know() -> None:
    networks = [{"backend": "pasta"}, {"backend": "slirp4netns", "cidr": "10.9.0.0/24"}, {"dns": False}]
    found = [{"backend": "pasta", "guest_address": "10.0.2.100", "forwards": [], "argv": ["pasta"]}]
    told = plans.described(networks, [THERE, FORETOLD, {**FORETOLD, "name": "c"}], found)
    assert list(told) == ["a", "b", "c"]
    assert told["a"]["enter"] == ["nsenter", "--"] and told["a"]["guest_address"] == "10.0.2.100"
    addresses = {"guest_address": "10.9.0.100", "gateway": "10.9.0.2", "dns": "10.9.0.3"}
    assert addresses.items() <= told["b"].items()
    assert (told["b"]["pid"], told["b"]["api_socket"], told["c"]["dns"]) == (None, None, None)
    assert told["a"].keys() == told["b"].keys()
