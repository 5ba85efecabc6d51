# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The module link on the real kernel."""

from __future__ import annotations

from typing import Any

import pytest
from box import Box, only, operations
from promises.runner import KILL_AFTER, Fault

BR0: dict[str, Any] = {"name": "br0", "kind": "bridge", "mac": "02:00:00:00:00:01"}
IFB0: dict[str, Any] = {"name": "ifb0", "kind": "ifb", "mac": "02:00:00:00:00:02"}
ETH0: dict[str, Any] = {
    "name": "eth0",
    "netns": "web1",
    "kind": "veth",
    "mac": "02:00:00:00:00:07",
    "peer": {"name": "vh1", "mac": "02:00:00:00:00:08"},
}
ALTERNATIVES = [
    ("veth", {"peer": {"name": "k1"}}),
    ("bridge", {}),
    ("macvlan", {"parent": "ifb0"}),
    ("macvtap", {"parent": "ifb0"}),
    ("vxlan", {"vni": 7, "remote": "10.9.9.9", "parent": "ifb0"}),
    ("ifb", {}),
    ("tap", {}),
    ("tun", {}),
]
LACKING = [
    ("dummy", {}, "CONFIG_DUMMY"),
    ("vlan", {"parent": "ifb0", "vlan_id": 5}, "CONFIG_VLAN_8021Q"),
    ("ipvlan", {"parent": "ifb0"}, "CONFIG_IPVLAN"),
]


def info(box: Box, name: str, netns: str | None = None) -> dict[str, Any]:
    found = box.link(name, netns)
    assert found is not None, f"no link {name}"
    return found


def details(box: Box, name: str, netns: str | None = None) -> dict[str, Any]:
    """The attributes of the kind."""
    data: dict[str, Any] = info(box, name, netns)["linkinfo"].get("info_data", {})
    return data


# ---------------------------------------------------------------- kinds


@pytest.mark.parametrize("netns", [None, "web1"])
@pytest.mark.parametrize(("kind", "more"), ALTERNATIVES, ids=[kind for kind, _more in ALTERNATIVES])
def test_every_kind_of_this_kernel(box: Box, kind: str, more: dict[str, Any], netns: str | None) -> None:
    box.sh("ip netns add web1")
    where = {"netns": netns} if netns else {}
    if "parent" in more:
        box.done("link", {**IFB0, **where})
    before = box.snapshot()
    args = {"name": "k0", "kind": kind, "mtu": 1300, **where, **more}
    told = box.change("link", args)["link"]
    found = info(box, "k0", netns)
    assert found["mtu"] == 1300 and "UP" in found["flags"]
    expected = {"tap": "tun"}.get(kind, kind)
    assert found["linkinfo"]["info_kind"] == expected
    assert (told["kind"], told["mtu"], told["up"], told["state"]) == (kind, 1300, True, "present")
    assert told["ifindex"] == found["ifindex"]
    box.change("link", {"name": "k0", "state": "absent", **where})
    assert box.link("k0", netns) is None
    assert box.unlike(before) == []


@pytest.mark.parametrize(("kind", "more", "option"), LACKING, ids=[kind for kind, _more, _option in LACKING])
def test_a_kind_that_the_kernel_lacks(box: Box, kind: str, more: dict[str, Any], option: str) -> None:
    box.done("link", IFB0)
    before = box.snapshot()
    items = [BR0, {"name": "k0", "kind": kind, **more}]
    box.refused("link", {"links": items}, "kind", repr(kind), option)
    assert box.unlike(before) == []


@pytest.mark.parametrize("kind", ["macvlan", "macvtap"])
@pytest.mark.parametrize("mode", ["private", "vepa", "bridge", "passthru"])
def test_modes(box: Box, kind: str, mode: str) -> None:
    box.done("link", IFB0)
    box.change("link", {"name": "k0", "kind": kind, "parent": "ifb0", "mode": mode})
    assert details(box, "k0")["mode"] == mode


