# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Attachments by CNI's plugins: what they bring, what goes with them, and what a failure leaves."""

from __future__ import annotations

import base64
import json
import shlex
from typing import Any

import pytest
from box import Box, only, operations
from traffic import ask, heard, serve

SB = "ip netns add sb; ip -n sb link set lo up"
CACHE = "/run/cni-cache"
NETWORKS = "/run/cni-networks"
RANGE = {"ranges": [[{"subnet": "10.44.0.0/24"}]], "routes": [{"dst": "0.0.0.0/0"}], "dataDir": NETWORKS}
HOST_LOCAL = {"type": "host-local", **RANGE}
BRIDGE = {
    "type": "bridge",
    "bridge": "cni0",
    "isGateway": True,
    "ipMasq": True,
    "hairpinMode": True,
    "capabilities": {"ips": True, "mac": True},
    "ipam": HOST_LOCAL,
}
PORTMAP = {"type": "portmap", "snat": True, "capabilities": {"portMappings": True}}
FIREWALL = {"type": "firewall"}
BANDWIDTH = {"type": "bandwidth", "capabilities": {"bandwidth": True}}
TUNING = {"type": "tuning", "sysctl": {"net.ipv4.conf.eth0.arp_notify": "1"}}


def network(*plugins: dict[str, Any], name: str = "web", version: str = "1.0.0") -> dict[str, Any]:
    """A configuration as data."""
    return {"cniVersion": version, "name": name, "plugins": list(plugins)}


def attachment(*plugins: dict[str, Any], netns: str = "sb", **more: Any) -> dict[str, Any]:
    """The arguments for an attachment."""
    name = more.pop("name", "web")
    return {"netns": netns, "config": network(*plugins, name=name), "cache_dir": CACHE, **more}


def detachment(name: str = "web", **more: Any) -> dict[str, Any]:
    return {"netns": "sb", "network": name, "cache_dir": CACHE, "state": "absent", **more}


def leases(box: Box, name: str = "web") -> list[str]:
    """The addresses that host-local has handed out."""
    found = box.sh(f"ls {NETWORKS}/{name} 2>/dev/null || true").split()
    return [one for one in found if one[0].isdigit()]


def rules(box: Box) -> str:
    """The rules that are of one container."""
    text = box.sh("nft list ruleset 2>/dev/null")
    return "\n".join(line for line in text.splitlines() if "10.44." in line or "CNI-DN-" in line)


def test_a_chain_of_plugins(box: Box) -> None:
    box.sh(SB)
    chain = (BRIDGE, PORTMAP, FIREWALL, BANDWIDTH, TUNING)
    rate = {"ingressRate": 80_000_000, "ingressBurst": 800_000, "egressRate": 80_000_000, "egressBurst": 800_000}
    wanted = attachment(
        *chain,
        ports=["8080:80", "0.0.0.0:8081:80"],
        ips=["10.44.0.77"],
        mac="02:00:00:00:00:77",
        capabilities={"bandwidth": rate},
    )
    result = box.change("cni_network", wanted)
    assert operations(result) == ["cni.add"]
    assert box.cidrs("eth0", "sb") == ["10.44.0.77/24"]
    assert box.gateways("sb") == {"default": "10.44.0.1"}
    assert box.link("eth0", "sb")["address"] == "02:00:00:00:00:77"
    assert result["cni"]["ips"][0]["address"] == "10.44.0.77/24"
    assert box.read("ipv4/conf/eth0/arp_notify", "sb") == "1"
    assert "rate 80Mbit" in box.sh("tc qdisc show")
    serve(box, "inside", "tcp/0.0.0.0/80", netns="sb")
    places = ["tcp/127.0.0.1/8080", "tcp/127.0.0.1/8081", "tcp/10.44.0.1/8081", "tcp/10.44.0.77/80"]
    assert heard(ask(box, *places), "inside") == places
    assert heard(ask(box, "tcp/10.44.0.1/8080", patience=0.5), "inside") == []
    assert leases(box) == ["10.44.0.77"]
    box.change("cni_network", detachment())
    assert box.link("eth0", "sb") is None
    assert leases(box) == []
    assert rules(box) == ""
    assert box.sh(f"find {CACHE} -type f") == ""
