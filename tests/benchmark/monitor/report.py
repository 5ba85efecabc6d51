# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The results of the monitor as tables, in docs/performance.md between marks of their own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import tables
from tables import Run

CONTESTANTS = ("bare", "ours")
MEGABYTE = 1 << 20


def write_report(results: dict[str, Any], target: Path | None) -> str:
    """The tables; in the target, too, where they replace those that are there."""
    return tables.publish(_tables(results), target, "monitor measured")


def _tables(results: dict[str, Any]) -> Iterator[str]:
    yield tables.machine(results["machine"])
    for lane in results["machine"]["lanes"]:
        mine = [run for run in results["runs"] if run["lane"] == lane]
        yield f"### The monitor, lane `{lane}`\n"
        yield _compared(mine)
        yield _memory(mine)


def _compared(runs: Sequence[Run]) -> str:
    def ms(kind: str, part: str | None = None) -> list[list[float]]:
        found = [[run[kind] for run in runs if run["contestant"] == who] for who in CONTESTANTS]
        return [[1000 * (one[part] if part else one) for one in some] for some in found]

    def latency(part: float) -> list[list[float]]:
        found = [[sorted(run["latency"]) for run in runs if run["contestant"] == who] for who in CONTESTANTS]
        return [[1000 * one[int(part * (len(one) - 1))] for one in some] for some in found]

    rows = [
        _row("one change, until its command, median", "ms", latency(0.5), 2),
        _row("the same, the fastest quarter", "ms", latency(0.25), 2),
        _row("the same, 99 of 100", "ms", latency(0.99), 2),
        _row("500 veths up at once, until the last command", "ms", ms("links", "seconds")),
        _row("of these, for the changes themselves", "ms", ms("links", "up")),
        _row("1000 routes at once, until the last command", "ms", ms("routes", "seconds")),
        _row("processor time of 10,000 events", "ms", ms("events")),
    ]
    for name, kind, part in (("500 veths, told", "links", "told"), ("1000 routes, commands", "routes", "commands")):
        counts = [[run[kind][part] for run in runs if run["contestant"] == who] for who in CONTESTANTS]
        rows.append([name, "", *(", ".join(map(str, some)) for some in counts), ""])
    header = ["what", "unit", "bare loop", "sandbox-netmon", "of the bare loop's"]
    return tables.table("From a change to the command that tells it", header, rows)


def _row(name: str, unit: str, values: list[list[float]], digits: int = 0) -> list[str]:
    return [
        name,
        unit,
        *(tables.cell(some, digits) for some in values),
        tables.cell(tables.ratios(values[1], values[0]), 2),
    ]


def _memory(runs: Sequence[Run]) -> str:
    rows = []
    for number in sorted({run["number"] for run in runs if run["contestant"] == "memory"}):
        found = tables.of(runs, "memory", number)
        rows.append(
            [
                str(number),
                tables.cell([run["memory"] / MEGABYTE for run in found]),
                tables.cell([100 * run["idle"] for run in found], 2),
                tables.cell([run["start"] for run in found], 2),
            ]
        )
    header = ["sandboxes", "most memory, MiB", "processor when idle, %", "from the start until all are watched, s"]
    return tables.table("One monitor for many sandboxes", header, rows)
