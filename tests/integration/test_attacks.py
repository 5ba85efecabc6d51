# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""What a hostile sandbox tries on its neighbours and on the host, with real packets, and what comes of it.

Each attack is first seen to succeed where nothing stands against it: so it is one.
"""

from __future__ import annotations

import ipaddress
import json
import shlex
from collections.abc import Iterator
from typing import Any

import pytest
from box import Box
from promises.runner import Host, Lane
from test_firewall import HOST4, HOST6, LAN4, LAN6, NETWORKS, addresses, all_isolated, arp, mac, raw, udp4, world
from traffic import ask_from, heard, serve

GATEWAY4, GATEWAY6 = "10.80.0.1", "fd00:80::1"
PREFIX = "fd00:bad::"  # what the attacker's router advertisements offer
# Victims that believe what they can be made to believe, and forget it fast.
GULLIBLE = (
    "sysctl -qw net.ipv6.conf.red.accept_ra=2 net.ipv4.neigh.red.locktime=0 net.ipv6.conf.red.accept_dad=0",
    "ip netns exec red2 sysctl -qw net.ipv6.conf.eth0.accept_ra=2 net.ipv4.neigh.eth0.locktime=0",
    "ip netns exec red2 sysctl -qw net.ipv6.conf.eth0.accept_dad=0",
)


@pytest.fixture(scope="module")
def net(lane: Lane) -> Iterator[Box]:
    """One host for all attacks: three networks of two sandboxes, and a machine of the LAN."""
    with Host(lane, [world(), *GULLIBLE]) as host:
        yield Box(host)


@pytest.fixture(autouse=True)
def _no_rules_are_left(net: Box) -> Iterator[None]:
    yield
    net.done("firewall", {**all_isolated(), "state": "absent"})


# ---------------------------------------------------------------- frames that are whole


def checksum(data: bytes) -> bytes:
    """The Internet checksum (RFC 1071)."""
    padded = data + bytes(len(data) % 2)
    total = sum(int.from_bytes(padded[at : at + 2], "big") for at in range(0, len(padded), 2))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return (~total & 0xFFFF).to_bytes(2, "big")


def ethernet(source: str, target: str, ethertype: int, content: bytes) -> str:
    """A frame in hexadecimal digits."""
    return (raw(target) + raw(source) + ethertype.to_bytes(2, "big") + content).hex()


def ipv6(source: str, target: str, protocol: int, content: bytes, *, sum_at: int, options: bool = False) -> bytes:
    """An IPv6 packet whose payload has its checksum at a place; with ``options`` behind a header of options."""
    ends = raw(source) + raw(target)
    pseudo = ends + len(content).to_bytes(4, "big") + bytes([0, 0, 0, protocol])
    content = content[:sum_at] + checksum(pseudo + content) + content[sum_at + 2 :]
    if options:
        content = bytes([protocol, 0, 1, 4, 0, 0, 0, 0]) + content  # PadN
    header = bytes.fromhex("60000000") + len(content).to_bytes(2, "big") + bytes([60 if options else protocol, 255])
    return header + ends + content


def icmp6(source: str, target: str, content: bytes, *, options: bool = False) -> bytes:
    """An ICMPv6 packet; its checksum is put in."""
    return ipv6(source, target, 58, content, sum_at=2, options=options)


def advertisement_of_a_router(*, options: bool = False) -> bytes:
    """A router that lives for half an hour, and a prefix to make addresses from (RFC 4861, 4.2 and 4.6.2)."""
    source = link_local("red1")
    router = bytes([134, 0, 0, 0, 64, 0]) + (1800).to_bytes(2, "big") + bytes(8)
    prefix = bytes([3, 4, 64, 0xC0]) + (7200).to_bytes(4, "big") * 2 + bytes(4) + raw(PREFIX)
    return icmp6(source, "ff02::1", router + bytes([1, 1]) + raw(mac("red1")) + prefix, options=options)


def advertisement_of_a_neighbour(about: str, target: str) -> bytes:
    """An answer that nobody asked for, and that overrides: the attacker has the address (RFC 4861, 4.4)."""
    content = bytes([136, 0, 0, 0, 0x20, 0, 0, 0]) + raw(about) + bytes([2, 1]) + raw(mac("red1"))
    return icmp6(addresses("red1")[1], target, content)


def offer_of_ipv4() -> bytes:
    """What a DHCP server says to everybody, as far as a client's socket can tell."""
    packet = udp4(addresses("red1")[0], 67, 68)
    return packet[:10] + checksum(packet[:20]) + packet[12:]


