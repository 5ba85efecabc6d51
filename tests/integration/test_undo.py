# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""What a failed task puts back though no option named it, and what recovery meets on a host
that has changed since the kill.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import pytest
from box import Box
from promises.runner import KILL_AFTER, Fault, Host, Lane

PAIR = (
    "ip link add v0 address 02:00:00:00:00:10 type veth peer name v1 address 02:00:00:00:00:11",
    "ip link set v0 up; ip link set v1 up",
)
# The kernel takes a VNI and a port once; nothing but the kernel knows.
TAKEN = "ip link add taken address 02:00:00:00:00:12 type vxlan id 7 dstport 4789"
IMPOSSIBLE = {"name": "vx7", "kind": "vxlan", "vni": 7, "dst_port": 4789}
V0 = {"name": "v0"}


def killed(lane: Lane, box: Box, prepare: Sequence[str], module: str, args: dict[str, Any], call: str) -> None:
    """Prepare the box, and kill a run of a module right after a call."""
    with Host(lane, prepare) as twin:
        calls = twin.run(module, args).calls
    at = next(one.number for one in calls if re.search(call, one.text))
    box.sh(*prepare)
    assert box.host.run(module, args, fault=Fault(KILL_AFTER, at)).killed


# ---------------------------------------------------------------- put back


@pytest.mark.parametrize(
    ("prepare", "item"),
    [
        (["ip link add mv0 link v0 address 02:00:00:00:00:13 type macvlan"], {"mtu": 1400}),
        (
            ["ip link add mv0 link v0 address 02:00:00:00:00:13 type macvlan; ip link set mv0 up mtu 1300"],
            {"mtu": 1290},
        ),
        (["ip route add 10.9.0.0/16 dev v0; ip route add 10.8.0.0/16 dev v0"], {"addresses": ["10.1.0.2/24"]}),
        (["ip addr add 2001:db8::1/64 dev v0 valid_lft 3000 preferred_lft 2000 nodad"], {"up": False}),
        (
            [
                "ip addr add 2001:db8::1/64 dev v0 valid_lft 3000 preferred_lft 2000 nodad",
                "ip -6 route add 2001:db8:9::/48 via 2001:db8::9",
            ],
            {"up": False},
        ),
        (
            [
                "ip addr add 10.1.0.1/24 dev v0",
                "ip route add 10.9.0.0/16 via 10.1.0.9 advmss 1200 initcwnd 20 mtu lock 1400",
            ],
            {"up": False},
        ),
        (["ip addr add 10.1.0.1 peer 10.1.0.2/24 dev v0"], {"addresses": ["10.1.0.1/24"]}),
        (["ip addr add 10.1.0.1/24 dev v0"], {"addresses": [{"address": "10.1.0.1/24", "peer": "10.1.0.9"}]}),
        (
            ["ip addr add 10.1.0.1/24 metric 500 dev v0; ip addr add 10.1.0.2/24 metric 600 dev v0"],
            {"purge_addresses": True},
        ),
        (["ip addr add 10.1.0.1/24 scope 100 dev v0"], {"purge_addresses": True}),
        (["ip link set v0 addrgenmode random"], {"ipv6_link_local": False}),
        (
            ["ip addr add 10.1.0.1/24 dev v0; ip route add blackhole 10.8.0.0/16 src 10.1.0.1"],
            {"purge_addresses": True},
        ),
    ],
)
def test_what_a_change_takes_along_is_put_back(box: Box, prepare: list[str], item: dict[str, Any]) -> None:
    box.sh(*PAIR, TAKEN, *prepare)
    box.fails("link", {"links": [{**V0, **item}, IMPOSSIBLE]}, "vx7", "EEXIST")
    box.change("link", {"links": [{**V0, **item}]})


