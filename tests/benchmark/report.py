# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The results as tables, in docs/performance.md between two marks."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

BEGIN, END = "<!-- measured: begin -->\n", "<!-- measured: end -->\n"
Run = dict[str, Any]


def write_report(results: dict[str, Any], target: Path | None) -> str:
    """The tables; in the target, too, where they replace those that are there."""
    tables = "\n".join(_tables(results))
    if target is not None:
        before, _begin, rest = target.read_text(encoding="utf-8").partition(BEGIN)
        _old, _end, after = rest.partition(END)
        target.write_text(f"{before}{BEGIN}\n{tables}\n{END}{after}", encoding="utf-8")
    return tables


def _tables(results: dict[str, Any]) -> Iterator[str]:
    runs: list[Run] = results["runs"]
    yield _machine(results["machine"])
    for lane in results["machine"]["lanes"]:
        mine = [run for run in runs if run["lane"] == lane]
        yield f"### Lane `{lane}`\n"
        yield _create(mine)
        yield _other_phases(mine)
        yield _modules(mine)
        yield _tasks(mine)


def _machine(machine: dict[str, Any]) -> str:
    lanes = "; ".join(
        f"lane `{lane}`: " + ", ".join(f"{name} {version}" for name, version in versions.items())
        for lane, versions in machine["lanes"].items()
    )
    return (
        f"Kernel {machine['kernel']}, {machine['cores']} cores, iproute2 {machine['iproute2']},"
        f" ansible-core {machine['ansible-core']}; {lanes}.\n"
    )


def _create(runs: Sequence[Run]) -> str:
    rows = []
    for number in _sizes(runs):
        walls = [_seconds(runs, who, number, "create") for who in CONTESTANTS]
        cpus = [_seconds(runs, who, number, "create", "cpu") for who in CONTESTANTS]
        cells = [_cell([1000 * one / number for one in some]) for some in walls]
        ratios = [_cell(_ratios(kind[2], kind[other]), 2) for other in (1, 0) for kind in (walls, cpus)]
        rows.append([str(number), *cells, *ratios])
    header = ["N", "floor", "ip -batch", "sandbox.network", "of ip -batch", "its processor time"]
    table = _table(
        "Create, ms per sandbox beyond the modules' start, and as a part of the others",
        [*header, "of the floor", "its processor time"],
        rows,
    )
    return f"{table}\n{_growth(runs)}"


def _growth(runs: Sequence[Run]) -> str:
    sizes = _sizes(runs)
    smallest, largest = (
        statistics.median(_seconds(runs, "ours", number, "create")) / number for number in (sizes[0], sizes[-1])
    )
    return f"One of {sizes[-1]} sandboxes costs {largest / smallest:.2f} times one of {sizes[0]}.\n"


def _other_phases(runs: Sequence[Run]) -> str:
    rows = []
    for number in _sizes(runs):
        floor, peer, ours = (_seconds(runs, who, number, "absent") for who in CONTESTANTS)
        rows.append(
            [
                str(number),
                _cell(_seconds(runs, "ours", number, "again"), 2),
                _cell(_seconds(runs, "ours", number, "check"), 2),
                *(_cell([1000 * one / number for one in walls]) for walls in (floor, peer, ours)),
            ]
        )
    header = ["N", "again, s", "check, s", "absent: floor, ms each"]
    return _table("The same again, check mode, and taking away", [*header, "ip -batch", "sandbox.network"], rows)


def _modules(runs: Sequence[Run]) -> str:
    largest = max(_sizes(runs))
    found = _of(runs, "ours", largest)
    rows = [
        [f"{phase}: {name}", *(_cell([run["parts"][phase][name][kind] for run in found], 2) for kind in KINDS)]
        for phase, parts in found[0]["parts"].items()
        for name in parts
    ]
    rows += [
        [f"start: {name}", *(_cell([run["starts"][name][kind] for run in found], 2) for kind in KINDS)]
        for name in found[0]["starts"]
    ]
    return _table(
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
            rows.append([title.format(name, found[0]["number"]), f"{_cell(walls)} {unit}"])
    return _table("Through ansible-playbook, beyond its start", ["task", "cost"], rows)


CONTESTANTS = ("floor", "peer", "ours")
KINDS = ("wall", "cpu")


def _of(runs: Iterable[Run], contestant: str, number: int) -> list[Run]:
    return [run for run in runs if (run["contestant"], run["number"]) == (contestant, number)]


def _sizes(runs: Iterable[Run]) -> list[int]:
    return sorted({run["number"] for run in runs if run["contestant"] == "ours"})


def _seconds(runs: Iterable[Run], contestant: str, number: int, phase: str, kind: str = "wall") -> list[float]:
    return [run["phases"][phase][kind] for run in _of(runs, contestant, number)]


def _ratios(ours: Sequence[float], theirs: Sequence[float]) -> list[float]:
    """Round by round: what disturbed one disturbed the other."""
    return [one / other for one, other in zip(ours, theirs)]


def _cell(values: Sequence[float], digits: int | None = None) -> str:
    middle = statistics.median(values)
    places = digits if digits is not None else (1 if middle >= 10 else 2)

    def text(value: float) -> str:
        return f"{value:.{places}f}"

    return f"{text(middle)} ({text(min(values))} - {text(max(values))}, {len(values)})"


def _table(title: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [title + ":", "", _row(header), _row(["---"] * len(header)), *map(_row, rows), ""]
    return "\n".join(lines)


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
