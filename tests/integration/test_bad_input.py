# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Wrong options: refused before anything is touched, by name and value."""

from __future__ import annotations

from typing import Any

import pytest
from box import Box

BR: dict[str, Any] = {"name": "br0", "kind": "bridge"}
VETH: dict[str, Any] = {"name": "v0", "kind": "veth", "peer": {"name": "v1"}}
LEASE: dict[str, Any] = {"owner": "a", "pools": ["10.0.0.0/24"]}


def address(value: Any) -> dict[str, Any]:
    return {**BR, "addresses": [value]}


def route(**given: Any) -> dict[str, Any]:
    return {**BR, "addresses": ["10.0.0.1/24", "fd00::1/64"], "routes": [given]}


# options, and the words that the message must contain: the option and the value
NETNS: list[tuple[dict[str, Any], tuple[str, ...]]] = [
    ({}, ("name",)),
    ({"name": ""}, ("name", "''")),
    ({"name": "."}, ("name", "'.'")),
    ({"name": ".."}, ("name", "'..'")),
    ({"name": "a/b"}, ("name", "a/b")),
    ({"name": "../../etc/passwd"}, ("name", "../../etc/passwd")),
    ({"name": "-x"}, ("name", "-x")),
    ({"name": "a b"}, ("name", "a b")),
    ({"name": "a\nb"}, ("name", "a\\nb")),
    ({"name": "ü"}, ("name", "ü")),
    ({"name": "$(id)"}, ("name", "$(id)")),
    ({"name": "x" * 256}, ("name", "xxx", "255")),
    ({"name": "a", "path": "/run/netns/b"}, ("name", "path")),
    ({"path": "relative"}, ("path",)),
    ({"path": "/"}, ("path",)),
    ({"path": "/run/netns/"}, ("/run/netns",)),
    ({"path": "/run/../run/netns/a"}, ("path", "..")),
    ({"path": "/run/no/such/directory"}, ("path", "/run/no/such/directory")),
    ({"name": "a", "pid": 0}, ("pid", "0")),
    ({"name": "a", "pid": -1}, ("pid", "-1")),
    ({"name": "a", "pid": 2147483647}, ("pid", "2147483647")),
    ({"name": "a", "pid": 1}, ("pid", "1", "Ansible itself")),
    ({"name": "a", "nsid": -1}, ("nsid", "-1")),
    ({"name": "a", "nsid": 2147483648}, ("nsid", "2147483648")),
    ({"name": "a", "sysctl": {"kernel.hostname": "x"}}, ("sysctl", "kernel.hostname")),
    ({"name": "a", "sysctl": {"net.../../etc/passwd": "x"}}, ("sysctl", "passwd")),
    ({"name": "a", "sysctl": {"net/../kernel/hostname": "x"}}, ("sysctl", "net/../kernel/hostname")),
    ({"name": "a", "sysctl": {"net.ipv4.no_such": "1"}}, ("sysctl", "net.ipv4.no_such")),
    ({"name": "a", "sysctl": {"net.ipv4.ip_forward": ""}}, ("sysctl", "net.ipv4.ip_forward")),
    ({"name": "a", "sysctl": {"net.ipv4.ip_forward": [1]}}, ("sysctl", "net.ipv4.ip_forward")),
    ({"name": "a", "sysctl": {"net.ipv4.ip_forward": 1, "net/ipv4/ip_forward": 0}}, ("sysctl", "ip_forward")),
    ({"name": "a", "dns": {"servers": ["ns.example.org"]}}, ("dns.servers", "ns.example.org")),
    ({"name": "a", "dns": {"servers": ["10.0.0.1\nnameserver 6.6.6.6"]}}, ("dns.servers",)),
    ({"name": "a", "dns": {"search": ["a b"]}}, ("dns.search", "a b")),
    ({"name": "a", "dns": {"options": ["x\ny"]}}, ("dns.options",)),
    (
        {"name": "a", "sysctl": {"net.ipv4.ip_forward": 1, "net.ipv4.conf.all.forwarding": 0}},
        ("sysctl", "net.ipv4.ip_forward", "net.ipv4.conf.all.forwarding"),
    ),
    ({"name": "a", "sysctl": {"net.core.rmem_max": 4096}}, ("sysctl", "net.core.rmem_max")),
    ({"name": "somebody", "sysctl": {"net.core.rmem_max": 4096}}, ("sysctl", "net.core.rmem_max")),
    ({"path": "/run/a", "dns": {"servers": ["10.0.0.1"]}}, ("dns", "/run/a", "/run/netns")),
    ({"name": "a", "netns_dir": "/run/our", "dns": {}}, ("dns", "/run/our/a", "/run/netns")),
    ({"name": "a", "dns": {"nameservers": ["10.0.0.1"]}}, ("nameservers",)),
    ({"name": "a", "state_dir": "relative"}, ("state_dir",)),
    ({"name": "a", "state_dir": "/run/a\nExecStartPre=/bin/b"}, ("state_dir", "cannot be seen")),
    ({"name": "a", "netns_dir": "relative"}, ("netns_dir",)),
    ({"name": "a", "netns_dir": "/"}, ("netns_dir", "'/'")),
    ({"name": "a", "netns_dir": "//"}, ("netns_dir", "'//'")),
    ({"name": "a", "netns_dir": "/run/../run/netns"}, ("netns_dir", "..")),
    ({"name": "a", "namespaces": [{"name": "b"}]}, ("name", "namespaces")),
    ({"namespaces": [{"name": "b"}, {"name": "b"}]}, ("name", "b", "twice")),
    ({"namespaces": [{"name": "b"}, {"path": "/run/netns/b"}]}, ("b", "twice")),
    ({"namespaces": [{"name": "b"}, {"name": "b", "state": "absent"}]}, ("b", "twice")),
    ({"namespaces": [{"name": "b", "nsid": 5}, {"name": "c", "nsid": 5}]}, ("nsid", "5", "twice")),
    ({"namespaces": [{"name": "b"}, {"name": "-x"}]}, ("namespaces[1].name", "-x")),
    ({"namespaces": [{"nmae": "b"}]}, ("nmae",)),
    ({"name": "a", "state": "gone"}, ("state", "gone")),
]

