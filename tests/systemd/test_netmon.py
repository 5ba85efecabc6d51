# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The monitor as a unit of systemd: it comes back, it is there after a boot, and it speaks to the journal."""

from __future__ import annotations

import json
from typing import Any

import pytest
from box import operations
from systemd_host import SystemdHost, session
from systemd_machine import Machine

UNIT = "sandbox-netmon.service"
RUNTIME = "/usr/local/bin/runtime"
TOLD = "/run/box/work-told"
SB = {"sandbox_id": "web1", "netns": "sb", "runtime_path": RUNTIME, "debounce": 0.05, "log_level": "info"}
SANDBOX = (
    "ip netns add sb",
    "ip link add out0 address 02:00:00:00:00:01 type veth peer name eth0 address 02:00:00:00:00:02 netns sb",
    "ip link set out0 up",
    "ip -n sb link set eth0 up",
)
PLACES = ("/etc", "/run/netns", "/run/sandbox-network", "/usr/local", "/var/lib/sandbox-network")


MAKES_THE_SANDBOX = f"""[Unit]
After=sandbox-netmon.service
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sh -ec '{"; ".join(SANDBOX)}'
[Install]
WantedBy=multi-user.target
"""


@pytest.fixture
def sandbox(host: SystemdHost) -> SystemdHost:
    """A host with a sandbox that has a link, and a runtime that keeps what it is told."""
    host.sh(
        *SANDBOX,
        f"""printf '#!/bin/sh\\necho "$2 $3 $(cat "$4")" >> {TOLD}\\n' > {RUNTIME}""",
        f"chmod 755 {RUNTIME}",
        f"touch {TOLD}",
        "until ip -n sb -br link show eth0 | grep -q UP; do sleep 0.02; done",
    )
    return host


def told(host: SystemdHost) -> list[tuple[str, Any]]:
    """What the runtime was told: verb and document."""
    words = [line.split(" ", 2) for line in host.sh(f"cat {TOLD}").splitlines()]
    return [(verb, json.loads(text)) for verb, _sandbox, text in words]


def mtu_is_told(host: SystemdHost, mtu: int) -> None:
    """Change the sandbox's link, and see that the runtime is told nothing else."""
    host.sh(f": > {TOLD}", f"ip -n sb link set eth0 mtu {mtu}")
    host.until(f"grep -q '\"Mtu\": {mtu}' {TOLD}")
    assert [verb for verb, _document in told(host)] == ["update-iface"]


def test_a_unit(sandbox: SystemdHost) -> None:
    before = sandbox.host.snapshot(*PLACES)
    result = sandbox.change("netmon_service", SB)
    assert operations(result) == [
        "program.install", "file.write", "file.write", "unit.write", "unit.start", "monitor.settle", "record.put",
    ]  # fmt: skip
    assert sandbox.show(UNIT, "ActiveState") == "active"
    assert sandbox.show(UNIT, "MainPID") == str(result["netmon"]["pid"])
    assert result["netmon"]["service_manager"] == "systemd"
    mtu_is_told(sandbox, 1400)
    journal = sandbox.sh(f"journalctl --output=cat --unit={UNIT}")
    assert "msg=told" in journal and "verb=update-iface" in journal and "sandbox=web1" in journal
    sandbox.change("netmon_service", {"sandbox_id": "web1", "state": "absent"})
    assert sandbox.show(UNIT, "LoadState") == "not-found"
    sandbox.sh("ip -n sb link set eth0 mtu 1500")
    assert sandbox.host.unlike(before, *PLACES) == []


def test_it_comes_back_and_tells_the_difference(sandbox: SystemdHost) -> None:
    pid = sandbox.done("netmon_service", SB)["netmon"]["pid"]
    mtu_is_told(sandbox, 1400)
    sandbox.sh(f": > {TOLD}", f"kill -STOP {pid}", "ip -n sb link set eth0 mtu 1300", f"kill -9 {pid}")
    sandbox.until(f"systemctl show --property=NRestarts {UNIT} | grep -q =1", f"grep -q 1300 {TOLD}")
    assert [(verb, document["Mtu"]) for verb, document in told(sandbox)] == [("update-iface", 1300)]
    sandbox.until(f"systemctl -q is-active {UNIT}")
    sandbox.nothing_to_do("netmon_service", SB)


