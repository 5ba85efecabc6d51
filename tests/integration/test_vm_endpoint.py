# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Endpoints: what becomes of a link whose network goes to a virtual machine, and of what is in the way."""

from __future__ import annotations

import json
from typing import Any

import pytest
from box import Box, operations
from promises.cases.endpoint import ETH0, FOREIGN_CLSACT, FOREIGN_INGRESS, SECOND_VETH, VETH

BACK = {**ETH0, "state": "absent"}
CATCH_ALL = "match 00000000/00000000 at 0"


def redirects(box: Box, link: str) -> list[str]:
    """Where the catch-all filters on the way into a link lead."""
    lines = box.sh(f"tc -n box filter show dev {link} ingress").splitlines()
    return [line.rsplit("device ", 1)[1].split(")")[0] for line in lines if "Egress Redirect" in line]


def only_endpoint(result: dict[str, Any]) -> dict[str, Any]:
    (endpoint,) = result["endpoints"]
    found: dict[str, Any] = endpoint
    return found


# ---------------------------------------------------------------- the models


@pytest.mark.parametrize("model", ["default", "tcfilter"])
def test_tcfilter(box: Box, model: str) -> None:
    box.sh(VETH)
    endpoint = only_endpoint(box.change("vm_endpoint", {**ETH0, "model": model}))
    assert (endpoint["model"], endpoint["hard_addr"]) == ("tcfilter", "02:c0:00:00:00:01")
    assert redirects(box, "eth0") == ["tap0_kata"] and redirects(box, "tap0_kata") == ["eth0"]
    tap = box.link("tap0_kata", "box")
    assert tap is not None and tap["mtu"] == 1400 and "UP" in tap["flags"]
    data = tap["linkinfo"]["info_data"]
    assert (data["type"], data["vnet_hdr"], data["multi_queue"], data["persist"]) == ("tap", True, False, True)
    link = box.link("eth0", "box")
    assert link is not None and link["address"] == "02:c0:00:00:00:01", "the link keeps its address"
    assert box.cidrs("eth0", "box") == endpoint["addresses"] == ["10.9.0.2/24", "10.9.0.3/24", "2001:db8:9::2/64"]
    for side in ("eth0", "tap0_kata"):
        assert CATCH_ALL in box.sh(f"tc -n box filter show dev {side} ingress")


def test_macvtap(box: Box) -> None:
    box.sh(VETH)
    endpoint = only_endpoint(box.change("vm_endpoint", {**ETH0, "model": "macvtap", "index": 258}))
    assert endpoint["hard_addr"] == "02:c0:00:00:00:01" and endpoint["addresses"][:1] == ["10.9.0.2/24"]
    link, tap = box.link("eth0", "box"), box.link("tap258_kata", "box")
    assert link is not None and tap is not None
    assert (link["address"], tap["address"]) == ("02:00:ca:fe:01:02", "02:c0:00:00:00:01")
    assert tap["linkinfo"]["info_data"]["mode"] == "bridge" and tap["mtu"] == 1400 and tap["txqlen"] == link["txqlen"]
    assert box.addresses("eth0", "box") == [], "neither the addresses of the VM nor a link-local one"
    assert {"dst": "10.21.0.0/16", "gateway": "10.9.0.7"} in endpoint["routes"], "what the VM is to have"
    assert {"dst": "0.0.0.0/0", "gateway": "10.9.0.1"} in endpoint["routes"]


def test_bridged(box: Box) -> None:
    box.sh(VETH)
    args = {**ETH0, "model": "bridged", "queues": 2, "vnet_hdr": False, "owner": "1234", "group": "1235"}
    endpoint = only_endpoint(box.change("vm_endpoint", args))
    assert endpoint["bridge"] == "br0_kata" and endpoint["hard_addr"] == "02:c0:00:00:00:01"
    bridge, tap, link = (box.link(name, "box") for name in ("br0_kata", "tap0_kata", "eth0"))
    assert bridge is not None and tap is not None and link is not None
    assert bridge["linkinfo"]["info_data"]["mcast_snooping"] == 0 and "UP" in bridge["flags"]
    assert tap["master"] == link["master"] == "br0_kata"
    data = tap["linkinfo"]["info_data"]
    assert (data["multi_queue"], data["vnet_hdr"], data["user"], data["group"]) == (True, False, 1234, 1235)
    assert link["address"] == "02:00:ca:fe:00:00" and box.addresses("eth0", "box") == []