def test_the_mode_changes_in_place(box: Box) -> None:
    box.done("link", IFB0)
    args = {"name": "k0", "kind": "macvlan", "parent": "ifb0"}
    box.change("link", args)
    assert details(box, "k0")["mode"] == "bridge"
    index = info(box, "k0")["ifindex"]
    box.change("link", {**args, "mode": "private"})
    assert details(box, "k0")["mode"] == "private" and info(box, "k0")["ifindex"] == index


@pytest.mark.parametrize("family", ["10.9.9", "fd00::9"])
def test_vxlan(box: Box, family: str) -> None:
    box.done("link", {**IFB0, "addresses": ["10.9.9.1/24", "fd00::91/64"]})
    remote, local = f"{family}{'.2' if '.' in family else '2'}", f"{family}{'.1' if '.' in family else '1'}"
    args = {
        "name": "vx0",
        "kind": "vxlan",
        "vni": 42,
        "remote": remote,
        "local": local,
        "dst_port": 5789,
        "parent": "ifb0",
    }
    box.change("link", args)
    found = details(box, "vx0")
    six = "6" if ":" in family else ""
    assert (found["id"], found[f"remote{six}"], found[f"local{six}"], found["port"], found["link"]) == (
        42,
        remote,
        local,
        5789,
        "ifb0",
    )
    message = box.refused("link", {**args, "vni": 43}, "vni", "42", "43", "recreate")
    assert "vx0" in message
    box.change("link", {**args, "vni": 43, "recreate": True})
    assert details(box, "vx0")["id"] == 43


def test_taps(box: Box) -> None:
    args = {
        "name": "tap0",
        "kind": "tap",
        "queues": 4,
        "vnet_hdr": True,
        "owner": "nobody",
        "group": "daemon",
        "mac": "02:00:00:00:00:05",
    }
    told = box.change("link", args)["link"]
    found = details(box, "tap0")
    assert found["type"] == "tap" and found["multi_queue"] and found["vnet_hdr"] and found["persist"]
    assert (found["user"], found["group"]) == ("nobody", "daemon")
    assert told["owner"] == 65534 and info(box, "tap0")["address"] == "02:00:00:00:00:05"
    box.refused("link", {**args, "vnet_hdr": False}, "vnet_hdr", "recreate")
    box.change("link", {**args, "vnet_hdr": False, "recreate": True})
    assert not details(box, "tap0").get("vnet_hdr")


@pytest.mark.parametrize("owner", ["0", "65534", "2147483648", "4294967294"])
def test_owners_by_number(box: Box, owner: str) -> None:
    box.change("link", {"name": "tap0", "kind": "tap", "owner": owner, "group": owner})


def test_queues_of_a_veth(box: Box) -> None:
    args = {"name": "v0", "kind": "veth", "queues": 3, "peer": {"name": "v1"}}
    box.change("link", args)
    assert info(box, "v0")["num_tx_queues"] == info(box, "v1")["num_rx_queues"] == 3
    box.refused("link", {**args, "queues": 2}, "queues", "recreate")


def test_snooping(box: Box) -> None:
    box.change("link", {**BR0, "multicast_snooping": False})
    assert details(box, "br0")["mcast_snooping"] == 0
    box.change("link", {**BR0, "multicast_snooping": True})
    assert details(box, "br0")["mcast_snooping"] == 1


# ---------------------------------------------------------------- attributes


