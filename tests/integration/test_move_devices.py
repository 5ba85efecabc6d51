# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The playbook move_devices: the devices of a container there and back."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from throwaway import Throwaway

HOST = """
ip -batch - <<END
netns add web1
link add nic1 type veth peer name wire1
link add nic2 mtu 1400 type veth peer name wire2
link set wire1 up
link set nic1 up
addr add 192.0.2.7/24 brd + dev nic1
addr add 2001:db8::7/64 nodad dev nic1
route add 198.51.100.0/24 via 192.0.2.1
END
"""


@pytest.fixture
def host() -> Iterator[Throwaway]:
    with Throwaway() as throwaway:
        throwaway.run("sh", "-ec", HOST)
        yield throwaway


def changes(shown: str) -> int:
    """How many tasks of a playbook changed something."""
    found = re.search(r"changed=([0-9]+)", shown)
    assert found, shown
    return int(found[1])


def links(host: Throwaway, netns: str) -> set[str]:
    """The names of the links in a namespace."""
    return {link["ifname"] for link in host.json("ip", "-json", "-netns", netns, "link", "show")}


def test_the_devices_of_its_own_configuration_go_there_and_back(host: Throwaway) -> None:
    before = host.snapshot()
    shown = host.playbook("move_devices")
    assert changes(shown) == 1
    assert "eth0 is in /run/netns/web1, with 192.0.2.7/24, 2001:db8::7/64" in shown
    assert "nic2 is in /run/netns/web1, with no address" in shown
    assert links(host, "web1") == {"lo", "eth0", "nic2"}
    assert host.addresses("web1") == ["192.0.2.7/24", "2001:db8::7/64"]
    assert changes(host.playbook("move_devices")) == 0

    shown = host.playbook("move_devices", move_state="absent")
    assert "nic1 is in the namespace Ansible runs in, with 192.0.2.7/24, 2001:db8::7/64" in shown
    assert host.snapshot() == before
    assert changes(host.playbook("move_devices", move_state="absent")) == 0


def test_the_configuration_may_be_on_the_host_and_leave_the_namespace_open(host: Throwaway) -> None:
    host.run("ip", "netns", "add", "box")
    before = host.snapshot()
    config = {"linux": {"namespaces": [{"type": "network"}], "netDevices": {"nic2": {"name": "data0"}}}}
    host.run("sh", "-c", f"echo '{json.dumps(config)}' > /run/config.json")
    host.playbook("move_devices", move_config="/run/config.json", move_netns="box")
    assert links(host, "box") == {"lo", "data0"}
    host.playbook("move_devices", move_config="/run/config.json", move_netns="box", move_state="absent")
    assert host.snapshot() == before


def test_a_configuration_without_devices_moves_none(host: Throwaway) -> None:
    before = host.snapshot()
    host.run("sh", "-c", """echo '{"linux": {}}' > /run/config.json""")
    assert changes(host.playbook("move_devices", move_config="/run/config.json", move_netns="web1")) == 0
    assert host.snapshot() == before
