# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The results of the moves as tables, in docs/performance.md between marks of their own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import tables
from tables import CONTESTANTS, Run

AIM = 1.2  # times the floor
PHASES = ("there", "back")


def write_report(results: dict[str, Any], target: Path | None) -> str:
    """The tables; in the target, too, where they replace those that are there."""
    return tables.publish(_tables(results), target, "moves measured")


def _tables(results: dict[str, Any]) -> Iterator[str]:
    yield tables.machine(results["machine"])
    for lane in results["machine"]["lanes"]:
        mine = [run for run in results["runs"] if run["lane"] == lane]
        yield f"### Moves, lane `{lane}`\n"
        yield _compared(mine, "There and back, ms per device beyond the module's start", "wall")
        yield _aim(mine)
        yield _compared(mine, "Processor time of the same, ms per device", "cpu")
        yield _without_change(mine)


def _compared(runs: Sequence[Run], title: str, kind: str) -> str:
    rows = []
    for number in tables.sizes(runs):
        for phase in PHASES:
            floor, peer, ours = (tables.seconds(runs, who, number, phase, kind) for who in CONTESTANTS)
            cells = [tables.cell([1000 * one / number for one in some]) for some in (floor, peer, ours)]
            ratios = [tables.cell(tables.ratios(ours, other), 2) for other in (peer, floor)]
            rows.append([str(number), phase, *cells, *ratios])
    header = ["N", "phase", "floor", "ip -batch", "sandbox.network", "of ip -batch", "of the floor"]
    return tables.table(f"{title}, and as a part of the others", header, rows)


def _aim(runs: Sequence[Run]) -> str:
    largest = max(tables.sizes(runs))
    there, back = (
        tables.cell(tables.ratios(*(tables.seconds(runs, who, largest, phase) for who in ("ours", "floor"))), 2)
        for phase in PHASES
    )
    return f"The aim is at most {AIM} times the floor. For N = {largest} it is {there} there, and {back} back.\n"


def _without_change(runs: Sequence[Run]) -> str:
    rows = []
    for number in tables.sizes(runs):
        starts = [run["start"]["wall"] for run in tables.of(runs, "ours", number)]
        walls = [tables.seconds(runs, "ours", number, phase) for phase in ("again", "check")]
        rows.append([str(number), *(tables.cell(some, 2) for some in (*walls, starts))])
    header = ["N", "again, s", "check, s", "the module's start, s"]
    return tables.table("The same again and check mode beyond the start, and the start itself", header, rows)
