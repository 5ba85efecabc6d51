# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Messages on one line each, whatever others have put into names."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.sandbox.network.plugins.module_utils._netmon import log
from ansible_collections.sandbox.network.plugins.module_utils._netmon.log import Log, plain


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("eth0", "eth0"),
        (7, "7"),
        ("", '""'),
        ("two words", '"two words"'),
        ("a=b", '"a=b"'),
        ('q"q', '"q\\"q"'),
        ("x\n2026 root: ok", '"x\\\\n2026 root: ok"'),
        ("\x1b[2J", '"\\\\x1b[2J"'),
        ("\x85\u2028", '"\\\\x85\\\\u2028"'),
        ("\ud800", '"\\\\ud800"'),
        ("größe", "größe"),
    ],
)
def test_values(value: Any, shown: str) -> None:
    assert plain(value) == shown
    assert plain(value).isprintable()


def test_levels_and_fields(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log, "SYSLOG", "/nowhere/log")
    whole = Log("netmon", "warn")
    one = whole.for_sandbox("web1", "info")
    whole.info("not shown")
    one.info("told", verb="add-iface")
    whole.error("shown")
    one.debug("not shown")
    first, second = capfd.readouterr().err.splitlines()
    assert first.endswith(
        f" level=info msg=told name=netmon pid={os.getpid()} source=netmon sandbox=web1 verb=add-iface"
    )
    assert " level=error msg=shown " in second
    assert "sandbox=" not in second


def test_a_file_does_not_grow_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log, "SYSLOG", "/nowhere/log")
    monkeypatch.setattr(log, "LONGEST_LOG", 500)
    former = os.dup(2)
    target = os.open(tmp_path / "log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(target, 2)
    try:
        for number in range(100):
            Log("netmon", "info").info(f"number {number}")
    finally:
        os.dup2(former, 2)
        os.close(former)
        os.close(target)
    text = (tmp_path / "log").read_text()
    assert len(text) < 1000
    assert "number 99" in text
