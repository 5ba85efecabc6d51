# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Devices that go into sandboxes and come back, and all that can come between."""

from __future__ import annotations

import errno
from typing import Any

import pytest
from box import Box, only, operations
from promises.cases.device import ADDRESSES, DEVICE, PORT, SECOND, SETTINGS, TRAFFIC_CONTROL
from promises.cases.link import BOX
from promises.runner import FAIL, KILL_AFTER, Fault, Host, Lane

Q0 = {"device": "q0", "netns": "box"}
BACK = {**Q0, "state": "absent"}
EVERYTHING = (BOX, DEVICE, SETTINGS, ADDRESSES, TRAFFIC_CONTROL)


def number_of_the_move(lane: Lane, prepare: tuple[str, ...], *runs: dict[str, Any]) -> int:
    """Which call of the last run asks the kernel to move a device."""
    with Host(lane, prepare) as twin:
        outcomes = [twin.run("netdev_move", args) for args in runs]
    return next(call.number for call in outcomes[-1].calls if "RTM_SETLINK" in call.text)


# ---------------------------------------------------------------- what goes along


def test_addresses_of_both_families_of_a_device_that_is_up(box: Box) -> None:
    box.sh(*EVERYTHING)
    result = box.change("netdev_move", {**Q0, "new_name": "eth0"})["device"]
    assert result["name"] == "eth0" and result["origin"] == {"name": "q0", "netns": None}
    inside = {
        f"{one['local']}/{one['prefixlen']}": one for one in box.addresses("eth0", "box") if one["scope"] == "global"
    }
    assert set(inside) == {"10.9.0.2/24", "10.9.0.3/24", "10.8.0.2/32"} | {
        f"2001:db8:9::{number}/{prefix}" for number, prefix in ((2, 64), (3, 64), (4, 128))
    }
    assert inside["10.9.0.2/24"]["label"] == "q0:web" and inside["10.9.0.2/24"]["broadcast"] == "10.9.0.255"
    assert inside["10.8.0.2/32"]["address"] == "10.8.0.1" and inside["10.8.0.2/32"]["metric"] == 7
    assert inside["2001:db8:9::3/64"]["noprefixroute"] and inside["2001:db8:9::3/64"]["deprecated"]
    assert inside["2001:db8:9::4/128"]["home"]
    assert box.routes("box") == [], "routes come along only when asked for"
    assert result["skipped"] == [{"address": "169.254.7.7/16", "reason": "scope link"}]
    link = box.link("eth0", "box")
    assert link is not None
    assert (link["mtu"], link["txqlen"], link["address"]) == (1400, 77, "02:c0:00:00:00:01")
    assert (link["ifalias"], link["group"], sorted(link["altnames"])) == ("somebodys", "7", ["q-alt", "q-other"])


def test_what_does_not_go_along_is_told(box: Box) -> None:
    box.sh(BOX, DEVICE, "ip link set q0 up")
    box.sh("ip addr add 10.9.0.2/24 dev q0 valid_lft 3000 preferred_lft 2000")
    box.sh("ip addr add 10.9.1.2/24 dev q0 scope host", "ip addr add 10.9.2.2/24 dev q0 scope link")
    box.sh("ip -6 addr add 2001:db8:9::2/64 dev q0 nodad valid_lft 3000 preferred_lft 2000")
    result = box.change("netdev_move", Q0)["device"]
    assert sorted((one["address"], one["reason"]) for one in result["skipped"]) == [
        ("10.9.0.2/24", "dynamic"),
        ("10.9.1.2/24", "scope host"),
        ("10.9.2.2/24", "scope link"),
        ("2001:db8:9::2/64", "dynamic"),
    ]
    assert box.cidrs("q0", "box") == []


def test_lifetimes_run_on_while_a_device_is_away(box: Box) -> None:
    box.sh(BOX, DEVICE, "ip link set q0 up", "ip addr add 10.9.0.2/24 dev q0 valid_lft 3000 preferred_lft 2000")
    box.sh("ip -6 addr add 2001:db8:9::2/64 dev q0 nodad valid_lft 2 preferred_lft 1")
    box.done("netdev_move", Q0)
    box.sh("sleep 2.2")
    box.done("netdev_move", BACK)
    address = only([one for one in box.addresses("q0") if one["scope"] == "global"])
    assert address["local"] == "10.9.0.2"
    assert 2990 <= address["valid_life_time"] < 2999 and 1990 <= address["preferred_life_time"] < 1999