def test_somebody_stops_it(sandbox: SystemdHost) -> None:
    sandbox.done("netmon_service", SB)
    sandbox.sh(f"systemctl stop {UNIT}", "ip -n sb link set eth0 mtu 1400")
    result = sandbox.change("netmon_service", SB)
    assert operations(result) == ["unit.start", "monitor.settle"]
    sandbox.until(f"grep -q 1400 {TOLD}")


def test_enabled_for_the_next_boot(sandbox: SystemdHost) -> None:
    before = sandbox.host.snapshot(*PLACES)
    sandbox.change("netmon_service", SB)
    sandbox.change("netmon_service", {**SB, "enabled": True})
    assert sandbox.sh(f"systemctl is-enabled {UNIT}") == "enabled\n"
    # What a boot leaves of it: nothing below /run, and no process.
    sandbox.sh(f"systemctl stop {UNIT}", "rm -r /run/sandbox-network /run/kata-containers", "ip netns delete sb")
    sandbox.sh("systemctl start multi-user.target")
    sandbox.sh(f"systemctl start {UNIT}", f"systemctl -q is-active {UNIT}")
    sandbox.sh(*SANDBOX)
    sandbox.until('grep -q \'"state": "watched"\' /run/sandbox-network/netmon/status.json')
    sandbox.nothing_to_do("netmon_service", {**SB, "enabled": True})
    mtu_is_told(sandbox, 1400)
    sandbox.change("netmon_service", {"sandbox_id": "web1", "state": "absent"})
    assert sandbox.show(UNIT, "LoadState") == "not-found"
    sandbox.sh("ip -n sb link set eth0 mtu 1500")
    assert sandbox.host.unlike(before, *PLACES) == []


def test_a_reboot(machine: Machine) -> None:
    forwards = {"netns": "sb", "forwards": ["18080:8080"]}
    with session(machine, "root") as host:
        host.sh(
            "mkdir -p /usr/local/bin",
            f"cat > /etc/systemd/system/sandbox.service <<'END'\n{MAKES_THE_SANDBOX}\nEND",
            f'printf \'#!/bin/sh\\necho "$2 $3 $(cat "$4")" >> {TOLD}\\n\' > {RUNTIME}; chmod 755 {RUNTIME}',
            "systemctl enable --quiet --now sandbox.service",
        )
        host.done("netmon_service", {**SB, "enabled": True})
        host.done("slirp_network", forwards)
    machine.reboot()
    with session(machine, "root") as host:
        assert host.show(UNIT, "ActiveState") == "active"
        host.until('grep -q \'"state": "watched"\' /run/sandbox-network/netmon/status.json')
        started = [int(host.show(unit, "ActiveEnterTimestampMonotonic")) for unit in (UNIT, "sandbox.service")]
        assert started == sorted(started), "whoever makes sandboxes can be ordered after the monitor"
        host.nothing_to_do("netmon_service", {**SB, "enabled": True})
        assert "msg=watched" in host.sh(f"journalctl --output=cat --boot --unit={UNIT}")
        # Whether the link was there when the watching began is a matter of luck: from now on it is known.
        host.sh("ip -n sb link set eth0 mtu 1450")
        host.until(f"grep -q '\"Mtu\": 1450' {TOLD}")
        mtu_is_told(host, 1400)
        # The network ends with the boot, and a task starts it again.
        slirp = host.change("slirp_network", forwards)["slirp"]
        assert [one["host_port"] for one in slirp["forwards"]] == [18080]
        assert host.listed(slirp["api_socket"]) == [18080]


def test_from_a_process_to_a_unit(sandbox: SystemdHost) -> None:
    first = sandbox.change("netmon_service", {**SB, "service_manager": "process"})["netmon"]
    mtu_is_told(sandbox, 1400)
    second = sandbox.change("netmon_service", {**SB, "service_manager": "systemd"})["netmon"]
    assert first["pid"] != second["pid"] and second["service_manager"] == "systemd"
    assert not sandbox.sh(f"ls -d /proc/{first['pid']}", check=False).startswith("/proc")
    mtu_is_told(sandbox, 1300)
    sandbox.nothing_to_do("netmon_service", SB)


def test_a_unit_that_cannot_start(sandbox: SystemdHost) -> None:
    sandbox.sh("mkdir -p /run/systemd/system/sandbox-netmon.service.d")
    sandbox.sh(
        "printf '[Service]\\nExecStartPre=/bin/false\\nRestart=no\\n' > "
        "/run/systemd/system/sandbox-netmon.service.d/broken.conf"
    )
    sandbox.fails("netmon_service", SB, UNIT)
    assert sandbox.show(UNIT, "LoadState") == "not-found"
