# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The module firewall: who can talk to whom, as traffic tells, and what nft shows to an outsider."""

from __future__ import annotations

import contextlib
import ipaddress
import json
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest
from box import Box, operations
from promises.runner import Host, Lane
from traffic import ask, ask_from, heard, serve, start_talking, stop_talking

# Three networks of two sandboxes each, and a machine of the LAN that routes to them by this host.
NETWORKS = {"red": ("red1", "red2"), "green": ("green1", "green2"), "blue": ("blue1", "blue2")}
SANDBOXES = [name for names in NETWORKS.values() for name in names]
LAN4, LAN6 = "203.0.113.2", "2001:db8:113::2"
# Elsewhere the frames of a bridge come by the rules for IP only where somebody wants it (br_netfilter).
BRIDGES_BY_THEMSELVES = "sysctl -qw net.bridge.bridge-nf-call-iptables=0 net.bridge.bridge-nf-call-ip6tables=0"
HOST4, HOST6 = "203.0.113.1", "2001:db8:113::1"


def addresses(name: str) -> tuple[str, str]:
    """The IPv4 and IPv6 address of a machine."""
    if name == "lan":
        return LAN4, LAN6
    network, host = divmod(SANDBOXES.index(name), 2)
    return f"10.80.{network}.{host + 2}", f"fd00:80:{network}::{host + 2}"


def world() -> str:
    """Shell commands that make all of it."""
    lines = ["sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1"]
    for number, (network, names) in enumerate(NETWORKS.items()):
        lines += [
            f"ip link add {network} address 02:00:00:00:0b:0{number} type bridge",
            f"ip link set {network} up",
            f"ip addr add 10.80.{number}.1/24 dev {network}",
            f"ip addr add fd00:80:{number}::1/64 nodad dev {network}",
        ]
        for name in names:
            lines += _machine(name, network, SANDBOXES.index(name), addresses(name), number)
    lines += [
        "ip netns add lan",
        "ip link add lan0 address 02:00:00:00:0c:01 type veth peer name eth0 address 02:00:00:00:0c:02 netns lan",
        f"ip addr add {HOST4}/24 dev lan0",
        f"ip addr add {HOST6}/64 nodad dev lan0",
        "ip link set lan0 up",
        "ip -n lan link set lo up",
        "ip -n lan link set eth0 up",
        f"ip -n lan addr add {LAN4}/24 dev eth0",
        f"ip -n lan addr add {LAN6}/64 nodad dev eth0",
        f"ip -n lan route add default via {HOST4}",
        f"ip -n lan -6 route add default via {HOST6}",
    ]
    return "\n".join(lines)


def _machine(name: str, bridge: str, number: int, own: tuple[str, str], network: int) -> list[str]:
    inside = f"name eth0 address {mac(name)}"
    return [
        f"ip netns add {name}",
        f"ip link add v-{name} address 02:00:00:00:0a:0{number} type veth peer {inside} netns {name}",
        f"ip link set v-{name} master {bridge} up",
        f"ip -n {name} link set lo up",
        f"ip -n {name} link set eth0 up",
        f"ip -n {name} addr add {own[0]}/24 dev eth0",
        f"ip -n {name} addr add {own[1]}/64 nodad dev eth0",
        f"ip -n {name} route add default via 10.80.{network}.1",
        f"ip -n {name} -6 route add default via fd00:80:{network}::1",
    ]


def mac(name: str) -> str:
    """The MAC address of a sandbox."""
    return f"02:00:00:00:00:0{SANDBOXES.index(name)}"


@pytest.fixture
def net(lane: Lane) -> Iterator[Box]:
    """A host with all of it."""
    with Host(lane, [world()]) as host:
        yield Box(host)


def listen(box: Box, *names: str) -> None:
    """Services at port 80 of machines."""
    for name in names:
        four, six = addresses(name)
        serve(box, name, f"tcp/{four}/80", f"udp/{four}/80", f"tcp/{six}/80", f"udp/{six}/80", netns=name)


def reached(box: Box, source: str | None, *targets: str, patience: float = 0.5) -> set[str]:
    """The machines that answer another one, by each protocol in each family, as ``tcp4 red1``."""
    return all_reached(box, {source: targets}, patience)[source]


def all_reached(
    box: Box, targets: Mapping[str | None, Sequence[str]], patience: float = 0.5
) -> dict[str | None, set[str]]:
    """The same for many sources at once."""
    meanings = {
        f"{proto}/{address}/80": f"{proto}{version} {name}"
        for name in {name for names in targets.values() for name in names}
        for version, address in zip((4, 6), addresses(name))
        for proto in ("tcp", "udp")
    }
    asked = {
        source: [place for place, meaning in meanings.items() if meaning.split()[1] in names]
        for source, names in targets.items()
    }
    answers = ask_from(box, asked, patience)
    found = {
        source: {meanings[place] for place in told if heard(told, meanings[place].split()[1]).count(place)}
        for source, told in answers.items()
    }
    for source, what in pinged(box, targets, patience):
        found[source].add(what)
    return found


def pinged(box: Box, targets: Mapping[str | None, Sequence[str]], patience: float) -> Iterator[tuple[str | None, str]]:
    """Who answers a ping of whom."""
    lines = []
    for source, names in targets.items():
        enter = f"ip netns exec {source} " if source else ""
        for name in names:
            for version, address in zip((4, 6), addresses(name)):
                told = f"echo {source or '-'} icmp{version} {name}"
                lines.append(f"({enter}ping -q -c 1 -W {patience} {address} > /dev/null && {told} || true) &")
    for line in box.sh(*lines, "wait").splitlines():
        source, *what = line.split()
        yield (None if source == "-" else source), " ".join(what)


def every(*targets: str) -> set[str]:
    """What ``reached`` is where all get through."""
    return {
        f"{proto}{version} {target}" for proto in ("tcp", "udp", "icmp") for version in (4, 6) for target in targets
    }


def nft(box: Box, family: str = "inet") -> list[dict[str, Any]]:
    """Our table as nft shows it; empty for none."""
    printed = box.sh(f"nft -j list table {family} sandbox_network 2>/dev/null || true")
    return list(json.loads(printed)["nftables"][1:]) if printed.strip() else []


def elements(box: Box, name: str, family: str = "inet") -> list[Any]:
    """What is in one of the sets."""
    for one in nft(box, family):
        described = one.get("set") or one.get("map") or {}
        if described.get("name") == name:
            return list(described.get("elem", []))
    raise AssertionError(f"no set {name}")


