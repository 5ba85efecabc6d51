# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The list of promise cases. A module that adds its cases here inherits every promise test, the
kill sweep and the error sweep.

In the arguments `@NAME.pid@` stands for the content of the file /run/box/NAME.pid that a `prepare`
command wrote. Pin every MAC address in `prepare`: snapshots are compared between hosts. What another
module has to do before is a pair in `prepare`, of its name and its arguments.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

Args = dict[str, t.Any]
Step = t.Union[str, tuple[str, Args]]

# What somebody else has on the host, in all cases: nothing of it may change.
FOREIGN = """
ip netns add foreign
ip -batch - <<END
link add fbr0 address 02:f0:00:00:00:01 type bridge
link add fgn0 address 02:f0:00:00:00:02 type veth peer name fgn1 address 02:f0:00:00:00:03
link set fgn1 netns foreign
link set fgn0 mtu 1460 alias somebody master fbr0 up
link property add dev fgn0 altname fgn-other-name
link set fbr0 up
addr add 198.51.100.1/24 broadcast + dev fbr0
addr add 2001:db8:ffff::1/64 nodad dev fbr0
route add 203.0.113.0/24 via 198.51.100.2 metric 77
route add 2001:db8:fffe::/48 via 2001:db8:ffff::2
rule add from 192.0.2.99 lookup 77 priority 777
neigh add 198.51.100.77 lladdr 02:f0:00:00:00:77 dev fbr0 nud permanent
END
ip -n foreign -batch - <<END
link set lo up
link set fgn1 up
addr add 198.51.100.2/24 dev fgn1
addr add 2001:db8:ffff::2/64 nodad dev fgn1
route add default via 198.51.100.1
route add default via 2001:db8:ffff::1
END
tc qdisc add dev fgn0 ingress
tc filter add dev fgn0 parent ffff: protocol ip prio 10 \\
  u32 match ip dst 192.0.2.99/32 action mirred egress mirror dev fbr0
mkdir -p /etc/netns/foreign /run/foreign
echo nameserver 198.51.100.53 > /etc/netns/foreign/resolv.conf
echo of somebody else > /run/foreign/file
"""


@dataclass(frozen=True)
class Case:
    """One thing that a module manages, on a host prepared for it."""

    name: str
    module: str
    present: Args
    absent: Args
    update: Args | None = None  # the same thing with other values
    prepare: tuple[Step, ...] = ()
    gone: tuple[str, ...] = ()  # what absent does beyond restoring, as shell commands on the prepared host
    refused: str | None = None  # present is an error before anything changes; the message matches this pattern
    reads: bool = False  # the module changes nothing, whatever its answer
    foreign: bool = True  # with somebody else's things on the host
    things: tuple[str, ...] = ()  # what messages may call the thing besides the names in the arguments
    fresh: bool = False  # every point of a sweep on a new host: for the first use

    @property
    def surroundings(self) -> tuple[Step, ...]:
        """All that prepares a host."""
        return ((FOREIGN,) if self.foreign else ()) + self.prepare

    @property
    def states(self) -> tuple[str, ...]:
        """What a sweep goes through."""
        if self.refused or self.reads:
            return ()
        return ("present", "update", "absent") if self.update else ("present", "absent")

    def args(self, state: str) -> Args:
        """The module's arguments."""
        if state == "absent":
            return {**self.absent, "state": "absent"}
        if state == "update":
            assert self.update is not None
            return self.update
        return self.present


# ---- netns ----

SLEEPER = """
unshare --net sh -c '%s
    echo $$ > /run/box/sleeper.pid; exec sleep 3600' > /dev/null 2>&1 &
until [ -s /run/box/sleeper.pid ]; do sleep 0.01; done
"""
SERVICE = """
ip link set lo up
ip addr add 10.5.5.5/32 dev lo
ip addr add 2001:db8::5/128 dev lo
ip addr add 2001:db8::6/128 dev lo
ip route add 10.6.0.0/16 dev lo
ip -6 route add 2001:db8:9::/64 dev lo
ip -6 route add unreachable 2001:db8:a::/64
"""  # what somebody keeps on lo
ROUTER = """
ip link add r0 address 02:d0:00:00:00:01 type ifb
ip link add r1 address 02:d0:00:00:00:02 type ifb
echo 1 > /proc/sys/net/ipv4/conf/r0/forwarding
echo 1 > /proc/sys/net/ipv6/conf/r0/forwarding
echo 0 > /proc/sys/net/ipv4/conf/all/accept_redirects
"""  # one link that forwards, and one that does not
DNS = {"servers": ["192.0.2.53", "2001:db8::53"], "search": ["example.org"], "options": ["ndots:2"]}

NETNS = [
    Case(
        "netns-plain",
        "netns",
        present={"name": "web1"},
        update={"name": "web1", "loopback": False},
        absent={"name": "web1"},
    ),
    Case(
        "netns-first-use",
        "netns",
        present={"name": "web1", "dns": {"servers": ["192.0.2.53"]}},
        absent={"name": "web1"},
        foreign=False,
        fresh=True,
    ),
    Case(
        "netns-loopback-down",
        "netns",
        present={"name": "web1", "loopback": False},
        update={"name": "web1", "loopback": True},
        absent={"name": "web1"},
    ),
    Case(
        "netns-path",
        "netns",
        prepare=("mkdir /run/elsewhere",),
        present={"path": "/run/elsewhere/web1"},
        update={"path": "/run/elsewhere/web1", "loopback": False},
        absent={"path": "/run/elsewhere/web1"},
    ),
    Case(
        "netns-dir",
        "netns",
        present={"name": "web1", "netns_dir": "/run/our-netns"},
        absent={"name": "web1", "netns_dir": "/run/our-netns"},
    ),
    Case(
        "netns-pid",
        "netns",
        prepare=(SLEEPER % "",),
        present={"name": "ofpid", "pid": "@sleeper.pid@"},
        update={
            "name": "ofpid",
            "pid": "@sleeper.pid@",
            "loopback": True,
            "sysctl": {"net.ipv4.ip_forward": "1"},
        },
        absent={"name": "ofpid"},
    ),
    Case(
        "netns-pid-service",
        "netns",
        prepare=(SLEEPER % SERVICE,),
        present={"name": "ofpid", "pid": "@sleeper.pid@", "loopback": False},
        update={"name": "ofpid", "pid": "@sleeper.pid@", "loopback": True},
        absent={"name": "ofpid"},
    ),
    Case(
        "netns-found-service",
        "netns",
        prepare=(
            "ip netns add web1; touch /run/netns/alias; mount --bind /run/netns/web1 /run/netns/alias",
            SERVICE.replace("ip ", "ip -n web1 "),
        ),
        present={"name": "web1", "loopback": False},
        update={"name": "web1", "loopback": True},
        absent={"name": "web1"},
        gone=("ip netns del web1",),
    ),
    Case(
        "netns-pid-router",
        "netns",
        prepare=(SLEEPER % ROUTER,),
        present={
            "name": "ofpid",
            "pid": "@sleeper.pid@",
            "sysctl": {"net.ipv4.ip_forward": "1", "net.ipv6.conf.all.forwarding": "1"},
        },
        update={
            "name": "ofpid",
            "pid": "@sleeper.pid@",
            "sysctl": {"net.ipv4.conf.all.forwarding": "0", "net.ipv4.conf.r1.forwarding": "1"},
        },
        absent={"name": "ofpid"},
    ),
    Case(
        "netns-sysctl",
        "netns",
        present={
            "name": "web1",
            "sysctl": {"net.ipv4.ip_forward": "1", "net.ipv6.conf.all.forwarding": "1"},
        },
        update={
            "name": "web1",
            "sysctl": {"net.ipv4.ip_forward": "0", "net.ipv4.conf.default.rp_filter": "2"},
        },
        absent={"name": "web1"},
    ),
    Case(
        "netns-dns",
        "netns",
        present={"name": "web1", "dns": DNS},
        update={"name": "web1", "dns": {"servers": ["2001:db8::54"], "search": [], "options": []}},
        absent={"name": "web1"},
    ),
    Case(
        "netns-dns-found",
        "netns",
        prepare=(
            "mkdir -p /etc/netns/web1",
            "echo nameserver 203.0.113.9 > /etc/netns/web1/resolv.conf",
        ),
        present={"name": "web1", "dns": DNS},
        update={"name": "web1", "dns": {"servers": ["2001:db8::54"]}},
        absent={"name": "web1"},
    ),
    Case(
        "netns-nsid",
        "netns",
        present={"name": "web1", "nsid": 77},
        absent={"name": "web1"},
    ),
    Case(
        "netns-leftover",
        "netns",
        prepare=("touch /run/netns/web1",),
        present={"name": "web1"},
        update={"name": "web1", "sysctl": {"net.ipv4.ip_forward": "1"}},
        absent={"name": "web1"},
        gone=("rm /run/netns/web1",),
    ),
    Case(
        "netns-found",
        "netns",
        prepare=("ip netns add web1", "ip -n web1 link add inner type ifb"),
        present={"name": "web1"},
        update={
            "name": "web1",
            "loopback": False,
            "sysctl": {"net.ipv4.ip_forward": "1"},
            "dns": DNS,
        },
        absent={"name": "web1"},
        gone=("ip netns del web1",),
    ),
    Case(
        "netns-list",
        "netns",
        present={
            "namespaces": [
                {"name": "web1"},
                {"name": "web", "dns": DNS},
                {"name": "web1-a", "loopback": False},
            ]
        },
        update={
            "namespaces": [
                {"name": "web1-a", "sysctl": {"net.ipv4.ip_forward": "1"}},
                {"name": "web1", "nsid": 5},
                {"name": "web", "dns": {"servers": ["192.0.2.54"]}},
            ]
        },
        absent={"namespaces": [{"name": "web1"}, {"name": "web"}, {"name": "web1-a"}]},
    ),
]

