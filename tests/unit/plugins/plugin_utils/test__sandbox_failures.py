# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""What a removal that went on after errors is to fail with."""

from __future__ import annotations

from ansible_collections.sandbox.network.plugins.plugin_utils._sandbox_failures import failures

FAILED = {"failed": True, "msg": "no way back"}
FINE = {"changed": True}


def test_nothing_went_wrong() -> None:
    skipped = {"skipped": True, "results": []}
    assert failures([{"task": "Go", "all": FINE, "each": skipped}, {"task": "Leave", "all": skipped}]) == []


def test_what_went_wrong_one_by_one_has_names() -> None:
    each = {"results": [{**FAILED, "item": {"netns": "/run/netns/a"}}, FINE, {**FAILED, "item": {"name": "b"}}]}
    assert failures([{"task": "Go", "all": {"failed": True, "msg": "all"}, "each": each}]) == ["Go: a, b: no way back"]


def test_what_cannot_be_repeated_or_did_not_fail_again() -> None:
    command = {"failed": True, "msg": "non-zero return code", "stderr": "no ip\n"}
    assert failures([{"task": "Look", "all": command}]) == ["Look: non-zero return code: no ip"]
    assert failures([{"task": "Go", "all": FAILED, "each": {"results": [FINE]}}]) == []


def test_processes_and_many_names() -> None:
    each = {"results": [{**FAILED, "item": {"sandbox": f"s{number}"}} for number in range(7)]}
    assert failures([{"task": "Go", "all": FAILED, "each": each}], [{"path": "/run/netns/x", "pids": [7, 8]}]) == [
        "See that no process is inside: /run/netns/x has processes inside: 7, 8; end them, or set sandbox_force",
        "Go: s0, s1, s2, s3, s4 and 2 more: no way back",
    ]