def test_a_random_address(box: Box) -> None:
    box.sh(VETH)
    before = box.snapshot()
    box.change("vm_endpoint", {**ETH0, "model": "macvtap", "mac": "random"})
    link = box.link("eth0", "box")
    assert link is not None and int(link["address"][:2], 16) & 3 == 2 and link["address"] != "02:c0:00:00:00:01"
    box.change("vm_endpoint", BACK)
    assert box.unlike(before) == []


# ---------------------------------------------------------------- the node of a macvtap


def test_the_node_is_that_of_the_sandbox_s_own_macvtap(box: Box) -> None:
    """The kernel's /dev/tapN is that of the first one with the index N, in whatever namespace."""
    nodes = {}
    for name in ("one", "two"):
        box.sh(VETH.replace("netns add box", f"netns add {name}").replace(" box", f" {name}").replace("p0", f"p{name}"))
        args = {"netns": name, "interface": "eth0", "model": "macvtap"}
        endpoint = only_endpoint(box.change("vm_endpoint", args))
        nodes[name] = endpoint["tap"]["device"]
        inside = f"mount -t sysfs sysfs /mnt && cat /mnt/class/net/tap0_kata/tap{endpoint['tap']['ifindex']}/dev"
        numbers = box.sh(f"ip netns exec {name} unshare -m sh -c '{inside}'").strip()
        found = box.sh(f"stat -c '%Hr:%Lr %a %u' {nodes[name]}").strip()
        assert found == f"{numbers} 600 0" == f"{endpoint['tap']['major']}:{endpoint['tap']['minor']} 600 0"
    assert len({box.sh(f"stat -c %t:%T {path}") for path in nodes.values()}) == 2
    box.sh(f"rm {nodes['one']}; mknod {nodes['one']} c 1 3")
    result = box.change("vm_endpoint", {"netns": "one", "interface": "eth0", "model": "macvtap"})
    assert operations(result) == ["node.create"], "a node that is another one's is made anew"


# ---------------------------------------------------------------- others are there, too


@pytest.mark.parametrize("foreign", [FOREIGN_INGRESS, FOREIGN_CLSACT], ids=["ingress", "clsact"])
def test_the_filters_of_others_stay(box: Box, foreign: str) -> None:
    box.sh(VETH, foreign)
    before = box.snapshot()
    box.change("vm_endpoint", ETH0)
    both = box.sh("tc -n box filter show dev eth0 ingress")
    assert "Mirror to device i0" in both and redirects(box, "eth0") == ["tap0_kata"]
    assert both.index("Mirror to device i0") < both.index("Redirect to device tap0_kata"), "theirs come first"
    box.sh(
        "tc -n box filter add dev eth0 ingress protocol ip prio 20 u32 match u32 0 0 action mirred egress mirror dev i0"
    )
    box.change("vm_endpoint", BACK)
    assert redirects(box, "eth0") == [] and "pref 20" in box.sh("tc -n box filter show dev eth0 ingress")
    box.sh("tc -n box filter del dev eth0 ingress prio 20")
    box.sh("ip -n box link del i0")
    assert "Mirror" in box.sh("tc -n box filter show dev eth0 ingress")
    assert [line for line in box.unlike(before) if "i0" not in line and "filters/eth0" not in line] == []


def test_a_filter_of_others_in_our_qdisc_keeps_it(box: Box) -> None:
    box.sh(VETH)
    box.change("vm_endpoint", ETH0)
    mirror = "u32 match ip src 192.0.2.1/32 action mirred egress mirror dev lo"
    box.sh(f"tc -n box filter add dev eth0 ingress protocol ip prio 20 {mirror}")
    box.change("vm_endpoint", BACK)
    assert "pref 20" in box.sh("tc -n box filter show dev eth0 ingress")


# ---------------------------------------------------------------- repaired


