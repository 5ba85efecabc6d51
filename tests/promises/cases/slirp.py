# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""slirp_network and slirp_portfwd: user-mode networks and their forwards."""

from __future__ import annotations

from promises.cases.case import Case

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