# ---- link ----

BRIDGE = """
ip -batch - <<END
link add br0 address 02:b0:00:00:00:01 type bridge
addr add 10.9.0.1/24 dev br0
addr add 2001:db8:9::1/64 nodad dev br0
link set br0 up
END
"""
BOX = "ip netns add box\nip -n box link set lo up"
PARENT = """
ip link add par0 address 02:c0:00:00:00:01 type veth peer name par1 address 02:c0:00:00:00:02
ip link set par0 up
ip link set par1 up
"""

LINK = [
    Case(
        "link-bridge",
        "link",
        present={
            "name": "br1",
            "kind": "bridge",
            "mac": "02:00:00:00:01:01",
            "mtu": 1400,
            "multicast_snooping": False,
            "addresses": ["10.8.0.1/24", "2001:db8:8::1/64"],
        },
        update={
            "name": "br1",
            "kind": "bridge",
            "mac": "02:00:00:00:01:02",
            "mtu": 1450,
            "multicast_snooping": True,
            "addresses": ["10.8.0.1/24", "10.8.1.1/24", "2001:db8:8::2/64"],
            "purge_addresses": True,
            "alias": "uplink of ours",
            "altnames": ["bridge-of-ours", "br-one"],
            "txqlen": 500,
        },
        absent={"name": "br1"},
    ),
    Case(
        "link-bridge-plain",
        "link",
        present={"name": "br1", "kind": "bridge"},
        update={"name": "br1", "kind": "bridge", "up": False},
        absent={"name": "br1"},
        foreign=False,
        fresh=True,
    ),
    Case(
        "link-veth-sandbox",
        "link",
        prepare=(BRIDGE, BOX),
        present={
            "name": "eth0",
            "netns": "box",
            "kind": "veth",
            "mac": "02:00:00:00:02:01",
            "mtu": 1450,
            "peer": {"name": "vbox0", "master": "br0", "mac": "02:00:00:00:02:02", "mtu": 1450},
            "addresses": ["10.9.0.2/24", "2001:db8:9::2/64"],
            "routes": [
                {"dst": "default", "gateway": "10.9.0.1"},
                {"dst": "::/0", "gateway": "2001:db8:9::1"},
                {"dst": "192.0.2.0/24", "gateway": "10.9.0.9", "metric": 50},
            ],
        },
        update={
            "name": "eth0",
            "netns": "box",
            "kind": "veth",
            "mac": "02:00:00:00:02:03",
            "mtu": 1400,
            "peer": {"name": "vbox0", "master": "br0", "mtu": 1400, "alias": "to the box"},
            "addresses": ["10.9.0.3/24", "2001:db8:9::3/64"],
            "purge_addresses": True,
            "routes": [
                {"dst": "default", "gateway": "10.9.0.254"},
                {"dst": "::/0", "gateway": "2001:db8:9::fe"},
                {"dst": "2001:db8:77::/48", "gateway": "2001:db8:9::1", "metric": 5},
            ],
            "purge_routes": True,
            "altnames": ["outside"],
        },
        absent={"name": "eth0", "netns": "box"},
    ),
    Case(
        "link-veth-random-mac",
        "link",
        prepare=(BRIDGE, BOX),
        present={
            "name": "eth0",
            "netns": "box",
            "kind": "veth",
            "peer": {"name": "vbox0", "master": "br0"},
            "addresses": ["10.9.0.2/24"],
        },
        update={
            "name": "eth0",
            "netns": "box",
            "kind": "veth",
            "peer": {"name": "vbox0", "up": False},
            "up": False,
        },
        absent={"name": "eth0", "netns": "box"},
    ),
    Case(
        "link-veth-host",
        "link",
        present={
            "name": "pair0",
            "kind": "veth",
            "peer": {"name": "pair1", "addresses": ["10.7.0.2/24", "2001:db8:7::2/64"]},
            "addresses": ["10.7.0.1/24"],
            "routes": [{"dst": "10.77.0.0/16", "gateway": "10.7.0.2"}],
        },
        update={
            "name": "pair0",
            "kind": "veth",
            "peer": {"name": "pair1", "addresses": ["10.7.0.3/24"], "purge_addresses": True},
            "addresses": ["10.7.0.1/24", "2001:db8:7::1/64"],
            "routes": [{"dst": "10.77.0.0/16", "gateway": "10.7.0.3"}],
        },
        absent={"name": "pair0"},
    ),
    Case(
        "link-macvlan",
        "link",
        prepare=(PARENT, BOX),
        present={
            "name": "mv0",
            "netns": "box",
            "kind": "macvlan",
            "parent": "par0",
            "mode": "bridge",
            "mac": "02:00:00:00:03:01",
            "addresses": ["10.6.0.2/24", "2001:db8:6::2/64"],
        },
        update={
            "name": "mv0",
            "netns": "box",
            "kind": "macvlan",
            "parent": "par0",
            "mode": "bridge",
            "mac": "02:00:00:00:03:02",
            "mtu": 1300,
            "addresses": ["10.6.0.3/24"],
            "purge_addresses": True,
        },
        absent={"name": "mv0", "netns": "box"},
    ),
    Case(
        "link-macvtap",
        "link",
        prepare=(PARENT,),
        present={
            "name": "mvt0",
            "kind": "macvtap",
            "parent": "par0",
            "mode": "bridge",
            "mac": "02:00:00:00:04:01",
        },
        update={
            "name": "mvt0",
            "kind": "macvtap",
            "parent": "par0",
            "mode": "bridge",
            "alias": "of a guest",
            "up": False,
        },
        absent={"name": "mvt0"},
    ),
    Case(
        "link-vxlan",
        "link",
        prepare=(PARENT, "ip addr add 10.5.0.1/24 dev par0"),
        present={
            "name": "vx0",
            "kind": "vxlan",
            "vni": 4242,
            "remote": "10.5.0.2",
            "local": "10.5.0.1",
            "dst_port": 4789,
            "addresses": ["10.55.0.1/24"],
        },
        update={
            "name": "vx0",
            "kind": "vxlan",
            "vni": 4242,
            "remote": "10.5.0.2",
            "local": "10.5.0.1",
            "dst_port": 4789,
            "mtu": 1300,
            "addresses": ["10.55.0.1/24", "2001:db8:55::1/64"],
        },
        absent={"name": "vx0"},
    ),
    Case(
        "link-ifb",
        "link",
        present={"name": "shape0", "kind": "ifb", "txqlen": 64},
        update={"name": "shape0", "kind": "ifb", "txqlen": 128, "altnames": ["shaper"]},
        absent={"name": "shape0"},
    ),
    Case(
        "link-tap",
        "link",
        prepare=(BRIDGE,),
        present={
            "name": "tap7",
            "kind": "tap",
            "queues": 2,
            "vnet_hdr": True,
            "owner": "root",
            "mac": "02:00:00:00:05:01",
        },
        update={
            "name": "tap7",
            "kind": "tap",
            "queues": 2,
            "vnet_hdr": True,
            "owner": "root",
            "master": "br0",
            "mtu": 1400,
        },
        absent={"name": "tap7"},
    ),
    Case(
        "link-tap-sandbox",
        "link",
        prepare=(BOX,),
        present={
            "name": "tap7",
            "netns": "box",
            "kind": "tap",
            "addresses": ["10.4.0.1/24", "2001:db8:4::1/64"],
        },
        absent={"name": "tap7", "netns": "box"},
    ),
    Case(
        "link-tun",
        "link",
        present={"name": "tun7", "kind": "tun", "addresses": ["10.3.0.1/24"]},
        update={
            "name": "tun7",
            "kind": "tun",
            "addresses": ["10.3.0.1/24", "2001:db8:3::1/64"],
            "mtu": 1280,
        },
        absent={"name": "tun7"},
    ),
    Case(
        "link-list",
        "link",
        prepare=(BOX,),
        present={
            "links": [
                {
                    "name": "br1",
                    "kind": "bridge",
                    "mac": "02:00:00:00:06:01",
                    "addresses": ["10.8.0.1/24"],
                },
                {
                    "name": "eth0",
                    "netns": "box",
                    "kind": "veth",
                    "peer": {"name": "vbox0", "master": "br1"},
                    "addresses": ["10.8.0.2/24"],
                    "routes": [{"dst": "default", "gateway": "10.8.0.1"}],
                },
                {
                    "name": "eth1",
                    "netns": "box",
                    "kind": "veth",
                    "peer": {"name": "vbox1", "master": "br1"},
                },
            ]
        },
        update={
            "links": [
                {
                    "name": "eth1",
                    "netns": "box",
                    "kind": "veth",
                    "peer": {"name": "vbox1"},
                    "addresses": ["10.8.0.3/24"],
                },
                {"name": "br1", "kind": "bridge", "mtu": 1400},
                {
                    "name": "eth0",
                    "netns": "box",
                    "kind": "veth",
                    "peer": {"name": "vbox0", "mtu": 1400},
                    "mtu": 1400,
                    "addresses": ["10.8.0.2/24"],
                    "routes": [{"dst": "default", "gateway": "10.8.0.254"}],
                },
            ]
        },
        absent={
            "links": [
                {"name": "eth0", "netns": "box"},
                {"name": "br1"},
                {"name": "eth1", "netns": "box"},
            ]
        },
    ),
    Case(
        "link-address-attributes",
        "link",
        present={
            "name": "pair0",
            "kind": "veth",
            "peer": {"name": "pair1"},
            "addresses": [
                {"address": "10.7.0.1/32", "peer": "10.7.0.2/32"},
                {
                    "address": "10.7.1.1/24",
                    "label": "pair0:one",
                    "broadcast": "10.7.1.255",
                    "noprefixroute": True,
                },
                {"address": "10.7.2.1/24", "scope": "link"},
                {"address": "2001:db8:7::1/64", "nodad": True, "noprefixroute": True},
            ],
            "routes": [
                {"dst": "10.70.0.0/16", "gateway": "10.7.0.2", "table": 100, "metric": 10},
                {"dst": "10.71.0.0/16", "scope": "link", "src": "10.7.2.1"},
                {"dst": "10.72.0.0/16", "gateway": "192.0.2.1", "onlink": True},
                {"dst": "2001:db8:70::/48", "gateway": "fe80::1", "metric": 20},
            ],
        },
        update={
            "name": "pair0",
            "kind": "veth",
            "peer": {"name": "pair1"},
            "addresses": ["10.7.2.1/24", {"address": "2001:db8:7::1/64", "nodad": True}],
            "purge_addresses": True,
            "routes": [{"dst": "10.70.0.0/16", "gateway": "10.7.2.9", "table": 100, "metric": 10}],
            "purge_routes": True,
        },
        absent={"name": "pair0"},
    ),
    Case(
        "link-found",
        "link",
        prepare=(
            BRIDGE,
            "ip link add own0 address 02:d0:00:00:00:01 type veth peer name own1 address 02:d0:00:00:00:02",
            "ip link set own0 up; ip link set own1 up",
            "ip addr add 10.2.0.1/24 dev own0; ip addr add 2001:db8:2::1/64 nodad dev own0",
            "ip route add 10.22.0.0/16 via 10.2.0.2; ip -6 route add 2001:db8:22::/48 via 2001:db8:2::2",
        ),
        present={
            "name": "own0",
            "kind": "veth",
            "mtu": 1400,
            "addresses": ["10.2.0.9/24"],
            "peer": {"name": "own1"},
        },
        update={
            "name": "own0",
            "kind": "veth",
            "up": False,
            "addresses": ["10.2.0.10/24"],
            "purge_addresses": True,
            "purge_routes": True,
            "peer": {"name": "own1", "master": "br0"},
        },
        absent={"name": "own0"},
        gone=("ip link del own0",),
    ),
    Case(
        "link-lo",
        "link",
        prepare=(
            "ip addr add 10.66.9.1/24 dev lo; ip addr add 10.66.9.2/24 dev lo",
            "ip addr add 2001:db8:66:9::1/64 dev lo",
            "ip route add 10.67.9.0/24 dev lo src 10.66.9.1",
        ),
        present={
            "name": "lo",
            "mtu": 60000,
            "alias": "services",
            "addresses": ["10.66.0.1/32", "10.66.1.1/24", "2001:db8:66::1/128"],
            "routes": [{"dst": "10.67.0.0/16", "src": "10.66.0.1", "metric": 9}],
        },
        update={
            "name": "lo",
            "mtu": 65000,
            "altnames": ["services-of-ours"],
            "addresses": [{"address": "10.66.0.1/32", "label": "lo:one"}, "10.66.9.2/24", "2001:db8:66::2/128"],
            "purge_addresses": True,
            "purge_routes": True,
        },
        absent={"name": "lo"},
    ),
    Case(
        "link-recreate",
        "link",
        prepare=(
            "ip link add rec0 address 02:d0:00:00:00:03 type ifb; ip link set rec0 up mtu 1400 alias before",
            "ip link property add dev rec0 altname rec-before; ip addr add 10.1.0.1/24 dev rec0",
        ),
        present={"name": "rec0", "kind": "bridge", "recreate": True, "addresses": ["10.1.0.1/24"]},
        absent={"name": "rec0"},
        gone=("ip link del rec0",),
    ),
    Case(
        "link-other-kind",
        "link",
        prepare=("ip link add rec0 address 02:d0:00:00:00:03 type ifb",),
        present={"name": "rec0", "kind": "bridge"},
        absent={"name": "rec0"},
        refused="recreate",
    ),
    Case(
        "link-dummy",
        "link",
        present={"name": "d0", "kind": "dummy"},
        absent={"name": "d0"},
        refused="dummy",
    ),
    Case(
        "link-vlan",
        "link",
        prepare=(PARENT,),
        present={"name": "par0.7", "kind": "vlan", "parent": "par0", "vlan_id": 7},
        absent={"name": "par0.7"},
        refused="vlan",
    ),
    Case(
        "link-ipvlan",
        "link",
        prepare=(PARENT,),
        present={"name": "ipv0", "kind": "ipvlan", "parent": "par0", "mode": "l2"},
        absent={"name": "ipv0"},
        refused="ipvlan",
    ),
    Case(
        "link-list-refused",
        "link",
        prepare=(BOX,),
        present={
            "links": [
                {"name": "br1", "kind": "bridge"},
                {"name": "d0", "netns": "box", "kind": "dummy"},
            ]
        },
        absent={"links": [{"name": "br1"}, {"name": "d0", "netns": "box"}]},
        refused="dummy",
    ),
]