@pytest.mark.parametrize("born", [True, False])
@pytest.mark.parametrize(
    ("option", "value", "key", "found"),
    [
        ("mtu", 1280, "mtu", 1280),
        ("mtu", 68, "mtu", 68),
        ("mac", "02-00-00-00-00-AA", "address", "02:00:00:00:00:aa"),
        ("txqlen", 1, "txqlen", 1),
        ("txqlen", 0, "txqlen", None),
        ("txqlen", 5000, "txqlen", 5000),
        ("alias", "eth0 of web1 ü \"'$(id)", "ifalias", "eth0 of web1 ü \"'$(id)"),
        ("alias", "", "ifalias", None),
        (
            "altnames",
            ["uplink", "a-name-that-is-longer-than-fifteen"],
            "altnames",
            ["uplink", "a-name-that-is-longer-than-fifteen"],
        ),
        ("master", "br9", "master", "br9"),
        ("ipv6_link_local", False, "inet6_addr_gen_mode", "none"),
        ("ipv6_link_local", True, "inet6_addr_gen_mode", "eui64"),
    ],
)
def test_every_attribute_at_birth_and_later(
    box: Box, option: str, value: Any, key: str, found: Any, born: bool
) -> None:
    box.sh("ip link add br9 type bridge")
    args = {"name": "eth0", "kind": "veth", "peer": {"name": "vh1"}}
    if not born:
        box.change("link", args)
    index = None if born else info(box, "eth0")["ifindex"]
    if born or not (value is True or value == ""):
        told = box.change("link", {**args, option: value})["link"]
        if option in ("mtu", "txqlen", "alias", "master", "altnames"):
            assert told[option] == value
    assert info(box, "eth0").get(key) == found
    assert index is None or info(box, "eth0")["ifindex"] == index


@pytest.mark.parametrize("default", ["0", "1"])
@pytest.mark.parametrize("wanted", [False, True])
def test_router_advertisements(box: Box, wanted: bool, default: str) -> None:
    box.sh(f"echo {default} > /proc/sys/net/ipv6/conf/default/accept_ra")
    box.change("link", {**BR0, "accept_ra": wanted})
    assert box.read("ipv6/conf/br0/accept_ra") == str(int(wanted))
    box.change("link", {**BR0, "accept_ra": not wanted})
    assert box.read("ipv6/conf/br0/accept_ra") == str(int(not wanted))


def test_what_is_not_given_is_left_as_it_is(box: Box) -> None:
    box.sh(
        "ip link add br9 type bridge",
        "ip link add br0 mtu 1400 txqueuelen 77 address 02:00:00:00:00:09 type bridge mcast_snooping 0",
        "ip link set br0 alias somebody up; ip link property add dev br0 altname theirs",
        "ip addr add 10.0.0.1/24 dev br0; ip addr add fd00::1/64 dev br0; ip route add 10.9.0.0/16 via 10.0.0.9",
    )
    before = box.snapshot()
    box.nothing_to_do("link", {"name": "br0"})
    box.change("link", {"name": "br0", "altnames": ["ours"]})
    assert set(info(box, "br0")["altnames"]) == {"theirs", "ours"}
    box.sh("ip link property del dev br0 altname ours")
    assert box.unlike(before) == []


@pytest.mark.parametrize("name", ["theirs", "another-name-of-it-that-is-long"])
def test_a_name_that_is_another_links_alternative_name(box: Box, name: str) -> None:
    box.sh(f"ip link add br9 type bridge; ip link property add dev br9 altname {name}")
    if len(name) < 16:
        box.refused("link", {**BR0, "name": name}, name, "br9")
    box.refused("link", {**BR0, "altnames": [name]}, name)


def test_the_mtu_of_a_bridge_stays(box: Box) -> None:
    """The kernel shrinks a bridge to its smallest port, unless somebody said what it should be."""
    port = {"name": "v0", "kind": "veth", "mtu": 1400, "master": "br0", "peer": {"name": "v1"}}
    box.change("link", {"links": [{**BR0, "mtu": 1500}, port]})
    assert info(box, "br0")["mtu"] == 1500


def test_master(box: Box) -> None:
    box.change("link", {"links": [BR0, {**BR0, "name": "br1", "mac": "02:00:00:00:00:03"}]})
    port = {"name": "v0", "kind": "veth", "peer": {"name": "v1"}}
    box.change("link", {**port, "master": "br0", "peer": {"name": "v1", "master": "br1"}})
    assert (info(box, "v0")["master"], info(box, "v1")["master"]) == ("br0", "br1")
    box.change("link", {**port, "master": "br1"})
    assert info(box, "v0")["master"] == "br1"
    box.change("link", {**port, "master": ""})
    assert "master" not in info(box, "v0")
    box.fails("link", {**port, "master": "br9"}, "master", "br9")


def test_a_master_that_takes_no_ports(box: Box) -> None:
    box.refused("link", {**IFB0, "master": "lo"}, "lo", "ifb0")