def offer_of_ipv6(target: str, *, options: bool = False) -> bytes:
    """The same for DHCPv6."""
    content = (547).to_bytes(2, "big") + (546).to_bytes(2, "big") + (12).to_bytes(2, "big") + bytes(2) + b"\2bad"
    return ipv6(link_local("red1"), target, 17, content, sum_at=6, options=options)


def link_local(name: str) -> str:
    """The link-local address of a sandbox, as its MAC address makes it."""
    return f"fe80::ff:fe00:{mac(name)[-1]}"


def barrage(host_mac: str) -> list[str]:
    """All that red1 sends: to its neighbour red2, to the host, and to everybody."""
    own, everybody, all_nodes = mac("red1"), "ff:ff:ff:ff:ff:ff", "33:33:00:00:00:01"
    victim4, victim6 = addresses("red2")
    return [
        ethernet(own, all_nodes, 0x86DD, advertisement_of_a_router()),
        ethernet(own, all_nodes, 0x86DD, advertisement_of_a_router(options=True)),
        ethernet(own, mac("red2"), 0x0806, arp(own, GATEWAY4, victim4)),
        ethernet(own, everybody, 0x0806, arp(own, victim4, GATEWAY4, 1)),
        ethernet(own, mac("red2"), 0x86DD, advertisement_of_a_neighbour(GATEWAY6, victim6)),
        ethernet(own, host_mac, 0x86DD, advertisement_of_a_neighbour(victim6, GATEWAY6)),
        ethernet(own, everybody, 0x0800, offer_of_ipv4()),
        ethernet(own, mac("red2"), 0x86DD, offer_of_ipv6(victim6)),
        ethernet(own, mac("red2"), 0x86DD, offer_of_ipv6(victim6, options=True)),
    ]


# Sends frames again and again, until /run/box/enough is there, and tells how often.
SENDER = """
import os, socket, sys, time
one = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
one.bind(("eth0", 0))
frames = [bytes.fromhex(frame) for frame in sys.argv[2:]]
rounds = 0
while not os.path.exists("/run/box/enough") and rounds < 100000:
    for frame in frames:
        one.send(frame)
    rounds += 1
    time.sleep(float(sys.argv[1]))
with open("/run/box/sent.new", "w") as file:
    file.write(str(rounds))
os.rename("/run/box/sent.new", "/run/box/sent")
"""
# Counts what a client of DHCP gets, of both families.
CLIENT = """
import os, select, socket, sys
link, target = sys.argv[1:]
sockets = {}
for version, family, port in ((4, socket.AF_INET, 68), (6, socket.AF_INET6, 546)):
    one = socket.socket(family, socket.SOCK_DGRAM)
    one.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, link.encode())
    one.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    one.bind(("", port))
    sockets[one] = version
open(target + ".ready", "w").close()
found = {4: 0, 6: 0}
while not os.path.exists("/run/box/sent"):
    for one in select.select(list(sockets), [], [], 0.05)[0]:
        one.recv(2000)
        found[sockets[one]] += 1
with open(target + ".new", "w") as file:
    file.write(f"{found[4]} {found[6]}")
os.rename(target + ".new", target)
"""


def inside(netns: str | None, script: str, *arguments: str) -> str:
    """The words that run a script in a namespace, and forget its output."""
    enter = ["ip", "netns", "exec", netns] if netns else []
    return shlex.join([*enter, "python3", "-I", "-S", "-c", script, *arguments]) + " > /dev/null 2>&1 &"


def attack(box: Box, frames: list[str], seconds: float = 0.4) -> int:
    """Send frames from red1 for a while; how many were sent."""
    box.sh(
        "rm -f /run/box/enough /run/box/sent",
        inside("red1", SENDER, "0.001", *frames),
        f"sleep {seconds}; touch /run/box/enough",
        "until [ -e /run/box/sent ]; do sleep 0.01; done",
    )
    return int(box.sh("cat /run/box/sent; rm /run/box/enough")) * len(frames)