def test_a_bridge_is_made_again_with_what_the_firewall_told_it(box: Box) -> None:
    box.sh("ip link add br7 address 02:00:00:00:00:17 type bridge no_linklocal_learn 1", TAKEN)
    box.fails("link", {"links": [{"name": "br7", "state": "absent"}, IMPOSSIBLE]}, "vx7", "EEXIST")
    assert box.link("br7")["linkinfo"]["info_data"]["no_linklocal_learn"] == 1


def test_secondaries_that_are_cycled_keep_what_they_have(box: Box) -> None:
    box.sh(*PAIR, "ip addr add 10.1.0.1/24 metric 500 dev v0; ip addr add 10.1.0.2/24 metric 600 scope 100 dev v1")
    box.sh("ip addr add 10.1.0.3/24 metric 600 dev v0")
    box.change("link", {**V0, "addresses": [{"address": "10.1.0.1/24", "broadcast": "+"}]})
    found = [one for one in box.addresses("v0") if one["family"] == "inet"]
    assert [(one["local"], one.get("metric")) for one in found] == [
        ("10.1.0.1", None),
        ("10.1.0.3", 600),
    ]


@pytest.mark.parametrize(
    ("route", "item"),
    [
        ("10.9.0.0/16 nexthop via 10.1.0.8 nexthop via 10.1.0.9", {"up": False}),
        ("10.9.0.0/16 nexthop via 10.1.0.8 nexthop via 10.1.0.9", {"addresses": [], "purge_addresses": True}),
        ("10.9.0.0/16 src 10.1.0.1 nexthop via 10.1.0.8 nexthop via 10.1.0.9", {"purge_addresses": True}),
    ],
)
def test_a_route_that_could_not_be_made_again_is_not_lost(box: Box, route: str, item: dict[str, Any]) -> None:
    box.sh(*PAIR, "ip addr add 10.1.0.1/24 dev v0", f"ip route add {route}")
    box.refused("link", {**V0, **item}, "10.9.0.0/16", "v0")


def test_a_failing_undo_does_not_keep_the_rest_from_being_undone(box: Box) -> None:
    box.sh("ip netns add other")
    before = box.snapshot()
    without = ["setpriv", "--inh-caps=-net_admin", "--bounding-set=-net_admin"]
    outcome = box.host.run_directly("netns", {"name": "web1"}, wrapper=without)
    assert outcome.result["failed"] and outcome.result["rolled_back"] is True, str(outcome)
    assert "EPERM" in outcome.result["msg"]
    assert box.unlike(before) == []


# ---------------------------------------------------------------- recovery on a host that has changed

BOXED = ("ip netns add box", "ip link add v0 type veth peer name eth0 netns box")
BOXED_LINK = {"name": "eth0", "netns": "box"}


def test_a_name_that_is_taken_meanwhile_blocks_nothing(box: Box, lane: Lane) -> None:
    killed(lane, box, BOXED, "link", {**BOXED_LINK, "state": "absent"}, "RTM_DELLINK")
    box.sh("ip link add v0 type ifb")
    for check in (True, False):
        result = box.done("link", {"name": "in0", "netns": "box", "kind": "ifb"}, check=check)
        assert "Not put back after a killed task: v0" in str(result["warnings"]), result
    assert box.state_files() == []
    box.change("netns", {"name": "box", "state": "absent"})
    link = box.link("v0")
    assert link and link["linkinfo"]["info_kind"] == "ifb"


def test_a_task_on_the_peer_of_a_deleted_link_recovers_it_first(box: Box, lane: Lane) -> None:
    killed(lane, box, BOXED, "link", {**BOXED_LINK, "state": "absent"}, "RTM_DELLINK")
    result = box.done("link", {"name": "v0", "mtu": 1400})
    assert [one["op"] for one in result["recovered"]] == ["link.delete"]
    link = box.link("v0")
    assert link and link["mtu"] == 1400 and box.link("eth0", "box")