LINK: list[tuple[dict[str, Any], tuple[str, ...]]] = [
    ({}, ("name",)),
    ({"name": "no-such"}, ("name", "no-such", "kind")),
    ({**BR, "name": "x" * 16}, ("name", "x" * 16, "16 bytes", "15")),
    ({**BR, "name": "ü" * 8}, ("name", "16 bytes")),
    ({**BR, "name": "-x"}, ("name", "-x")),
    ({**BR, "name": "a b"}, ("name", "a b")),
    ({**BR, "name": "a/b"}, ("name", "a/b")),
    ({**BR, "name": "a:b"}, ("name", "a:b")),
    ({**BR, "name": "a\nb"}, ("name", "a\\nb")),
    ({**BR, "name": "ü"}, ("name", "ü")),
    ({**BR, "name": "eth%d"}, ("name", "eth%d")),
    ({**BR, "name": "all"}, ("name", "all")),
    ({**BR, "name": "."}, ("name", "'.'")),
    ({**BR, "kind": "wireguard"}, ("kind", "wireguard")),
    ({**BR, "netns": "/etc/passwd"}, ("/etc/passwd", "not a network namespace")),
    ({**BR, "netns": "/proc/self/ns/uts"}, ("/proc/self/ns/uts", "not a network namespace")),
    ({**BR, "netns": "/proc/self/mem"}, ("/proc/self/mem", "not a network namespace")),
    ({**BR, "netns": "/dev/zero"}, ("/dev/zero", "not a network namespace")),
    ({**BR, "netns": "/proc/self/ns/net"}, ("netns", "/proc/self/ns/net", "Ansible itself")),
    ({**BR, "netns": "pid:1"}, ("netns", "Ansible itself")),
    ({**BR, "netns": "pid:0"}, ("netns", "pid:0")),
    ({**BR, "netns": "pid:x"}, ("netns", "pid:x")),
    ({**BR, "netns": "pid:4194304"}, ("netns", "4194304")),
    ({**BR, "netns": "relative/path"}, ("netns", "relative/path")),
    ({**BR, "mtu": 67}, ("mtu", "67", "68")),
    ({**BR, "mtu": 65537}, ("mtu", "65537")),
    ({**BR, "mtu": -1}, ("mtu", "-1")),
    ({**BR, "mtu": 1000, "addresses": ["fd00::1/64"]}, ("mtu", "1000", "1280")),
    ({**BR, "mac": "02:00:00:00:00"}, ("mac", "02:00:00:00:00")),
    ({**BR, "mac": "01:00:00:00:00:01"}, ("mac", "01:00:00:00:00:01", "multicast")),
    ({**BR, "mac": "00:00:00:00:00:00"}, ("mac", "00:00:00:00:00:00")),
    ({**BR, "mac": "random"}, ("mac", "random")),
    ({**BR, "txqlen": -1}, ("txqlen", "-1")),
    ({**BR, "alias": "x" * 256}, ("alias", "255")),
    ({**BR, "alias": "ü" * 128}, ("alias", "255")),
    ({**BR, "altnames": ["x" * 128]}, ("altnames", "127")),
    ({**BR, "altnames": ["a b"]}, ("altnames", "a b")),
    ({**BR, "altnames": ["br0"]}, ("altnames", "br0", "twice")),
    ({**BR, "altnames": ["one", "one"]}, ("altnames", "one", "twice")),
    ({**BR, "master": "br0"}, ("master", "br0", "itself")),
    ({**BR, "master": "x" * 16}, ("master", "16 bytes")),
    ({"name": "v0", "kind": "veth"}, ("peer", "veth")),
    ({**VETH, "peer": {"name": "v0"}}, ("peer.name", "v0")),
    ({**VETH, "peer": {}}, ("peer.name",)),
    ({**VETH, "peer": {"name": "x" * 16}}, ("peer.name", "16 bytes")),
    ({**VETH, "peer": {"name": "v1", "kind": "veth"}}, ("kind",)),
    (
        {**VETH, "peer": {"name": "v1", "mac": "02:00:00:00:00:01"}, "mac": "02:00:00:00:00:01"},
        ("mac", "02:00:00:00:00:01", "twice"),
    ),
    ({**BR, "peer": {"name": "v1"}}, ("peer", "veth", "bridge")),
    ({**BR, "vni": 5}, ("vni", "vxlan", "bridge")),
    ({**BR, "queues": 2}, ("queues", "bridge")),
    ({**BR, "owner": "nobody"}, ("owner", "bridge")),
    ({**VETH, "multicast_snooping": True}, ("multicast_snooping", "bridge")),
    ({**VETH, "mode": "bridge"}, ("mode", "veth")),
    ({**BR, "parent": "lo"}, ("parent", "bridge")),
    ({"name": "mv0", "kind": "macvlan"}, ("parent", "macvlan")),
    ({"name": "mv0", "kind": "macvlan", "parent": "lo", "mode": "l2"}, ("mode", "l2", "private")),
    ({"name": "vx0", "kind": "vxlan"}, ("vni", "vxlan")),
    ({"name": "vx0", "kind": "vxlan", "vni": 16777216}, ("vni", "16777216")),
    ({"name": "vx0", "kind": "vxlan", "vni": 5, "remote": "host"}, ("remote", "host")),
    (
        {"name": "vx0", "kind": "vxlan", "vni": 5, "remote": "10.0.0.1", "local": "fd00::1"},
        ("local", "fd00::1", "10.0.0.1"),
    ),
    ({"name": "vx0", "kind": "vxlan", "vni": 5, "dst_port": 65536}, ("dst_port", "65536")),
    ({"name": "vx0", "kind": "vxlan", "vni": 5, "dst_port": 0}, ("dst_port", "0")),
    ({"name": "vl0", "kind": "vlan", "parent": "lo"}, ("vlan_id", "vlan")),
    ({"name": "vl0", "kind": "vlan", "parent": "lo", "vlan_id": 4095}, ("vlan_id", "4095")),
    ({"name": "t0", "kind": "tap", "queues": 0}, ("queues", "0")),
    ({"name": "t0", "kind": "tap", "queues": 257}, ("queues", "257")),
    ({"name": "t0", "kind": "tap", "owner": "no-such-user"}, ("owner", "no-such-user")),
    ({"name": "t0", "kind": "tap", "owner": "4294967295"}, ("owner", "4294967295")),
    ({"name": "t0", "kind": "tap", "owner": "²"}, ("owner", "²")),
    ({"name": "t0", "kind": "tap", "owner": "9" * 5000}, ("owner",)),
    ({"name": "t0", "kind": "tap", "group": "no-such-group"}, ("group", "no-such-group")),
    (address("10.0.0.1"), ("addresses", "10.0.0.1", "prefix")),
    (address("10.0.0.1/33"), ("addresses", "10.0.0.1/33")),
    (address("10.0.0.0/24"), ("addresses", "10.0.0.0/24")),
    (address("10.0.0.255/24"), ("addresses", "10.0.0.255/24")),
    (address("010.0.0.1/24"), ("addresses", "010.0.0.1")),
    (address("10.1/24"), ("addresses", "10.1")),
    (address("10.0.0.1/255.255.255.0"), ("addresses", "255.255.255.0")),
    (address("224.0.0.1/24"), ("addresses", "224.0.0.1/24")),
    (address("0.0.0.0/24"), ("addresses", "0.0.0.0/24")),
    (address("fd00::1/129"), ("addresses", "fd00::1/129")),
    (address("fd00::1%br0/64"), ("addresses", "fd00::1%br0")),
    (address("::ffff:10.0.0.1/128"), ("addresses", "::ffff:10.0.0.1", "IPv4")),
    (address("ff02::1/64"), ("addresses", "ff02::1/64")),
    (address("::/64"), ("addresses", "::/64")),
    (address("dhcp"), ("addresses", "dhcp")),
    (address(5), ("addresses", "5")),
    (address([]), ("addresses",)),
    (address({}), ("addresses",)),
    (address({"address": "10.0.0.1/24", "gateway": "10.0.0.9"}), ("addresses.gateway", "10.0.0.9")),
    (address({"address": "10.0.0.1/24", "label": "eth0:x"}), ("addresses.label", "eth0:x")),
    (address({"address": "10.0.0.1/24", "label": "br0:xxxxxxxxxxxx"}), ("addresses.label", "15")),
    (address({"address": "10.0.0.1/24", "label": 5}), ("addresses.label", "5")),
    (address({"address": "fd00::1/64", "label": "br0:x"}), ("addresses.label", "br0:x")),
    (address({"address": "10.0.0.1/24", "peer": "fd00::1"}), ("addresses.peer", "fd00::1")),
    (address({"address": "10.0.0.1/24", "peer": 5}), ("addresses.peer", "5")),
    (address({"address": "10.0.0.1/24", "scope": "galaxy"}), ("addresses.scope", "galaxy")),
    (address({"address": "10.0.0.1/24", "scope": "nowhere"}), ("addresses.scope", "nowhere")),
    (address({"address": "fd00::1/64", "scope": "link"}), ("addresses.scope", "link")),
    (address({"address": "fd00::1/64", "broadcast": "fd00::ff"}), ("addresses.broadcast", "fd00::ff")),
    (address({"address": "10.0.0.1/24", "broadcast": "x"}), ("addresses.broadcast", "x")),
    (address({"address": "10.0.0.1/24", "nodad": "perhaps"}), ("addresses.nodad", "perhaps")),
    ({**BR, "addresses": ["10.0.0.1/24", "10.0.0.1/24"]}, ("addresses", "10.0.0.1/24", "twice")),
    ({**BR, "addresses": ["fd00::1/64", "FD00:0::1/64"]}, ("addresses", "fd00::1", "twice")),
    ({**BR, "addresses": ["fd00::1/64", "fd00::1/48"]}, ("addresses", "fd00::1")),
    (route(dst="10.9.0.1/16"), ("routes.dst", "10.9.0.1/16", "10.9.0.0/16")),
    (route(dst="10.9.0.0"), ("routes.dst", "10.9.0.0")),
    (route(dst="default"), ("routes.dst", "default")),
    (route(dst="everywhere", gateway="10.0.0.9"), ("routes.dst", "everywhere")),
    (route(gateway="10.0.0.9"), ("dst",)),
    (route(dst="10.9.0.0/16", gateway="fd00::9"), ("routes.gateway", "fd00::9", "10.9.0.0/16")),
    (route(dst="10.9.0.0/16", gateway="10.0.0"), ("routes.gateway", "10.0.0")),
    (route(dst="10.9.0.0/16", gateway="10.5.0.1"), ("routes.gateway", "10.5.0.1")),
    (route(dst="10.9.0.0/16", src="fd00::1"), ("routes.src", "fd00::1")),
    (route(dst="10.9.0.0/16", src="10.0.0.77"), ("routes.src", "10.0.0.77")),
    (route(dst="10.9.0.0/16", metric=-1), ("routes.metric", "-1")),
    (route(dst="10.9.0.0/16", metric=4294967296), ("routes.metric", "4294967296")),
    (route(dst="10.9.0.0/16", table="0"), ("routes.table", "0")),
    (route(dst="10.9.0.0/16", table="mine"), ("routes.table", "mine")),
    (route(dst="10.9.0.0/16", table="²"), ("routes.table", "²")),
    (route(dst="10.9.0.0/16", table="4294967296"), ("routes.table", "4294967296")),
    (route(dst="fd09::/64", scope="link"), ("routes.scope", "link")),
    (route(dst="10.9.0.0/16", via="10.0.0.9"), ("via",)),
    (
        {**BR, "routes": [{"dst": "10.9.0.0/16"}, {"dst": "10.9.0.0/16", "scope": "host"}]},
        ("routes", "10.9.0.0/16", "twice"),
    ),
    ({**BR, "up": False, "routes": [{"dst": "10.9.0.0/16"}]}, ("routes", "up")),
    ({"links": [BR, {"name": "br0", "kind": "ifb"}]}, ("br0", "twice")),
    ({"links": [BR, {"name": "br0", "state": "absent"}]}, ("br0", "twice")),
    ({"links": [BR, {"name": "x", "kind": "veth", "peer": {"name": "br0"}}]}, ("br0", "twice")),
    ({"links": [{**BR, "altnames": ["one"]}, {"name": "x", "kind": "bridge", "altnames": ["one"]}]}, ("one", "twice")),
    (
        {"links": [{**BR, "mac": "02:00:00:00:00:01"}, {"name": "x", "kind": "bridge", "mac": "02:00:00:00:00:01"}]},
        ("mac", "twice"),
    ),
    ({"links": [BR, {"name": "x", "kind": "bridge", "mtu": 5}]}, ("links[1].mtu", "5")),
    ({"links": [BR], "name": "x"}, ("name", "links")),
    ({"links": [BR], "mtu": 1400}, ("mtu", "links")),
    ({"name": "lo", "kind": "bridge"}, ("lo", "bridge")),
]

