# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The results as tables, in docs/performance.md between two marks."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import tables
from tables import Run


def write_report(results: dict[str, Any], target: Path | None) -> str:
    """The tables; in the target, too, where they replace those that are there."""
    return tables.publish(_tables(results), target, "measured")


def _tables(results: dict[str, Any]) -> Iterator[str]:
    runs: list[Run] = results["runs"]
    yield tables.machine(results["machine"])
    for lane in results["machine"]["lanes"]:
        mine = [run for run in runs if run["lane"] == lane]
        yield f"### Lane `{lane}`\n"
        yield _create(mine)
        yield _other_phases(mine)
        yield _modules(mine)
        yield _tasks(mine)


def _create(runs: Sequence[Run]) -> str:
    rows = []
    for number in tables.sizes(runs):
        walls = [tables.seconds(runs, who, number, "create") for who in tables.CONTESTANTS]
        cpus = [tables.seconds(runs, who, number, "create", "cpu") for who in tables.CONTESTANTS]
        cells = [tables.cell([1000 * one / number for one in some]) for some in walls]
        ratios = [tables.cell(tables.ratios(kind[2], kind[other]), 2) for other in (1, 0) for kind in (walls, cpus)]
        rows.append([str(number), *cells, *ratios])
    header = ["N", "floor", "ip -batch", "sandbox.network", "of ip -batch", "its processor time"]
    table = tables.table(
        "Create, ms per sandbox beyond the modules' start, and as a part of the others",
        [*header, "of the floor", "its processor time"],
        rows,
    )
    return f"{table}\n{_growth(runs)}"


def _growth(runs: Sequence[Run]) -> str:
    sizes = tables.sizes(runs)
    smallest, largest = (
        statistics.median(tables.seconds(runs, "ours", number, "create")) / number for number in (sizes[0], sizes[-1])
    )
    return f"One of {sizes[-1]} sandboxes costs {largest / smallest:.2f} times one of {sizes[0]}.\n"


def _other_phases(runs: Sequence[Run]) -> str:
    rows = []
    for number in tables.sizes(runs):
        floor, peer, ours = (tables.seconds(runs, who, number, "absent") for who in tables.CONTESTANTS)
        rows.append(
            [
                str(number),
                tables.cell(tables.seconds(runs, "ours", number, "again"), 2),
                tables.cell(tables.seconds(runs, "ours", number, "check"), 2),
                *(tables.cell([1000 * one / number for one in walls]) for walls in (floor, peer, ours)),
            ]
        )
    header = ["N", "again, s", "check, s", "absent: floor, ms each"]
    return tables.table("The same again, check mode, and taking away", [*header, "ip -batch", "sandbox.network"], rows)


def _modules(runs: Sequence[Run]) -> str:
    largest = max(tables.sizes(runs))
    found = tables.of(runs, "ours", largest)
    rows = [
        [
            f"{phase}: {name}",
            *(tables.cell([run["parts"][phase][name][kind] for run in found], 2) for kind in tables.KINDS),
        ]
        for phase, parts in found[0]["parts"].items()
        for name in parts
    ]
    rows += [
        [f"start: {name}", *(tables.cell([run["starts"][name][kind] for run in found], 2) for kind in tables.KINDS)]
        for name in found[0]["starts"]
    ]
    return tables.table(
        f"Module by module for {largest} sandboxes, start included, seconds",
        ["module", "by the clock", "of processor time"],
        rows,
    )


def _tasks(runs: Sequence[Run]) -> str:
    rows = []
    for contestant, title, scale in (("tasks", "{}", 1000), ("role", "role, {}, N = {}", 1)):
        found = [run for run in runs if run["contestant"] == contestant]
        for name in found[0]["phases"] if found else ():
            walls = [scale * run["phases"][name]["wall"] for run in found]
            unit = "ms" if scale == 1000 else "s"
            rows.append([title.format(name, found[0]["number"]), f"{tables.cell(walls)} {unit}"])
    return tables.table("Through ansible-playbook, beyond its start", ["task", "cost"], rows)