def all_isolated(names: Sequence[str] = tuple(SANDBOXES)) -> dict[str, Any]:
    """All sandboxes with the defaults."""
    return {"sandboxes": [{"sandbox": name} for name in names]}


def test_isolated_sandboxes_reach_the_outside_and_nobody_reaches_them(net: Box) -> None:
    """The whole matrix, before and after somebody flushes the rules."""
    listen(net, *SANDBOXES, "lan")
    everybody = [*SANDBOXES, "lan"]
    others = {source: [name for name in everybody if name != source] for source in everybody}
    for source in ("red1", "lan"):  # without rules, all get through
        assert reached(net, source, *others[source]) == every(*others[source])
    before = net.snapshot()
    net.change("firewall", all_isolated())
    net.sh("nft list ruleset > /run/box/rules")

    def matrix() -> None:
        found = all_reached(net, {**others, None: everybody}, patience=0.8)
        expected = {name: every("lan") for name in SANDBOXES}
        assert found == {**expected, "lan": set(), None: every(*everybody)}  # None is the host itself

    matrix()
    net.sh("nft flush ruleset", BRIDGES_BY_THEMSELVES)
    foretold = net.done("firewall", {"sandbox": "blue2"}, check=True)
    assert foretold["changed"] and operations(foretold)[0] == "firewall.change"
    net.change("firewall", {"sandbox": "blue2"})  # one is enough for all
    assert net.sh("nft list ruleset | diff - /run/box/rules") == ""
    matrix()
    net.change("firewall", {**all_isolated(), "state": "absent"})
    net.sh("rm /run/box/rules")
    assert net.unlike(before) == []
    assert nft(net) == nft(net, "bridge") == []


def test_policies_and_lists_hold_on_one_bridge_and_between_bridges(net: Box) -> None:
    listen(net, *SANDBOXES, "lan")
    net.change(
        "firewall",
        {
            "sandboxes": [
                {"sandbox": "red1", "policy": "open"},
                {"sandbox": "red2", "allow": ["10.80.0.2", "[fd00:80:0::2]:80/tcp"]},
                {
                    "sandbox": "green1",
                    "policy": "closed",
                    "allow": ["10.80.1.3:80/tcp", {"cidr": LAN4, "direction": "out"}],
                },
                {"sandbox": "green2", "policy": "open", "deny": [{"cidr": LAN6, "direction": "out"}]},
                {"sandbox": "blue1", "policy": "open", "deny": ["80/tcp"], "allow": [{"proto": "icmp"}]},
                {"sandbox": "blue2", "policy": "open"},
            ]
        },
    )
    asked = {
        "red1": ["red2", "lan", "green1"],
        "red2": ["red1", "lan"],
        "green1": ["green2", "lan", "blue2"],
        "green2": ["green1", "lan", "blue2"],
        "blue1": ["blue2", "lan"],
        "blue2": ["blue1", "lan"],
        "lan": SANDBOXES,
        None: SANDBOXES,
    }
    link_local = net.sh("ip -6 -br addr show dev green scope link").split()[2].partition("/")[0]
    for name, answers in (("green1", False), ("green2", True)):  # a closed one does not reach the host that way either
        command = f"ip netns exec {name} ping -q -c 1 -W 0.5 {link_local}%eth0 > /dev/null && echo yes || true"
        assert ("yes" in net.sh(command)) is answers
    no_tcp = {"udp4", "udp6", "icmp4", "icmp6"}
    assert all_reached(net, asked, patience=0.8) == {
        "red1": {"tcp4 red2", "udp4 red2", "icmp4 red2", "tcp6 red2"} | every("lan"),
        "red2": every("red1", "lan"),
        "green1": {"tcp4 green2", "tcp4 lan", "udp4 lan", "icmp4 lan"},
        "green2": {"tcp4 green1"} | {f"{proto}4 lan" for proto in ("tcp", "udp", "icmp")} | every("blue2"),
        "blue1": {f"{proto} {name}" for proto in no_tcp for name in ("blue2", "lan")},
        "blue2": {f"{proto} blue1" for proto in no_tcp} | every("lan"),
        "lan": every("red1", "green2", "blue2") | {f"{proto} blue1" for proto in no_tcp},
        None: every("red1", "red2", "green2", "blue2") | {f"{proto} blue1" for proto in no_tcp},
    }


def test_open_sandboxes_on_a_bridge_need_no_forwarding(net: Box) -> None:
    listen(net, "red2")
    net.change(
        "firewall", {"sandboxes": [{"sandbox": "red1", "policy": "open"}, {"sandbox": "red2", "policy": "open"}]}
    )
    net.sh("sysctl -qw net.ipv4.ip_forward=0 net.ipv6.conf.all.forwarding=0")
    assert reached(net, "red1", "red2") == every("red2")


def test_a_published_port_is_where_it_was_published_and_nowhere_else(net: Box) -> None:
    listen(net, "red1", "red2", "lan")
    serve(net, "behind", f"tcp/{LAN4}/8080", netns="lan")  # another machine's port of that number
    for name in ("red1", "green1"):
        net.change("firewall", {"sandbox": name})
    net.change(
        "firewall",
        {
            "sandbox": "red1",
            "ports": [
                "8080:80/tcp,udp",
                "0.0.0.0:8081:80/tcp,udp",
                "[::]:8081:80/tcp,udp",
                f"{HOST4}:8082:80",
                f"[{HOST6}]:8082:80",
            ],
        },
    )
    for proto in ("tcp", "udp"):
        local = [f"{proto}/{address}/{port}" for address in ("127.0.0.1", "::1") for port in (8080, 8081)]
        local += [f"{proto}/10.80.0.1/8081", f"{proto}/fd00:80:0::1/8081"]
        assert heard(ask(net, *local, patience=1), "red1") == local
    own = [f"tcp/{HOST4}/8082", f"tcp/{HOST6}/8082", f"tcp/{HOST6}/8081", f"udp/{HOST6}/8081"]
    assert heard(ask(net, *own, patience=1), "red1") == own
    outside = [f"tcp/{HOST4}/8081", f"udp/{HOST4}/8081", *own]
    found = ask(net, *outside, f"tcp/{HOST4}/8080", "tcp/10.80.0.1/8082", "tcp/10.80.0.2/80", netns="lan", patience=1)
    assert heard(found, "red1") == outside
    assert found[f"tcp/{HOST4}/8081"].split()[1].startswith(LAN4)  # the service sees who asks
    for source in ("red1", "red2", "green1"):
        assert heard(ask(net, *outside, netns=source, patience=1), "red1") == outside, source
    assert net.link("v-red1")["linkinfo"]["info_slave_data"]["hairpin"]
    net.sh(BRIDGES_BY_THEMSELVES)
    loopbacks = [f"{proto}/{address}/8080" for proto in ("tcp", "udp") for address in ("127.0.0.1", "::1")]
    assert heard(ask(net, *loopbacks), "red1") == loopbacks
    for source in ("red1", "red2"):
        assert heard(ask(net, *outside, netns=source, patience=1), "red1") == outside, source
    net.change("firewall", {"sandbox": "green1", "policy": "open"})
    assert not net.link("v-red1")["linkinfo"]["info_slave_data"]["hairpin"]  # nor is it needed any more
    # the same port of other machines stays theirs
    assert heard(ask(net, f"tcp/{LAN4}/8080", netns="green1"), "behind") == [f"tcp/{LAN4}/8080"]
    assert heard(ask(net, f"tcp/{LAN4}/8080"), "behind") == [f"tcp/{LAN4}/8080"]


