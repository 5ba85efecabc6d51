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
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

Phases = dict[str, Any]


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


def cheapest(starts: list[dict[str, Cost]]) -> dict[str, Cost]:
    """The start itself, without what happened to disturb it."""
    return {
        name: Cost(min(one[name].wall for one in starts), min(one[name].cpu for one in starts)) for name in starts[0]
    }


def beyond(costs: dict[str, Cost], starts: dict[str, Cost]) -> Cost:
    """What modules cost altogether, less what the start of each costs."""
    total = Cost()
    for name, cost in costs.items():
        start = starts[name.partition(" ")[0]]
        total += Cost(cost.wall - start.wall, cost.cpu - start.cpu)
    return total


def phases_of(costs: Mapping[str, Cost], bad: list[str]) -> Phases:
    """A result: what every phase cost, and what was not as it should be."""
    return {"phases": {name: asdict(cost) for name, cost in costs.items()}, "bad": bad}


def _processor_time() -> float:
    usages = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)