def harm(box: Box) -> set[str]:
    """What a barrage does to red2 and to the host."""
    host_mac = box.link("red")["address"]
    victim4, victim6 = addresses("red2")
    box.sh(
        f"ip netns exec red2 ping -q -c 1 -W 2 {GATEWAY4} > /dev/null",
        f"ip netns exec red2 ping -q -c 1 -W 2 {GATEWAY6} > /dev/null",
        f"ping -q -c 1 -W 2 {victim4} > /dev/null; ping -q -c 1 -W 2 {victim6} > /dev/null",
        "rm -f /run/box/client.* /run/box/sent",
        inside("red2", CLIENT, "eth0", "/run/box/client.red2"),
        inside(None, CLIENT, "red", "/run/box/client.host"),
        "until [ -e /run/box/client.red2.ready -a -e /run/box/client.host.ready ]; do sleep 0.02; done",
    )
    assert attack(box, barrage(host_mac)) > 500
    box.sh("until [ -e /run/box/client.red2 -a -e /run/box/client.host ]; do sleep 0.02; done")
    found = set()
    for who, netns, link, known in (
        ("red2", "red2", "eth0", {GATEWAY4: host_mac, GATEWAY6: host_mac}),
        ("host", None, "red", {victim4: mac("red2"), str(ipaddress.ip_address(victim6)): mac("red2")}),
    ):
        offers = dict(zip((4, 6), map(int, box.sh(f"cat /run/box/client.{who}").split())))
        found |= {f"{who} is offered an address of IPv{version}" for version, count in offers.items() if count}
        told = box.ip("neigh", "show", "dev", link, netns=netns)
        macs = {one["dst"]: one["lladdr"] for one in told if "lladdr" in one}
        found |= {f"{who} takes red1 for {address}" for address, right in known.items() if macs.get(address) != right}
        if any(one.startswith(PREFIX) for one in box.cidrs(link, netns)):
            found.add(f"{who} has an address of red1's")
        if any(route.get("protocol") == "ra" for route in box.ip("-6", "route", "show", netns=netns)):
            found.add(f"{who} has a route by red1")
    undo = "ip {0} -6 route flush proto ra; ip {0} addr flush dev {1} to fd00:bad::/64; ip {0} neigh flush dev {1}"
    box.sh(undo.format("-n red2", "eth0"), undo.format("", "red"), "rm -f /run/box/client.*")
    return found


def test_nobody_believes_what_a_sandbox_says_of_others(net: Box) -> None:
    """Router advertisements, answers of ARP, ND and DHCP, with open and with isolated sandboxes; before the
    rules are there, and after somebody flushed them and they were mended.
    """
    victim4, victim6 = addresses("red2")
    everything = {
        *(f"red2 takes red1 for {address}" for address in (GATEWAY4, GATEWAY6)),
        *(f"host takes red1 for {ipaddress.ip_address(address)}" for address in (victim4, victim6)),
        *(f"red2 is offered an address of IPv{version}" for version in (4, 6)),
        "host is offered an address of IPv4",
        *(f"{who} has {what}" for who in ("red2", "host") for what in ("a route by red1", "an address of red1's")),
    }
    assert harm(net) == everything
    for policy in ("open", "isolate"):
        net.done("firewall", {"sandboxes": [{"sandbox": name, "policy": policy} for name in NETWORKS["red"]]})
        assert harm(net) == set(), policy
    net.sh("nft flush ruleset")
    assert harm(net) == everything
    net.done("firewall", {"sandbox": "red2"})
    assert harm(net) == set()


def test_new_sandboxes_take_nothing_from_a_router_that_shouts(net: Box) -> None:
    """One that has no rules advertises itself every millisecond while others are made as the role makes them."""
    names = [f"new{number}" for number in range(12)]
    links = [
        {
            "name": "eth0",
            "netns": name,
            "kind": "veth",
            "peer": {"name": f"v-{name}", "master": "red", "ipv6_link_local": False},
            "accept_ra": False,
            "addresses": [f"10.80.0.{100 + number}/24", f"fd00:80::{100 + number}/64"],
        }
        for number, name in enumerate(names)
    ]
    frame = ethernet(mac("red1"), "33:33:00:00:00:01", 0x86DD, advertisement_of_a_router())
    net.sh("sysctl -qw net.ipv6.conf.red.accept_ra=0")
    net.sh("rm -f /run/box/enough /run/box/sent", inside("red1", SENDER, "0.001", frame))
    net.done("netns", {"namespaces": [{"name": name} for name in names]})
    net.done("link", {"links": links})
    net.sh("sleep 0.3; touch /run/box/enough", "until [ -e /run/box/sent ]; do sleep 0.01; done")
    assert int(net.sh("cat /run/box/sent; rm /run/box/enough")) > 100
    gullible = net.ip("-6", "route", "show", netns="red2")
    assert any(route.get("protocol") == "ra" for route in gullible), "somebody heard it"
    for netns in [*names, None]:
        found = net.ip("-6", "route", "show", netns=netns)
        assert not [route for route in found if route.get("protocol") == "ra"], netns
        assert PREFIX not in net.sh(f"ip {f'-n {netns}' if netns else ''} -6 addr show"), netns
    net.done("netns", {"namespaces": [{"name": name} for name in names], "state": "absent"})
    net.sh(
        "sysctl -qw net.ipv6.conf.red.accept_ra=2; ip -n red2 -6 route flush proto ra",
        "ip -n red2 addr flush dev eth0 to fd00:bad::/64",
    )