def test_what_is_published_on_the_loopback_stays_there(net: Box) -> None:
    """A neighbour sends to 127.0.0.1 and ::1 by our MAC address, and to the sandbox by way of us."""
    listen(net, "red1")
    serve(net, "host", "tcp/127.0.0.1/22", "tcp/::1/22")
    args = {"sandbox": "red1", "ports": ["8080:80"]}
    net.change("firewall", args)
    assert net.read("ipv4/conf/red/route_localnet") == "1"
    assert net.read("ipv4/conf/lan0/route_localnet") == net.read("ipv4/conf/all/route_localnet") == "0"
    assert loopback_routes(net) == ["lo", "red"]
    for source, gateway, gateway6 in (("lan", HOST4, HOST6), ("red2", "10.80.0.1", "fd00:80:0::1")):
        net.sh(
            f"ip netns exec {source} sysctl -qw net.ipv4.conf.all.route_localnet=1",
            f"ip -n {source} addr del 127.0.0.1/8 dev lo",
            f"ip -n {source} route add 127.0.0.1/32 via {gateway}",
            f"ip -n {source} addr del ::1/128 dev lo",
            f"ip -n {source} route add ::1/128 via {gateway6}",
        )

    def attack() -> None:
        for source in ("lan", "red2"):
            places = [f"tcp/{address}/{port}" for address in ("127.0.0.1", "::1") for port in (8080, 22)]
            places += ["tcp/10.80.0.2/80", "tcp/fd00:80:0::2/80"]
            answers = ask(net, *places, netns=source, patience=0.6)
            assert heard(answers, "red1") == heard(answers, "host") == [], source
        own = ["tcp/127.0.0.1/8080", "tcp/::1/8080"]
        assert heard(ask(net, *own), "red1") == own

    for device in ("lan0", "v-red2"):
        net.sh(
            f"nft 'add table netdev {device}'",
            f"nft 'add chain netdev {device} seen {{ type filter hook ingress device {device} priority 0; }}'",
            f"nft 'add rule netdev {device} seen ip6 daddr ::1 counter'",
        )
    net.sh(
        "nft 'add table bridge seen'",
        "nft 'add chain bridge seen input { type filter hook input priority -190; }'",
        "nft 'add rule bridge seen input iifname v-red2 ip6 daddr { ::1, 100::1 } counter'",
    )
    attack()
    assert "packets 0" in net.sh("nft list chain bridge seen input"), "it came past the bridge"
    for device in ("lan0", "v-red2"):
        assert "packets 0" not in net.sh(f"nft list chain netdev {device} seen"), "the attack never came here"
    net.sh("nft flush ruleset")
    net.change("firewall", args)
    attack()
    net.sh(BRIDGES_BY_THEMSELVES)
    attack()
    net.sh("sysctl -qw net.ipv4.ip_forward=0 net.ipv6.conf.all.forwarding=0")
    assert heard(ask(net, "tcp/127.0.0.1/8080", "tcp/::1/8080"), "red1") == ["tcp/127.0.0.1/8080", "tcp/::1/8080"]
    net.change("firewall", {"sandbox": "red1", "ports": [f"{HOST4}:8080:80"]})
    assert net.read("ipv4/conf/red/route_localnet") == "0"
    assert loopback_routes(net) == ["lo"]


def loopback_routes(box: Box) -> list[str]:
    """The links with a local route for ::1."""
    return sorted(route["dev"] for route in json.loads(box.sh("ip -j -6 route show table local ::1")))


def test_a_port_on_both_loopbacks_of_a_sandbox_that_is_routed_to(net: Box) -> None:
    """The host has no other IPv6 address on the veth than the link-local one. IPv6 goes and comes meanwhile."""
    net.sh(
        "ip netns add routed",
        "ip link add v-routed address 02:00:00:00:0d:01 type veth peer name eth0 netns routed",
        "ip link set v-routed up",
        "ip addr add 10.90.0.1/30 dev v-routed",
        "ip -n routed link set eth0 up",
        "ip -n routed addr add 10.90.0.2/30 dev eth0",
        "ip -n routed addr add fd00:90::2/128 nodad dev eth0",
        "ip -n routed -6 route add default via fe80::ff:fe00:d01 dev eth0",
        "ip -6 route add fd00:90::2 dev v-routed",
        "sleep 2",  # until the link-local addresses are usable
    )
    serve(net, "routed", "tcp/10.90.0.2/80", "tcp/fd00:90::2/80", netns="routed")
    args = {"sandbox": "routed", "ports": ["8080:80"]}
    own = ["tcp/127.0.0.1/8080", "tcp/::1/8080"]
    net.change("firewall", args)
    assert heard(ask(net, *own, patience=1), "routed") == own
    net.sh("ip link set v-routed down; ip link set v-routed up; ip -6 route add fd00:90::2 dev v-routed; sleep 2")
    assert loopback_routes(net) == ["lo"]
    net.change("firewall", args)
    assert loopback_routes(net) == ["lo", "v-routed"]
    assert heard(ask(net, *own, patience=1), "routed") == own
    net.sh("sysctl -qw net.ipv6.conf.v-routed.disable_ipv6=1")
    net.change("firewall", args)
    net.refused("firewall", {**args, "ports": ["[::1]:8080:80"]}, "ports", "[::1]:8080/tcp", "off on v-routed")
    assert heard(ask(net, *own, patience=0.5), "routed") == own[:1]
    net.change("firewall", {"sandbox": "routed", "state": "absent"})
    assert loopback_routes(net) == ["lo"]


