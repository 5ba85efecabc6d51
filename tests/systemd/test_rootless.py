# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Namespaces of a user whose services systemd looks after."""

from __future__ import annotations

from box import Args, Result, only, operations
from systemd_host import SystemdHost

FORWARD = ["18080:8080"]


def start_manager(host: SystemdHost) -> Args:
    """Start the user's own systemd; where the user's tasks remember what they did."""
    uid = int(host.sh("id -u tester"))
    host.sh(f"systemctl start user@{uid}")
    return {"state_dir": f"/run/user/{uid}/sandbox-network"}


def connect(tester: SystemdHost, made: Result, where: Args) -> None:
    """Give a namespace its network, and somebody who answers."""
    tester.done("slirp_network", {"netns": made["netns"], "forwards": FORWARD, **where})
    tester.serve(*made["enter"])
    assert tester.answer(18080) == "hello"


def test_a_user_with_a_manager(host: SystemdHost, tester: SystemdHost) -> None:
    """It is a unit of the user's, which systemd does not bring back: its namespace would be another one."""
    where = start_manager(host)
    before, web1 = host.snapshot(), {"name": "web1", "dns": ["10.0.2.3"], **where}
    made = tester.change("rootless_netns", web1)["rootless"]
    connect(tester, made, where)
    units = tester.units()
    assert [unit.split("-")[2] for unit in units] == ["rootless", "slirp"]
    assert host.units() == []
    assert units[0] in tester.read(f"/proc/{made['pid']}/cgroup")
    assert host.sh(f"stat -c %U /proc/{made['pid']}").strip() == "tester"

    host.sh(f"kill -9 {made['pid']} $(pgrep -f server.accept)")
    tester.until(f"[ -z \"$({tester.systemctl} list-units --all --plain --no-legend 'sandbox-network-*')\" ]")
    mended = tester.change("rootless_netns", web1)
    assert operations(mended) == ["process.stop", "process.stop", "record.drop", "process.start"]
    assert mended["rootless"]["created"]
    connect(tester, mended["rootless"], where)

    host.sh("kill -9 $(pgrep -f server.accept)")
    tester.change("rootless_netns", {"name": "web1", "state": "absent", **where})
    assert tester.units() == []
    assert host.unlike(before) == []


def test_services_that_end_with_the_last_session(host: SystemdHost, tester: SystemdHost) -> None:
    web1 = {"name": "web1", **start_manager(host)}
    said = tester.done("rootless_netns", web1)["warnings"]
    assert "loginctl enable-linger tester" in str(only(said))
    host.sh("mkdir -p /var/lib/systemd/linger; touch /var/lib/systemd/linger/tester")  # as loginctl does it
    assert "warnings" not in tester.nothing_to_do("rootless_netns", web1)
