# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""One plugin called: what it may answer, and what is done with one that does not behave."""

from __future__ import annotations

import json
import os
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.sandbox.network.plugins.module_utils._programs import cni_plugin
from ansible_collections.sandbox.network.plugins.module_utils._programs.cni_plugin import (
    PluginError,
    call_plugin,
    find_plugin,
    wait_for_former,
)
from ansible_collections.sandbox.network.plugins.module_utils._programs.errors import ProgramError
from ansible_collections.sandbox.network.plugins.module_utils._programs.processes import KnownProcess

ADD = {"CNI_COMMAND": "ADD", "PATH": "/usr/bin:/bin"}


def plugin(directory: Path, script: str, name: str = "fake") -> str:
    """A plugin that is a shell script."""
    path = directory / name
    path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    path.chmod(0o755)
    return str(path)


@pytest.mark.parametrize("recorded", [False, True])
@pytest.mark.parametrize("size", [1, 300_000])
def test_a_document_there_and_back(tmp_path: Path, recorded: bool, size: int) -> None:
    record = str(tmp_path / "record") if recorded else None
    document = {"text": "x" * size, "lines": "a\nb"}
    assert call_plugin(plugin(tmp_path, "cat"), ADD, document, 10, record) == document
    assert os.listdir(tmp_path) == ["fake"]


def test_no_answer_is_an_answer(tmp_path: Path) -> None:
    assert call_plugin(plugin(tmp_path, "true"), ADD, {}, 10) is None


def test_one_that_does_not_listen(tmp_path: Path) -> None:
    assert call_plugin(plugin(tmp_path, "echo 7"), ADD, {"text": "x" * 300_000}, 10, str(tmp_path / "record")) == 7


def test_only_what_is_told_is_in_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "canary")
    script = 'printf \'"%s"\' "$SECRET$CNI_COMMAND"'
    assert call_plugin(plugin(tmp_path, script), ADD, {}, 10) == "ADD"


@pytest.mark.parametrize(
    ("script", "words", "code"),
    [
        ('echo \'{"code": 11, "msg": "later", "details": "much"}\'; exit 1', r"later: much \(code 11\)", 11),
        ('echo \'{"code": "x", "msg": "odd"}\'; exit 1', "odd", None),
        ("echo '{\"code\": 7}'; exit 1", "no message", 7),
        ("echo sorry >&2; exit 3", "it ended with 3 and told no error: sorry", None),
        ("echo nothing like JSON; exit 3", "nothing like JSON", None),
        ('printf "panic: nil\\n\\ngoroutine 1"  >&2; exit 2', "told no error: panic: nil$", None),
        ("kill -9 $$", "it was ended by SIGKILL", None),
        ("echo {", "what is not JSON", None),
        ("printf '%0100000d' 0 | tr 0 '['", "what is not JSON", None),
    ],
)
def test_errors(tmp_path: Path, script: str, words: str, code: int | None) -> None:
    with pytest.raises(PluginError, match=words) as caught:
        call_plugin(plugin(tmp_path, script), ADD, {}, 10)
    assert caught.value.code == code
    assert caught.value.facts["cni_error"]["plugin"] == "fake"
    json.dumps(caught.value.facts)


def test_one_that_takes_too_long_is_ended_with_all_that_it_started(tmp_path: Path) -> None:
    script = f"sleep 300 & echo $! > {tmp_path}/child; wait"
    with pytest.raises(ProgramError, match=r"the plugin fake did not answer within 0\.3 seconds"):
        call_plugin(plugin(tmp_path, script), ADD, {}, 0.3, str(tmp_path / "record"))
    child = int((tmp_path / "child").read_text(encoding="utf-8"))
    deadline = time.monotonic() + 5
    while alive(child) and time.monotonic() < deadline:  # a signal is sent, not yet obeyed
        time.sleep(0.01)
    assert not alive(child)
    assert not (tmp_path / "record").exists()


@pytest.mark.parametrize("to", ["", ">&2"])
def test_one_that_does_not_stop_talking(tmp_path: Path, to: str) -> None:
    with pytest.raises(ProgramError, match="said more than"):
        call_plugin(plugin(tmp_path, f"yes {to}"), ADD, {}, 30)


def test_one_whose_child_holds_its_output(tmp_path: Path) -> None:
    started = time.monotonic()
    assert call_plugin(plugin(tmp_path, "sleep 3 & echo 7"), ADD, {}, 30) == 7
    assert time.monotonic() - started < 2


def test_one_that_cannot_be_run(tmp_path: Path) -> None:
    path = plugin(tmp_path, "")
    Path(path).write_text("#!/no/such/interpreter\n", encoding="utf-8")
    with pytest.raises(ProgramError, match="ENOENT"):
        call_plugin(path, ADD, {}, 10)


def test_it_does_not_begin_before_it_is_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_record: str, _pid: int) -> None:
        raise ProgramError("the disk is full")

    monkeypatch.setattr(cni_plugin, "_write_record", refuse)
    with pytest.raises(ProgramError, match="the disk is full"):
        call_plugin(plugin(tmp_path, f"touch {tmp_path}/begun"), ADD, {}, 10, str(tmp_path / "record"))
    assert not (tmp_path / "begun").exists()


@pytest.mark.parametrize("patience", [0.2, 10])
def test_the_plugin_of_a_killed_task(tmp_path: Path, patience: float) -> None:
    """It is waited for, and ended when that takes too long."""
    record = tmp_path / "record"
    process = subprocess.Popen(["sleep", "0.6" if patience > 1 else "300"], start_new_session=True)
    known = KnownProcess.of(process.pid)
    assert known is not None
    record.write_text(json.dumps(known.as_dict()), encoding="utf-8")
    wait_for_former(str(record), patience)
    assert process.wait(1) == (0 if patience > 1 else -9)
    assert not record.exists()


@pytest.mark.parametrize("text", ["", "{}", "7", '{"pid": 1, "started": 1, "boot_id": "x"}'])
def test_a_record_of_nobody(tmp_path: Path, text: str) -> None:
    record = tmp_path / "record"
    record.write_text(text, encoding="utf-8")
    wait_for_former(str(record), 10)
    assert not record.exists()


def test_the_first_directory_that_has_a_plugin(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    path = plugin(tmp_path / "two", "", "bridge")
    (tmp_path / "one" / "bridge").write_text("", encoding="utf-8")  # cannot be run
    directories = [str(tmp_path / name) for name in ("none", "one", "two")]
    assert find_plugin("bridge", directories) == path
    with pytest.raises(ProgramError, match="there is no plugin ptp in"):
        find_plugin("ptp", directories)
    Path(path).chmod(0o777)
    with pytest.raises(ProgramError, match="is not run"):
        find_plugin("bridge", directories)


def alive(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except FileNotFoundError:
        return False
    return stat.rpartition(")")[2].split()[0] not in "ZX"


def test_errors_are_plain_data() -> None:
    error: dict[str, Any] = {"code": 5, "msg": "m"}
    assert str(PluginError("bridge", "DEL", error)) == "DEL of the plugin bridge: m (code 5)"