def test_masquerading_is_for_the_outside(net: Box) -> None:
    listen(net, "red2", "green1", "lan")
    net.change(
        "firewall",
        {
            "sandboxes": [
                {"sandbox": "red1", "masquerade": True},
                *({"sandbox": n, "policy": "open"} for n in ("red2", "green1")),
            ]
        },
    )
    for version, own, as_host in ((4, "10.80.0.2", HOST4), (6, "fd00:80::2", HOST6)):
        for name, seen in (("lan", as_host), ("green1", own), ("red2", own)):
            place = f"tcp/{addresses(name)[version == 6]}/80"
            assert ask(net, place, netns="red1")[place].split()[1].startswith(seen), (place, seen)


# ---------------------------------------------------------------- spoofing

SEND = """
import socket, sys
one = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
one.bind(("eth0", 0))
for frame in sys.argv[1:]:
    one.send(bytes.fromhex(frame))
"""
# What of the frames that bear the mark arrives at a link: their numbers.
HEAR = """
import json, os, select, socket, sys, time
link, seconds, target = sys.argv[1], float(sys.argv[2]), sys.argv[3]
one = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
one.bind((link, 0))
open(target + ".ready", "w").close()
found, deadline = set(), time.monotonic() + seconds
while time.monotonic() < deadline:
    if select.select([one], [], [], 0.05)[0]:
        frame, about = one.recvfrom(4096)
        place = frame.find(b"the mark")
        if place >= 0 and about[2] != 4:
            found.add(frame[place + 8])
with open(target + ".new", "w") as file:
    json.dump(sorted(found), file)
os.rename(target + ".new", target)
"""


def raw(address: str) -> bytes:
    """An IP or MAC address as it is on the wire."""
    if len(address) == 17 and address.count(":") == 5:
        return bytes.fromhex(address.replace(":", ""))
    return ipaddress.ip_address(address).packed


def frame(number: int, source: str, ethertype: int, content: bytes, target: str = "ff:ff:ff:ff:ff:ff") -> str:
    """An Ethernet frame with the mark behind its content."""
    return (raw(target) + raw(source) + ethertype.to_bytes(2, "big") + content + b"the mark" + bytes([number])).hex()


def arp(sender_mac: str, sender: str, wanted: str, operation: int = 2) -> bytes:
    """An ARP packet (RFC 826)."""
    return (
        bytes.fromhex("000108000604")
        + operation.to_bytes(2, "big")
        + raw(sender_mac)
        + raw(sender)
        + bytes(6)
        + raw(wanted)
    )


def udp4(source: str, sport: int, dport: int) -> bytes:
    """An IPv4 packet with UDP to everybody."""
    udp = sport.to_bytes(2, "big") + dport.to_bytes(2, "big") + (8).to_bytes(2, "big") + bytes(2)
    return bytes.fromhex("4500001c0000000040110000") + raw(source) + b"\xff" * 4 + udp


def icmp6(source: str, kind: int, about: str = "::") -> bytes:
    """An ICMPv6 packet to all nodes; its checksum is nobody's business here."""
    body = bytes([kind, 0, 0, 0, 0x20, 0, 0, 0]) + raw(about)
    return (
        bytes.fromhex("60000000")
        + len(body).to_bytes(2, "big")
        + bytes([58, 255])
        + raw(source)
        + raw("ff02::1")
        + body
    )


def frames() -> dict[str, str]:
    """What red1 sends, by what it is; those that begin with "own" are as they should be."""
    own, other = mac("red1"), mac("red2")
    own4, own6, other4, other6 = *addresses("red1"), *addresses("red2")
    local, all_nodes = "fe80::ff:fe00:0", "33:33:00:00:00:01"
    contents = {
        "own ARP": (own, 0x0806, arp(own, own4, "10.80.0.1")),
        "own ARP probe": (own, 0x0806, arp(own, "0.0.0.0", own4, 1)),
        "own advertisement": (own, 0x86DD, icmp6(own6, 136, own6)),
        "own link-local advertisement": (own, 0x86DD, icmp6(local, 136, local)),
        "own address detection": (own, 0x86DD, icmp6("::", 135, own6)),
        "own question for DHCP": (own, 0x0800, udp4("0.0.0.0", 68, 67)),
        "MAC of another": (other, 0x0806, arp(other, own4, "10.80.0.1")),
        "ARP for the gateway": (own, 0x0806, arp(own, "10.80.0.1", other4)),
        "ARP for a neighbour": (own, 0x0806, arp(own, other4, "10.80.0.1")),
        "ARP with the MAC of another": (own, 0x0806, arp(other, own4, "10.80.0.1")),
        "IPv4 of another": (own, 0x0800, udp4(other4, 7, 7)),
        "IPv6 of another": (own, 0x86DD, icmp6(other6, 128)),
        "advertisement for the gateway": (own, 0x86DD, icmp6(own6, 136, "fd00:80::1")),
        "advertisement for a neighbour": (own, 0x86DD, icmp6(local, 136, other6)),
        "claim of a neighbour's address": (own, 0x86DD, icmp6("::", 135, other6)),
        "router advertisement": (own, 0x86DD, icmp6(local, 134)),
        "redirect": (own, 0x86DD, icmp6(local, 137, other6)),
        "answer of DHCP": (own, 0x0800, udp4(own4, 67, 68)),
        "tagged": (own, 0x8100, b"\0\1\x08\x06" + arp(own, own4, "10.80.0.1")),
    }
    return {
        what: frame(number, source, ethertype, content, all_nodes if ethertype == 0x86DD else "ff:ff:ff:ff:ff:ff")
        for number, (what, (source, ethertype, content)) in enumerate(contents.items())
    }


