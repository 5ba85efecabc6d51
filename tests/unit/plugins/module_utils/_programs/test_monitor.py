# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""What the monitor consists of, and how it is called."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.sandbox.network.plugins.module_utils._programs import monitor


@pytest.mark.parametrize(
    "command", [["/usr/bin/python3", "-I", "/a"], ["/a b", "%h", "$HOME", "it's", '"quoted"', "back\\slash"]]
)
def test_the_words_of_a_unit_are_those_it_was_made_of(command: list[str]) -> None:
    assert monitor.words_of_unit(monitor.unit_text(command)) == command


@pytest.mark.parametrize(
    ("word", "written"),
    [
        ("/usr/bin/python3", "/usr/bin/python3"),
        ("it's", '"it\'s"'),  # its manual allows no quotes in the middle of a word
        ("/a b%n$HOME", '"/a b%%n$$HOME"'),
        ("back\\slash", r'"back\\slash"'),  # and knows escapes in any quotes
        ('"quoted"', r'"\"quoted\""'),
    ],
)
def test_words_are_quoted_as_systemd_reads_them(word: str, written: str) -> None:
    assert f"\nExecStart=/a {written}\n" in monitor.unit_text(["/a", word])


def test_a_unit_of_somebody_else_has_no_words() -> None:
    assert monitor.words_of_unit("[Service]\nType=oneshot\n") == []


def watched(name: str, **changes: object) -> dict[str, object]:
    return {"id": name, "state": "watched", "problem": None, "settings": {"id": name, "update": "replace"}, **changes}


@pytest.mark.parametrize(
    ("status", "wanted", "unwanted", "words"),
    [
        ({}, {}, [], "not said anything"),
        ({"sandboxes": [], "gone": []}, {"a": {}}, [], "a is not watched"),
        ({"sandboxes": [], "gone": ["a"]}, {"a": {}}, [], ""),
        ({"sandboxes": [watched("a")], "gone": []}, {"a": {"update": "replace"}}, [], ""),
        ({"sandboxes": [watched("a")], "gone": []}, {"a": {"update": "ignore"}}, [], "not watched as it is to be"),
        ({"sandboxes": [watched("a", state="starting")], "gone": []}, {"a": {}}, [], "not watched as it is to be"),
        ({"sandboxes": [watched("a", state="starting", problem="no")], "gone": []}, {"a": {}}, [], "a: no"),
        ({"sandboxes": [watched("a")], "gone": []}, {}, ["a"], "a is still watched"),
        ({"sandboxes": [], "gone": ["a"]}, {}, ["a"], "a is still watched"),
    ],
)
def test_when_a_monitor_follows(
    status: dict[str, object], wanted: dict[str, dict[str, object]], unwanted: list[str], words: str
) -> None:
    missing = monitor._missing(status, wanted, unwanted)
    assert (missing == "") if not words else words in missing


def test_a_runtime_that_others_can_change_is_not_called(tmp_path: Path) -> None:
    runtime = tmp_path / "runtime"
    assert monitor.problem_with_runtime(str(runtime)) is None
    runtime.write_text("#!/bin/sh\n")
    assert monitor.problem_with_runtime(str(runtime)) == f"{runtime} is not a program"
    runtime.chmod(0o755)
    tmp_path.chmod(0o755)
    assert monitor.problem_with_runtime(str(runtime)) == ""
    runtime.chmod(0o777)
    assert "can be changed by others" in str(monitor.problem_with_runtime(str(runtime)))
