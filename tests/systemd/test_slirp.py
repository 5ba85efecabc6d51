# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""User-mode networks as units of systemd: of the system, and of a user."""

from __future__ import annotations

import time

import pytest
from box import Args, Result, only
from systemd_host import SystemdHost

BACKENDS = ("slirp4netns", "pasta")
WANTED: Args = {"netns": "box", "forwards": ["18080:8080", "18081:8080"]}
MORE: Args = {"netns": "box", "forwards": ["18082:8080"]}
INSIDE = ("ip", "netns", "exec", "box")
UPLINK = (
    "ip link add up0 type veth peer name far0",
    "ip address add 192.0.2.1/24 dev up0",
    "ip link set up0 up",
    "ip link set far0 up",
    "ip route add default via 192.0.2.2",
)

FAKE = "/usr/local/bin/fake"
# Waits for a port, and has it as soon as it is free.
STRANGER = """
import socket, time
open("/run/box/waiting", "w").close()
while True:
    try:
        taken = socket.create_server(("127.0.0.1", 18081))
        break
    except OSError:
        time.sleep(0.01)
time.sleep(600)
"""


@pytest.fixture
def sandbox(host: SystemdHost) -> SystemdHost:
    """A host with a way out, and in its sandbox `box` somebody who answers."""
    host.sh(*UPLINK, "ip netns add box")
    host.serve(*INSIDE)
    return host


def stopped(wanted: Args) -> Args:
    """The same network, which is to be no more."""
    return {**{name: wanted[name] for name in ("netns", "state_dir") if name in wanted}, "state": "stopped"}


def start(host: SystemdHost, wanted: Args) -> tuple[str, Result]:
    """Start a network, which works; its unit, and what the module says."""
    slirp: Result = host.done("slirp_network", wanted)["slirp"]
    works(host, slirp)
    return only(host.units()), slirp


def works(host: SystemdHost, slirp: Result) -> None:
    """See that there is a unit, and that its helper has the forwards and passes them on."""
    assert host.show(only(host.units()), "ActiveState") == "active"
    ports = [forward["host_port"] for forward in slirp["forwards"]]
    if slirp["api_socket"]:
        assert host.listed(slirp["api_socket"]) == ports
    assert [host.answer(port) for port in ports] == ["hello"] * len(ports)


def comes_back(host: SystemdHost, unit: str) -> None:
    """Wait until systemd has started a unit again."""
    host.until(
        f"{host.systemctl} show --property=NRestarts {unit} | grep -q =1", f"{host.systemctl} -q is-active {unit}"
    )


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_unit_of_the_system(sandbox: SystemdHost, backend: str) -> None:
    before, wanted = sandbox.snapshot(), {**WANTED, "backend": backend}
    slirp = sandbox.change("slirp_network", wanted)["slirp"]
    works(sandbox, slirp)
    unit = only(sandbox.units())
    assert unit.startswith("sandbox-network-slirp-")
    assert sandbox.show(unit, "Type") == "notify"
    assert unit in sandbox.read(f"/proc/{slirp['pid']}/cgroup")

    sandbox.change("slirp_network", stopped(wanted))
    assert sandbox.units() == []
    assert sandbox.unlike(before) == []


@pytest.mark.parametrize("victim", ["helper", "supervisor"])
@pytest.mark.parametrize("backend", BACKENDS)
def test_it_comes_back_when_it_is_killed(sandbox: SystemdHost, backend: str, victim: str) -> None:
    wanted = {**WANTED, "backend": backend}
    unit, _slirp = start(sandbox, wanted)
    sandbox.done("slirp_portfwd", MORE)
    slirp = sandbox.nothing_to_do("slirp_network", wanted)["slirp"]
    sandbox.sh(f"kill -9 {slirp['pid'] if victim == 'helper' else sandbox.show(unit, 'MainPID')}")
    comes_back(sandbox, unit)
    again = sandbox.nothing_to_do("slirp_network", wanted)["slirp"]
    works(sandbox, again)
    assert again["pid"] != slirp["pid"]
    assert again["forwards"] == slirp["forwards"]


@pytest.mark.parametrize("backend", BACKENDS)
def test_somebody_stops_it(sandbox: SystemdHost, backend: str) -> None:
    before, wanted = sandbox.snapshot(), {**WANTED, "backend": backend}
    unit, slirp = start(sandbox, wanted)
    sandbox.sh(f"systemctl stop {unit}")
    assert sandbox.units() == []
    again = sandbox.change("slirp_network", wanted)["slirp"]
    works(sandbox, again)
    assert again["restarted"]
    assert again["forwards"] == slirp["forwards"]

    sandbox.sh(f"systemctl stop {unit}")
    sandbox.change("slirp_network", stopped(wanted))
    assert sandbox.unlike(before) == []


