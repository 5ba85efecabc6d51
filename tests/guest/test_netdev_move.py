# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Physical devices: unlike virtual ones they outlive the namespace that they were moved to."""

from __future__ import annotations

from typing import Any

import pytest
from box import operations
from guest import Guest
from machine import NICS
from promises.runner import KILL_AFTER, Fault

SETTINGS = """
ip link set {nic} mtu 1400 alias uplink
ip link property add dev {nic} altname lan-port
echo 1 > /proc/sys/net/ipv4/conf/{nic}/arp_notify
ip link set {nic} up
ip addr add 10.9.0.2/24 broadcast + dev {nic}
ip addr add 10.9.0.3/24 dev {nic}
ip addr add 10.8.0.2 peer 10.8.0.1/32 metric 7 dev {nic}
ip addr add 2001:db8:9::2/64 nodad dev {nic}
ip addr add 2001:db8:9::3/64 nodad dev {nic} preferred_lft 0
ip addr add 2001:db8:9::4/128 nodad dev {nic}
ip route add 10.20.0.0/16 via 10.9.0.1
ip route add 10.23.0.0/16 nexthop via 10.9.0.1 weight 2 nexthop via 10.9.0.7
ip -6 route add 2001:db8:20::/48 via 2001:db8:9::1
ip neigh add 10.9.0.77 lladdr 02:aa:00:00:00:77 dev {nic} nud permanent
tc qdisc add dev {nic} root handle 1: tbf rate 4mbit burst 10k latency 50ms
"""
PLAIN = """
ip link set {nic} down
tc qdisc del dev {nic} root
ip addr flush dev {nic}
ip neigh flush dev {nic} nud permanent
ip link property del dev {nic} altname lan-port
ip link set {nic} mtu 1500
echo > /sys/class/net/{nic}/ifalias
echo 0 > /proc/sys/net/ipv4/conf/{nic}/arp_notify
"""


def prepared(guest: Guest) -> tuple[str, dict[str, Any]]:
    """A network card with all that can be on it, and the wish to move it into a sandbox."""
    nic = guest.nic(0)
    guest.sh("ip netns add box", SETTINGS.format(nic=nic))
    return nic, {"device": nic, "netns": "box", "new_name": "eth9", "routes": "preserve"}


def tidied(guest: Guest, nic: str) -> None:
    guest.sh(PLAIN.format(nic=nic), "ip netns del box 2>/dev/null || true")


def test_there_and_back(guest: Guest) -> None:
    nic, there = prepared(guest)
    before = guest.snapshot()
    result = guest.change("netdev_move", there)["device"]
    assert (result["name"], result["origin"]) == ("eth9", {"name": nic, "netns": None})
    assert set(guest.cidrs("eth9", "box")) >= {"10.9.0.2/24", "2001:db8:9::2/64"}
    assert set(guest.gateways("box")) >= {"10.20.0.0/16", "2001:db8:20::/48"}
    guest.change("netdev_move", {**there, "state": "absent"})
    assert guest.unlike(before) == []
    tidied(guest, nic)


@pytest.mark.parametrize("taken", [False, True], ids=["under its name there", "under a name of the kernel's"])
def test_its_namespace_died(guest: Guest, taken: bool) -> None:
    """The kernel puts the device into the first namespace, bare, as ``eth9``; where that is taken, as ``dev``
    with its index."""
    nic, there = prepared(guest)
    before = guest.snapshot()
    guest.done("netdev_move", there)
    if taken:
        guest.sh("ip link add eth9 type dummy")
    guest.sh("ip netns del box", f"until ip -o link | grep -q {NICS[0].mac}; do sleep 0.05; done")
    found = guest.nic(0)
    assert found.startswith("dev" if taken else "eth9") and guest.cidrs(found) == []
    result = guest.change("netdev_move", {**there, "state": "absent"})
    assert result["device"]["name"] == nic and operations(result)[-1] == "record.drop"
    if taken:
        guest.sh("ip link del eth9")
    guest.sh("ip netns add box")
    assert guest.unlike(before) == []
    tidied(guest, nic)