# ---- address_lease ----

# ---- netdev_move ----

DEVICE = """
ip -batch - <<END
link add br0 address 02:b0:00:00:00:01 type bridge
addr add 10.1.0.1/24 dev br0
link set br0 up
link add q0 address 02:c0:00:00:00:01 type veth peer name p0 address 02:c0:00:00:00:02
link set p0 up
link set q0 mtu 1400 txqueuelen 77 alias somebodys group 7
link property add dev q0 altname q-alt altname q-other
END
"""
SETTINGS = """
echo 2 > /proc/sys/net/ipv4/conf/q0/rp_filter
echo 1 > /proc/sys/net/ipv4/conf/q0/arp_notify
echo 0 > /proc/sys/net/ipv6/conf/q0/accept_ra
"""
# Three addresses and three routes of each family, one of them of many ways, one by its source only.
ADDRESSES = """
ip -batch - <<END
link set q0 up
addr add 10.9.0.2/24 broadcast + label q0:web dev q0
addr add 10.9.0.3/24 dev q0
addr add 10.8.0.2 peer 10.8.0.1/32 metric 7 dev q0
addr add 169.254.7.7/16 scope link dev q0
addr add 2001:db8:9::2/64 nodad dev q0
addr add 2001:db8:9::3/64 nodad noprefixroute preferred_lft 0 dev q0
addr add 2001:db8:9::4/128 nodad home dev q0
route add 10.20.0.0/16 via 10.9.0.1
route add 10.21.0.0/16 via 192.168.77.1 dev q0 onlink metric 5
route add 10.22.0.0/16 dev q0 src 10.9.0.3 table 100
route add 10.23.0.0/16 nexthop via 10.9.0.1 weight 2 nexthop via 10.9.0.7
route add 10.24.0.0/16 dev br0 src 10.9.0.2
route add 2001:db8:20::/48 via 2001:db8:9::1
route add 2001:db8:21::/48 dev q0 src 2001:db8:9::2 metric 9
route add 2001:db8:22::/48 nexthop via 2001:db8:9::1 nexthop via 2001:db8:9::7 weight 3
neigh add 10.9.0.77 lladdr 02:aa:00:00:00:77 dev q0 nud permanent
neigh add 2001:db8:9::77 lladdr 02:aa:00:00:00:78 dev q0 nud permanent
END
"""
TRAFFIC_CONTROL = """
tc qdisc add dev q0 handle ffff: ingress
tc filter add dev q0 parent ffff: protocol ip prio 10 \\
  u32 match ip dst 192.0.2.99/32 action mirred egress mirror dev br0
tc qdisc add dev q0 root handle 1: htb default 10
tc class add dev q0 parent 1: classid 1:10 htb rate 5mbit ceil 20mbit
tc qdisc add dev q0 parent 1:10 handle 10: tbf rate 4mbit burst 10k latency 50ms
"""
PORT = """
ip link set q0 master br0 up
ip link set q0 type bridge_slave hairpin on isolated on
ip link set q0 promisc on
"""
SECOND = """
ip link add s0 address 02:c0:00:00:00:03 type veth peer name s1 address 02:c0:00:00:00:04
ip link set s1 up
ip link set s0 up
ip addr add 10.7.0.2/24 dev s0
ip addr add 2001:db8:7::2/64 nodad dev s0
"""
TAKEN_INSIDE = "ip -n box link add eth0 address 02:c0:00:00:00:09 type ifb"