def arrive(box: Box) -> dict[str, set[str]]:
    """What of it arrives at the neighbour and at the host, where something does."""
    sent = frames()
    places = {"red2": ("ip netns exec red2 ", "eth0"), "host": ("", "red")}
    lines = ["rm -f /run/box/heard.*"]
    for where, (enter, link) in places.items():
        command = shlex.join(["python3", "-c", HEAR, link, "0.8", f"/run/box/heard.{where}"])
        lines.append(f"{enter}{command} > /dev/null 2>&1 &")
    lines += [f"until [ -e /run/box/heard.{where}.ready ]; do sleep 0.02; done" for where in places]
    lines += [shlex.join(["ip", "netns", "exec", "red1", "python3", "-c", SEND, *sent.values()]), "wait"]
    box.sh(*lines)
    names = list(sent)
    found = {where: {names[number] for number in json.loads(box.sh(f"cat /run/box/heard.{where}"))} for where in places}
    box.sh("rm /run/box/heard.*")
    return found


def test_nothing_but_published_ports_comes_back_to_a_sandbox(net: Box) -> None:
    """A bridge port in hairpin mode: the sandbox does not hear itself."""
    net.change("firewall", {"sandboxes": [{"sandbox": name, "policy": "open", "ports": PORTS[name]} for name in PORTS]})
    sent = frames()
    assert net.link("v-red1")["linkinfo"]["info_slave_data"]["hairpin"]
    command = shlex.join(["python3", "-c", HEAR, "eth0", "0.8", "/run/box/heard.red1"])
    send = shlex.join(["python3", "-c", SEND, *(sent[what] for what in sent if "own" in what)])
    net.sh(
        f"ip netns exec red1 {command} > /dev/null 2>&1 &",
        "until [ -e /run/box/heard.red1.ready ]; do sleep 0.02; done",
        f"ip netns exec red1 {send}",
        "wait",
    )
    assert json.loads(net.sh("cat /run/box/heard.red1")) == []


PORTS = {"red1": [f"{HOST4}:8080:80"], "red2": [f"{HOST4}:8081:80"]}


def test_a_sandbox_can_only_be_itself(net: Box) -> None:
    everything, own = set(frames()), {what for what in frames() if what.startswith("own")}
    net.sh(BRIDGES_BY_THEMSELVES)  # the rules for IP would drop what is no whole packet
    assert arrive(net) == {"red2": everything, "host": everything}
    for policy in ("open", "isolate"):
        net.change("firewall", {"sandboxes": [{"sandbox": name, "policy": policy} for name in ("red1", "red2")]})
        arrived = arrive(net)
        assert arrived["host"] == own
        # between isolated ones only what it takes to find each other
        assert arrived["red2"] == (own if policy == "open" else own - {"own question for DHCP"})
    net.change("firewall", {"sandbox": "red1", "policy": "open", "antispoof": False})
    assert arrive(net)["host"] == everything


def test_a_routed_sandbox_can_only_be_itself(net: Box) -> None:
    net.sh(
        "ip netns add routed",
        "ip link add v-routed type veth peer name eth0 netns routed",
        "ip link set v-routed up",
        "ip addr add 10.90.0.1/30 dev v-routed",
        "ip -n routed link set eth0 up",
        "ip -n routed addr add 10.90.0.2/30 dev eth0",
        "ip -n routed addr add 10.90.0.6/32 dev eth0 scope link",
        "ip -n routed route add default via 10.90.0.1",
        "ip route add 10.90.0.6/32 dev v-routed",
    )

    def ping(source: str) -> bool:
        command = f"ip netns exec routed ping -q -c 1 -W 0.5 -I {source} 10.90.0.1 > /dev/null && echo answered || true"
        return "answered" in net.sh(command)

    assert ping("10.90.0.2") and ping("10.90.0.6")
    net.change("firewall", {"sandbox": "routed"})
    assert ping("10.90.0.2") and not ping("10.90.0.6")
    assert nft(net, "bridge") == []  # nothing is on a bridge
    serve(net, "routed", "tcp/10.90.0.2/80", netns="routed")
    net.change("firewall", {"sandbox": "routed", "ports": ["8080:80"]})
    assert heard(ask(net, "tcp/127.0.0.1/8080"), "routed")


# ---------------------------------------------------------------- changes under way


def test_connections_that_must_not_go_on_are_forgotten(net: Box) -> None:
    """A client keeps its UDP socket while the port leads elsewhere; the table goes for a while."""
    listen(net, "red1", "red2", "green1")
    place = f"{HOST4} 8053"
    tracking = "add table inet others; add chain inet others f { type filter hook forward priority 0; }"
    net.sh(f"nft '{tracking}; add rule inet others f ct state new accept'")
    net.change("firewall", all_isolated(("red1", "red2", "green1")))
    net.sh(shlex.join(["ip", "netns", "exec", "lan", "python3", "-c", UDP_CLIENT]) + f" {place} > /dev/null 2>&1 &")
    assert said(net) == "nobody"  # and the kernel has tracked that
    for name in ("red1", "red2"):
        others = {"sandbox": "red2" if name == "red1" else "red1"}
        ports = {"sandbox": name, "ports": ["0.0.0.0:8053:80/udp"]}
        net.change("firewall", {"sandboxes": [ports, others]})
        assert said(net) == name
    net.change("firewall", {"sandbox": "red2"})
    assert said(net) == "nobody"
    net.sh("nft 'delete table inet sandbox_network; delete table bridge sandbox_network'")
    assert heard(ask(net, "udp/10.80.1.2/80", netns="lan"), "green1")
    assert "10.80.1.2" in net.sh("conntrack -L -d 10.80.1.2 2>/dev/null")
    net.change("firewall", {"sandbox": "red2"})
    assert "10.80.1.2" not in net.sh("conntrack -L -d 10.80.1.2 2>/dev/null")
    net.sh(
        "touch /run/box/enough", "until [ -e /run/box/ended ]; do sleep 0.02; done", "rm /run/box/enough /run/box/ended"
    )


UDP_CLIENT = """
import os, socket, sys
one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
one.connect((sys.argv[1], int(sys.argv[2])))
one.settimeout(0.1)
while not os.path.exists("/run/box/enough"):
    try:
        one.send(b"hello")
        told = one.recv(1000).decode().split()[0]
    except OSError:
        told = "nobody"
    with open("/run/box/told.new", "w") as file:
        file.write(told)
    os.rename("/run/box/told.new", "/run/box/told")
open("/run/box/ended", "w").close()
"""


