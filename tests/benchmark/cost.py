# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""What something cost: seconds by the clock, and seconds of processor time."""

from __future__ import annotations

import os
import resource
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass
class Cost:
    """Seconds: ``wall`` by the clock, ``cpu`` of user and system time."""

    wall: float = 0.0
    cpu: float = 0.0

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.wall + other.wall, self.cpu + other.cpu)


@contextmanager
def measured() -> Iterator[Cost]:
    """The cost of a block, of this process and of those that it waits for."""
    cost = Cost()
    before, started = _processor_time(), time.monotonic()
    yield cost
    cost.wall, cost.cpu = time.monotonic() - started, _processor_time() - before


def run(
    command: Sequence[str],
    output: Path,
    environment: Mapping[str, str] | None = None,
    *,
    check: bool = True,
) -> Cost:
    """Run a command with its output in a file; with ``check`` it must succeed."""
    with output.open("wb") as target, measured() as cost:
        done = subprocess.run(
            command,
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=target,
            stderr=subprocess.STDOUT,
            env=dict(environment) if environment else os.environ,
        )
    if check and done.returncode != 0:
        text = output.read_text(errors="replace")
        raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}: {text[-4000:]}")
    return cost


def _processor_time() -> float:
    usages = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)