# ---------------------------------------------------------------- the table of the bridge

GROUPS = [f"01:80:c2:00:00:0{number:x}" for number in (0, 2, 3, 0xE)]


def where_the_bridge_sees(box: Box, station: str) -> str:
    """The port of a bridge that leads to a MAC address."""
    found = json.loads(box.sh("bridge -j fdb show br red"))
    return str(next((one["ifname"] for one in found if one["mac"] == station and one.get("state") != "permanent"), ""))


def test_a_bridge_is_not_made_to_send_frames_of_others_to_a_sandbox(net: Box) -> None:
    """Frames with the MAC address of a neighbour: to everybody, and to the addresses that a bridge keeps to itself,
    which pass by no rule (IEEE 802.1D, table 7-10).
    """
    claims = {
        target: ethernet(mac("red2"), target, 0x0806 if target.startswith("ff") else 0x88CC, bytes(46))
        for target in ("ff:ff:ff:ff:ff:ff", *GROUPS)
    }

    def taken() -> set[str]:
        found = set()
        for target, frame in claims.items():
            net.sh(f"ip netns exec red2 ping -q -c 1 -W 2 {GATEWAY4} > /dev/null")
            assert where_the_bridge_sees(net, mac("red2")) == "v-red2"
            net.sh(shlex.join(["ip", "netns", "exec", "red1", "python3", "-I", "-S", "-c", ONCE, frame]))
            if where_the_bridge_sees(net, mac("red2")) != "v-red2":
                found.add(target)
        return found

    assert taken() == set(claims)
    net.done("firewall", {"sandboxes": [{"sandbox": name} for name in NETWORKS["red"]]})
    assert taken() == set()


ONCE = """
import socket, sys
one = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
one.bind(("eth0", 0))
one.send(bytes.fromhex(sys.argv[1]))
"""


# ---------------------------------------------------------------- published ports


def test_a_port_of_that_number_on_another_machine_is_left_alone(net: Box) -> None:
    """Published at every address of the host, and not at those of machines that the host routes to."""
    serve(net, "red1", *(f"{proto}/{one}/80" for proto in ("tcp", "udp") for one in addresses("red1")), netns="red1")
    thirds = {"blue1": addresses("blue1"), "lan": (LAN4, LAN6)}
    places = {
        name: [f"{proto}/{one}/8081" for proto in ("tcp", "udp") for one in found] for name, found in thirds.items()
    }
    for name, found in places.items():
        serve(net, name, *found, netns=name)
    ports = ["0.0.0.0:8081:80/tcp,udp", "[::]:8081:80/tcp,udp"]
    net.done(
        "firewall",
        {
            "sandboxes": [
                {"sandbox": "red1", "ports": ports},
                {"sandbox": "green1"},
                {"sandbox": "blue1", "policy": "open"},
            ]
        },
    )
    own = [f"{proto}/{one}/8081" for proto in ("tcp", "udp") for one in (HOST4, HOST6)]
    both = [*places["blue1"], *places["lan"]]
    asked = {"lan": [*places["blue1"], *own], "green1": [*both, *own], "red1": both, "blue1": places["lan"], None: both}
    for source, answers in ask_from(net, asked, patience=1).items():
        for name, wanted in {**places, "red1": own}.items():
            expected = [place for place in asked[source] if place in wanted]
            assert heard(answers, name) == expected, (source, name)


# ---------------------------------------------------------------- names