LEASES: list[tuple[dict[str, Any], tuple[str, ...]]] = [
    ({"pools": ["10.0.0.0/24"]}, ("owner",)),
    ({"owner": "a"}, ("pools", "addresses")),
    ({**LEASE, "owner": "a\nb"}, ("owner",)),
    ({**LEASE, "pools": ["10.0.0.1/24"]}, ("pools", "10.0.0.1/24")),
    ({**LEASE, "pools": ["10.0.0.0/32"]}, ("pools", "10.0.0.0/32")),
    ({**LEASE, "pools": ["fd00::/128"]}, ("pools", "fd00::/128")),
    ({**LEASE, "pools": ["10.0.0.0/24", "10.0.0.0/24"]}, ("pools", "10.0.0.0/24", "twice")),
    ({**LEASE, "addresses": ["10.0.0.0/24"]}, ("addresses", "10.0.0.0/24")),
    ({**LEASE, "addresses": ["10.0.0.1/24", "10.0.0.1/16"]}, ("addresses", "10.0.0.1", "twice")),
    ({**LEASE, "exclude": ["x"]}, ("exclude", "x")),
    ({"leases": [LEASE, LEASE]}, ("owner", "a", "twice")),
    (
        {"leases": [{"owner": "a", "addresses": ["10.0.0.1/24"]}, {"owner": "b", "addresses": ["10.0.0.1/24"]}]},
        ("addresses", "10.0.0.1", "twice"),
    ),
]