def test_routes_and_neighbours(box: Box) -> None:
    box.sh(*EVERYTHING)
    result = box.change("netdev_move", {**Q0, "routes": "preserve"})["device"]
    found = {(one["dst"], one.get("table", "main")): one for one in box.routes("box")}
    assert set(found) == {
        ("10.20.0.0/16", "main"),
        ("10.21.0.0/16", "main"),
        ("10.22.0.0/16", "100"),
        ("10.23.0.0/16", "main"),
        ("2001:db8:20::/48", "main"),
        ("2001:db8:21::/48", "main"),
        ("2001:db8:22::/48", "main"),
    }
    assert found["10.21.0.0/16", "main"]["metric"] == 5 and "onlink" in found["10.21.0.0/16", "main"]["flags"]
    assert found["10.22.0.0/16", "100"]["prefsrc"] == "10.9.0.3"
    hops = [(hop["gateway"], hop["weight"]) for hop in found["10.23.0.0/16", "main"]["nexthops"]]
    assert hops == [("10.9.0.1", 2), ("10.9.0.7", 1)]
    assert result["skipped_routes"] == [{"dst": "10.24.0.0/16", "reason": "through br0"}]
    neighbours = {one["dst"]: one["lladdr"] for one in box.ip("neigh", "show", "nud", "permanent", netns="box")}
    assert neighbours == {"10.9.0.77": "02:aa:00:00:00:77", "2001:db8:9::77": "02:aa:00:00:00:78"}


def test_addresses_that_are_answered_for(box: Box) -> None:
    box.sh(BOX, DEVICE, ADDRESSES, "ip neigh add proxy 10.9.0.88 dev q0", "ip neigh add proxy 2001:db8:9::88 dev q0")
    before = box.snapshot()
    box.change("netdev_move", {**Q0, "routes": "preserve"})
    inside = {one["dst"] for one in box.ip("neigh", "show", "proxy", netns="box")}
    assert inside == {"10.9.0.88", "2001:db8:9::88"} and box.ip("neigh", "show", "proxy") == []
    box.change("netdev_move", BACK)
    assert box.unlike(before) == []


def test_routes_whose_gateways_stay_behind(box: Box) -> None:
    box.sh(*EVERYTHING)
    result = box.change("netdev_move", {**Q0, "routes": "preserve", "addresses": "drop"})["device"]
    reasons = {one["dst"]: one["reason"] for one in result["skipped_routes"]}
    assert reasons["10.20.0.0/16"] == "its gateway 10.9.0.1 is out of reach"
    assert reasons["10.22.0.0/16"] == "its source 10.9.0.3 stays behind"
    assert [one["dst"] for one in box.routes("box")] == ["10.21.0.0/16"]


def test_a_route_that_the_sandbox_has_is_told_before(box: Box) -> None:
    box.sh(BOX, DEVICE, ADDRESSES, "ip -n box link add i0 type ifb", "ip -n box link set i0 up")
    box.sh("ip -n box route add 10.20.0.0/16 dev i0")
    before = box.snapshot()
    box.refused("netdev_move", {**Q0, "routes": "preserve"}, "10.20.0.0/16", "exists in /run/netns/box through i0")
    assert box.unlike(before) == []


# ---------------------------------------------------------------- names


def test_a_template_gives_the_lowest_free_name(box: Box) -> None:
    box.sh(BOX, DEVICE, SECOND, "ip -n box link add eth1 type ifb", "ip -n box link property add dev eth1 altname eth2")
    wanted = [{"device": name, "netns": "box", "new_name": "eth%d"} for name in ("q0", "s0")]
    result = box.change("netdev_move", {"devices": wanted})
    assert [one["name"] for one in result["devices"]] == ["eth0", "eth3"]
    assert box.links("box") == {"lo", "eth0", "eth1", "eth3"}


def test_names_of_fifteen_bytes(box: Box) -> None:
    box.sh(BOX, DEVICE)
    box.refused("netdev_move", {**Q0, "new_name": "a" * 16}, "new_name", "a" * 16, "at most 15")
    box.refused("netdev_move", {**Q0, "new_name": "a" * 15 + "%d"}, "new_name", "at most 15")
    box.refused("netdev_move", {"device": "a" * 16, "netns": "box"}, "device", "at most 15")
    for bad in ("a/b", "a:b", "a b", "..", "all", "%s", "eth%d%d"):
        box.refused("netdev_move", {**Q0, "new_name": bad}, "new_name", bad)
    assert box.change("netdev_move", {**Q0, "new_name": "a" * 15})["device"]["name"] == "a" * 15


