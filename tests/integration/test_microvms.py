# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The playbook microvms: the network of ten microVMs there and back."""

from __future__ import annotations

import json
import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from throwaway import Throwaway


@pytest.fixture
def host() -> Iterator[Throwaway]:
    with Throwaway() as throwaway:
        yield throwaway


def unchanged(shown: str) -> bool:
    return re.search(r"changed=0\b", shown) is not None


def files(host: Throwaway, directory: str) -> list[str]:
    return sorted(host.run("find", directory, "-type", "f", check=False).split())


def test_ten_microvms_come_and_go(host: Throwaway) -> None:
    before = host.snapshot()
    shown = host.playbook("microvms")
    for number in range(1, 11):
        name = f"microvm{number}"
        links = {link["ifname"]: link for link in host.json("ip", "-json", "-netns", name, "link", "show")}
        assert set(links) == {"lo", "eth0", "tap0_kata"}
        mac = links["eth0"]["address"]
        addresses = f"10.80.0.{number + 1}/24, fd00:80::{number + 1:x}/64"
        assert f"{name} has {mac} at tap0_kata, for {addresses}" in shown
        assert json.loads(host.run("cat", f"/run/microvms/{name}.json")) == {
            "iface_id": "net0",
            "host_dev_name": "tap0_kata",
            "guest_mac": mac,
        }
        start, command = host.run("cat", f"/run/microvms/{name}.sh").splitlines()
        words = shlex.split(command)
        assert start == "#!/bin/sh"
        assert words[:5] == ["exec", "ip", "netns", "exec", name]
        assert words[words.index("-netdev") + 1].startswith("tap,id=net0,ifname=tap0_kata,")
        assert f"mac={mac}" in words[words.index("-device") + 1]
        assert words[-1] == "$@"
    assert len(files(host, "/run/microvms")) == 20
    assert unchanged(host.playbook("microvms"))

    host.playbook("microvms", microvms_state="absent")
    assert host.snapshot() == before
    assert host.run("find", "/run/microvms", check=False) == ""


def test_their_number_their_endpoint_and_the_directory_can_be_chosen(host: Throwaway) -> None:
    host.run("mkdir", "/run/mine")
    host.run("touch", "/run/mine/disk.img")
    chosen = {"microvms_count": 2, "microvms_directory": "/run/mine", "microvms_endpoint": {"queues": 2}}
    before = host.snapshot()
    host.playbook("microvms", **chosen)
    # Firecracker opens one queue only.
    assert files(host, "/run/mine") == ["/run/mine/disk.img", "/run/mine/microvm1.sh", "/run/mine/microvm2.sh"]
    assert "queues=2" in host.run("cat", "/run/mine/microvm2.sh")
    host.playbook("microvms", **chosen, microvms_state="absent")
    assert host.snapshot() == before
    assert files(host, "/run/mine") == ["/run/mine/disk.img"]
    assert unchanged(host.playbook("microvms", **chosen, microvms_state="absent"))