def said(box: Box) -> str:
    """Who answers the client from now on."""
    return box.sh(
        "rm -f /run/box/told",
        "until [ -e /run/box/told ]; do sleep 0.02; done",
        "rm /run/box/told",
        "until [ -e /run/box/told ]; do sleep 0.02; done",
        "cat /run/box/told",
    ).strip()


def test_other_flows_live_on_while_a_port_changes(net: Box) -> None:
    listen(net, "red1")
    args = {"sandbox": "red1", "ports": ["8080:80"]}
    net.change("firewall", args)
    start_talking(net, "tcp/127.0.0.1/8080")
    for port in range(9000, 9010):
        net.done("firewall", {**args, "ports": ["8080:80", f"{port}:80"]})
    assert stop_talking(net) > 5


def test_what_is_changed_is_what_differs(net: Box) -> None:
    """One port of one of many is one element."""
    net.sh(BRIDGES_BY_THEMSELVES)
    net.change("firewall", all_isolated())
    result = net.change("firewall", {"sandbox": "red1", "ports": [f"{HOST4}:8080:80"]})
    (change, *_others) = result["operations"]
    assert change["tables"] == {
        "inet": {
            "before": "ours",
            "after": "ours",
            "remove": {},
            "add": {"published4": {f"{HOST4} . tcp . 8080 : 10.80.0.2 . 80": "red1"}},
        }
    }
    (element,) = elements(net, "published4")
    assert element[0]["elem"]["comment"] == "red1"
    handles = [one["rule"]["handle"] for one in nft(net) if "rule" in one]
    net.change("firewall", {"sandbox": "red1", "ports": [f"{HOST4}:8081:80"]})
    assert [one["rule"]["handle"] for one in nft(net) if "rule" in one] == handles


HARM = (
    "nft delete element inet sandbox_network isolated4 '{ 10.80.0.2 }'",
    "nft add element inet sandbox_network sandboxes4 '{ 192.0.2.1 }'",
    "nft flush chain inet sandbox_network into_isolated",
    "nft insert rule inet sandbox_network forward accept",
    "nft delete table bridge sandbox_network",
    "nft add chain inet sandbox_network mine",
    "nft add set inet sandbox_network mine '{ type ipv4_addr; }'",
    "nft chain inet sandbox_network forward '{ policy drop; }'",
    "nft delete table inet sandbox_network; nft add table inet sandbox_network",
)


def test_harm_is_mended_and_others_are_left_alone(net: Box) -> None:
    net.sh("nft add table inet others", "nft add chain inet others mine", "nft add rule inet others mine drop")
    args = all_isolated(("red1", "green1"))
    net.change("firewall", args)
    ours = ("nft list table inet sandbox_network", "nft list table bridge sandbox_network")
    tables, others = net.sh(*ours), net.sh("nft -a list table inet others")
    for harm in HARM:
        net.sh(harm)
        assert net.done("firewall", args, check=True)["changed"], harm
        with a_nft_that(net, "fails after"):
            net.fails("firewall", args, "nft")
        net.done("firewall", args)
        net.nothing_to_do("firewall", args)
        assert net.sh(*ours) == tables, harm
        assert net.sh("nft -a list table inet others") == others, harm


# What stands in the place of nft for a while: "$1" is what it does with a change.
FAKE = """#!/bin/sh
case "$*" in
    "-f -") ;;
    *) exec /run/box/nft "$@";;
esac
if [ -e /run/box/once.map ]; then exec /run/box/nft "$@"; fi
touch /run/box/once.map
case "$(cat /run/box/how)" in
    "fails before") echo "Error: Could not process rule: Operation not permitted" >&2; exit 1;;
    "fails after") /run/box/nft "$@"; echo "Error: Could not process rule: Operation not permitted" >&2; exit 1;;
    "kills before") kill -9 $PPID; exit 1;;
    "kills after") /run/box/nft "$@"; kill -9 $PPID;;
esac
"""


@contextlib.contextmanager
def a_nft_that(box: Box, how: str) -> Iterator[None]:
    """The first change by nft goes wrong: it fails, or the module is killed, before or after it is done."""
    box.sh(
        "cp /usr/sbin/nft /run/box/nft",
        f"printf %s {shlex.quote(FAKE)} > /run/box/fake",
        "chmod 755 /run/box/fake",
        f"echo {how} > /run/box/how",
        "mount --bind /run/box/fake /usr/sbin/nft",
    )
    try:
        yield
    finally:
        box.sh("umount /usr/sbin/nft", "rm -f /run/box/nft /run/box/fake /run/box/how /run/box/once.map")


@pytest.mark.parametrize("how", ["fails before", "fails after", "kills before", "kills after"])
def test_a_change_that_goes_wrong_is_undone(net: Box, how: str) -> None:
    first, second = (
        {"sandbox": "red1", "ports": ["8080:80"]},
        {"sandbox": "red1", "policy": "closed", "deny": ["80/tcp"]},
    )
    nothing = net.snapshot()
    for args in (first, second, {"sandbox": "red1", "state": "absent"}):
        before = net.snapshot()
        with a_nft_that(net, how):
            outcome = net.host.run("firewall", args)
        if how.startswith("fails"):
            assert outcome.result["failed"] and outcome.result["rolled_back"], str(outcome)
            assert "EPERM" in outcome.result["msg"] and outcome.result["errno"] == "EPERM"
            assert net.unlike(before) == []
            net.change("firewall", args)
        else:
            assert outcome.killed, str(outcome)
            result = net.done("firewall", args)
            assert result["changed"] and result["recovered"]
            net.nothing_to_do("firewall", args)
    assert net.unlike(nothing) == []


# ---------------------------------------------------------------- what is refused


