# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The playbook ci_farm: from a bare host to sandboxes for machines that answer, and back."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
from throwaway import Throwaway

COUNT = 8
SETTINGS = ("net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding", "net.ipv4.conf.all.route_localnet")

# A virtual machine as the network sees it: a process that has the tap, with the network stack of a namespace behind it.
MACHINE = """
import fcntl, os, select, socket, struct, subprocess, sys
name, tap, mac, address, gateway = sys.argv[1:]
NO_PI, TAP, VNET_HDR, CREATE, CLONE_NEWNET = 0x1000, 2, 0x4000, 0x400454CA, 0x40000000
def attach(link):
    one = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(one, CREATE, struct.pack("16sH", link.encode(), TAP | NO_PI | VNET_HDR) + bytes(22))
    return one
if os.fork():
    os._exit(0)
outer = attach(tap)
os.unshare(CLONE_NEWNET) if hasattr(os, "unshare") else __import__("ctypes").CDLL(None).unshare(CLONE_NEWNET)
inner = attach("eth0")
for words in (f"link set eth0 address {mac} up", f"addr add {address} dev eth0", f"route add default via {gateway}"):
    subprocess.run(["ip", *words.split()], check=True)
listening = socket.create_server(("", 80))
if os.fork() == 0:
    while True:
        connection, _peer = listening.accept()
        connection.recv(4096)
        text = f"from {name}"
        connection.sendall(f"HTTP/1.0 200 OK\\r\\nContent-Length: {len(text)}\\r\\n\\r\\n{text}".encode())
        connection.close()
while True:
    for one in select.select([outer, inner], [], [])[0]:
        os.write(inner if one == outer else outer, os.read(one, 70000))
"""
ASK = "import sys, urllib.request; print(urllib.request.urlopen(sys.argv[1], timeout=5).read().decode())"


def state(host: Throwaway) -> dict[str, Any]:
    """What the farm has touched of a host, as `ip`, `nft` and `sysctl` tell it."""
    return {
        "links": [link["ifname"] for link in host.json("ip", "-json", "link")],
        "rules": host.json("nft", "-j", "list", "ruleset"),
        "settings": host.run("sysctl", *SETTINGS),
        "network": host.snapshot(),
    }


def start_machine(host: Throwaway, number: int) -> None:
    name = f"job{number}"
    (link,) = host.json("ip", "-json", "-netns", name, "address", "show", "dev", "eth0")
    address = next(one for one in link["addr_info"] if one["family"] == "inet")
    cidr = f"{address['local']}/{address['prefixlen']}"
    words = (name, "tap0_kata", link["address"], cidr, "10.84.0.1")
    host.run("sh", "-c", 'exec ip netns exec "$0" python3 -c "$@" >/dev/null 2>&1', name, MACHINE, *words)


def changes(shown: str) -> int:
    found = re.search(r"changed=([0-9]+)", shown)
    assert found, shown
    return int(found[1])


def test_a_farm_from_nothing_and_back() -> None:
    with Throwaway() as host:
        before = state(host)
        shown = host.playbook("ci_farm", farm_count=COUNT)
        assert "job1 has 10.84.0.2, fd00:84::2; 127.0.0.1:20001:80 leads to it" in shown
        assert host.run("sysctl", "-n", SETTINGS[0]) == "1\n"
        for number in (1, COUNT):
            start_machine(host, number)
            answer = host.run(
                "sh", "-c", 'for _ in 1 2 3 4 5; do python3 -c "$0" "$1" 2>/dev/null && exit; sleep 0.3; done; exit 1',
                ASK, f"http://127.0.0.1:{20000 + number}/",
            )  # fmt: skip
            assert answer == f"from job{number}\n"
        assert len(host.run("ls", "/run/sandbox-network/netmon/sandboxes", check=False).split()) == COUNT
        assert changes(host.playbook("ci_farm", farm_count=COUNT)) == 0
        host.run("sh", "-c", 'for name in job1 job8; do kill $(ip netns pids "$name"); done; sleep 0.2')
        host.playbook("ci_farm", farm_count=COUNT, farm_state="absent")
        assert state(host) == before
        assert host.run("ls", "/run/ci-farm", "/run/sandbox-network", check=False) == ""
