# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Processes known for certain: by pid, start time and boot, so that no stranger is ever signalled."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

ENDED = ("Z", "X")


@dataclass(frozen=True)
class KnownProcess:
    """A process by what no other one has: ``started`` in clock ticks since the boot with that id."""

    pid: int
    started: int
    boot_id: str

    @staticmethod
    def of(pid: int) -> KnownProcess | None:
        """The process that has a pid now, None when there is none or it has ended."""
        started = start_time(pid)
        return None if started is None else KnownProcess(pid, started, current_boot())

    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> KnownProcess:
        """The opposite of as_dict."""
        return KnownProcess(int(data["pid"]), int(data["started"]), str(data["boot_id"]))

    def as_dict(self) -> dict[str, Any]:
        """For files."""
        return {"pid": self.pid, "started": self.started, "boot_id": self.boot_id}

    @property
    def alive(self) -> bool:
        """Whether it runs: another process with its pid is not it."""
        return self.boot_id == current_boot() and start_time(self.pid) == self.started


def current_boot() -> str:
    """The kernel's name for this boot."""
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as source:
        return source.read().strip()


def clock_ticks_now() -> int:
    """The time since the boot in clock ticks, as the start times of processes are counted (proc(5))."""
    return int(time.clock_gettime(time.CLOCK_BOOTTIME) * os.sysconf("SC_CLK_TCK"))


def start_time(pid: int) -> int | None:
    """When a process started, in clock ticks since the boot (proc(5), stat, field 22)."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as source:
            fields = source.read().rpartition(b")")[2].split()
    except OSError:
        return None
    if len(fields) < 20 or fields[0].decode() in ENDED:
        return None
    return int(fields[19])


def end_process(known: KnownProcess, patience: float) -> bool:
    """End a process: SIGTERM, and SIGKILL after ``patience`` seconds. Whether it has ended.

    The signals go to a descriptor of the process that was looked at, not to whoever has its pid.
    Raises PermissionError for one that is not ours.
    """
    try:
        descriptor = os.pidfd_open(known.pid)
    except ProcessLookupError:
        return True
    try:
        if not known.alive:
            return True
        for number, seconds in ((signal.SIGTERM, patience), (signal.SIGKILL, patience)):
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(descriptor, number)
            if wait_for_end(descriptor, seconds):
                return True
        return False
    finally:
        os.close(descriptor)


def wait_for_end(descriptor: int, seconds: float) -> bool:
    """Whether the process of a descriptor ends within some time."""
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(seconds * 1000))
