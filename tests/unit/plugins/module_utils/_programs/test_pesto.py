# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""pesto as a program in its place tells and takes forwards: rules in a file, as those of passt 2026-10-02 look."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.sandbox.network.plugins.module_utils._programs import pesto
from ansible_collections.sandbox.network.plugins.module_utils._programs.errors import ProgramError
from ansible_collections.sandbox.network.plugins.module_utils._programs.slirp4netns import Forward

TOLD = """passt/pasta configuration (/run/c.sock)
  HOST
    TCP [127.0.0.1]:18081  =>  8080
    TCP [::1]:18082-18084  =>  81-83
    UDP *:5353  =>  53
  SPLICE
    TCP [127.0.0.1]:9999  =>  9999
"""


def program(directory: Path, body: str) -> str:
    """A pesto that writes its words down, and does what is asked of the test."""
    path = directory / "pesto"
    path.write_text(f'#!/bin/sh\necho "$@" >> {directory}/words\n{body}\n', encoding="utf-8")
    path.chmod(0o755)
    return str(path)


def words(directory: Path) -> list[str]:
    return (directory / "words").read_text(encoding="utf-8").splitlines()


def test_what_is_told(tmp_path: Path) -> None:
    found = pesto.list_forwards(program(tmp_path, f"cat <<'END'\n{TOLD}END"), "/run/c.sock", 5)
    assert found == [
        Forward("tcp", "127.0.0.1", 18081, "", 8080),
        *(Forward("tcp", "::1", 18082 + number, "", 81 + number) for number in range(3)),
        Forward("udp", "0.0.0.0", 5353, "", 53),
    ], "what comes from the host, and nothing of the way back"


def test_one_rule_for_each_call(tmp_path: Path) -> None:
    path = program(tmp_path, f"cat <<'END'\n{TOLD}END")
    pesto.add_forward(path, "/run/c.sock", Forward("udp", "192.0.2.1", 53, "10.0.2.100", 5353), 5)
    pesto.remove_forward(path, "/run/c.sock", Forward("tcp", "127.0.0.1", 18081, "10.0.2.100", 8080), 5)
    calls = [line for line in words(tmp_path) if line.startswith("--")]
    assert calls == [
        "--add --udp-ports 192.0.2.1/53:5353 /run/c.sock",
        "--delete --tcp-ports 127.0.0.1/18081:8080 /run/c.sock",
    ]


def test_nothing_to_do(tmp_path: Path) -> None:
    path = program(tmp_path, f"cat <<'END'\n{TOLD}END")
    pesto.add_forward(path, "/run/c.sock", Forward("tcp", "127.0.0.1", 18081, "10.0.2.100", 8080), 5)
    pesto.remove_forward(path, "/run/c.sock", Forward("tcp", "127.0.0.1", 18081, "10.0.2.100", 8081), 5)
    assert words(tmp_path) == ["/run/c.sock", "/run/c.sock"]


def test_its_errors_are_told(tmp_path: Path) -> None:
    with pytest.raises(ProgramError, match="Unable to add rule"):
        pesto.list_forwards(program(tmp_path, "echo Unable to add rule >&2; exit 1"), "/run/c.sock", 5)
    with pytest.raises(ProgramError, match=r"did not answer within 0\.2 seconds"):
        pesto.list_forwards(program(tmp_path, "exec sleep 30"), "/run/c.sock", 0.2)
    with pytest.raises(ProgramError, match="ENOENT"):
        pesto.list_forwards(str(tmp_path / "none"), "/run/c.sock", 5)