def test_a_namespace_of_the_same_name_gets_it_again(guest: Guest) -> None:
    nic, there = prepared(guest)
    before = guest.snapshot()
    guest.done("netdev_move", there)
    guest.sh("ip netns del box", f"until ip -o link | grep -q {NICS[0].mac}; do sleep 0.05; done", "ip netns add box")
    guest.change("netdev_move", there)
    assert "10.9.0.2/24" in guest.cidrs("eth9", "box")
    guest.change("netdev_move", {**there, "state": "absent"})
    assert guest.unlike(before) == []
    tidied(guest, nic)


def test_killed_and_its_namespace_died(guest: Guest) -> None:
    """Of the task there is only a journal; it tells where the device was, and what was on it."""
    nic, there = prepared(guest)
    before = guest.snapshot()
    calls = guest.done("netdev_move", there) and guest.run("netdev_move", {**there, "state": "absent"}).calls
    assert calls and guest.unlike(before) == []
    moves = [call.number for call in guest.run("netdev_move", there).calls if "RTM_SETLINK" in call.text]
    guest.done("netdev_move", {**there, "state": "absent"})
    assert guest.host.run("netdev_move", there, fault=Fault(KILL_AFTER, moves[0])).killed
    assert guest.link(nic) is None
    guest.sh("ip netns del box", f"until ip -o link | grep -q {NICS[0].mac}; do sleep 0.05; done", "ip netns add box")
    result = guest.done("netdev_move", {**there, "state": "absent"})
    assert result["recovered"]
    assert guest.unlike(before) == []
    tidied(guest, nic)


def test_by_the_address_that_is_burnt_in(guest: Guest) -> None:
    nic, there = prepared(guest)
    guest.sh(f"ip link set {nic} address 02:00:00:00:00:77")
    before = guest.snapshot()
    by_mac = {**there, "mac": NICS[0].mac}
    del by_mac["device"]
    assert guest.change("netdev_move", by_mac)["device"]["origin"]["name"] == nic
    guest.change("netdev_move", {**by_mac, "state": "absent"})
    assert guest.unlike(before) == []
    guest.sh(f"ip link set {nic} address {NICS[0].mac}")
    tidied(guest, nic)


@pytest.mark.parametrize(
    "qdisc",
    [
        "fq_codel limit 900 target 7ms interval 90ms noecn",
        "fq limit 900 flow_limit 70 maxrate 20mbit",
        "prio bands 4 priomap 3 2 2 2 1 2 0 0 1 1 1 1 1 1 1 1",
        "sfq perturb 9 quantum 3000 limit 100",
        "pfifo limit 77",
    ],
)
def test_qdiscs(guest: Guest, qdisc: str) -> None:
    nic = guest.nic(2)
    guest.sh("ip netns add box", f"ip link set {nic} up", f"tc qdisc add dev {nic} root handle 1: {qdisc}")
    before = guest.snapshot()
    wish = {"device": nic, "netns": "box"}
    guest.change("netdev_move", wish)
    guest.change("netdev_move", {**wish, "state": "absent"})
    assert guest.unlike(before) == []
    guest.sh(f"tc qdisc del dev {nic} root", f"ip link set {nic} down", "ip netns del box")


def test_qdiscs_that_could_not_be_put_back(guest: Guest) -> None:
    nic = guest.nic(2)
    guest.sh("ip netns add box", f"tc qdisc add dev {nic} root handle 1: netem delay 1ms", f"ip link set {nic} up")
    wish = {"device": nic, "netns": "box"}
    guest.refused("netdev_move", wish, nic, "netem", "force: true")
    guest.change("netdev_move", {**wish, "force": True})
    guest.change("netdev_move", {**wish, "state": "absent"})
    guest.sh(f"ip link set {nic} down", "ip netns del box")


def test_a_bond_is_moved_nowhere(guest: Guest) -> None:
    guest.sh("ip netns add box", "ip link add bond7 type bond")
    guest.refused("netdev_move", {"device": "bond7", "netns": "box"}, "bond7", "bond")
    guest.sh("ip link del bond7", "ip netns del box")