# Answers every question of DNS with one address, and keeps what was asked.
RESOLVER = """
import os, socket, sys
log, *places = sys.argv[1:]
sockets = []
for place in places:
    one = socket.socket(socket.AF_INET6 if ":" in place else socket.AF_INET, socket.SOCK_DGRAM)
    one.bind((place, 53))
    sockets.append(one)
open(log, "w").close()
if os.fork():
    os._exit(0)
null = os.open("/dev/null", os.O_RDWR)
for number in (0, 1, 2):
    os.dup2(null, number)
import select
while True:
    for one in select.select(sockets, [], [])[0]:
        question, peer = one.recvfrom(2000)
        labels, at = [], 12
        while question[at]:
            labels.append(question[at + 1 : at + 1 + question[at]].decode())
            at += question[at] + 1
        with open(log, "a") as file:
            file.write(".".join(labels) + "\\n")
        kind = int.from_bytes(question[at + 1 : at + 3], "big")
        answer = b"\\xc0\\x0c\\0\\1\\0\\1\\0\\0\\0\\0\\0\\4\\xc0\\0\\2\\x63" if kind == 1 else b""
        head = question[:2] + b"\\x81\\x80\\0\\1" + bytes([0, 1 if answer else 0]) + bytes(4)
        one.sendto(head + question[12 : at + 5] + answer, peer)
"""
QUERY = """
import select, socket, sys, time
sockets = {}
for server in sys.argv[1:]:
    one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        one.connect((server, 53))
        one.send(bytes.fromhex("002a01000001000000000000") + b"\\2um\\7example\\0\\0\\1\\0\\1")
        sockets[one] = server
    except OSError:
        pass
deadline = time.monotonic() + 0.8
while time.monotonic() < deadline:
    for one in select.select(list(sockets), [], [], 0.1)[0]:
        try:
            if one.recv(2000)[:2] == bytes([0, 42]):
                print(sockets[one])
        except OSError:
            pass
"""
LOOK_UP = """
import socket, sys
for name in sys.argv[1:]:
    try:
        socket.getaddrinfo(name, 80, socket.AF_INET)
        print("found", end=" ")
    except OSError:
        print("nothing", end=" ")
"""
TRAPS = {"host": ["127.0.0.53", "127.0.0.1", "::1"], "gateway": [GATEWAY4, GATEWAY6, HOST4], "lan": [LAN4]}


STUB = "nameserver 127.0.0.53\noptions timeout:1 attempts:1\n"


@pytest.fixture(scope="module")
def traps(net: Box) -> Box:
    """Resolvers on the loopback of the host, at its other addresses, on the LAN and in other networks."""
    net.sh(
        f"mkdir -p /run/resolve; printf {shlex.quote(STUB)} > /run/resolve/stub.conf",
        "rm -f /etc/resolv.conf; ln -s ../run/resolve/stub.conf /etc/resolv.conf",
        "echo hosts: files dns > /etc/nsswitch.conf",
        f"ip route add default via {LAN4}; ip -6 route add default via {LAN6}",
    )
    for name, places in TRAPS.items():
        resolve(net, name, *places, netns=name if name == "lan" else None)
    for name in ("red2", "green1"):
        resolve(net, name, addresses(name)[0], netns=name)
    return net


def resolve(box: Box, name: str, *places: str, netns: str | None = None) -> None:
    """Start a resolver, which listens when this returns."""
    enter = ["ip", "netns", "exec", netns] if netns else []
    box.sh(shlex.join([*enter, "python3", "-I", "-S", "-c", RESOLVER, f"/run/box/asked.{name}", *places]))


def look_up(box: Box, netns: str, *names: str) -> list[str]:
    """What a sandbox's resolver says of names."""
    return box.sh(shlex.join(["ip", "netns", "exec", netns, "python3", "-I", "-S", "-c", LOOK_UP, *names])).split()


def query(box: Box, netns: str, *servers: str) -> set[str]:
    """Which servers answer a question."""
    words = ["ip", "netns", "exec", netns, "python3", "-I", "-S", "-c", QUERY, *servers]
    return set(box.sh(shlex.join(words)).split())


def asked(box: Box) -> dict[str, list[str]]:
    """Who was asked what since the last time."""
    found = {}
    for name in (*TRAPS, "red2", "green1"):
        found[name] = sorted(set(box.sh(f"cat /run/box/asked.{name}; : > /run/box/asked.{name}").split()))
    return {name: questions for name, questions in found.items() if questions}


