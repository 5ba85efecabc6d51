# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""firewall: rules of sandboxes beside those of others."""

from __future__ import annotations

from promises.cases.case import Case

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

# A host that does not forward, has one link that does, and learned a route from a router.
NOT_FORWARDING = (
    SANDBOXES.replace("sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1", "")
    + """
ip link add up0 address 02:d1:00:00:03:01 type veth peer name up1 address 02:d1:00:00:03:02
ip link set up0 up
ip link set up1 up
sysctl -qw net.ipv4.conf.v2.forwarding=1 net.ipv6.conf.up0.accept_ra=1
ip -6 route add default via fe80::d1:ff:fe00:302 dev up0 proto ra
"""
)

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
        "firewall-interfaces",
        "firewall",
        prepare=(SANDBOXES,),
        present={
            "sandbox": "vm",
            "addresses": ["10.80.0.9", "10.90.0.2", "fd00:80::9"],
            "interfaces": [{"name": "v1", "mac": "02:d1:00:00:02:09"}, {"name": "v2", "mac": "02:d1:00:00:02:02"}],
            "ports": ["[::1]:8080:80"],
        },
        update={"sandbox": "vm", "addresses": ["10.90.0.2"], "interface": "v2", "mac": "02:d1:00:00:02:02"},
        absent={"sandbox": "vm"},
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
        "firewall-guard",
        "firewall",
        prepare=(SANDBOXES,),
        present={"sandbox": "s2", "guard": "always"},
        update={"sandbox": "s2", "guard": "never"},
        absent={"sandbox": "s2"},
        things=("sandbox", "nft", "v2", "firewall-guard"),
    ),
    Case(
        "firewall-forwarding",
        "firewall",
        prepare=(NOT_FORWARDING,),
        present={"sandbox": "s1", "masquerade": True, "forwarding": True},
        update={"sandboxes": [{"sandbox": "s1"}, {"sandbox": "s2", "forwarding": True}]},
        absent={"sandboxes": [{"sandbox": "s1"}, {"sandbox": "s2"}]},
        things=("sandbox", "nft", "sbr0", "v1", "v2", "up0", "ip_forward", "forwarding"),
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
