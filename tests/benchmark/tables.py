# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Results as tables of Markdown, and the marks between which a document has them."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

CONTESTANTS = ("floor", "peer", "ours")
KINDS = ("wall", "cpu")
Run = dict[str, Any]


def publish(tables: Iterable[str], target: Path | None, name: str) -> str:
    """The tables as one text; in the target, too, in place of those that it has by this name."""
    text = "\n".join(tables)
    if target is not None:
        _put_between_marks(target, name, text)
    return text


def _put_between_marks(target: Path, name: str, tables: str) -> None:
    begin, end = f"<!-- {name}: begin -->\n", f"<!-- {name}: end -->\n"
    before, _begin, rest = target.read_text(encoding="utf-8").partition(begin)
    _old, _end, after = rest.partition(end)
    target.write_text(f"{before}{begin}\n{tables}\n{end}{after}", encoding="utf-8")


def machine(facts: dict[str, Any]) -> str:
    """What it was measured on."""
    lanes = "; ".join(
        f"lane `{lane}`: " + ", ".join(f"{name} {version}" for name, version in versions.items())
        for lane, versions in facts["lanes"].items()
    )
    return (
        f"Kernel {facts['kernel']}, {facts['cores']} cores, iproute2 {facts['iproute2']},"
        f" ansible-core {facts['ansible-core']}; {lanes}.\n"
    )


def of(runs: Iterable[Run], contestant: str, number: int) -> list[Run]:
    """The runs of one contestant with one number."""
    return [run for run in runs if (run["contestant"], run["number"]) == (contestant, number)]


def sizes(runs: Iterable[Run]) -> list[int]:
    """The numbers that were measured."""
    return sorted({run["number"] for run in runs if run["contestant"] == "ours"})


def seconds(runs: Iterable[Run], contestant: str, number: int, phase: str, kind: str = "wall") -> list[float]:
    """What a phase took, round by round."""
    return [run["phases"][phase][kind] for run in of(runs, contestant, number)]


def ratios(ours: Sequence[float], theirs: Sequence[float]) -> list[float]:
    """Round by round: what disturbed one disturbed the other."""
    return [one / other for one, other in zip(ours, theirs)]


def cell(values: Sequence[float], digits: int | None = None) -> str:
    """Median, extremes and number of what was measured."""
    middle = statistics.median(values)
    places = digits if digits is not None else (1 if middle >= 10 else 2)

    def text(value: float) -> str:
        return f"{value:.{places}f}"

    return f"{text(middle)} ({text(min(values))} - {text(max(values))}, {len(values)})"


def table(title: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table below its title."""
    lines = [title + ":", "", _row(header), _row(["---"] * len(header)), *map(_row, rows), ""]
    return "\n".join(lines)


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