def test_a_sandbox_asks_its_own_name_servers_and_nobody_else(traps: Box) -> None:
    box = traps
    brief = ["timeout:1", "attempts:1"]
    assert look_up(box, "blue1", "one.example.") == ["nothing"]
    assert asked(box) == {}, "the loopback of a sandbox is not that of the host"
    dns = {"name": "red1", "dns": {"servers": [LAN4], "search": ["lab.example"], "options": brief}}
    box.done("netns", dns)
    rules: tuple[dict[str, Any], ...] = (
        {},
        {"policy": "isolate"},
        {"policy": "open"},
        {"policy": "closed", "allow": [{"cidr": LAN4, "port": 53, "proto": "udp", "direction": "out"}]},
    )
    for number, rule in enumerate(rules):
        if rule:
            box.done("firewall", {"sandboxes": [{"sandbox": "red1", **rule}, {"sandbox": "red2"}]})
        assert look_up(box, "red1", f"n{number}.example", "db") == ["found", "found"], rule
        assert asked(box) == {"lan": ["db.lab.example", f"n{number}.example"]}, rule
    box.done("firewall", {"sandbox": "red1", "policy": "closed"})
    assert look_up(box, "red1", "shut.example.") == ["nothing"]
    assert asked(box) == {}, "a resolver that cannot be reached is replaced by none"
    for server in ("127.0.0.53", addresses("green1")[0]):
        box.done("netns", {**dns, "dns": {"servers": [server], "options": brief}})
        box.done("firewall", {"sandboxes": [{"sandbox": "red1"}, {"sandbox": "green1"}]})
        assert look_up(box, "red1", "other.example.") == ["nothing"]
    assert asked(box) == {}, "neither that of the host nor that of an isolated sandbox"


def test_links_in_the_place_of_its_files_lead_nowhere(traps: Box) -> None:
    """Whoever could put a link there would have the module write where the link leads."""
    box = traps
    box.sh(
        "mkdir -p /etc/netns/file /run/loot; ln -s /etc/resolv.conf /etc/netns/file/resolv.conf",
        "ln -s /etc /etc/netns/etc; ln -s /run/loot /etc/netns/loot; ln -s /no/where /etc/netns/nowhere",
        "ip netns add file; ip netns add etc; ip netns add loot; ip netns add nowhere",
    )
    before = box.snapshot()
    for name, place in (("file", "resolv.conf"), ("etc", "etc"), ("loot", "loot"), ("nowhere", "nowhere")):
        box.refused("netns", {"name": name, "dns": {"servers": [LAN4]}}, "/etc/netns", place, "left alone")
    for name in ("etc", "loot"):
        box.refused("slirp_network", {"netns": name}, "/etc/netns", name, "left alone")
    assert box.unlike(before) == []
    assert box.sh("readlink /etc/resolv.conf; ls /run/loot").split() == ["../run/resolve/stub.conf"]
    box.sh("rm -r /etc/netns /run/loot", *(f"ip netns del {name}" for name in ("file", "etc", "loot", "nowhere")))


@pytest.mark.parametrize("backend", ["slirp4netns", "pasta"])
def test_a_user_mode_network_without_dns_asks_nobody(traps: Box, backend: str) -> None:
    box = traps
    box.sh("ip netns add um")
    box.done("slirp_network", {"netns": "um", "backend": backend, "dns": False})
    assert query(box, "um", "10.0.2.2", "10.0.2.3", "127.0.0.53", "127.0.0.1", GATEWAY4) == {GATEWAY4}
    assert set(asked(box)) == {"gateway"}, "the way out is there, and leads not to the host's own resolver"
    box.done("slirp_network", {"netns": "um", "state": "stopped"})
    box.sh("ip netns del um")


# ---------------------------------------------------------------- names that are commands elsewhere

HOSTILE = ['v";flush', "v\\x41'#", "v{$(id)}", "v*"]


def test_links_with_hostile_names_are_refused(net: Box) -> None:
    """The host's end of a veth, named by somebody else: it never becomes a word of nft's language."""
    net.sh(
        "ip netns add evil; ip link add name evil0 type veth peer name eth0 netns evil",
        "ip -n evil addr add 10.99.0.2/24 dev eth0; ip -n evil link set eth0 up",
    )
    before = "evil0"
    for name in HOSTILE:
        net.sh(f"ip link set dev {shlex.quote(before)} name {shlex.quote(name)}")
        net.refused("firewall", {"sandbox": "evil"}, "interface", repr(name), "cannot be named in rules")
        before = name
    net.sh("ip netns del evil")