# ---------------------------------------------------------------- veth


def test_a_sandbox(box: Box) -> None:
    box.sh("ip netns add web1")
    box.change("link", {**BR0, "addresses": ["10.0.0.1/24", "fd00::1/64"]})
    args = {
        **ETH0,
        "mtu": 1400,
        "peer": {**ETH0["peer"], "master": "br0", "mtu": 1450, "alias": "of web1", "ipv6_link_local": False},
        "addresses": ["10.0.0.2/24", {"address": "fd00::2/64", "nodad": True}],
        "routes": [{"dst": "default", "gateway": "10.0.0.1"}, {"dst": "default", "gateway": "fd00::1"}],
    }
    result = box.change("link", args)
    assert result["link"]["peer"]["master"] == "br0"
    assert (info(box, "eth0", "web1")["mtu"], info(box, "vh1")["mtu"]) == (1400, 1450)
    assert (info(box, "eth0", "web1")["address"], info(box, "vh1")["address"]) == (
        "02:00:00:00:00:07",
        "02:00:00:00:00:08",
    )
    assert (info(box, "vh1")["master"], info(box, "vh1")["ifalias"]) == ("br0", "of web1")
    assert info(box, "vh1")["inet6_addr_gen_mode"] == "none"
    assert box.gateways("web1") == {"default": "fd00::1"} | {"default": box.gateways("web1")["default"]}
    for address in ("10.0.0.1", "fd00::1"):
        box.sh(f"ip netns exec web1 ping -c1 -W2 {address} >/dev/null")
    box.change("link", {"name": "eth0", "netns": "web1", "state": "absent"})
    assert box.links() == {"lo", "br0"} and box.links("web1") == {"lo"}


def test_a_pair_within_one_namespace_and_absent_from_either_side(box: Box) -> None:
    for name in ("v0", "v1"):
        box.change("link", {"name": "v0", "kind": "veth", "peer": {"name": "v1"}})
        box.change("link", {"name": name, "state": "absent"})
        assert box.links() == {"lo"}


@pytest.mark.parametrize("side", [{"name": "vh1"}, {"name": "eth0", "netns": "web1"}])
def test_absent_from_either_side_across_namespaces(box: Box, side: dict[str, Any]) -> None:
    box.sh("ip netns add web1")
    before = box.snapshot()
    box.change("link", ETH0)
    box.change("link", {**side, "state": "absent"})
    assert box.unlike(before) == []


def test_a_deleted_peer_is_made_again(box: Box) -> None:
    box.sh("ip netns add web1")
    box.change("link", ETH0)
    box.sh("ip link del vh1")
    box.change("link", ETH0)


def test_a_moved_peer_is_not_ours_to_take(box: Box) -> None:
    box.sh("ip netns add web1; ip netns add away")
    box.change("link", ETH0)
    box.sh("ip link set vh1 netns away")
    box.refused("link", ETH0, "vh1", "eth0", "recreate")
    box.change("link", {**ETH0, "recreate": True})
    assert box.links("away") == {"lo"} and "vh1" in box.links()


def test_a_stranger_in_the_place_of_the_peer(box: Box) -> None:
    box.sh("ip netns add web1; ip link add vh1 type bridge")
    box.refused("link", ETH0, "vh1", "eth0", "recreate")
    box.change("link", {**ETH0, "recreate": True})
    assert info(box, "vh1")["linkinfo"]["info_kind"] == "veth"


def test_a_pair_of_others(box: Box) -> None:
    box.sh("ip netns add web1; ip link add vh1 type veth peer name x1; ip -n web1 link add eth0 type veth peer name x2")
    box.refused("link", ETH0, "vh1", "eth0", "recreate")