def test_by_mac_address(box: Box) -> None:
    box.sh(BOX, DEVICE, "ip link set q0 master br0", "ip link set br0 address 02:c0:00:00:00:01")
    wanted = {"mac": "02:C0:00:00:00:01", "netns": "box"}
    assert box.change("netdev_move", wanted)["device"]["origin"]["name"] == "q0"
    box.refused("netdev_move", {"mac": "02:00:00:00:99:99", "netns": "box"}, "mac", "02:00:00:00:99:99")


def test_a_mac_address_of_two_devices(box: Box) -> None:
    box.sh(BOX, DEVICE, SECOND, "ip link set s0 down", "ip link set s0 address 02:c0:00:00:00:01")
    box.refused("netdev_move", {"mac": "02:c0:00:00:00:01", "netns": "box"}, "several devices", "q0", "s0")


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ({"netns": "box"}, ("device", "required")),
        ({"device": "q0"}, ("netns", "required")),
        ({"device": "q0", "netns": "/run/plain"}, ("/run/plain", "not a network namespace")),
        ({"device": "q0", "netns": "pid:1"}, ("netns", "the namespace Ansible itself runs in")),
        ({"device": "q0", "netns": "box", "from_netns": "box"}, ("netns", "box")),
        ({"device": "q0", "netns": "box", "routes": "preserve", "up": False}, ("routes", "up: true")),
        ({"device": "lo", "netns": "box"}, ("lo", "loopback")),
        ({"device": "br0", "netns": "box"}, ("br0", "of kind bridge")),
        ({"device": "nothing", "netns": "box"}, ("device", "nothing", "is no device")),
        ({"netns": "box", "net_devices": {"q0": {"nmae": "eth0"}}}, ("net_devices[q0].nmae", "eth0")),
        ({"netns": "box", "net_devices": {"q0": "eth0"}}, ("net_devices[q0]", "eth0")),
        ({"netns": "box", "net_devices": {"q0": {"name": "a b"}}}, ("net_devices[q0].new_name", "a b")),
        ({"netns": "box", "device": "q0", "net_devices": {"q0": {}}}, ("device", "q0", "net_devices")),
        ({"devices": [{"device": "q0", "netns": "box"}, {"device": "q0", "netns": "box"}]}, ("device", "given twice")),
    ],
)
def test_bad_input(box: Box, args: dict[str, Any], words: tuple[str, ...]) -> None:
    box.sh(BOX, DEVICE, "touch /run/plain; echo x > /run/plain")
    before = box.snapshot()
    box.refused("netdev_move", args, *words)
    assert box.unlike(before) == []


def test_a_missing_namespace(box: Box) -> None:
    """In check mode it is foretold: an earlier task of the play may make it."""
    box.sh(BOX, DEVICE)
    before = box.snapshot()
    outcome = box.run("netdev_move", {"device": "q0", "netns": "nowhere"})
    assert outcome.result.get("failed"), str(outcome)
    for word in ("netns", "/run/netns/nowhere"):
        assert word in outcome.result["msg"], str(outcome)
    assert box.unlike(before) == []


# ---------------------------------------------------------------- refused by the kernel, on the way


@pytest.mark.parametrize(
    "intruder",
    [
        "ip -n box link add eth0 type ifb",
        "ip -n box link add other type ifb; ip -n box link property add dev other altname eth0",
        "ip -n box link add q0 type ifb",
        "ip -n box link add other type ifb; ip -n box link property add dev other altname q-alt",
    ],
    ids=["new name", "new name as altname", "old name", "altname"],
)
def test_a_clash_that_only_the_kernel_finds(lane: Lane, box: Box, intruder: str) -> None:
    """Somebody takes a name between our look and our request; the kernel may have moved the device then."""
    args = {**Q0, "new_name": "eth0", "routes": "preserve"}
    at = number_of_the_move(lane, EVERYTHING, args)
    box.sh(*EVERYTHING)
    before = box.snapshot()
    box.host.run_until("netdev_move", args, at)
    box.sh(intruder)
    outcome = box.host.let_go()
    if "add q0" in intruder and not outcome.failed:
        # the kernel passes over a taken old name when there is a new one
        assert box.link("eth0", "box") is not None
        return
    assert outcome.failed and outcome.result["rolled_back"], str(outcome)
    assert "EEXIST" in outcome.result["msg"] and "q0" in outcome.result["msg"], str(outcome)
    box.sh("for l in eth0 other q0; do ip -n box link del $l 2>/dev/null || true; done")
    assert box.unlike(before) == [], str(outcome)


