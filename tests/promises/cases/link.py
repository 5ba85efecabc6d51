# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""link: every kind, with addresses and routes."""

from __future__ import annotations

from promises.cases.case import Case

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
        "link-rates",
        "link",
        present={
            "links": [
                {"name": "ifb7", "kind": "ifb", "mac": "02:d0:00:00:01:01", "tx_rate": 8_000_000},
                {
                    "name": "rate0",
                    "kind": "veth",
                    "mac": "02:d0:00:00:01:02",
                    "tx_rate": 10_000_000_000,
                    "rx_ifb": "ifb7",
                    "peer": {"name": "rate1", "mac": "02:d0:00:00:01:03"},
                },
            ]
        },
        update={
            "links": [
                {
                    "name": "rate0",
                    "kind": "veth",
                    "mac": "02:d0:00:00:01:02",
                    "tx_rate": 20_000_000,
                    "rx_ifb": "",
                    "peer": {"name": "rate1", "mac": "02:d0:00:00:01:03"},
                },
                {"name": "ifb7", "kind": "ifb", "mac": "02:d0:00:00:01:01", "tx_rate": 0},
            ]
        },
        absent={"links": [{"name": "ifb7"}, {"name": "rate0"}]},
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
