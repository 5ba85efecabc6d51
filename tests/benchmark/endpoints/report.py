# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The results of the endpoints as tables, in docs/performance.md between marks of their own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import tables
from tables import Run

from endpoints import MODELS

CONTESTANTS = tuple(f"{who} {model}" for model in MODELS for who in ("floor", "ours"))
PHASES = ("attach", "detach")


def write_report(results: dict[str, Any], target: Path | None) -> str:
    """The tables; in the target, too, where they replace those that are there."""
    return tables.publish(_tables(results), target, "endpoints measured")


def _tables(results: dict[str, Any]) -> Iterator[str]:
    yield tables.machine(results["machine"])
    for lane in results["machine"]["lanes"]:
        mine = [run for run in results["runs"] if run["lane"] == lane]
        yield f"### Endpoints, lane `{lane}`\n"
        yield _compared(mine, "Attach and detach, ms per endpoint beyond the module's start", "wall")
        yield _compared(mine, "Processor time of the same, ms per endpoint", "cpu")
        yield _without_change(mine)


def _compared(runs: Sequence[Run], title: str, kind: str) -> str:
    rows = []
    for number, model in _measured(runs):
        for phase in PHASES:
            floor, ours = (tables.seconds(runs, f"{who} {model}", number, phase, kind) for who in ("floor", "ours"))
            cells = [tables.cell([1000 * one / number for one in some]) for some in (floor, ours)]
            rows.append([str(number), model, phase, *cells, tables.cell(tables.ratios(ours, floor), 2)])
    header = ["N", "model", "phase", "floor", "sandbox.network", "of the floor"]
    return tables.table(f"{title}, and as a part of the floor's", header, rows)


def _without_change(runs: Sequence[Run]) -> str:
    rows = []
    for number, model in _measured(runs):
        starts = [run["start"]["wall"] for run in tables.of(runs, f"ours {model}", number)]
        walls = [tables.seconds(runs, f"ours {model}", number, phase) for phase in ("again", "check")]
        rows.append([str(number), model, *(tables.cell(some, 2) for some in (*walls, starts))])
    header = ["N", "model", "again, s", "check, s", "the module's start, s"]
    return tables.table("The same again and check mode beyond the start, and the start itself", header, rows)


def _measured(runs: Sequence[Run]) -> list[tuple[int, str]]:
    return [(number, model) for number in sorted({run["number"] for run in runs}) for model in MODELS]