def test_the_second_device_is_taken_away_and_the_first_is_back(lane: Lane, box: Box) -> None:
    prepare = (BOX, DEVICE, SETTINGS, ADDRESSES, TRAFFIC_CONTROL, SECOND)
    args = {"devices": [{**Q0, "routes": "preserve"}, {"device": "s0", "netns": "box"}]}
    at = number_of_the_move(lane, prepare, args)
    box.sh(*prepare)
    box.host.run_until("netdev_move", args, at)
    box.sh("ip link del s0")
    outcome = box.host.let_go()
    assert outcome.failed and "s0" in outcome.result["msg"], str(outcome)
    assert box.done("netdev_move", BACK)["recovered"], "the host was not as before: s0 is gone"
    with Host(lane, [*prepare, "ip link del s0"]) as twin:
        expected = twin.snapshot("/run", "/etc/netns")
    assert box.unlike(expected) == [], str(outcome)


@pytest.mark.parametrize("error", [errno.EBUSY, errno.ENOMEM, errno.EINVAL])
def test_every_refusal_of_the_move_leaves_the_device(lane: Lane, box: Box, error: int) -> None:
    args = {**Q0, "routes": "preserve"}
    at = number_of_the_move(lane, EVERYTHING, args)
    box.sh(*EVERYTHING)
    before = box.snapshot()
    outcome = box.host.run("netdev_move", args, fault=Fault(FAIL, at, error=error))
    assert outcome.failed and outcome.result["rolled_back"], str(outcome)
    assert box.unlike(before) == [], str(outcome)


# ---------------------------------------------------------------- inside, and back


def test_renamed_inside_it_is_found_by_what_it_is(box: Box) -> None:
    box.sh(*EVERYTHING)
    before = box.snapshot()
    args = {**Q0, "new_name": "eth0", "routes": "preserve"}
    box.done("netdev_move", args)
    box.sh("ip -n box link set eth0 down; ip -n box link set eth0 name mine; ip -n box link set mine up")
    result = box.change("netdev_move", args)
    assert "link.move" in operations(result)
    assert box.link("eth0", "box") is not None and "10.20.0.0/16" in box.gateways("box")
    box.sh("ip -n box link set eth0 down; ip -n box link set eth0 name theirs mtu 1300 alias theirs")
    box.sh("ip -n box link property del dev theirs altname q-alt; ip -n box addr flush dev theirs")
    box.change("netdev_move", BACK)
    assert box.unlike(before) == []


def test_what_was_taken_off_inside_is_put_on_again(box: Box) -> None:
    box.sh(BOX, DEVICE, ADDRESSES)
    args = {**Q0, "routes": "preserve"}
    box.done("netdev_move", args)
    box.sh("ip -n box addr del 2001:db8:9::2/64 dev q0; ip -n box route del 10.20.0.0/16; ip -n box neigh flush all")
    box.sh("ip -n box neigh del 10.9.0.77 dev q0 2>/dev/null || true")
    result = box.change("netdev_move", args)
    assert {"address.add", "route.add", "neighbour.add"} <= set(operations(result))
    assert "2001:db8:9::2/64" in box.cidrs("q0", "box") and "10.20.0.0/16" in box.gateways("box")


@pytest.mark.parametrize(
    ("intruder", "word"),
    [
        ("ip link add q0 type ifb", "'q0' is the name of another link"),
        ("ip link add i0 type ifb; ip link property add dev i0 altname q0", "an alternative name of i0"),
        ("ip link add q-alt type ifb", "'q-alt' is the name of another link"),
    ],
)
def test_a_clash_on_the_way_back(box: Box, intruder: str, word: str) -> None:
    box.sh(*EVERYTHING)
    box.done("netdev_move", {**Q0, "new_name": "eth0", "routes": "preserve"})
    box.sh(intruder)
    before = box.snapshot()
    box.refused("netdev_move", BACK, word, "device")
    assert box.unlike(before) == [], "the device works where it is"
    box.sh("ip link del q0 2>/dev/null || ip link del i0 2>/dev/null || ip link del q-alt")
    box.change("netdev_move", BACK)


