# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""cni_network: attachments by real plugins."""

from __future__ import annotations

from promises.cases.case import Args, Case, Step

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
