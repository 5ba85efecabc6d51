# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""netns: namespaces made, found and of processes, with what is set in them."""

from __future__ import annotations

from promises.cases.case import Case

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