@pytest.mark.parametrize("side", [{"name": "vh1"}, {"name": "eth0", "netns": "web1"}])
def test_an_absent_that_was_killed_is_undone_whichever_side_was_named(box: Box, side: dict[str, Any]) -> None:
    box.sh("ip netns add web1")
    args = {**ETH0, "addresses": ["10.0.0.2/24"], "peer": {**ETH0["peer"], "addresses": ["10.0.0.1/24"]}}
    box.done("link", args)
    before = box.snapshot()
    gone = {**side, "state": "absent"}
    for at in range(1, 30):
        outcome = box.host.run("link", gone, fault=Fault(KILL_AFTER, at))
        if not outcome.killed:
            break
        box.done("link", args)
        assert [line for line in box.unlike(before) if "sandbox-network" not in line] == [], str(outcome.calls[-1])


# ---------------------------------------------------------------- in place, or not


@pytest.mark.parametrize(
    ("kind", "more"), [("bridge", {}), ("ifb", {}), ("veth", {"peer": {"name": "p0"}}), ("tap", {}), ("tun", {})]
)
def test_another_kind_is_an_error_unless_it_may_be_replaced(box: Box, kind: str, more: dict[str, Any]) -> None:
    other = "ifb" if kind == "bridge" else "bridge"
    box.sh(f"ip link add k0 type {other}; ip addr add 10.0.0.1/24 dev k0")
    args = {"name": "k0", "kind": kind, **more}
    box.refused("link", args, "k0", other, kind, "recreate")
    box.change("link", {**args, "recreate": True})
    assert info(box, "k0")["linkinfo"]["info_kind"] == {"tap": "tun"}.get(kind, kind)
    assert box.cidrs("k0") == []


def test_lo_cannot_be_replaced(box: Box) -> None:
    box.refused("link", {"name": "lo", "kind": "bridge", "recreate": True}, "lo")


@pytest.mark.parametrize("make", ["vxlan", "macvlan"])
def test_a_link_that_carries_others_is_not_deleted(box: Box, make: str) -> None:
    box.done("link", IFB0)
    more = {"vni": 5, "remote": "10.9.9.9"} if make == "vxlan" else {}
    box.done("link", {"name": "k0", "kind": make, "parent": "ifb0", **more})
    box.refused("link", {"name": "ifb0", "state": "absent"}, "ifb0", "k0")
    box.change("link", {"state": "absent", "links": [{"name": "k0"}, {"name": "ifb0"}]})


def test_links_of_one_list_lean_on_each_other(box: Box) -> None:
    items = [
        IFB0,
        {"name": "mv0", "kind": "macvlan", "parent": "ifb0"},
        BR0,
        {"name": "v0", "kind": "veth", "master": "br0", "peer": {"name": "v1"}},
    ]
    result = box.change("link", {"links": items})
    assert [one["name"] for one in result["links"]] == ["ifb0", "mv0", "br0", "v0"]
    box.change("link", {"state": "absent", "links": [{"name": item["name"]} for item in reversed(items)]})
    assert box.links() == {"lo"}


def test_one_link_takes_over_from_another_in_one_task(box: Box) -> None:
    inside = {"addresses": ["10.0.0.2/24"], "routes": [{"dst": "default", "gateway": "10.0.0.1"}]}
    box.change("link", {**BR0, **inside})
    new = {**BR0, **inside, "name": "br1"}
    box.change("link", {"links": [{"name": "br0", "state": "absent"}, new]})
    assert box.gateways() == {"default": "10.0.0.1"} and box.links() == {"lo", "br1"}


def test_many_are_deleted_in_one_request(box: Box) -> None:
    items = [{"name": f"v{number}", "kind": "veth", "peer": {"name": f"w{number}"}} for number in range(30)]
    box.sh("ip link add foreign type bridge; ip link add dev f0 group 7 type bridge")
    box.change("link", {"links": items})
    outcome = box.run("link", {"state": "absent", "links": [{"name": item["name"]} for item in items]})
    deletions = [call for call in outcome.calls if "DELLINK" in call.text]
    assert len(deletions) == 1, [*map(str, deletions)]
    assert box.links() == {"lo", "foreign", "f0"}


