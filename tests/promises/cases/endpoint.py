# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""vm_endpoint: links of sandboxes wired to virtual machines."""

from __future__ import annotations

from promises.cases.case import Case

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
