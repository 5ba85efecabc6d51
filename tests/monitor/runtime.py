# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The recording runtime of one sandbox: what it shall do, and what it was told."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

from model import Call

SOURCE = Path(__file__).with_name("runtime.c")


def compile_runtime(target: Path) -> Path:
    """The program, to be copied into a directory for each sandbox."""
    subprocess.run(["gcc", "-Wall", "-Werror", "-O1", "-o", str(target), str(SOURCE)], check=True, timeout=60)
    return target


class Runtime:
    """One copy of it, with its own record."""

    def __init__(self, directory: Path, program: Path) -> None:
        directory.parent.mkdir(mode=0o755, exist_ok=True)
        directory.mkdir(mode=0o755)
        self.directory = directory
        self.path = directory / "runtime"
        self._record = directory / "record"
        self._read = 0
        self._calls: list[Call] = []
        shutil.copy(program, self.path)

    def behave(self, *lines: str) -> None:
        """From now on: lines as runtime.c explains them; none for a good one."""
        new = self.directory / "behaviour.new"
        new.write_text("".join(f"{line}\n" for line in lines))
        new.rename(self.directory / "behaviour")

    @property
    def calls(self) -> list[Call]:
        """All calls so far that came to an end of their own, in order."""
        if self._record.exists():
            with self._record.open("rb") as record:
                record.seek(self._read)
                whole = record.read().rpartition(b"\n")[0]  # behind it, one that is being written
                self._read += len(whole) + 1 if whole else 0
                self._calls += map(_call, whole.splitlines())
        return self._calls

    def forget(self) -> None:
        """Count from here on."""
        self._calls = self.calls[:0]

    @property
    def verbs(self) -> list[str]:
        """The calls, in short."""
        return [str(call) for call in self.calls]

    @property
    def hanging(self) -> list[int]:
        """The processes of a call that hangs; empty without one."""
        try:
            return [int(pid) for pid in (self.directory / "hanging").read_text().split()]
        except FileNotFoundError:
            return []


def _call(line: bytes) -> Call:
    found = json.loads(line)
    return Call(found["verb"], found["document"], found["exit"], found["at"] / 1e9, found)


def is_alive(pid: int) -> bool:
    """Whether a process runs; a dead one that nobody has buried does not."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as status:
            return status.read().rpartition(b")")[2].split()[0] not in (b"Z", b"X")
    except (FileNotFoundError, ProcessLookupError):
        return False


def open_files(pid: int) -> list[str]:
    """What the descriptors of a process lead to."""
    found = []
    for name in os.listdir(f"/proc/{pid}/fd"):
        try:
            found.append(os.readlink(f"/proc/{pid}/fd/{name}"))
        except FileNotFoundError:
            continue
    return found