def test_what_two_cannot_have_is_refused(net: Box) -> None:
    serve(net, "somebody", "tcp/127.0.0.1/9000", f"udp/{HOST4}/9000", "tcp/::1/9000")
    net.change("firewall", {"sandbox": "red1", "ports": ["8080:80", "0.0.0.0:8081:80", "[::]:8082:80"]})
    for ports, words in (
        (["8080:80"], ("127.0.0.1:8080/tcp", "published for the sandbox red1")),
        (["0.0.0.0:8080:80"], ("0.0.0.0:8080/tcp", "overlaps with 127.0.0.1:8080/tcp")),
        ([f"{HOST4}:8081:80"], ("overlaps with 0.0.0.0:8081/tcp",)),
        ([f"[{HOST6}]:8082:80"], ("overlaps with [::]:8082/tcp",)),
        (["9000:80"], ("127.0.0.1:9000/tcp", "EADDRINUSE", "python3")),
        (["0.0.0.0:9000:80/udp"], ("0.0.0.0:9000/udp", "EADDRINUSE")),
        (["192.0.2.1:80"], ("192.0.2.1:80/tcp", "EADDRNOTAVAIL")),
        (["[::1]:8080:80"], ("[::1]:8080/tcp", "published for the sandbox red1")),
        (["[::1]:9000:80"], ("[::1]:9000/tcp", "EADDRINUSE", "python3")),
        (["0.0.0.0:80:80", "127.0.0.1:80:81"], ("127.0.0.1:80/tcp", "overlaps")),
        ([{"host_port": 80, "guest_addr": "10.80.9.9"}], ("10.80.9.9", "is no address of red2")),
        (["80", {"host_addr": "127.0.0.2", "host_port": 80, "guest_addr": addresses("red2")[1]}], ("other family",)),
    ):
        net.refused("firewall", {"sandbox": "red2", "ports": ports}, "ports", *words)
    net.change("firewall", {"sandbox": "red2", "ports": ["0.0.0.0:8082:80", "9000:80/udp", "[::]:8081:80"]})
    net.refused("firewall", {"sandbox": "x", "netns": "red1"}, "addresses", "10.80.0.2", "is of the sandbox red1")
    link = {"interface": "v-red1", "mac": "02:00:00:00:00:77", "addresses": ["10.80.0.77"]}
    net.refused("firewall", {"sandbox": "x", **link}, "interface", "v-red1", "is of the sandbox red1")
    link = {"interface": "v-green1", "mac": mac("red1"), "addresses": ["10.80.0.77"]}
    net.refused("firewall", {"sandbox": "x", **link}, "mac", mac("red1"), "is of the sandbox red1")


def test_what_cannot_be_is_refused(net: Box) -> None:
    net.sh("ip -n red1 link add ifb0 type ifb", "ip -n red1 addr add 10.99.0.1/24 dev ifb0", "touch /run/box/file")
    for args, words in (
        ({}, ("sandbox", "is required")),
        ({"sandbox": "a; flush ruleset #"}, ("sandbox", "a; flush ruleset #")),
        ({"sandbox": '"'}, ("sandbox",)),
        ({"sandbox": "../../etc/passwd"}, ("sandbox",)),
        ({"sandbox": "a" * 65}, ("sandbox", "64")),
        ({"sandbox": "x", "addresses": ["10.80.0.300"]}, ("addresses", "10.80.0.300")),
        ({"sandbox": "x", "addresses": ["127.0.0.1"]}, ("addresses", "127.0.0.1")),
        ({"sandbox": "x", "addresses": []}, ("addresses",)),
        ({"sandbox": "red2", "interface": 'v"; flush ruleset'}, ("interface",)),
        ({"sandbox": "red2", "mac": "02:00:00:00:00:01"}, ("mac", "needs interface")),
        ({"sandbox": "red2", "interface": "v-red2", "mac": "ff:ff:ff:ff:ff:ff"}, ("mac", "multicast")),
        ({"sandbox": "red2", "interface": "lan0"}, ("mac", "is required", "lan0")),
        ({"sandbox": "red2", "interfaces": [{"name": "lan0"}]}, ("mac", "is required", "lan0")),
        ({"sandbox": "red2", "interfaces": [{"name": "v-red2", "mac": "x"}]}, ("interfaces[0].mac", "x")),
        ({"sandbox": "red2", "interfaces": [{"name": "v-red2"}, {"name": "v-red2"}]}, ("interfaces", "v-red2")),
        ({"sandbox": "red2", "interface": "v-red2", "interfaces": [{"name": "v-red2"}]}, ("mutually exclusive",)),
        ({"sandbox": "red1"}, ("antispoof", "ifb0", "red1")),
        ({"sandbox": "red2", "policy": "closed", "ports": ["8080:80"]}, ("ports", "closed")),
        ({"sandbox": "red2", "ports": ["80; flush ruleset"]}, ("ports[0]",)),
        ({"sandbox": "red2", "allow": ["10.0.0.0/8 }; flush ruleset"]}, ("allow[0]",)),
        ({"sandbox": "red2", "netns": "/run/box/file"}, ("/run/box/file", "not a network namespace")),
        ({"sandboxes": [{"sandbox": "red2"}, {"sandbox": "red2"}]}, ("sandbox", "'red2'", "twice")),
        ({"sandboxes": [{"sandbox": "red2", "deny": ["70000"]}]}, ("sandboxes[0].deny[0].port", "70000")),
        (
            {"sandbox": "x", "addresses": ["10.80.0.9"], "antispoof": False, "ports": ["8080:80"]},
            ("ports", "needs the link"),
        ),
    ):
        net.refused("firewall", args, *words)
    assert nft(net) == []


def test_check_mode_goes_on_where_an_earlier_task_would_make_something(net: Box) -> None:
    for args in (
        {"sandbox": "later"},
        {"sandbox": "later", "interface": "later0", "mac": "02:00:00:00:00:99", "addresses": ["10.80.0.99/24"]},
        {"sandbox": "later", "ports": ["8080:80"], "addresses": ["10.80.0.99/24"]},
    ):
        result = net.done("firewall", args, check=True)
        assert result["changed"] and "as if an earlier task" in str(result["warnings"]), args
        outcome = net.run("firewall", args)
        assert outcome.failed and "later" in outcome.result["msg"], str(outcome)


def test_check_mode_knows_who_listens_before_the_sandbox_is_there(net: Box) -> None:
    """Where it cannot know of which families the addresses will be, only what is asked for by name is certain."""
    serve(net, "somebody", "tcp/127.0.0.1/9000", f"tcp/{HOST6}/9001", "tcp/::1/9002")
    for ports in (["9000:80"], [f"[{HOST6}]:9001:80"], ["[::1]:9002:80"]):
        outcome = net.run("firewall", {"sandbox": "later", "ports": ports}, check=True)
        assert outcome.failed and "EADDRINUSE" in outcome.result["msg"], f"{ports}: {outcome}"
    assert net.done("firewall", {"sandbox": "later", "ports": ["9002:80"]}, check=True)["changed"]


