# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The guard of the rules as a unit: rules are back at once, whatever the host's own firewall does."""

from __future__ import annotations

import time
from typing import Any

from systemd_host import SystemdHost

UNIT = "sandbox-network-firewall-guard.service"
WEB1: dict[str, Any] = {"sandbox": "web1", "addresses": ["10.80.0.2/24"], "antispoof": False}
PLACES = ("/etc", "/run/systemd/transient", "/run/sandbox-network/helpers", "/run/sandbox-network/programs")


def rules(host: SystemdHost) -> str:
    """Our rules as text."""
    return host.sh("nft list table inet sandbox_network 2>&1 || :")


def is_back(host: SystemdHost, before: str) -> None:
    """They are as they were."""
    deadline = time.monotonic() + 5
    while rules(host) != before:
        assert time.monotonic() < deadline, rules(host)
        time.sleep(0.02)


def test_a_unit(host: SystemdHost) -> None:
    places = host.host.snapshot(*PLACES)
    assert host.change("firewall", WEB1)["firewall"]["guarded"] is True
    assert host.show(UNIT, "ActiveState") == "active"
    assert host.show(UNIT, "Description") == "Guard of the firewall of sandboxes"
    before = rules(host)
    host.sh("nft flush ruleset")
    is_back(host, before)
    # Debian's own, whose rules begin with a flush.
    host.sh("systemctl restart nftables.service")
    is_back(host, before)
    host.sh("systemctl stop nftables.service")
    is_back(host, before)
    host.nothing_to_do("firewall", WEB1)
    host.until("journalctl --output=cat -t sandbox-network | grep -q 'put back'")
    host.change("firewall", {"sandbox": "web1", "state": "absent"})
    assert host.show(UNIT, "LoadState") == "not-found"
    assert host.host.unlike(places, *PLACES) == []


def test_it_comes_back(host: SystemdHost) -> None:
    host.done("firewall", WEB1)
    before = rules(host)
    host.sh(f"kill -9 $(systemctl show --property=MainPID --value {UNIT})", "nft flush ruleset")
    host.until(f"systemctl show --property=NRestarts {UNIT} | grep -q =1")
    is_back(host, before)
    host.until(f"systemctl -q is-active {UNIT}")
    host.nothing_to_do("firewall", WEB1)


def test_somebody_stops_it(host: SystemdHost) -> None:
    host.done("firewall", WEB1)
    before = rules(host)
    host.sh(f"systemctl stop {UNIT}", "nft flush ruleset")
    host.change("firewall", WEB1)
    assert rules(host) == before
    host.sh("nft flush ruleset")
    is_back(host, before)