def test_a_clash_on_the_way_back_that_only_the_kernel_finds(box: Box, lane: Lane) -> None:
    there = {**Q0, "new_name": "eth0", "routes": "preserve"}
    at = number_of_the_move(lane, EVERYTHING, there, BACK)
    box.sh(*EVERYTHING)
    box.done("netdev_move", there)
    before = box.snapshot()
    box.host.run_until("netdev_move", BACK, at)
    box.sh("ip link add q0 type ifb")
    outcome = box.host.let_go()
    assert outcome.failed and outcome.result["rolled_back"], str(outcome)
    box.sh("ip link del q0")
    assert box.unlike(before) == [], str(outcome)


def test_a_virtual_device_ends_with_its_namespace(box: Box) -> None:
    box.sh(BOX, DEVICE, ADDRESSES)
    box.done("netdev_move", Q0)
    box.sh("ip netns del box", "while ip link show p0 2>/dev/null; do sleep 0.02; done")
    box.change("netdev_move", BACK)
    assert box.state_files() == []


def test_another_namespace_of_the_same_name(box: Box) -> None:
    """Its device of the same name is somebody else's."""
    box.sh(BOX, DEVICE)
    box.done("netdev_move", {**Q0, "new_name": "eth0"})
    box.sh(
        "ip netns del box; while ip link show p0 2>/dev/null; do sleep 0.02; done",
        BOX,
        "ip -n box link add eth0 type ifb",
    )
    before = box.snapshot()
    box.change("netdev_move", BACK)
    assert {line for line in box.unlike(before) if "records/device" not in line} == set()
    box.sh("ip -n box link del eth0; ip link del br0", DEVICE)
    assert box.change("netdev_move", Q0)["device"]["name"] == "q0"


def test_the_index_of_a_device_is_not_that_of_a_stranger(box: Box) -> None:
    """Namespaces hand out small indexes, and hand them out again."""
    box.sh(BOX, DEVICE)
    result = box.done("netdev_move", Q0)["device"]
    assert result["ifindex"] >= 1 << 20
    box.sh("ip -n box link del q0")
    for number in range(8):
        box.sh(f"ip -n box link add i{number} type ifb")
    box.sh("ip -n box link add q0 type ifb")
    box.change("netdev_move", BACK)
    assert "q0" in box.links("box") and box.link("q0") is None


def test_the_bridge_is_gone(box: Box) -> None:
    box.sh(BOX, DEVICE, PORT)
    box.done("netdev_move", Q0)
    box.sh("ip link del br0")
    box.change("netdev_move", BACK)
    link = box.link("q0")
    assert link is not None and "master" not in link and "UP" in link["flags"]


def test_the_origin_is_gone(box: Box) -> None:
    box.sh(BOX, "ip netns add other", DEVICE, "ip link set q0 netns other")
    box.done("netdev_move", {**Q0, "from_netns": "other"})
    box.sh("ip netns del other")
    box.refused("netdev_move", BACK, "/run/netns/other", "is gone", "force: true")
    box.change("netdev_move", {**BACK, "force": True})
    assert box.link("q0", "box") is not None and box.state_files() == []


def test_a_namespace_with_a_visitor_stays(box: Box) -> None:
    box.sh(BOX, DEVICE)
    box.done("netdev_move", {**Q0, "new_name": "eth0"})
    before = box.snapshot()
    box.fails("netns", {"name": "box", "state": "absent"}, "/run/netns/box", "eth0", "bring them back")
    foretold = box.done("netns", {"name": "box", "state": "absent"}, check=True)
    assert "bring them back" in str(foretold["warnings"]), "an earlier task of the play may do it"
    assert box.unlike(before) == []
    box.change("netns", {"name": "box", "state": "absent", "force": True})
    box.change("netdev_move", BACK)


def test_a_process_in_its_namespace(box: Box) -> None:
    box.sh(DEVICE, ADDRESSES)
    pid = box.process_in_its_own_namespace()
    before = box.snapshot()
    args = {"device": "q0", "netns": f"pid:{pid}", "new_name": "eth0"}
    box.change("netdev_move", args)
    assert "10.9.0.2/24" in box.sh(f"nsenter -n -t {pid} ip addr show dev eth0")
    box.change("netdev_move", {**args, "state": "absent"})
    assert box.unlike(before) == []