MOVE = [
    Case(
        "move-everything",
        "netdev_move",
        prepare=(BOX, DEVICE, SETTINGS, ADDRESSES, TRAFFIC_CONTROL),
        present={"device": "q0", "netns": "box", "new_name": "eth0", "routes": "preserve"},
        update={"device": "q0", "netns": "box", "new_name": "data0", "routes": "preserve"},
        absent={"device": "q0", "netns": "box"},
        things=("br0",),  # a route through it has an address of the device as its source
    ),
    Case(
        "move-port",
        "netdev_move",
        prepare=(BOX, DEVICE, PORT),
        present={"device": "q0", "netns": "box"},
        update={"device": "q0", "netns": "box", "up": False},
        absent={"device": "q0", "netns": "box"},
    ),
    Case(
        "move-template",
        "netdev_move",
        prepare=(BOX, TAKEN_INSIDE, DEVICE, ADDRESSES),
        present={"mac": "02:c0:00:00:00:01", "netns": "box", "new_name": "eth%d", "addresses": "drop"},
        update={"mac": "02:c0:00:00:00:01", "netns": "box", "new_name": "eth%d"},
        absent={"mac": "02:c0:00:00:00:01", "netns": "box"},
        things=("q0", "br0"),
    ),
    Case(
        "move-down",
        "netdev_move",
        prepare=(BOX, DEVICE, "ip addr add 10.9.0.2/24 dev q0"),
        present={"device": "q0", "netns": "box", "up": False},
        update={"device": "q0", "netns": "box", "up": True},
        absent={"device": "q0", "netns": "box"},
    ),
    Case(
        "move-between-sandboxes",
        "netdev_move",
        prepare=(BOX, DEVICE, "ip netns add other", "ip link set q0 netns other", "ip -n other link set q0 up"),
        present={"device": "q0", "from_netns": "other", "netns": "box", "new_name": "eth0"},
        absent={"device": "q0", "netns": "box"},
    ),
    Case(
        "move-list",
        "netdev_move",
        prepare=(BOX, DEVICE, ADDRESSES, SECOND),
        present={
            "devices": [
                {"device": "q0", "netns": "box", "new_name": "eth%d", "routes": "preserve"},
                {"device": "s0", "netns": "box", "new_name": "eth%d"},
            ]
        },
        absent={"devices": [{"device": "s0", "netns": "box"}, {"device": "q0", "netns": "box"}]},
        things=("br0",),
    ),
    Case(
        "move-oci",
        "netdev_move",
        prepare=(BOX, DEVICE, SECOND),
        present={"netns": "box", "net_devices": {"q0": {"name": "net0"}, "s0": {}}},
        absent={"netns": "box", "net_devices": {"q0": {"name": "net0"}, "s0": {}}},
    ),
    Case(
        "move-all-back",
        "netdev_move",
        prepare=(BOX, DEVICE, ADDRESSES, SECOND),
        present={"devices": [{"device": "q0", "netns": "box"}, {"device": "s0", "netns": "box", "new_name": "eth0"}]},
        absent={"netns": "box"},
        things=("q0", "s0", "br0"),
    ),
    Case(
        "move-tap",
        "netdev_move",
        prepare=(BOX, "ip tuntap add tap7 mode tap; ip link set tap7 address 02:c0:00:00:00:0a up"),
        present={"device": "tap7", "netns": "box", "new_name": "eth0"},
        absent={"device": "tap7", "netns": "box"},
    ),
    Case(
        "move-name-taken",
        "netdev_move",
        prepare=(BOX, TAKEN_INSIDE, DEVICE, ADDRESSES),
        present={"device": "q0", "netns": "box", "new_name": "eth0"},
        absent={"device": "q0", "netns": "box"},
        refused="new_name: 'eth0' is the name of another link in /run/netns/box",
    ),
    Case(
        "move-altname-taken",
        "netdev_move",
        prepare=(BOX, TAKEN_INSIDE, "ip -n box link property add dev eth0 altname q-other", DEVICE, ADDRESSES),
        present={"device": "q0", "netns": "box", "new_name": "eth1"},
        absent={"device": "q0", "netns": "box"},
        refused="new_name: the alternative name 'q-other' of the device: .* is an alternative name of eth0",
    ),
    Case(
        "move-second-impossible",
        "netdev_move",
        prepare=(BOX, DEVICE, ADDRESSES),
        present={"devices": [{"device": "q0", "netns": "box"}, {"device": "br0", "netns": "box"}]},
        absent={"device": "q0", "netns": "box"},
        refused="br0 is of kind bridge, which the kernel moves to no other namespace",
    ),
    Case(
        "move-loopback",
        "netdev_move",
        prepare=(BOX,),
        present={"device": "lo", "netns": "box"},
        absent={"device": "lo", "netns": "box"},
        refused="lo is the loopback device",
    ),
    Case(
        "move-missing-device",
        "netdev_move",
        prepare=(BOX,),
        present={"device": "q9", "netns": "box"},
        absent={"device": "q9", "netns": "box"},
        refused="device: 'q9' is no device in the namespace Ansible runs in",
    ),
    Case(
        "move-way-out",
        "netdev_move",
        prepare=(BOX, DEVICE, ADDRESSES, "ip route add default via 10.9.0.1"),
        present={"device": "q0", "netns": "box"},
        absent={"device": "q0", "netns": "box"},
        refused="q0 carries the host's default route; force: true",
    ),
]

