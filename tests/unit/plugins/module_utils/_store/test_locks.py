# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Locks between processes: one holder at a time, named to those who wait, gone with it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ansible_collections.sandbox.network.plugins.module_utils._store.errors import StoreError
from ansible_collections.sandbox.network.plugins.module_utils._store.locks import Locks

HOLDER = """
import sys, time
from ansible_collections.sandbox.network.plugins.module_utils._store.locks import Locks
with Locks(sys.argv[1], 5).hold(sys.argv[2:]):
    print("held", flush=True)
    time.sleep(60)
"""
COUNTER = """
import sys
from ansible_collections.sandbox.network.plugins.module_utils._store.locks import Locks
path = sys.argv[1] + "/count"
for _round in range(25):
    with Locks(sys.argv[1], 20).hold(sys.argv[2:]):
        with open(path) as file:
            number = int(file.read())
        with open(path, "w") as file:
            file.write(str(number + 1))
"""


@contextmanager
def holder(state_dir: Path, *subjects: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", HOLDER, str(state_dir), *subjects]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "held\n"
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def take(state_dir: Path, *subjects: str, timeout: float = 0.1) -> None:
    locks = Locks(str(state_dir), timeout)
    try:
        with locks.hold(subjects):
            pass
    finally:
        locks.close()


def test_who_waits_is_told_who_holds(tmp_path: Path) -> None:
    with holder(tmp_path / "state", "namespace a") as process:
        started = time.monotonic()
        with pytest.raises(StoreError) as refusal:
            take(tmp_path / "state", "namespace a", timeout=0.3)
        assert 0.3 <= time.monotonic() - started < 2
        message = str(refusal.value)
        for part in ("namespace a", f"process {process.pid}", sys.executable, "0.3", "lock_timeout"):
            assert part in message


def test_other_subjects_are_free(tmp_path: Path) -> None:
    with holder(tmp_path / "state", "namespace a", "namespace c"):
        take(tmp_path / "state", "namespace b", "namespace", "namespace a ", "a")


def test_a_killed_holder_holds_nothing(tmp_path: Path) -> None:
    with holder(tmp_path / "state", "namespace a") as process:
        process.send_signal(signal.SIGKILL)
        take(tmp_path / "state", "namespace a", timeout=1)


def test_what_was_taken_is_given_back_when_the_rest_is_not_free(tmp_path: Path) -> None:
    with holder(tmp_path / "state", "b"):
        with pytest.raises(StoreError):
            take(tmp_path / "state", "a", "b", "c")
        with holder(tmp_path / "state", "a", "c"):
            pass


@pytest.mark.parametrize("orders", [("x", "y"), ("y", "x")])
def test_many_processes_one_at_a_time_and_no_deadlock(tmp_path: Path, orders: tuple[str, str]) -> None:
    state = tmp_path / "state"
    state.mkdir(mode=0o700)
    (state / "count").write_text("0", encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    workers = [
        subprocess.Popen([sys.executable, "-c", COUNTER, str(state), *order], env=environment)
        for order in (orders, orders[::-1], orders)
    ]
    assert [worker.wait(timeout=60) for worker in workers] == [0, 0, 0]
    assert (state / "count").read_text(encoding="utf-8") == "75"


def test_a_subject_named_twice_is_one(tmp_path: Path) -> None:
    take(tmp_path / "state", "a", "a")


def test_the_lock_file_stays_and_is_ours_alone(tmp_path: Path) -> None:
    take(tmp_path / "state", "a")
    assert (tmp_path / "state" / "lock").stat().st_mode & 0o777 == 0o600


def test_a_link_in_place_of_the_lock_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir(mode=0o700)
    (tmp_path / "state" / "lock").symlink_to(tmp_path / "victim")
    with pytest.raises(StoreError, match="lock"):
        take(tmp_path / "state", "a")
    assert not (tmp_path / "victim").exists()