def test_nothing_is_undone_in_a_namespace_that_took_the_name(box: Box, lane: Lane) -> None:
    args = {"name": "box", "loopback": False, "sysctl": {"net.ipv4.ip_forward": 1}}
    killed(lane, box, ("ip netns add box",), "netns", args, "ip_forward")
    inode = box.sh("stat -c %i /run/netns/box")
    for _attempt in range(50):
        box.sh("ip netns del box; ip netns add box; ip netns exec box sysctl -qw net.ipv4.ip_forward=1")
        if box.sh("stat -c %i /run/netns/box") == inode:
            break
    box.done("netns", {"name": "box"})
    assert box.read("ipv4/ip_forward", "box") == "1"


def test_nothing_is_made_again_in_a_namespace_that_took_the_name(box: Box, lane: Lane) -> None:
    killed(lane, box, BOXED, "link", {"name": "v0", "state": "absent"}, "RTM_DELLINK")
    box.sh("ip netns del box; ip netns add box")
    box.done("link", {"name": "v0", "kind": "ifb"})
    assert box.links("box") == {"lo"} and box.state_files() == []


# ---------------------------------------------------------------- refused, because it would take more along


def test_a_parent_whose_child_is_in_another_namespace_is_not_deleted(box: Box) -> None:
    box.sh(*PAIR, "ip netns add box", "ip link add mv0 link v0 netns box type macvlan")
    box.refused("link", {**V0, "state": "absent"}, "mv0 in /run/netns/box")
    box.refused("link", {"name": "v1", "state": "absent"}, "mv0 in /run/netns/box")
    box.refused("link", {**V0, "kind": "ifb", "recreate": True}, "mv0 in /run/netns/box")
    box.change("link", {"links": [{"name": "mv0", "netns": "box", "state": "absent"}, {**V0, "state": "absent"}]})


BRIDGE6 = "ip link add br0 type bridge; ip link set br0 up; ip addr add 2001:db8:9::1/64 dev br0"