# ---------------------------------------------------------------- what has to be wanted


@pytest.mark.parametrize("route", ["ip route add default via 10.9.0.1", "ip -6 route add default via 2001:db8:9::1"])
def test_the_way_out_of_the_host(box: Box, route: str) -> None:
    box.sh(BOX, DEVICE, ADDRESSES, route)
    before = box.snapshot()
    box.refused("netdev_move", Q0, "q0", "default route", "force: true")
    box.change("netdev_move", {**Q0, "force": True})
    box.change("netdev_move", BACK)
    assert box.unlike(before) == []


@pytest.mark.parametrize("address", ["10.9.0.2", "2001:db8:9::2"])
def test_the_connection_that_the_task_is_run_over(box: Box, address: str) -> None:
    box.sh(BOX, DEVICE, ADDRESSES)
    outcome = box.host.run_directly(
        "netdev_move", dict(Q0), wrapper=("env", f"SSH_CONNECTION=192.0.2.7 5 {address} 22")
    )
    assert outcome.failed and address in outcome.result["msg"] and "force: true" in outcome.result["msg"], str(outcome)
    outcome = box.host.run_directly(
        "netdev_move",
        dict(Q0),
        wrapper=(
            "sh",
            "-c",
            f'SSH_CONNECTION="192.0.2.7 5 {address} 22" sh -c \'env -u SSH_CONNECTION "$@"; exit $?\' sh "$@"; exit $?',
            "sh",
        ),
    )
    assert outcome.failed and address in outcome.result["msg"], f"hidden, as sudo does it: {outcome}"
    assert box.link("q0") is not None


def test_a_device_with_others_on_top(box: Box) -> None:
    box.sh(BOX, DEVICE, "ip link add link q0 name m0 address 02:c0:00:00:00:0b type macvlan")
    before = box.snapshot()
    box.refused("netdev_move", Q0, "q0", "m0", "force: true")
    box.change("netdev_move", {**Q0, "force": True})
    box.change("netdev_move", BACK)
    assert box.unlike(before) == []


# ---------------------------------------------------------------- killed


def test_killed_after_the_move_and_the_namespace_gone(lane: Lane, box: Box) -> None:
    """Nothing is left to bring back; what was on the host besides the device is untouched."""
    args = {**Q0, "routes": "preserve"}
    at = number_of_the_move(lane, EVERYTHING, args)
    box.sh(*EVERYTHING)
    assert box.host.run("netdev_move", args, fault=Fault(KILL_AFTER, at)).killed
    box.sh("ip netns del box", "while ip link show p0 2>/dev/null; do sleep 0.02; done")
    outcome = box.run("netdev_move", BACK)
    assert not outcome.failed, str(outcome)
    assert box.state_files() == []


def test_a_task_on_the_sandbox_mends_a_killed_move(lane: Lane, box: Box) -> None:
    args = {**Q0, "new_name": "eth0", "routes": "preserve"}
    at = number_of_the_move(lane, EVERYTHING, args)
    box.sh(*EVERYTHING)
    before = box.snapshot()
    assert box.host.run("netdev_move", args, fault=Fault(KILL_AFTER, at)).killed
    assert box.link("q0") is None
    result = box.done("netns", {"name": "box"})
    assert [one["op"] for one in result["recovered"]][-1] == "link.move"
    assert {line for line in box.unlike(before) if "records/netns" not in line} == set()


# ---------------------------------------------------------------- devices that lean on each other, and on others

TWO = (
    BOX,
    "ip link add a0 address 02:c0:00:00:00:11 type veth peer name a1 address 02:c0:00:00:00:12",
    "ip link add b0 address 02:c0:00:00:00:13 type veth peer name b1 address 02:c0:00:00:00:14",
    "for l in a0 a1 b0 b1; do ip link set $l up; done",
    "ip addr add 10.1.0.2/24 dev a0; ip addr add 10.2.0.2/24 dev b0",
)
BOTH = [{"device": "a0", "netns": "box"}, {"device": "b0", "netns": "box"}]