TABLES = {"netns": NETNS, "link": LINK, "address_lease": LEASES}
BATCH = 12  # cases on one host: nothing is touched, so that they do not disturb each other


def batches() -> list[Any]:
    found = []
    for module, table in TABLES.items():
        for start in range(0, len(table), BATCH):
            found.append(pytest.param(module, table[start : start + BATCH], id=f"{module}-{start}"))
    return found


@pytest.mark.parametrize(("module", "cases"), batches())
def test_wrong_options(box: Box, module: str, cases: list[tuple[dict[str, Any], tuple[str, ...]]]) -> None:
    box.sh(
        "ip netns add somebody; ip link add eth9 type bridge; ip addr add 10.99.0.1/24 dev eth9; ip link set eth9 up"
    )
    before = box.snapshot()
    problems = []
    for args, words in cases:
        try:
            box.refused(module, args, *words)
        except AssertionError as error:
            problems.append(str(error)[:600])
    assert not problems, "\n".join(problems)
    assert box.unlike(before) == []


@pytest.mark.parametrize(
    ("args", "missing"),
    [
        ({**BR, "netns": "no-such"}, "no-such"),
        ({**BR, "master": "br9"}, "br9"),
        ({**VETH, "peer": {"name": "v1", "netns": "no-such"}}, "no-such"),
        ({**VETH, "peer": {"name": "v1", "master": "br9"}}, "br9"),
        ({"name": "mv0", "kind": "macvlan", "parent": "eth9"}, "eth9"),
    ],
)
def test_what_an_earlier_task_may_make(box: Box, args: dict[str, Any], missing: str) -> None:
    """Check mode takes it for granted, and warns; the real run refuses."""
    before = box.snapshot()
    foretold = box.run("link", args, check=True)
    assert not foretold.failed, foretold
    assert missing in str(foretold.result["warnings"])
    outcome = box.run("link", args)
    assert outcome.failed and missing in outcome.result["msg"], outcome
    assert outcome.result["operations"] == []
    assert box.unlike(before) == []