def test_without_nft_the_message_names_the_package(net: Box) -> None:
    net.sh("touch /run/box/no-program", "mount --bind /run/box/no-program /usr/sbin/nft")
    net.refused("firewall", {"sandbox": "red1"}, "nft", "package nftables")


def test_many_at_once_leave_each_other_whole(net: Box) -> None:
    """Tasks on different sandboxes at the same time, which all change the same tables."""
    outcomes = net.host.run_together(
        [("firewall", {"sandbox": name, "ports": [f"{9000 + n}:80"]}) for n, name in enumerate(SANDBOXES)]
    )
    assert not [str(one) for one in outcomes if one.failed]
    assert len(elements(net, "published4")) == len(SANDBOXES)
    for name in SANDBOXES:
        net.nothing_to_do("firewall", {"sandbox": name, "ports": [f"{9000 + SANDBOXES.index(name)}:80"]})


def test_a_port_of_a_virtual_machine(net: Box) -> None:
    """A tap on a bridge, and no namespace: everything is said."""
    net.sh("ip tuntap add dev vm0 mode tap", "ip link set vm0 master red up")
    args = {"sandbox": "vm", "interface": "vm0", "mac": "02:00:00:00:00:42", "addresses": ["10.80.0.42/24"]}
    result = net.change("firewall", {**args, "ports": ["8080:80"]})
    assert result["firewall"]["interfaces"] == [{"name": "vm0", "mac": "02:00:00:00:00:42", "bridge": "red"}]
    assert len(elements(net, "stations", "bridge")) == 1
    net.sh("ip link del vm0")  # the machine has ended; its rules stay until they are taken away
    net.change("firewall", {"sandbox": "vm", "state": "absent"})
    assert nft(net, "bridge") == []


def test_what_was_remembered_before_a_reboot_is_forgotten(net: Box) -> None:
    net.change("firewall", {"sandbox": "red1"})
    (record,) = [name for name in net.state_files() if "/records/firewall/" in name and name.endswith(".json")]
    kept = net.read(record)
    net.change("firewall", {"sandbox": "red1", "state": "absent"})
    boot = shlex.quote(re.sub(r'"boot_id": *"[0-9a-f]', '"boot_id": "0', kept))
    net.sh(f"printf %s {boot} > {record}")
    net.change("firewall", {"sandbox": "red1", "state": "absent"})
    assert record not in net.state_files() and nft(net) == []
    net.sh(f"printf %s {boot} > {record}")
    net.change("firewall", {"sandbox": "red1"})
    net.change("firewall", {"sandbox": "red1", "state": "absent"})


# A router tells the host of itself; then the host has a default route of it as long as it takes advertisements.
ADVERTISE = """
import socket, struct, sys
one = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
router = struct.pack("!BBHBBHII", 134, 0, 0, 64, 0, 1800, 0, 0)
prefix = struct.pack("!BBBBIII", 3, 4, 64, 0xC0, 86400, 14400, 0) + socket.inet_pton(socket.AF_INET6, "2001:db8:ad::")
one.sendto(router + prefix, ("ff02::1", 0, 0, socket.if_nametoindex("eth0")))
"""
UPLINK = [
    "ip netns add router",
    "ip link add up0 address 02:00:00:00:0d:01 type veth peer name eth0 address 02:00:00:00:0d:02 netns router",
    "sysctl -qw net.ipv6.conf.up0.accept_ra=1 net.ipv6.conf.lan0.accept_ra=1 net.ipv4.conf.lan0.forwarding=1",
    "ip link set up0 up",
    "ip -n router link set eth0 up",
    "while ip -6 address show tentative | grep -q inet6; do sleep 0.05; done",
    "while ip -n router -6 address show tentative | grep -q inet6; do sleep 0.05; done",
    f"ip netns exec router python3 -c {shlex.quote(ADVERTISE)}",
    "until ip -6 route show default | grep -q up0; do sleep 0.05; done",
]


def settings_of(box: Box) -> list[str]:
    """All that says whether the host forwards and what it takes from routers."""
    printed = box.sh("sysctl -a 2>/dev/null | grep -E '^net\\.ipv[46].*(forward|accept_ra |accept_redirects)'")
    return printed.splitlines()


def test_the_host_forwards_as_long_as_somebody_needs_it(lane: Lane) -> None:
    with Host(lane, [world().partition("\n")[2], *UPLINK]) as host:
        box = Box(host)
        before = settings_of(box)
        default = box.sh("ip -6 route show default proto ra | cut -d ' ' -f 1-7")
        assert " up0 " in default
        listen(box, "red1", "lan")
        place = f"tcp/{HOST4}/8080"
        asked = {"sandbox": "red1", "ports": [f"{HOST4}:8080:80"]}
        box.change("firewall", asked)
        assert settings_of(box) == before
        assert not ask(box, place, netns="lan", patience=0.3)[place].startswith("red1 ")

        box.change("firewall", {**asked, "forwarding": True})
        assert box.sh("sysctl -n net.ipv4.ip_forward net.ipv6.conf.all.forwarding").split() == ["1", "1"]
        assert box.sh("sysctl -n net.ipv6.conf.up0.accept_ra net.ipv6.conf.lan0.accept_ra").split() == ["2", "1"]
        assert box.sh("ip -6 route show default proto ra | cut -d ' ' -f 1-7") == default
        assert ask(box, place, netns="lan")[place].startswith("red1 ")
        # Somebody switches it off; and a second sandbox needs it, for IPv4 alone.
        box.sh("sysctl -qw net.ipv4.ip_forward=0")
        box.change("firewall", {"sandbox": "red2", "addresses": ["10.80.0.3/24"], "forwarding": True})
        box.change("firewall", {"sandbox": "red1", "state": "absent"})
        assert box.sh("sysctl -n net.ipv4.ip_forward net.ipv6.conf.all.forwarding").split() == ["1", "0"]
        box.change("firewall", {"sandbox": "red2", "state": "absent"})
        assert settings_of(box) == before
        assert box.sh("ip -6 route show default proto ra | cut -d ' ' -f 1-7") == default


def test_a_host_that_forwards_already_is_left_as_it_is(net: Box) -> None:
    before = settings_of(net)
    result = net.change("firewall", {"sandbox": "red1", "forwarding": True})
    assert result["firewall"]["forwarding"] is True
    assert settings_of(net)[: len(before)] == before
    net.change("firewall", {"sandbox": "red1", "state": "absent"})
    assert settings_of(net) == before