@pytest.mark.parametrize("order", [BOTH, BOTH[::-1]], ids=["as they left", "the other way round"])
@pytest.mark.parametrize(
    "leaning",
    [
        "ip route add 10.51.0.0/16 dev a0 src 10.2.0.2; ip route add 10.52.0.0/16 dev b0 src 10.1.0.2",
        """tc qdisc add dev a0 handle ffff: ingress
        tc filter add dev a0 parent ffff: protocol all prio 1 u32 match u32 0 0 action mirred egress redirect dev b0""",
    ],
    ids=["source of a route", "target of a filter"],
)
def test_devices_that_lean_on_each_other(box: Box, leaning: str, order: list[dict[str, Any]]) -> None:
    box.sh(*TWO, leaning)
    before = box.snapshot()
    box.change("netdev_move", {"devices": BOTH})
    result = box.change("netdev_move", {"devices": order, "state": "absent"})
    assert [one["not_restored"] for one in result["devices"]] == [[], []]
    assert box.unlike(before) == []


@pytest.mark.parametrize(
    ("leaning", "change", "left_out"),
    [
        (
            """ip link add t0 type ifb; tc qdisc add dev a0 clsact
            tc filter add dev a0 egress protocol all u32 match u32 0 0 action mirred egress mirror dev t0""",
            "ip link del t0",
            "filter 8000:800: the link that it sends packets to is gone",
        ),
        (
            "ip route add 10.44.0.0/16 dev b0 src 10.1.0.2",
            "ip link set b0 down",
            "route 10.44.0.0/16: a link that it leads through is down",
        ),
        (
            "ip route add 10.45.0.0/16 dev a0 src 10.2.0.2",
            "ip addr del 10.2.0.2/24 dev b0",
            "route 10.45.0.0/16: its source 10.2.0.2 is no address of the namespace any more",
        ),
        (
            "ip -6 addr add 2001:db8::2/64 dev a0 nodad",
            "echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6",
            "address 2001:db8::2/64: IPv6 is off for new links by now (disable_ipv6)",
        ),
        (
            "ip route add 10.46.0.0/16 via 10.1.0.9",
            "ip route add 10.46.0.0/16 via 10.2.0.9",
            "route 10.46.0.0/16: another route has its destination, table and metric by now",
        ),
    ],
)
def test_what_cannot_be_put_back_keeps_no_device_away(box: Box, leaning: str, change: str, left_out: str) -> None:
    box.sh(*TWO, leaning)
    box.done("netdev_move", BOTH[0])
    box.sh(change)
    result = box.change("netdev_move", {**BOTH[0], "state": "absent"})
    assert result["device"]["not_restored"] == [left_out]
    assert "10.1.0.2/24" in box.cidrs("a0")


def test_ipv6_is_off_in_the_sandbox(box: Box) -> None:
    box.sh(BOX, DEVICE, ADDRESSES, "ip netns exec box sysctl -qw net.ipv6.conf.default.disable_ipv6=1")
    before = box.snapshot()
    result = box.change("netdev_move", {**Q0, "routes": "preserve"})["device"]
    assert {"address": "2001:db8:9::2/64", "reason": "IPv6 is off there (disable_ipv6)"} in result["skipped"]
    assert set(box.cidrs("q0", "box")) == {"10.9.0.2/24", "10.9.0.3/24", "10.8.0.2/32"}
    box.change("netdev_move", BACK)
    assert box.unlike(before) == []


def test_a_device_that_was_moved_on(box: Box) -> None:
    box.sh(BOX, "ip netns add further", DEVICE)
    before = box.snapshot()
    box.done("netdev_move", Q0)
    on = {"device": "q0", "from_netns": "box", "netns": "further"}
    box.done("netdev_move", on)
    box.refused("netdev_move", BACK, "q0", "moved on", "/run/netns/further")
    box.change("netdev_move", {**on, "state": "absent"})
    box.change("netdev_move", BACK)
    assert box.unlike(before) == []


def test_the_path_cost_of_a_port(box: Box) -> None:
    box.sh(BOX, DEVICE, "ip link set q0 master br0 up; ip link set q0 type bridge_slave cost 50 priority 7")
    before = box.snapshot()
    box.done("netdev_move", Q0)
    box.change("netdev_move", BACK)
    assert box.unlike(before) == []


def test_no_hint_at_a_device_that_is_gone(box: Box) -> None:
    box.sh(BOX, DEVICE)
    box.done("netdev_move", Q0)
    box.sh("ip netns add other")
    assert "it was moved to" in box.refused("netdev_move", {"device": "q0", "netns": "other"}, "is no device")
    box.sh("ip -n box link del q0")
    assert "it was moved to" not in box.refused("netdev_move", {"device": "q0", "netns": "other"}, "is no device")