# ---- vm_endpoint ----

# A sandbox as a container runtime leaves it: the other end of its link is on a bridge of the host.
VETH = """
ip netns add box
ip -n box link set lo up
ip link add p0 address 02:c0:00:00:00:02 type veth peer name eth0 netns box address 02:c0:00:00:00:01
ip link set p0 up
ip -n box -batch - <<END
link set eth0 mtu 1400 up
addr add 10.9.0.2/24 broadcast + dev eth0
addr add 10.9.0.3/24 dev eth0
addr add 2001:db8:9::2/64 nodad dev eth0
route add default via 10.9.0.1
route add default via 2001:db8:9::1
route add 10.21.0.0/16 via 10.9.0.7 src 10.9.0.3 metric 5
neigh add 10.9.0.77 lladdr 02:aa:00:00:00:77 dev eth0 nud permanent
END
"""
FOREIGN_INGRESS = """
ip -n box link add i0 address 02:c0:00:00:00:21 type ifb
tc -n box qdisc add dev eth0 handle ffff: ingress
tc -n box filter add dev eth0 parent ffff: protocol ip prio 10 \\
  u32 match ip dst 192.0.2.99/32 action mirred egress mirror dev i0
"""
FOREIGN_CLSACT = FOREIGN_INGRESS.replace("handle ffff: ingress", "clsact").replace("parent ffff:", "ingress")
SECOND_VETH = """
ip link add p1 address 02:c0:00:00:00:32 type veth peer name eth1 netns box address 02:c0:00:00:00:31
ip link set p1 up
ip -n box addr add 10.8.0.2/24 dev eth1
"""
ETH0 = {"netns": "box", "interface": "eth0"}