@pytest.mark.parametrize(
    ("prepare", "args", "words"),
    [
        ([BRIDGE6], {**V0, "mtu": 1000, "master": "br0"}, ["mtu", "1000", "br0"]),
        (
            ["ip link add mv0 link v0 type macvlan; ip link set mv0 up", "ip addr add 2001:db8::1/64 dev mv0"],
            {**V0, "mtu": 1000},
            ["mtu", "mv0"],
        ),
        (["ip -6 route add 2001:db8::/48 dev v0"], {**V0, "mtu": 1000}, ["mtu", "1280"]),
        (["ip link set v0 mtu 1000"], {**V0, "addresses": ["2001:db8::1/64"]}, ["MTU 1000"]),
        ([], {**V0, "mtu": 65536}, ["mtu", "65535"]),
        (
            ["sysctl -qw net.ipv6.conf.v0.disable_ipv6=1"],
            {**V0, "addresses": ["2001:db8::1/64"]},
            ["2001:db8::1", "off on v0"],
        ),
        (
            ["ip netns add box; ip netns exec box sysctl -qw net.ipv6.conf.all.disable_ipv6=1"],
            {"name": "d0", "netns": "box", "kind": "ifb", "addresses": ["2001:db8::1/64"]},
            ["2001:db8::1", "off"],
        ),
        ([], {**V0, "master": "v1"}, ["master", "v1", "veth"]),
        ([], {"name": "mv0", "kind": "macvlan", "parent": "v0", "mtu": 9000}, ["mtu", "9000", "v0"]),
        (
            [],
            {"name": "mv0", "kind": "macvlan", "parent": "v0", "mode": "passthru", "mac": "02:00:00:00:00:77"},
            ["mac", "passthru"],
        ),
        (
            ["ip link add mv0 link v0 type macvlan mode bridge"],
            {"name": "mv0", "kind": "macvlan", "parent": "v0", "mode": "passthru"},
            ["mode", "recreate"],
        ),
        ([], {"name": "tun0", "kind": "tun", "mac": "02:00:00:00:00:77"}, ["mac", "tun"]),
        ([], {"name": "vx0", "kind": "vxlan", "vni": 9, "remote": "239.1.1.1"}, ["parent", "239.1.1.1"]),
        ([], {**V0, "mtu": 1000, "accept_ra": False}, ["mtu", "accept_ra"]),
        (
            [],
            {**V0, "addresses": ["10.1.0.1/24"], "routes": [{"dst": "default", "gateway": "169.254.7.7"}]},
            ["169.254.7.7"],
        ),
        (
            [],
            {
                **V0,
                "addresses": ["10.1.0.1/24"],
                "routes": [{"dst": "default", "gateway": "10.1.0.9", "scope": "link"}],
            },
            ["scope"],
        ),
        (
            ["ip route add 10.9.0.0/24 dev v0 table 100"],
            {**V0, "addresses": ["10.1.0.1/24"], "routes": [{"dst": "default", "gateway": "10.9.0.9"}]},
            ["10.9.0.9"],
        ),
        (
            ["ip route add blackhole 10.9.0.0/16"],
            {**V0, "addresses": ["10.1.0.1/24"], "routes": [{"dst": "10.9.0.0/16"}]},
            ["10.9.0.0/16"],
        ),
        (["ip addr add 10.1.0.2/24 scope link dev v0"], {**V0, "addresses": ["10.1.0.1/24"]}, ["scope", "10.1.0.1"]),
        (
            ["ip netns add a; touch /run/netns/b; mount --bind /run/netns/a /run/netns/b"],
            {"links": [{"name": "g0", "netns": "a", "kind": "ifb"}, {"name": "g1", "netns": "b", "kind": "ifb"}]},
            ["same namespace"],
        ),
        (
            ["ip link add br0 type bridge"],
            {"links": [{"name": "br0", "state": "absent"}, {**V0, "master": "br0"}]},
            ["br0", "removes"],
        ),
        (
            [],
            {"links": [{**V0, "state": "absent"}, {"name": "m0", "kind": "macvlan", "parent": "v0"}]},
            ["v0", "removes"],
        ),
        ([], {"links": [{"name": "v1", "mtu": 1400}, {**V0, "state": "absent"}]}, ["v1", "another item"]),
        ([], {**V0, "alias": "a\0b"}, ["alias"]),
        (
            [],
            {"links": [{**V0, "mac": "02:00:00:00:00:21"}, {"name": "v1", "mac": "02:00:00:00:00:21"}]},
            ["mac", "02:00:00:00:00:21", "twice"],
        ),
    ],
)
def test_refused_before_anything_is_touched(
    box: Box, prepare: list[str], args: dict[str, Any], words: list[str]
) -> None:
    box.sh(*PAIR, *prepare)
    box.refused("link", args, *words)


def test_a_parent_of_the_same_name_beside_the_link_is_another_one(box: Box) -> None:
    box.sh(*PAIR, "ip netns add box")
    args = {"name": "mv0", "netns": "box", "kind": "macvlan", "parent": "v0"}
    box.change("link", args)
    box.sh("ip -n box link add v0 type ifb")
    box.nothing_to_do("link", args)
    box.refused("link", {**args, "parent_netns": "box"}, "stands on v0, not on v0 in /run/netns/box")


def test_a_setting_of_a_link_follows_the_link_when_it_is_renamed(box: Box, lane: Lane) -> None:
    box.sh(*PAIR)
    with Host(lane, PAIR) as twin:
        calls = twin.run("link", {**V0, "accept_ra": False, "mtu": 1400}).calls
    at = next(one.number for one in calls if "accept_ra" in one.text)
    assert box.host.run("link", {**V0, "accept_ra": False, "mtu": 1400}, fault=Fault(KILL_AFTER, at)).killed
    box.sh("ip link set v0 down; ip link set v0 name w0; ip link set w0 up")
    box.done("link", {**V0, "state": "absent"})
    assert box.read("ipv6/conf/w0/accept_ra") == "1"
