# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The guard of the rules: what somebody flushes or changes is back at once, and nobody else's rules are touched."""

from __future__ import annotations

import time
from typing import Any

import pytest
from box import Box, operations

WEB1: dict[str, Any] = {"sandbox": "web1", "addresses": ["10.80.0.2/24"], "antispoof": False, "guard": "always"}
WEB2 = {**WEB1, "sandbox": "web2", "addresses": ["10.80.0.3/24", "fd00:80::3/64"], "masquerade": True}
OTHERS = "nft 'add table inet other; add set inet other s { type ipv4_addr; }; add element inet other s { 192.0.2.1 }'"
GUARD = "pgrep -f '^/[^ ]* -I -B /run/sandbox-network/programs/firewall-guard-'"


def rules(box: Box) -> str:
    """Our tables as text."""
    families = ("inet", "bridge")
    return "".join(box.sh(f"nft list table {family} sandbox_network 2>&1 || :") for family in families)


def is_back(box: Box, before: str, seconds: float = 5.0) -> None:
    """The rules are as they were, within some seconds."""
    deadline = time.monotonic() + seconds
    while rules(box) != before:
        assert time.monotonic() < deadline, rules(box)
        time.sleep(0.02)


def test_the_life_of_a_guard(box: Box) -> None:
    before = box.snapshot()
    first = box.change("firewall", WEB1)
    assert operations(first)[-2:] == ["program.install", "process.start"] and first["firewall"]["guarded"] is True
    pid = box.sh(GUARD)
    second = box.change("firewall", WEB2)
    assert "process.start" not in operations(second) and box.sh(GUARD) == pid, "one for all"
    box.change("firewall", {**WEB1, "state": "absent"})
    assert box.sh(GUARD) == pid
    last = box.change("firewall", {**WEB2, "state": "absent"})
    assert operations(last)[0] == "process.stop" and box.sh(GUARD, check=False) == "", "before what it guards"
    assert box.unlike(before) == []


def test_what_somebody_changes_is_back(box: Box) -> None:
    box.done("firewall", {"sandboxes": [WEB1, WEB2]})
    box.sh(OTHERS)
    before = rules(box)
    for commands in (
        "nft flush ruleset",
        "nft delete table inet sandbox_network",
        "nft delete table bridge sandbox_network || :",
        "nft flush chain inet sandbox_network forward",
        "nft insert rule inet sandbox_network forward accept",
        "nft flush ruleset; nft flush ruleset",
    ):
        box.sh(commands)
        is_back(box, before)
    box.nothing_to_do("firewall", {"sandboxes": [WEB1, WEB2]})
    assert "table inet other" not in box.sh("nft list tables"), "what others lost is their business"
    box.sh(OTHERS)
    time.sleep(0.2)
    assert "192.0.2.1" in box.sh("nft list table inet other")
    assert "put back" in box.sh("cat /run/sandbox-network/helpers/firewall-guard/log")


def test_tasks_and_the_guard_at_once(box: Box) -> None:
    box.done("firewall", {"sandboxes": [WEB1, WEB2]})
    for number in range(5):
        box.sh("nft flush ruleset")
        box.done("firewall", {**WEB1, "policy": ("open", "closed")[number % 2]})
    wanted = {**WEB1, "policy": "open"}
    box.nothing_to_do("firewall", wanted)
    before = rules(box)
    box.sh("for number in 1 2 3 4 5 6 7 8 9 10; do nft flush ruleset; sleep 0.01; done")
    is_back(box, before)
    box.nothing_to_do("firewall", wanted)


def test_a_guard_that_was_killed(box: Box) -> None:
    box.done("firewall", WEB1)
    before = rules(box)
    box.sh(f"kill -9 $({GUARD})", f"while {GUARD}; do sleep 0.01; done")
    box.sh("nft flush ruleset")
    time.sleep(0.2)
    assert rules(box) != before
    result = box.change("firewall", WEB1)
    assert operations(result)[-2:] == ["process.stop", "process.start"] and rules(box) == before
    box.sh("nft flush ruleset")
    is_back(box, before)


def test_without_a_guard(box: Box) -> None:
    result = box.change("firewall", {**WEB1, "guard": "auto"})
    assert result["firewall"]["guarded"] is False, "nobody would start it again"
    assert "process.start" in operations(box.change("firewall", WEB1))
    result = box.change("firewall", {**WEB1, "guard": "never"})
    assert operations(result)[0] == "process.stop" and result["firewall"]["guarded"] is False
    assert box.sh(GUARD, check=False) == "" and box.sh("ls /run/sandbox-network").count("programs") == 0


@pytest.mark.parametrize("program", ["nft"])
def test_it_goes_on_when_it_cannot_repair(box: Box, program: str) -> None:
    box.done("firewall", WEB1)
    before = rules(box)
    box.sh(f"path=$(command -v {program}); cp $path /run/{program}; mount --bind /bin/false $(realpath $path)")
    box.sh("/run/nft flush ruleset")
    time.sleep(0.3)
    box.sh(f"umount $(realpath $(command -v {program}))")
    is_back(box, before, 8.0)
    assert "not as they should be" in box.sh("cat /run/sandbox-network/helpers/firewall-guard/log")
