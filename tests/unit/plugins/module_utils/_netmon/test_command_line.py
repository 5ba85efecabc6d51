# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Flags in the manner of the original's."""

from __future__ import annotations

import pytest

from ansible_collections.sandbox.network.plugins.module_utils._netmon.command_line import Misused, is_id, parse

NEEDED = ["-s", "x", "-r", "/bin/true"]


def test_values() -> None:
    options = parse(["--s=x", "-r", "/bin/true", "-d", "-log", "info"])
    assert (options.sandbox, options.runtime, options.debug, options.level) == ("x", "/bin/true", True, "info")
    options = parse(["-config", "/a", "--config=/b", "-status", "/c", "-ready-fd", "3", "-buffer=4096"])
    assert (options.directories, options.status, options.ready, options.buffer) == (["/a", "/b"], "/c", 3, 4096)
    assert parse(NEEDED).level == "warn"
    assert not parse([*NEEDED, "-d=false"]).debug


@pytest.mark.parametrize(
    ("given", "level"), [("trace", "debug"), ("warning", "warn"), ("fatal", "error"), ("panic", "error")]
)
def test_levels_of_the_original(given: str, level: str) -> None:
    assert parse([*NEEDED, "-log", given]).level == level


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["-s", "x"],
        ["-r", "x"],
        [*NEEDED, "more"],
        [*NEEDED, "---d"],
        [*NEEDED, "-log"],
        [*NEEDED, "-log", ""],
        [*NEEDED, "-buffer", "-1"],
        [*NEEDED, "-config", "/a"],
        ["-r", "x", "-s", "../y"],
    ],
)
def test_misuse(words: list[str]) -> None:
    with pytest.raises(Misused):
        parse(words)


def test_questions_need_nothing_else() -> None:
    assert [parse([word]).only for word in ("-h", "--help", "-v", "-version")] == ["help", "help", "version", "version"]


def test_ids() -> None:
    assert all(map(is_id, ("web1", "a.b-c_d", "Web", "0")))
    assert not any(map(is_id, ("", ".", "..", "a/b", "-x", "x\n", "\x1b")))
