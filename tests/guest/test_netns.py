# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The modules netns and netns_info on Debian's kernel, beside physical links."""

from __future__ import annotations

from typing import Any

from guest import Guest

WEB1: dict[str, Any] = {"name": "web1"}


def test_the_whole_life(guest: Guest) -> None:
    settings = {"net.ipv4.ip_forward": 1, "net.ipv6.conf.all.disable_ipv6": 1}
    guest.change("netns", {**WEB1, "sysctl": settings, "dns": {"servers": ["10.7.0.53"]}})
    assert guest.names() == ["web1"]
    assert guest.read("ipv4/ip_forward", "web1") == "1"
    assert guest.read("/etc/resolv.conf", "web1").split()[-2:] == ["nameserver", "10.7.0.53"]
    guest.change("netns", {**WEB1, "loopback": False})
    guest.change("netns", {**WEB1, "state": "absent"})
    assert guest.names() == [] and guest.state_files() == []


def test_a_namespace_of_a_process(guest: Guest) -> None:
    pid = guest.process_in_its_own_namespace()
    guest.change("netns", {**WEB1, "pid": pid})
    guest.change("link", {"name": "dum0", "kind": "dummy", "netns": "web1", "addresses": ["10.7.0.1/24"]})
    assert guest.links("web1") == {"lo", "dum0"}
    guest.change("link", {"name": "dum0", "netns": "web1", "state": "absent"})
    guest.change("netns", {**WEB1, "state": "absent"})
    guest.sh(f"kill {pid}; rm /run/box/sleeper")


def test_a_physical_link_comes_back_from_a_removed_namespace(guest: Guest) -> None:
    nic = guest.nic(2)
    guest.change("netns", WEB1)
    guest.sh(f"ip link set {nic} netns web1")
    guest.change("link", {"name": nic, "netns": "web1", "addresses": ["10.7.0.1/24"]})
    assert nic not in guest.links()
    guest.change("netns", {**WEB1, "state": "absent"})
    guest.sh(f"until ip link show {nic}; do sleep 0.1; done")


def test_info_shows_physical_links(guest: Guest) -> None:
    told = guest.module("netns_info", {})
    assert "failed" not in told, told
    assert guest.nic(0) in str(told)
