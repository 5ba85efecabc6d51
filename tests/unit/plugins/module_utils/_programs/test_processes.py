# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Processes known for certain: nobody is signalled for having the number of another."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from ansible_collections.sandbox.network.plugins.module_utils._programs.processes import (
    KnownProcess,
    end_process,
    start_time,
)

Child = subprocess.Popen[bytes]


@pytest.fixture
def child() -> Iterator[Child]:
    with subprocess.Popen(["sleep", "60"]) as process:
        yield process
        process.kill()


def known(pid: int) -> KnownProcess:
    found = KnownProcess.of(pid)
    assert found is not None
    return found


def test_a_process_that_runs(child: Child) -> None:
    found = known(child.pid)
    assert found.alive and KnownProcess.from_dict(found.as_dict()) == found
    ticks = time.clock_gettime(time.CLOCK_BOOTTIME) * os.sysconf("SC_CLK_TCK")
    assert 0 <= ticks - found.started < 1000


def test_a_process_that_has_ended(child: Child) -> None:
    found = known(child.pid)
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert not found.alive, "one that was not waited for yet has ended, too"
    assert KnownProcess.of(child.pid) is None and end_process(found, 1)
    child.wait()
    assert not found.alive and end_process(found, 1)


def test_another_one_with_the_number_is_left_alone(child: Child) -> None:
    found = known(child.pid)
    for stranger in (
        replace(found, started=found.started - 1),
        replace(found, boot_id="00000000-0000-0000-0000-000000000000"),
    ):
        assert not stranger.alive and end_process(stranger, 1)
    time.sleep(0.05)
    assert child.poll() is None and found.alive


def test_one_is_asked_before_it_is_killed() -> None:
    told = 'trap "exit 7" TERM; echo; while :; do sleep 0.01; done'
    with subprocess.Popen(["sh", "-c", told], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stdout.readline()
        assert end_process(known(process.pid), 5)
        assert process.wait() == 7


def test_one_that_will_not_end_is_killed() -> None:
    told = "trap '' TERM; echo; while :; do sleep 0.01; done"
    with subprocess.Popen(["sh", "-c", told], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stdout.readline()
        assert end_process(known(process.pid), 0.2)
        assert process.wait() == -signal.SIGKILL


def test_one_that_was_stopped_is_killed() -> None:
    told = "trap 'exit 7' TERM; echo; while :; do sleep 0.01; done"
    with subprocess.Popen(["sh", "-c", told], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stdout.readline()
        os.kill(process.pid, signal.SIGSTOP)
        assert end_process(known(process.pid), 0.2)
        assert process.wait() == -signal.SIGKILL


@pytest.mark.parametrize("name", [") Z 1 (", "a b) R", "\u00e9) X 0 0", "((", "\n"])
def test_names_that_look_like_something_else(name: str) -> None:
    script = f"""
import ctypes, sys
ctypes.CDLL(None).prctl(15, {name!r}.encode(), 0, 0, 0)
print(flush=True)
sys.stdin.read()
"""
    command = [sys.executable, "-c", script]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stdout.readline()
        found = known(process.pid)
        assert found.alive and found.started == start_time(process.pid)


def test_numbers_of_nobody() -> None:
    for pid in (0, -1, 1 << 30):
        assert KnownProcess.of(pid) is None


def test_somebody_else_is_not_ours_to_end() -> None:
    """As an ordinary user: an error, and not a success."""
    if os.geteuid() != 0:
        with pytest.raises(PermissionError):
            end_process(known(1), 0.1)
        return
    with subprocess.Popen(["sleep", "60"]) as process:
        pid = os.fork()
        if pid == 0:
            os.setuid(65534)
            try:
                end_process(known(process.pid), 0.1)
            except PermissionError:
                os._exit(0)
            os._exit(1)
        assert os.waitpid(pid, 0)[1] == 0 and process.poll() is None
        process.kill()
