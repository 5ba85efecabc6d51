# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The role netmon, by its playbook."""

from __future__ import annotations

import json
import re
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


def changes(shown: str) -> int:
    """How many tasks of a playbook changed something."""
    found = re.search(r"changed=([0-9]+)", shown)
    assert found, shown
    return int(found[1])


def test_the_playbook(host: Throwaway) -> None:
    before = host.snapshot()
    shown = host.playbook("netmon")
    assert "update-routes" in shown and "198.51.100.1" in shown
    told = host.run("cat", "/run/netmon-example/told").splitlines()
    interface = json.loads(told[0].partition(": ")[2])
    assert told[0].startswith("add-iface: ") and interface["Name"] == "eth0"
    assert {"Family": 2, "Address": "198.51.100.2", "Mask": "24"} in interface["IPAddresses"]
    assert changes(host.playbook("netmon")) == 0
    host.playbook("netmon", netmon_state="absent")
    assert host.snapshot() == before
    assert changes(host.playbook("netmon", netmon_state="absent")) == 0


def test_what_holds_for_all_sandboxes(host: Throwaway) -> None:
    host.run("sh", "-ec", "for one in web1 web2; do ip netns add $one; done; mkdir /run/rt; cp /bin/true /run/rt/rt")
    sandboxes = [{"sandbox_id": "web1"}, {"sandbox_id": "other", "netns": "web2", "update": "ignore"}]
    variables = {"netmon_runtime_path": "/run/rt/rt", "netmon_update": "replace", "netmon_list": sandboxes}
    first, second = host.play(*2 * ({"role": "netmon", "vars": variables},))
    assert (first["changed"], second["changed"]) == (1, 0)
    status = json.loads(host.run("cat", "/run/sandbox-network/netmon/status.json"))
    settings = {one["id"]: one["settings"] for one in status["sandboxes"]}
    assert {name: (one["netns"], one["update"]) for name, one in settings.items()} == {
        "web1": ("/run/netns/web1", "replace"),
        "other": ("/run/netns/web2", "ignore"),
    }
