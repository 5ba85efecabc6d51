# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""netdev_move: devices with all that the kernel takes off them."""

from __future__ import annotations

from promises.cases.case import Case
from promises.cases.link import BOX

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