@pytest.mark.parametrize(
    ("damage", "repair"),
    [
        ("tc -n box filter del dev eth0 ingress prio 65000", ["redirect.add"]),
        ("tc -n box qdisc del dev tap0_kata ingress", ["qdisc.add", "redirect.add"]),
        ("ip -n box link set tap0_kata down", ["link.set"]),
        ("ip -n box link set tap0_kata mtu 1300", ["link.set"]),
        ("ip -n box link set eth0 down", ["link.set"]),
    ],
)
def test_what_is_missing_is_mended_and_told(box: Box, damage: str, repair: list[str]) -> None:
    box.sh(VETH)
    before = box.snapshot()
    box.change("vm_endpoint", ETH0)
    wired = box.snapshot()
    box.sh(damage)
    assert operations(box.change("vm_endpoint", ETH0)) == repair
    if "eth0 down" in damage:  # with it went addresses and routes, which are not the endpoint's business
        link = box.link("eth0", "box")
        assert link is not None and "UP" in link["flags"]
        return
    assert box.unlike(wired) == []
    box.change("vm_endpoint", BACK)
    assert box.unlike(before) == []


@pytest.mark.parametrize("model", ["tcfilter", "bridged", "macvtap"])
def test_the_tap_was_deleted_under_us(box: Box, model: str) -> None:
    """The kernel keeps a filter whose target has gone."""
    box.sh(VETH)
    before = box.snapshot()
    args = {**ETH0, "model": model}
    box.change("vm_endpoint", args)
    box.sh("ip -n box link del tap0_kata")
    assert "link.add" in operations(box.change("vm_endpoint", args))
    box.sh("ip -n box link del tap0_kata")
    box.change("vm_endpoint", BACK)
    assert box.unlike(before) == []


def test_a_repetition_adds_no_filter(box: Box) -> None:
    box.sh(VETH)
    for _time in range(3):
        box.run("vm_endpoint", ETH0)
    assert redirects(box, "eth0") == ["tap0_kata"] and redirects(box, "tap0_kata") == ["eth0"]


def test_the_link_is_gone(box: Box) -> None:
    box.sh(VETH)
    box.change("vm_endpoint", {**ETH0, "model": "bridged"})
    box.sh("ip link del p0")
    box.change("vm_endpoint", BACK)
    assert box.links("box") == {"lo"} and box.state_files() == []


def test_the_namespace_is_gone(box: Box) -> None:
    box.sh(VETH)
    box.change("vm_endpoint", {**ETH0, "model": "macvtap"})
    box.sh("ip netns del box")
    box.change("vm_endpoint", BACK)
    assert box.state_files() == [] and box.sh("ls /dev/sandbox-network") == ""


def test_with_its_namespace_goes_all_that_an_endpoint_left(box: Box) -> None:
    box.sh(VETH)
    box.change("vm_endpoint", {**ETH0, "model": "macvtap"})
    box.change("netns", {"name": "box", "state": "absent"})
    assert box.sh("ls /dev/sandbox-network") == "" and box.state_files() == []
    box.nothing_to_do("vm_endpoint", BACK)


# ---------------------------------------------------------------- all links of a sandbox


def test_scan(box: Box) -> None:
    box.sh(VETH, SECOND_VETH, "ip -n box tuntap add tun3 mode tun", "ip -n box link add zbr type bridge")
    args = {"netns": "box", "scan": True}
    result = box.change("vm_endpoint", args)
    assert [(one["name"], one["index"]) for one in result["endpoints"]] == [("eth0", 0), ("eth1", 1)]
    assert [one["interface"] for one in result["unsupported"]] == ["tun3", "zbr"]
    assert all("of kind" in one["reason"] for one in result["unsupported"])
    assert box.nothing_to_do("vm_endpoint", args)["endpoints"] == result["endpoints"]
    box.change("vm_endpoint", {"netns": "box", "state": "absent"})
    assert box.links("box") == {"lo", "eth0", "eth1", "tun3", "zbr"}


def test_a_tap_is_an_endpoint_as_it_is(box: Box) -> None:
    box.sh(VETH, "ip -n box tuntap add tap5 mode tap")
    before = box.snapshot()
    endpoint = only_endpoint(box.nothing_to_do("vm_endpoint", {"netns": "box", "interface": "tap5"}))
    assert (endpoint["model"], endpoint["tap"]["name"], endpoint["hard_addr"]) == ("none", "tap5", "02:00:ca:fe:00:05")
    assert "ifname=tap5" in endpoint["hypervisor"]["qemu"][1]
    assert box.unlike(before) == []
    box.refused("vm_endpoint", {"netns": "box", "interface": "tap5", "model": "bridged"}, "model", "tap5")