def test_two_hundred_sandboxes(box: Box) -> None:
    names = [f"s{number}" for number in range(200)]
    box.done("netns", {"namespaces": [{"name": name} for name in names]})
    items = [BR0] + [
        {
            "name": "eth0",
            "netns": name,
            "kind": "veth",
            "peer": {"name": f"vh{number}", "master": "br0"},
            "addresses": [f"10.0.{number}.2/16", f"fd00::{number + 2:x}/64"],
            "routes": [{"dst": "default", "gateway": "10.0.255.254"}, {"dst": "default", "gateway": "fd00::ffff"}],
        }
        for number, name in enumerate(names)
    ]
    box.change("link", {"links": items})
    assert box.cidrs("eth0", "s199") == ["10.0.199.2/16", "fd00::c9/64"]
    assert len([one for one in box.ip("link", "show") if one.get("master") == "br0"]) == 200
    box.change(
        "link", {"state": "absent", "links": [{"name": item["name"], "netns": item.get("netns")} for item in items]}
    )
    assert box.links() == {"lo"}


# ---------------------------------------------------------------- failing


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": "tun0", "kind": "tun", "master": "br0"},
        {"name": "vx0", "kind": "vxlan", "vni": 5, "remote": "10.0.0.9", "dst_port": 4789},
        {"name": "mv0", "kind": "macvlan", "parent": "lo"},
        {"name": "mv0", "kind": "macvlan", "parent": "ifb9", "mode": "passthru"},
        {
            **IFB0,
            "addresses": [{"address": "10.7.0.1/24", "label": "ifb0:x"}],
            "routes": [{"dst": "10.9.0.0/16", "gateway": "169.254.9.9"}],
        },
    ],
)
def test_one_that_the_kernel_refuses_takes_all_with_it(box: Box, wrong: dict[str, Any]) -> None:
    """Wherever it is noticed, nothing stays, and what was there is exact."""
    box.sh(
        "ip link add vx9 address 02:00:00:00:00:09 type vxlan id 5 remote 10.0.0.8 dstport 4789",
        "ip netns add web1",
        "ip link add ifb9 type ifb",
        "ip link add mv9 link ifb9 type macvlan mode passthru",
        "ip link set ifb9 up",
        "ip link add br0 address 02:00:00:00:00:01 mtu 1400 type bridge",
        "ip link set br0 up",
        "ip addr add 10.0.0.1/24 dev br0",
        "ip addr add 10.0.0.5/24 dev br0",
        "ip addr add fe80::1/64 dev br0 nodad",
        "ip addr add fd00::1/64 dev br0 nodad",
        "ip route add 10.9.0.0/16 via 10.0.0.9",
        "ip -6 route add fd09::/64 via fd00::9",
        "echo 2 > /proc/sys/net/ipv6/conf/br0/accept_ra; sleep 0.1",
    )
    changed = {
        **BR0,
        "mtu": 1300,
        "up": False,
        "alias": "x",
        "accept_ra": False,
        "ipv6_link_local": False,
        "altnames": ["y"],
    }
    before = box.snapshot()
    outcome = box.run("link", {"links": [changed, {**ETH0, "addresses": ["10.3.0.1/24"]}, wrong]})
    assert outcome.failed and outcome.result["rolled_back"] is True, str(outcome)
    assert wrong["name"] in outcome.result["msg"]
    assert box.unlike(before) == []


def test_a_device_without_ipv6_is_a_clear_error(box: Box) -> None:
    box.sh("ip link add br0 address 02:00:00:00:00:01 type bridge; echo 1 > /proc/sys/net/ipv6/conf/br0/disable_ipv6")
    box.fails("link", {**BR0, "addresses": ["10.0.0.1/24", "fd00::1/64"]}, "fd00::1", "br0")


def test_new_devices_without_ipv6(box: Box) -> None:
    box.sh("echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6")
    box.fails("link", {**BR0, "addresses": ["fd00::1/64"]}, "fd00::1", "br0")
    box.change("link", {**BR0, "addresses": ["10.0.0.1/24"]})


def test_an_error_that_nobody_foresaw_takes_everything_back(box: Box) -> None:
    """A text that cannot be encoded comes as far as the deed itself."""
    before = box.snapshot()
    outcome = box.host.run(
        "netns", {"namespaces": [{"name": "a"}, {"name": "b", "sysctl": {"net.ipv4.ip_forward": "\ud800"}}]}
    )
    assert outcome.failed
    assert box.unlike(before) == [], str(outcome)