def test_the_journal_tells_which_forwards_were_lost(sandbox: SystemdHost) -> None:
    unit, _slirp = start(sandbox, WANTED)
    sandbox.sh(
        f"{sandbox.python(STRANGER)} & echo $! >/run/box/stranger",
        "until [ -e /run/box/waiting ]; do sleep 0.02; done",
        f"systemctl kill --signal=KILL {unit}",
    )
    comes_back(sandbox, unit)
    told = sandbox.sh(f"journalctl --output=cat --unit={unit}")
    assert "'host_port': 18081" in told and "'host_port': 18080" not in told

    sandbox.sh("kill $(cat /run/box/stranger)")
    works(sandbox, sandbox.change("slirp_network", WANTED)["slirp"])


@pytest.mark.parametrize(
    ("does", "words"),
    [("echo no tap for you >&2; exit 3", "it said: no tap for you"), ("exec cat <&4", "not ready within 1 seconds")],
    ids=["ends", "hangs"],
)
def test_a_program_that_does_not_become_ready(sandbox: SystemdHost, does: str, words: str) -> None:
    sandbox.sh(
        f"cat >{FAKE} <<'EOF'",
        "#!/bin/sh",
        'case $1 in --version | --help) exec slirp4netns "$1" ;; esac',
        does,
        "EOF",
        f"chmod +x {FAKE}",
    )
    began = time.monotonic()
    sandbox.fails("slirp_network", {**WANTED, "program": FAKE, "ready_timeout": 1}, words)
    assert time.monotonic() - began < 10
    assert sandbox.units() == []
    journal = sandbox.sh("journalctl --output=cat --unit='sandbox-network-*'")
    assert words in journal
    assert "Stopped" not in journal, "systemd was about to try again"


def test_a_unit_of_the_user(host: SystemdHost, tester: SystemdHost) -> None:
    uid = start_manager(host)
    wanted = {**WANTED, "netns": sandbox_of(tester), "state_dir": f"/run/user/{uid}/sandbox-network"}
    before = host.snapshot()
    slirp = tester.change("slirp_network", wanted)["slirp"]
    works(tester, slirp)
    unit = only(tester.units())
    assert host.units() == []
    assert owners(host, slirp["pid"], tester.show(unit, "MainPID")) == {"tester"}

    host.sh(f"kill -9 {slirp['pid']}")
    comes_back(tester, unit)
    works(tester, tester.nothing_to_do("slirp_network", wanted)["slirp"])

    tester.change("slirp_network", stopped(wanted))
    assert tester.units() == []
    assert host.unlike(before) == []


def test_a_process_of_the_user(host: SystemdHost, tester: SystemdHost) -> None:
    wanted = {**WANTED, "netns": sandbox_of(tester), "state_dir": "/home/tester/sandbox-network"}
    before = host.snapshot()
    uid = start_manager(host)
    _unit, slirp = start(tester, wanted)
    host.sh(f"systemctl stop user@{uid}")  # and with it all units of the user

    again = tester.change("slirp_network", wanted)["slirp"]
    assert again["forwards"] == slirp["forwards"]
    assert tester.listed(again["api_socket"]) == [18080, 18081]
    assert host.units() == []
    assert owners(host, again["pid"]) == {"tester"}

    tester.change("slirp_network", stopped(wanted))
    assert host.unlike(before) == []


def start_manager(host: SystemdHost) -> int:
    """Start the user's own systemd; the user's number."""
    uid = int(host.sh("id -u tester"))
    host.sh(f"systemctl start user@{uid}")
    return uid


def sandbox_of(tester: SystemdHost) -> str:
    """A namespace of a user in which somebody answers."""
    tester.sh(
        "unshare --user --map-root-user --net sleep 600 & echo $! >/tmp/sandbox",
        "until nsenter --target $(cat /tmp/sandbox) --user --net --preserve-credentials true; do sleep 0.02; done",
    )
    pid = int(tester.sh("cat /tmp/sandbox"))
    tester.serve("nsenter", f"--target={pid}", "--user", "--net", "--preserve-credentials")
    return f"pid:{pid}"


def owners(host: SystemdHost, *pids: int | str) -> set[str]:
    """Who runs processes."""
    return {*host.sh(*(f"stat -c %U /proc/{pid}" for pid in pids)).split()}