def test_a_macvlan(box: Box) -> None:
    box.sh(VETH, "ip link add br7 type bridge; ip link add m7 link p0 netns box address 02:c0:00:00:00:77 type macvlan")
    before = box.snapshot()
    args = {"netns": "box", "interface": "m7"}
    box.refused("vm_endpoint", {**args, "model": "macvtap"}, "model", "macvtap", "use tcfilter")
    assert only_endpoint(box.change("vm_endpoint", args))["hard_addr"] == "02:c0:00:00:00:77"
    assert redirects(box, "m7") == ["tap7_kata"]
    box.change("vm_endpoint", {**args, "state": "absent"})
    assert box.unlike(before) == []


def test_rates(box: Box) -> None:
    box.sh(VETH)
    box.change("vm_endpoint", {**ETH0, "rx_rate": 20_000_000, "tx_rate": 40_000_000})
    assert "rate 20Mbit ceil 20Mbit" in box.sh("tc -n box class show dev tap0_kata classid 1:2")
    assert "rate 40Mbit ceil 40Mbit" in box.sh("tc -n box class show dev eth0 classid 1:2")
    box.change("vm_endpoint", {**ETH0, "rx_rate": 30_000_000})
    assert "rate 30Mbit" in box.sh("tc -n box class show dev tap0_kata")
    assert box.sh("tc -n box class show dev eth0") == ""
    box.sh("tc -n box qdisc add dev eth0 root handle 7: tbf rate 4mbit burst 10k latency 50ms")
    box.refused("vm_endpoint", {**ETH0, "tx_rate": 9_000_000}, "tx_rate", "tbf")


def test_the_rate_of_a_macvtap(box: Box) -> None:
    box.sh(VETH)
    box.change("vm_endpoint", {**ETH0, "model": "macvtap", "tx_rate": 40_000_000})
    assert "rate 40Mbit ceil 40Mbit" in box.sh("tc -n box class show dev tap0_kata classid 1:2")
    assert box.sh("tc -n box class show dev eth0") == ""
    box.change("vm_endpoint", {**ETH0, "model": "macvtap"})
    assert box.sh("tc -n box class show dev tap0_kata") == ""


# ---------------------------------------------------------------- vhost-user


def serve(box: Box, path: str) -> None:
    box.sh(f"mkdir -m 755 -p $(dirname {path}); python3 -c \"import socket; socket.socket(1).bind('{path}')\"")


def test_vhost_user(box: Box) -> None:
    box.sh(VETH)
    serve(box, "/run/vhostuser_10.9.0.2/vhu.sock")
    before = box.snapshot()
    endpoint = only_endpoint(box.nothing_to_do("vm_endpoint", ETH0))
    assert (endpoint["type"], endpoint["socket_path"]) == ("vhost-user", "/run/vhostuser_10.9.0.2/vhu.sock")
    assert endpoint["hypervisor"]["qemu"][1].endswith("path=/run/vhostuser_10.9.0.2/vhu.sock")
    assert box.unlike(before) == []


@pytest.mark.parametrize(
    ("prepare", "path", "word"),
    [
        ("touch /run/plain", "/run/plain", "is not a socket"),
        ("true", "/run/nothing", "does not exist"),
        ("chmod 1777 /run/vhu", "/run/vhu/s", "everybody can write to"),
    ],
)
def test_sockets_that_are_not_trusted(box: Box, prepare: str, path: str, word: str) -> None:
    box.sh(VETH)
    serve(box, "/run/vhu/s")
    box.sh(prepare)
    args = {**ETH0, "type": "vhost-user", "vhost_user_socket": path}
    box.refused("vm_endpoint", args, "vhost_user_socket", path, word)


# ---------------------------------------------------------------- for other programs