# ---------------------------------------------------------------- loopback


@pytest.mark.parametrize("netns", [None, "web1"])
def test_lo_is_put_back_as_it_was(box: Box, netns: str | None) -> None:
    box.sh(
        "ip netns add web1; ip link set lo txqueuelen 5; ip addr add 10.1.1.1/32 dev lo; ip addr add fd01::1/128 dev lo"
    )
    before = box.snapshot()
    where = {"netns": netns} if netns else {}
    args = {
        "name": "lo",
        "mtu": 1500,
        "txqlen": 7,
        "alias": "ours",
        "altnames": ["loopback0"],
        "addresses": ["10.9.9.9/32", "fd09::9/128"],
        "routes": [{"dst": "203.0.113.0/24"}, {"dst": "2001:db8:9::/64"}],
        **where,
    }
    box.change("link", args)
    assert "10.9.9.9/32" in box.cidrs("lo", netns) and "fd09::9/128" in box.cidrs("lo", netns)
    box.change("link", {**args, "addresses": ["10.9.9.8/32"], "mtu": 1400})
    box.change("link", {"name": "lo", "state": "absent", **where})
    assert box.unlike(before) == []
    box.nothing_to_do("link", {"name": "lo", "state": "absent", **where})


def test_what_others_did_to_lo_meanwhile_stays(box: Box) -> None:
    box.change("link", {"name": "lo", "addresses": ["10.9.9.9/32"], "mtu": 1500})
    box.sh("ip addr add 10.8.8.8/32 dev lo; ip addr del 10.9.9.9/32 dev lo")
    box.change("link", {"name": "lo", "state": "absent"})
    assert box.cidrs("lo") == ["10.8.8.8/32"] and info(box, "lo")["mtu"] == 65536


def test_lo_of_another_namespace_with_the_same_name_is_not_ours(box: Box) -> None:
    box.sh("ip netns add web1")
    box.change("link", {"name": "lo", "netns": "web1", "addresses": ["10.9.9.9/32"]})
    box.sh("ip netns del web1; ip netns add web1; ip -n web1 link set lo up; ip -n web1 addr add 10.9.9.9/32 dev lo")
    box.done("link", {"name": "lo", "netns": "web1", "state": "absent"})
    assert box.cidrs("lo", "web1") == ["10.9.9.9/32"]


def test_the_records_of_a_namespace_end_with_it(box: Box) -> None:
    box.change("netns", {"name": "web1"})
    box.change("link", {"name": "lo", "netns": "web1", "addresses": ["10.9.9.9/32"]})
    box.change("netns", {"name": "web1", "state": "absent"})
    assert box.state_files() == []


# ---------------------------------------------------------------- names


@pytest.mark.parametrize("name", ["-x", "ü", "$(id)", "a;b", "eth"])
def test_strange_links_of_others_survive(box: Box, name: str) -> None:
    box.sh(
        f"ip link add name '{name}' type bridge"
        if name != "-x"
        else "ip link add name tmp type bridge; ip link set tmp name -x"
    )
    box.change("link", {**BR0, "name": "eth0"})
    box.change("link", {"name": "eth0", "state": "absent"})
    assert box.links() == {"lo", name}
    box.change("link", {"name": name, "mtu": 1400})
    box.change("link", {"name": name, "state": "absent"})
    assert box.links() == {"lo"}


def test_names_that_begin_alike_are_different(box: Box) -> None:
    names = ["eth", "eth0", "eth01", "e" * 14, "e" * 15]
    box.change("link", {"links": [{"name": name, "kind": "bridge"} for name in names]})
    box.change("link", {"state": "absent", "links": [{"name": "eth0"}, {"name": "e" * 14}]})
    assert box.links() == {"lo", "eth", "eth01", "e" * 15}


