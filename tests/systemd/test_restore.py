# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Sandboxes that outlive a reboot: they are there before who uses them, as they were."""

from __future__ import annotations

from typing import Any

import pytest
from systemd_host import SystemdHost, session
from systemd_machine import Machine

UNIT = "sandbox-network-restore.service"
PLACES = ("/etc", "/run/netns", "/usr/local", "/var/lib/sandbox-network")
NUMBER = 20
NETWORK = {"netns": "box0", "forwards": ["18080:8080"]}

# A consumer that is ordered after the sandboxes, and tells what it found.
CONSUMER = f"""[Unit]
After={UNIT}
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sh -c 'ip -n box{NUMBER - 1} -4 -br address show eth0 > /run/found 2>&1'
[Install]
WantedBy=multi-user.target
"""
# As a host's own firewall, which is loaded at each boot.
FLUSHES = """[Unit]
Before=network-pre.target
DefaultDependencies=no
[Service]
Type=oneshot
ExecStart=/usr/sbin/nft flush ruleset
[Install]
WantedBy=sysinit.target
"""


def tasks(number: int) -> list[dict[str, Any]]:
    """A sandbox with an address, on a bridge, with rules; the first has a user-mode network instead."""
    name, address = f"box{number}", f"10.90.0.{number + 10}/24"
    if number == 0:
        return [{"netns": {"name": name}}, {"slirp_network": NETWORK}]
    bridge = {"name": "sbr0", "kind": "bridge", "addresses": ["10.90.0.1/24"], "up": True}
    veth = {
        "name": "eth0",
        "netns": name,
        "kind": "veth",
        "mac": f"02:00:00:00:01:{number:02x}",
        "peer": {"name": f"out{number}", "master": "sbr0", "mac": f"02:00:00:00:02:{number:02x}"},
        "addresses": [address],
    }
    return [
        {"address_lease": {"owner": name, "addresses": [address]}},
        {"netns": {"name": name}},
        {"link": {"links": [bridge, veth]}},
        {"firewall": {"sandbox": name, "ports": [f"{20000 + number}:80"]}},
    ]


def sandboxes(*names: str) -> dict[str, Any]:
    """All of them, or those of that name."""
    every = [{"sandbox": f"box{number}", "tasks": tasks(number)} for number in range(NUMBER)]
    return {"sandboxes": [one for one in every if not names or one["sandbox"] in names]}


def test_a_unit(host: SystemdHost) -> None:
    before = host.host.snapshot(*PLACES)
    result = host.change("restore_service", sandboxes("box1"))["sandboxes"][0]
    assert (result["unit"], result["enabled"]) == (UNIT, True)
    assert host.show(UNIT, "ActiveState") == "inactive", "the task itself makes nothing"
    assert host.sh(f"systemd-analyze verify {UNIT} 2>&1", check=False) == ""
    host.sh(f"systemctl start {UNIT}")
    assert "box1" in host.sh("ip netns list")
    assert "as described: 1, not: 0" in host.sh(f"journalctl --output=cat --unit={UNIT}")
    host.nothing_to_do("netns", {"name": "box1"})
    host.nothing_to_do("restore_service", sandboxes("box1"))
    host.change("restore_service", {"sandbox": "box1", "state": "absent"})
    assert host.show(UNIT, "LoadState") == "not-found"
    host.done("firewall", {"sandbox": "box1", "state": "absent"})
    for module, args in (("link", {"name": "out1"}), ("link", {"name": "sbr0"}), ("netns", {"name": "box1"})):
        host.done(module, {**args, "state": "absent"})
    host.done("address_lease", {"owner": "box1", "state": "absent"})
    assert host.host.unlike(before, *PLACES) == []


def test_a_sandbox_that_cannot_be_made(host: SystemdHost) -> None:
    impossible = [{"netns": {"name": "box9"}}, {"link": {"name": "m0", "kind": "macvlan", "parent": "missing0"}}]
    host.done(
        "restore_service", {"sandboxes": [{"sandbox": "a", "tasks": impossible}, *sandboxes("box1")["sandboxes"]]}
    )
    host.sh(f"systemctl start {UNIT}", check=False)
    assert host.show(UNIT, "ActiveState") == "failed"
    journal = host.sh(f"journalctl --output=cat --unit={UNIT}")
    assert "a: link: " in journal and "missing0" in journal and "as described: 1, not: 1" in journal
    assert host.sh("ip -n box1 -4 -br address show eth0").split()[2] == "10.90.0.11/24"


def test_a_reboot(machine: Machine) -> None:
    names = [f"box{number}" for number in range(NUMBER)]
    with session(machine, "root") as host:
        for name, text in (("consumer", CONSUMER), ("flushes", FLUSHES)):
            host.sh(
                f"cat > /etc/systemd/system/{name}.service <<'END'\n{text}\nEND",
                f"systemctl enable --quiet {name}.service",
            )
        host.done("restore_service", sandboxes())
        host.sh(f"systemctl start {UNIT}")
        host.done("netmon_service", {"sandbox_id": "box3", "runtime_path": "/usr/bin/true", "enabled": True})
    boots = []
    for _number in range(2):
        machine.reboot()
        with session(machine, "root") as host:
            assert host.show(UNIT, "ActiveState") == "active", host.sh(f"journalctl --output=cat --unit={UNIT}")
            assert sorted(line.split()[0] for line in host.sh("ip netns list").splitlines()) == sorted(names)
            assert host.sh("cat /run/found").split()[2] == f"10.90.0.{NUMBER + 9}/24", "it is there for its consumer"
            for number in (0, 7, NUMBER - 1):
                for task in tasks(number):
                    for module, args in task.items():
                        host.nothing_to_do(module, args)
            socket = host.nothing_to_do("slirp_network", NETWORK)["slirp"]["api_socket"]
            assert host.listed(socket) == [18080]
            leases = host.sh("ls /run/sandbox-network/records | wc -l")
            boots.append((host.sh("nft list ruleset"), leases))
            host.until('grep -q \'"state": "watched"\' /run/sandbox-network/netmon/status.json')
    assert boots[0] == boots[1], "nothing piles up"
    with session(machine, "root") as host:
        forgotten = [{"sandbox": name} for name in names[1:]]
        host.done("restore_service", {"state": "absent", "sandboxes": forgotten})
    machine.reboot()
    with session(machine, "root") as host:
        assert host.sh("ip netns list").split()[0] == "box0" and len(host.sh("ip netns list").splitlines()) == 1


@pytest.mark.parametrize("name", ["web%i", "web1]", "web 1", "web\nExecStart=/bin/false", "-web", "$HOME"])
def test_no_name_gets_into_a_unit(host: SystemdHost, name: str) -> None:
    host.refused("restore_service", {"sandbox": name, "tasks": [{"netns": {"name": "a"}}]}, "sandbox")
    assert host.show(UNIT, "LoadState") == "not-found"