@pytest.mark.parametrize("model", ["tcfilter", "bridged"])
def test_a_file_tells_enough_to_undo_everything(box: Box, model: str) -> None:
    box.sh(VETH)
    before = box.snapshot()
    box.change("vm_endpoint", {**ETH0, "model": model, "network_json": "/run/network.json"})
    content = json.loads(box.sh("cat /run/network.json"))
    pair = content["Endpoints"][0]["Data"]["NetPair"]
    assert content["NetNsPath"] == "/run/netns/box"
    assert (pair["VirtIface"]["Name"], pair["TAPIface"]["Name"]) == ("eth0", "tap0_kata")
    content["Endpoints"].append({"Type": "of-the-future", "Data": {"Name": "eth9"}})
    box.sh(f"cat > /run/network.json <<'E'\n{json.dumps(content)}\nE", "rm -r /run/sandbox-network")
    args = {"netns": "box", "state": "absent", "network_json": "/run/network.json"}
    foretold = box.done("vm_endpoint", args, check=True)
    result = box.done("vm_endpoint", args)
    assert operations(foretold) == operations(result)
    assert [one["interface"] for one in result["unsupported"]] == ["eth9"]
    assert box.unlike(before) == []


def test_a_file_of_another_program(box: Box) -> None:
    """As virtcontainers leaves a veth that it wired by macvtap: its address changed, its addresses gone."""
    box.sh(VETH, "ip -n box addr flush dev eth0; ip -n box link set eth0 address 02:00:ca:fe:00:00")
    box.sh("ip -n box link add tap0 link eth0 address 02:c0:00:00:00:01 type macvtap mode bridge")
    pair = {
        "ID": "x",
        "Name": "br0",
        "VirtIface": {
            "Name": "eth0",
            "HardAddr": "02:00:ca:fe:00:00",
            "Addrs": [{"IP": "10.9.0.2", "Mask": "////AA==", "Label": "eth0"}],
        },
        "TAPIface": {"Name": "tap0", "HardAddr": "02:c0:00:00:00:01", "Addrs": None},
        "NetInterworkingModel": 2,
    }
    content = {
        "NetNsPath": "/run/netns/box",
        "NetNsCreated": False,
        "Endpoints": [{"Type": "virtual", "Data": {"NetPair": pair}}],
    }
    box.sh(f"cat > /run/network.json <<'E'\n{json.dumps(content)}\nE")
    box.done("vm_endpoint", {"netns": "box", "state": "absent", "network_json": "/run/network.json"})
    link = box.link("eth0", "box")
    assert link is not None and link["address"] == "02:c0:00:00:00:01"
    assert box.cidrs("eth0", "box") == ["10.9.0.2/24"] and box.links("box") == {"lo", "eth0"}


# ---------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ({"netns": "box"}, ("interface", "scan: true")),
        ({"interface": "eth0"}, ("netns",)),
        ({**ETH0, "scan": True}, ("scan", "interface")),
        ({**ETH0, "model": "enlightened"}, ("model", "enlightened", "use default, none")),
        ({**ETH0, "model": "routed"}, ("model", "routed", "default, none, bridged, macvtap, tcfilter")),
        ({**ETH0, "tap": "a" * 16}, ("tap", "at most 15")),
        ({**ETH0, "queues": 0}, ("queues", "0")),
        ({**ETH0, "queue_size": 100}, ("queue_size", "100")),
        ({**ETH0, "mac": "01:00:00:00:00:01"}, ("mac", "multicast")),
        ({**ETH0, "rx_rate": 1}, ("rx_rate", "1")),
        ({**ETH0, "rx_rate": 9_000_000, "model": "macvtap"}, ("rx_rate", "macvtap")),
        ({**ETH0, "index": 70000}, ("index", "70000")),
        ({"netns": "box", "interface": "lo"}, ("interface", "loopback")),
        ({"netns": "box", "scan": True, "tap": "tap0"}, ("tap", "scan")),
        ({**ETH0, "owner": "nobody-here"}, ("owner", "nobody-here")),
        ({"endpoints": [ETH0, ETH0]}, ("interface", "given twice")),
        ({"netns": "/run/nothing", "interface": "eth0"}, ("/run/nothing",)),
    ],
)
def test_bad_input(box: Box, args: dict[str, Any], words: tuple[str, ...]) -> None:
    box.sh(VETH)
    before = box.snapshot()
    box.refused("vm_endpoint", args, *words)
    assert box.unlike(before) == []