@pytest.mark.parametrize("given_netns", ["web1", "/run/netns/web1", "/run/../run/netns/web1", "pid"])
def test_a_namespace_by_name_path_and_process(box: Box, given_netns: str) -> None:
    if given_netns == "pid":
        given_netns = f"pid:{box.process_in_its_own_namespace()}"
        box.sh("ip netns attach web1 $(cat /run/box/sleeper)")
    else:
        box.sh("ip netns add web1")
    if ".." in given_netns:
        box.refused("link", {**BR0, "netns": given_netns}, "netns", given_netns)
        return
    box.change("link", {**BR0, "netns": given_netns})
    assert box.links("web1") == {"lo", "br0"} and box.links() == {"lo"}
    box.change("link", {**BR0, "netns": given_netns, "state": "absent"})


def test_operations_stand_in_their_order(box: Box) -> None:
    result = box.change(
        "link", {**BR0, "addresses": ["10.0.0.1/24"], "routes": [{"dst": "10.9.0.0/16", "gateway": "10.0.0.9"}]}
    )
    assert operations(result) == ["link.add", "link.set", "address.add", "route.add"]
    assert only([one for one in result["operations"] if one["op"] == "route.add"])["gateway"] == "10.0.0.9"


def tc(box: Box, *words: str) -> str:
    return box.sh(f"tc {' '.join(words)}")


def test_rates_of_a_link_and_what_they_cannot_be(box: Box) -> None:
    """At the link for what leaves, at an ifb for what arrives; what somebody else has there stays."""
    veth = {"name": "v0", "kind": "veth", "peer": {"name": "v1"}}
    told = box.change("link", {"links": [IFB0, {**veth, "tx_rate": 20_000_000, "rx_ifb": "ifb0"}]})["links"][1]
    assert (told["tx_rate"], told["rx_ifb"]) == (20_000_000, "ifb0")
    assert "rate 20Mbit ceil 20Mbit" in tc(box, "class show dev v0")
    assert "redirect to device ifb0" in tc(box, "filter show dev v0 ingress").lower()
    box.nothing_to_do("link", {"name": "v0", "tx_rate": 20_000_000, "rx_ifb": "ifb0"})
    box.refused("link", {"name": "ifb0", "state": "absent"}, "ifb0", "rx_ifb of v0")
    box.refused("link", {"name": "v0", "rx_ifb": "v1"}, "rx_ifb", "veth, not ifb")
    box.refused("link", {"name": "v0", "rx_ifb": "ifb9"}, "rx_ifb", "ifb9", "does not exist")
    box.refused("link", {"name": "v0", "tx_rate": 100}, "tx_rate", "100")
    box.refused("link", {"name": "lo", "tx_rate": 8000}, "tx_rate", "lo")
    # An ifb that has gone takes what arrives with it, until it is made again.
    box.sh("ip link delete ifb0")
    box.change("link", {"links": [IFB0, {"name": "v0", "rx_ifb": "ifb0"}]})
    assert tc(box, "filter show dev v0 ingress").lower().count("redirect to device") == 1

    box.sh("tc qdisc add dev v1 root handle 7: tbf rate 1mbit burst 10kb latency 50ms", "tc qdisc add dev v1 ingress")
    mirror = "u32 match ip dst 192.0.2.9/32 action mirred egress mirror dev v0"
    box.sh(f"tc filter add dev v1 parent ffff: protocol ip prio 10 {mirror}")
    foreign = tc(box, "qdisc show dev v1"), tc(box, "filter show dev v1 ingress")
    box.refused("link", {"name": "v1", "tx_rate": 8000}, "tx_rate", "qdisc of kind tbf already")
    box.change("link", {"name": "v1", "rx_ifb": "ifb0"})
    box.change("link", {"name": "v1", "rx_ifb": ""})
    assert (tc(box, "qdisc show dev v1"), tc(box, "filter show dev v1 ingress")) == foreign

    box.change("link", {"name": "v0", "tx_rate": 0, "rx_ifb": ""})
    assert "htb" not in tc(box, "qdisc show dev v0") and "ingress" not in tc(box, "qdisc show dev v0")
    box.change("link", {"state": "absent", "links": [{"name": "ifb0"}, {"name": "v0"}]})