ENDPOINT = [
    Case(
        "endpoint-tcfilter",
        "vm_endpoint",
        prepare=(VETH,),
        present=ETH0,
        update={**ETH0, "rx_rate": 20_000_000, "tx_rate": 40_000_000},
        absent=ETH0,
        things=("eth0", "tap0_kata"),
    ),
    Case(
        "endpoint-macvtap",
        "vm_endpoint",
        prepare=(VETH,),
        present={**ETH0, "model": "macvtap"},
        update={**ETH0, "model": "macvtap", "mac": "02:00:00:00:00:99", "tx_rate": 40_000_000},
        absent=ETH0,
        things=("eth0", "tap0_kata"),
    ),
    Case(
        "endpoint-bridged",
        "vm_endpoint",
        prepare=(VETH,),
        present={**ETH0, "model": "bridged", "queues": 2, "owner": "1000", "group": "1000"},
        update={**ETH0, "model": "tcfilter", "index": 7},
        absent=ETH0,
        things=("eth0", "tap0_kata", "tap7_kata", "br0_kata"),
    ),
    Case(
        "endpoint-none",
        "vm_endpoint",
        prepare=(VETH,),
        present={**ETH0, "model": "none", "tap": "vm0"},
        update={**ETH0, "model": "none", "tap": "vm1", "vnet_hdr": False},
        absent=ETH0,
        things=("vm0", "vm1"),
    ),
    Case(
        "endpoint-beside-ingress",
        "vm_endpoint",
        prepare=(VETH, FOREIGN_INGRESS),
        present=ETH0,
        absent=ETH0,
        things=("eth0", "tap0_kata"),
    ),
    Case(
        "endpoint-beside-clsact",
        "vm_endpoint",
        prepare=(VETH, FOREIGN_CLSACT),
        present=ETH0,
        absent=ETH0,
        things=("eth0", "tap0_kata"),
    ),
    Case(
        "endpoint-of-a-link-that-is-down",
        "vm_endpoint",
        prepare=(VETH, "ip -n box link set eth0 down"),
        present={**ETH0, "model": "macvtap"},
        update={**ETH0, "model": "bridged"},
        absent=ETH0,
        things=("eth0", "tap0_kata", "br0_kata"),
    ),
    Case(
        "endpoint-scan",
        "vm_endpoint",
        prepare=(VETH, SECOND_VETH),
        present={"netns": "box", "scan": True},
        update={"netns": "box", "scan": True, "model": "macvtap"},
        absent={"netns": "box"},
        things=("eth0", "eth1", "tap0_kata", "tap1_kata"),
    ),
    Case(
        "endpoint-list",
        "vm_endpoint",
        prepare=(VETH, SECOND_VETH),
        present={
            "endpoints": [{**ETH0, "model": "bridged"}, {"netns": "box", "interface": "eth1", "model": "macvtap"}]
        },
        absent={"endpoints": [ETH0, {"netns": "box", "interface": "eth1"}]},
        things=("eth0", "eth1", "tap0_kata", "tap1_kata", "br0_kata"),
    ),
    Case(
        "endpoint-name-taken",
        "vm_endpoint",
        prepare=(VETH, "ip -n box link add tap0_kata type ifb"),
        present=ETH0,
        absent=ETH0,
        refused="tap: 'tap0_kata' is a name of another link in /run/netns/box",
    ),
    Case(
        "endpoint-missing",
        "vm_endpoint",
        prepare=(VETH,),
        present={"netns": "box", "interface": "eth9"},
        absent={"netns": "box", "interface": "eth9"},
        refused="interface: 'eth9' is no link of /run/netns/box",
    ),
    Case(
        "endpoint-vhost",
        "vm_endpoint",
        prepare=(VETH,),
        present={**ETH0, "model": "macvtap", "vhost": "required"},
        absent=ETH0,
        refused="vhost: 'required' needs /dev/vhost-net",
    ),
    Case(
        "endpoint-enlightened",
        "vm_endpoint",
        prepare=(VETH,),
        present={**ETH0, "model": "enlightened"},
        absent=ETH0,
        refused="model: 'enlightened' .* use default, none, bridged, macvtap, tcfilter",
    ),
]

POOLS = ["10.80.0.0/24", "2001:db8:80::/64"]
GATEWAYS = ["10.80.0.1", "2001:db8:80::1"]

LEASE = [
    Case(
        "lease-one",
        "address_lease",
        present={"owner": "web1/eth0", "pools": POOLS, "exclude": GATEWAYS},
        update={
            "owner": "web1/eth0",
            "pools": POOLS[:1],
            "exclude": [*GATEWAYS, "10.80.0.2"],
            "addresses": ["10.81.0.7/24"],
        },
        absent={"owner": "web1/eth0"},
    ),
    Case(
        "lease-list",
        "address_lease",
        present={
            "leases": [
                {"owner": "web1", "pools": POOLS, "exclude": GATEWAYS},
                {"owner": "web10", "addresses": ["10.80.0.2/24"]},
                {"owner": "web 1 é", "pools": POOLS},
            ]
        },
        update={
            "leases": [
                {"owner": "web10", "state": "absent"},
                {"owner": "web1", "addresses": ["10.80.0.9/24"]},
                {"owner": "web 1 é", "pools": POOLS[1:]},
            ]
        },
        absent={"leases": [{"owner": "web10"}, {"owner": "web 1 é"}, {"owner": "web1"}]},
        foreign=False,
    ),
    Case(
        "lease-exhausted",
        "address_lease",
        present={"leases": [{"owner": name, "pools": ["10.80.0.0/30"]} for name in ("a", "b", "c")]},
        absent={"owner": "a"},
        refused="10.80.0.0/30",
    ),
]

# ---- slirp_network and slirp_portfwd ----

SB = "ip netns add sb"
WAY_OUT = """
ip link add w0 address 02:a0:00:00:00:01 type veth peer name w1 address 02:a0:00:00:00:02
ip -batch - <<END
link set w1 up
link set w0 up
addr add 198.18.0.1/24 dev w0
route add default via 198.18.0.2
END
"""  # pasta does not start without one
NETWORK = {"netns": "sb", "forwards": ["8080:80", "8081:8181/udp", "0.0.0.0:8082:82"]}
OTHER_FORWARDS = ["8080:8888", "0.0.0.0:8082:8282", "8083:8383/tcp,udp"]
RUNNING = ("slirp_network", {"netns": "sb", "forwards": ["7000:70", "7001:71"]})
RUNNING_PASTA = ("slirp_network", {"netns": "sb", "backend": "pasta", "forwards": ["7000:70", "7001:71"]})
FORWARDS = ["8080:80", "8081:8181/udp", "8082-8083:82-83"]
BY_HAND = """
unshare -m slirp4netns --configure --api-socket=/run/hand.sock --netns-type=path /run/netns/sb tap0 \\
  </dev/null >/dev/null 2>&1 &
until [ -S /run/hand.sock ]; do sleep 0.01; done
"""
LISTENER = """
python3 -c 'import os, socket
one = socket.create_server(("127.0.0.1", 8081))
os.fork() and os._exit(0)
for number in (0, 1, 2): os.dup2(os.open("/dev/null", 2), number)
import signal; signal.pause()'
"""
WITHOUT_NETWORK = """
for file in process.json helper.json; do
    kill -9 $(sed 's/.*"pid": \\([0-9]*\\).*/\\1/' /run/sandbox-network/helpers/*/$file)
done
until ! ip -n sb link show tap0 >/dev/null 2>&1; do sleep 0.01; done
rm -r /run/sandbox-network/helpers /run/sandbox-network/records/slirp /etc/netns/sb
ip netns del sb
"""

SLIRP = [
    Case(
        "slirp-plain",
        "slirp_network",
        prepare=(SB,),
        present={"netns": "sb"},
        update={"netns": "sb", "mtu": 1400, "dns": False},
        absent={"netns": "sb"},
    ),
    Case(
        "slirp-first-use",
        "slirp_network",
        prepare=(SB,),
        present={"netns": "sb", "forwards": ["8080:80"]},
        absent={"netns": "sb"},
        foreign=False,
        fresh=True,
    ),
    Case(
        "slirp-forwards",
        "slirp_network",
        prepare=(SB,),
        present={**NETWORK, "purge": True},
        update={"netns": "sb", "forwards": OTHER_FORWARDS, "purge": True},
        absent={"netns": "sb"},
    ),
    Case(
        "slirp-pasta",
        "slirp_network",
        prepare=(SB, WAY_OUT),
        present={**NETWORK, "backend": "pasta"},
        update={"netns": "sb", "backend": "pasta", "forwards": ["8084:84", "8080:8888"], "mtu": 1400},
        absent={"netns": "sb"},
    ),
    Case(
        "slirp-another-backend",
        "slirp_network",
        prepare=(SB, WAY_OUT),
        present={**NETWORK, "interface": "eth0"},
        update={"netns": "sb", "backend": "pasta"},
        absent={"netns": "sb"},
    ),
    Case(
        "slirp-resolv-conf-found",
        "slirp_network",
        prepare=(SB, "mkdir /etc/netns/sb; echo nameserver 192.0.2.1 > /etc/netns/sb/resolv.conf"),
        present={"netns": "sb"},
        update={"netns": "sb", "cidr": "10.9.8.0/24"},
        absent={"netns": "sb"},
    ),
    Case(
        "slirp-list",
        "slirp_network",
        prepare=(SB, "ip netns add sc", "ip -n sc link set lo up", WAY_OUT),
        present={"networks": [NETWORK, {"netns": "sc", "backend": "pasta", "forwards": ["9000:90"]}]},
        update={"networks": [{"netns": "sb", "state": "absent"}, {"netns": "sc", "cidr": "10.0.3.0/24"}]},
        absent={"networks": [{"netns": "sb"}, {"netns": "sc"}]},
    ),
    Case(
        "slirp-portfwd",
        "slirp_portfwd",
        prepare=(SB, RUNNING),
        present={"netns": "sb", "forwards": FORWARDS},
        update={"netns": "sb", "forwards": ["8080:8888", "8081:8181/tcp,udp"]},
        absent={"netns": "sb", "forwards": ["8080-8083/tcp,udp"]},
    ),
    Case(
        "slirp-portfwd-purge",
        "slirp_portfwd",
        prepare=(SB, RUNNING),
        present={"netns": "sb", "forwards": [*FORWARDS, "7000:70", "7001:71"]},
        update={"netns": "sb", "forwards": ["7000:70", "7001:71", "8081:8182/udp"], "purge": True},
        absent={"netns": "sb", "forwards": ["8080-8083/tcp,udp"]},
    ),
    Case(
        "slirp-portfwd-pasta",
        "slirp_portfwd",
        prepare=(SB, WAY_OUT, RUNNING_PASTA),
        present={"netns": "sb", "forwards": FORWARDS},
        update={"netns": "sb", "forwards": ["8080:8888", "8081:8181/tcp,udp"]},
        absent={"netns": "sb", "forwards": ["8080-8083/tcp,udp"]},
    ),
    Case(
        "slirp-portfwd-by-hand",
        "slirp_portfwd",
        prepare=(SB, BY_HAND),
        present={"api_socket": "/run/hand.sock", "forwards": FORWARDS},
        update={"api_socket": "/run/hand.sock", "forwards": ["8080:8888", "8082:82"], "purge": True},
        absent={"api_socket": "/run/hand.sock", "forwards": ["8080-8083/tcp,udp"]},
    ),
    Case(
        "slirp-ends-with-netns",
        "netns",
        prepare=(SB, RUNNING),
        present={"name": "sb", "sysctl": {"net.ipv4.ip_forward": "1"}},
        absent={"name": "sb"},
        gone=(WITHOUT_NETWORK,),
    ),
    Case(
        "slirp-busy",
        "slirp_network",
        prepare=(SB, LISTENER),
        present={"netns": "sb", "forwards": ["8080:80", "8081:81"]},
        absent={"netns": "sb"},
        refused="forwards: '127.0.0.1:8081/tcp' cannot be listened at: EADDRINUSE .*python3",
    ),
    Case(
        "slirp-interface-taken",
        "slirp_network",
        prepare=(SB, "ip -n sb link add tap0 type ifb"),
        present={"netns": "sb"},
        absent={"netns": "sb"},
        refused="interface: 'tap0' exists in /run/netns/sb already",
    ),
    Case(
        "slirp-second-impossible",
        "slirp_network",
        prepare=(SB, "ip netns add sc", "ip -n sc link add tap0 type ifb"),
        present={"networks": [{"netns": "sb"}, {"netns": "sc"}]},
        absent={"networks": [{"netns": "sb"}, {"netns": "sc"}]},
        refused="interface: 'tap0' exists in /run/netns/sc already",
    ),
    Case(
        "slirp-cidr",
        "slirp_network",
        prepare=(SB,),
        present={"netns": "sb", "cidr": "10.0.2.0/26"},
        absent={"netns": "sb"},
        refused="cidr: '10.0.2.0/26' has a prefix length that is not between 1 and 25",
    ),
    Case(
        "slirp-portfwd-overlap",
        "slirp_portfwd",
        prepare=(SB, RUNNING),
        present={"netns": "sb", "forwards": ["8080:80", "0.0.0.0:7000:80"]},
        absent={"netns": "sb", "forwards": []},
        refused="forwards: '0.0.0.0:7000/tcp' overlaps with 127.0.0.1:7000/tcp, which is there",
    ),
]

# ---- cni ----

CACHE = {"cache_dir": "/run/cni-cache"}
CNI_RANGE = {"ranges": [[{"subnet": "10.44.0.0/24"}]], "dataDir": "/run/cni-networks"}
CNI_BRIDGE = {
    "type": "bridge",
    "bridge": "cni0",
    "capabilities": {"ips": True, "mac": True},
    "ipam": {"type": "host-local", "routes": [{"dst": "10.99.0.0/16", "gw": "10.44.0.1"}], **CNI_RANGE},
}
CNI_TUNING = {"type": "tuning", "sysctl": {"net.ipv4.conf.eth0.arp_notify": "1"}}
CNI_MACVLAN = {"type": "macvlan", "master": "up0", "capabilities": {"mac": True}}


def cni_network(name: str, *plugins: Args) -> Args:
    """A configuration, and where results go."""
    return {"config": {"cniVersion": "1.0.0", "name": name, "plugins": list(plugins)}, **CACHE}


def static(address: str) -> Args:
    """A macvlan with an address."""
    return {**CNI_MACVLAN, "ipam": {"type": "static", "addresses": [{"address": address}]}}


WEB = cni_network("web", CNI_BRIDGE, CNI_TUNING)
ON_BRIDGE = {"netns": "sb", **WEB, "ips": ["10.44.0.7"], "mac": "02:c0:00:00:00:07"}
ON_UPLINK = {"netns": "sc", "interface": "net1", "mac": "02:c0:00:00:00:08"}
OFF_BRIDGE = {"netns": "sb", "network": "web", **CACHE, "state": "absent"}
# What plugins make once and leave, such as the directories of leases, is there before.
CNI_HOST: tuple[Step, ...] = (
    "ip netns add sb",
    "ip netns add sc",
    "ip link add cni0 address 02:c0:00:00:00:01 type bridge; ip link set cni0 up",
    "ip link add up0 address 02:c0:00:00:00:02 type ifb; ip link set up0 up",
    ("cni_network", ON_BRIDGE),
    ("cni_network", OFF_BRIDGE),
)

CNI = [
    Case(
        "cni-bridge",
        "cni_network",
        prepare=CNI_HOST,
        present=ON_BRIDGE,
        update={**ON_BRIDGE, "ips": ["10.44.0.9"]},
        absent=OFF_BRIDGE,
    ),
    Case(
        "cni-list",
        "cni_network",
        prepare=CNI_HOST,
        present={"networks": [ON_BRIDGE, {**ON_UPLINK, **cni_network("up", static("10.46.0.9/24"))}]},
        update={"networks": [OFF_BRIDGE, {**ON_UPLINK, **cni_network("up", static("10.46.0.10/24"))}]},
        absent={"networks": [OFF_BRIDGE, {"netns": "sc", "interface": "net1", "network": "up", **CACHE}]},
    ),
    Case(
        "cni-interface-taken",
        "cni_network",
        prepare=(*CNI_HOST, "ip -n sb link add eth0 type ifb"),
        present=ON_BRIDGE,
        absent=OFF_BRIDGE,
        refused="interface: 'eth0' exists in /run/netns/sb already",
    ),
]

# ---- firewall ----

SANDBOXES = """
sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
ip netns add s1
ip netns add s2
ip -batch - <<END
link add sbr0 address 02:d1:00:00:00:01 type bridge
link add v1 address 02:d1:00:00:01:01 type veth peer name eth0 address 02:d1:00:00:02:01 netns s1
link add v2 address 02:d1:00:00:01:02 type veth peer name eth0 address 02:d1:00:00:02:02 netns s2
link set v1 master sbr0 up
link set v2 up
link set sbr0 up
addr add 10.80.0.1/24 dev sbr0
addr add fd00:80::1/64 nodad dev sbr0
addr add 10.90.0.1/30 dev v2
END
ip -n s1 -batch - <<END
link set eth0 up
addr add 10.80.0.2/24 dev eth0
addr add fd00:80::2/64 nodad dev eth0
END
ip -n s2 -batch - <<END
link set eth0 up
addr add 10.90.0.2/30 dev eth0
END
"""  # one on a bridge, and one that is routed to
FOREIGN_RULES = """
nft -f - <<END
table inet foreign {
    set mine { type ipv4_addr; elements = { 192.0.2.1 } ; }
    chain forward { type filter hook forward priority 0; policy accept; ip saddr @mine drop; }
}
table bridge foreign { chain mine { } ; }
END
"""

FIREWALL = [
    Case(
        "firewall-isolate",
        "firewall",
        prepare=(SANDBOXES, FOREIGN_RULES),
        present={"sandbox": "s1", "ports": ["8080:80", "0.0.0.0:8081:81/tcp,udp"], "masquerade": True},
        update={
            "sandbox": "s1",
            "policy": "closed",
            "allow": ["10.0.0.0/8", "443/tcp"],
            "deny": [{"cidr": "fd00::/8"}],
        },
        absent={"sandbox": "s1"},
        things=("sandbox", "nft", "sbr0", "v1", "v2"),
    ),
    Case(
        "firewall-many",
        "firewall",
        prepare=(SANDBOXES, FOREIGN_RULES),
        present={"sandboxes": [{"sandbox": "s1", "policy": "open"}, {"sandbox": "s2", "ports": ["8080:80"]}]},
        update={"sandboxes": [{"sandbox": "s1", "ports": ["8080:80"]}, {"sandbox": "s2", "state": "absent"}]},
        absent={"sandboxes": [{"sandbox": "s1"}, {"sandbox": "s2"}]},
        things=("sandbox", "nft", "sbr0", "v1", "v2"),
    ),
    Case(
        "firewall-first-use",
        "firewall",
        prepare=(SANDBOXES,),
        present={"sandbox": "s2", "ports": ["8080:80"]},
        absent={"sandbox": "s2"},
        things=("sandbox", "nft", "sbr0", "v1", "v2"),
        foreign=False,
        fresh=True,
    ),
    Case(
        "firewall-taken",
        "firewall",
        prepare=(SANDBOXES, ("firewall", {"sandbox": "s1", "ports": ["0.0.0.0:8080:80"]})),
        present={"sandboxes": [{"sandbox": "s2", "ports": ["8081:81", "8080:80"]}]},
        absent={"sandboxes": [{"sandbox": "s2"}]},
        refused="ports: '127.0.0.1:8080/tcp' overlaps with 0.0.0.0:8080/tcp, published for the sandbox s1",
    ),
]

# ---- modules that only read ----

ROOTLESS = [
    Case(
        "rootless-plain",
        "rootless_netns",
        present={"name": "web1"},
        update={"name": "web1", "dns": ["192.0.2.53", "2001:db8::53"]},
        absent={"name": "web1"},
    ),
    Case(
        "rootless-many",
        "rootless_netns",
        present={"namespaces": [{"name": "web1", "dns": ["10.0.2.3"]}, {"name": "web2"}]},
        update={"namespaces": [{"name": "web1", "dns": ["192.0.2.53"]}, {"name": "web2", "state": "absent"}]},
        absent={"namespaces": [{"name": "web1"}, {"name": "web2"}]},
        fresh=True,
    ),
]

# ---- netmon_service ----

RUNTIME = "/run/runtime/runtime"
CALLED = f"mkdir -p /run/runtime && printf '#!/bin/sh\\n' > {RUNTIME} && chmod 755 {RUNTIME}"
WATCHED = {"netns": "sb", "runtime_path": RUNTIME}

NETMON = [
    Case(
        "netmon-plain",
        "netmon_service",
        prepare=(SB, CALLED),
        present={"sandbox_id": "web1", **WATCHED},
        update={"sandbox_id": "web1", **WATCHED, "update": "replace", "debounce": 0.5},
        absent={"sandbox_id": "web1"},
        things=("web1", "sandbox-netmon", "/usr/local/"),
    ),
    Case(
        "netmon-another",
        "netmon_service",
        prepare=(SB, CALLED, ("netmon_service", {"sandbox_id": "web1", **WATCHED})),
        present={"sandbox_id": "web2", **WATCHED},
        update={"sandbox_id": "web2", **WATCHED, "state": "stopped"},
        absent={"sandbox_id": "web2"},
        things=("web2", "sandbox-netmon", "/usr/local/"),
    ),
    Case(
        "netmon-first-use",
        "netmon_service",
        prepare=(SB, CALLED),
        present={"sandboxes": [{"sandbox_id": "web1", **WATCHED}, {"sandbox_id": "web2", **WATCHED}]},
        absent={"sandboxes": [{"sandbox_id": "web1"}, {"sandbox_id": "web2"}]},
        things=("web1", "sandbox-netmon", "/usr/local/"),
        fresh=True,
        foreign=False,
    ),
    Case(
        "netmon-runtime",
        "netmon_service",
        prepare=(SB, CALLED, f"chmod 777 {RUNTIME}"),
        present={"sandbox_id": "web1", **WATCHED},
        absent={"sandbox_id": "web1"},
        refused="runtime_path: '/run/runtime/runtime' is not called as root: .* can be changed by others",
    ),
]

READING = [
    Case(
        "info-all",
        "netns_info",
        prepare=(BRIDGE, BOX, PARENT, "touch /run/netns/no-namespace"),
        present={},
        absent={},
        reads=True,
    ),
    Case(
        "info-missing",
        "netns_info",
        present={"name": ["foreign", "nobody"]},
        absent={},
        foreign=False,
        reads=True,
    ),
]

CASES: list[Case] = [
    *NETNS,
    *LINK,
    *MOVE,
    *ENDPOINT,
    *LEASE,
    *SLIRP,
    *CNI,
    *ROOTLESS,
    *NETMON,
    *FIREWALL,
    *READING,
]


def named(name: str) -> Case:
    """The case of a name."""
    return next(case for case in CASES if case.name == name)
