# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The results of the user-mode networks as tables, in docs/performance.md between marks of their own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import tables
from tables import Run

PAIRS = {"bare": "ours", "bare portfwd": "portfwd"}
CONTESTANTS = tuple(who for pair in PAIRS.items() for who in pair)
PHASES = {
    "start": ("bare", "network with forwards, start"),
    "stop": ("bare", "network with forwards, stop"),
    "add": ("bare portfwd", "forwards alone, add"),
    "remove": ("bare portfwd", "forwards alone, remove"),
}
MODULES = {"ours": "slirp_network", "portfwd": "slirp_portfwd"}
AIM, AIM_EACH = 20.0, 0.5  # ms
AIMED_AT = f"the program's ready time + {AIM:g} ms + {AIM_EACH:g} ms per forward beyond the module's start"

COMPARED = """\
What is compared is the time until the last of N port forwards answers, from the host to a server in one namespace:
with the start of slirp4netns by the module `slirp_network`, and added to one that runs by `slirp_portfwd`, both beyond
the module's start; and by a bare script that starts slirp4netns with the same options and sends it the same requests.
"""


def write_report(results: dict[str, Any], target: Path | None) -> str:
    """The tables; in the target, too, where they replace those that are there."""
    return tables.publish(_tables(results), target, "user mode measured")


def _tables(results: dict[str, Any]) -> Iterator[str]:
    (program,) = {run["program"] for run in results["runs"] if "program" in run}
    yield tables.machine(results["machine"])
    yield f"The program: {program}.\n"
    yield COMPARED
    for lane in results["machine"]["lanes"]:
        mine = [run for run in results["runs"] if run["lane"] == lane]
        yield f"### User-mode networks, lane `{lane}`\n"
        yield _compared(mine)
        yield _aim(mine)
        yield _without_change(mine)


def _compared(runs: Sequence[Run]) -> str:
    rows = []
    for number in tables.sizes(runs):
        for phase, (who, what) in PHASES.items():
            bare, ours = (tables.seconds(runs, one, number, phase) for one in (who, PAIRS[who]))
            cells = [tables.cell([1000 * one for one in some]) for some in (bare, ours)]
            rows.append([str(number), what, *cells, tables.cell(tables.ratios(ours, bare), 2)])
    header = ["N", "phase", "bare script", "sandbox.network", "of the bare script"]
    return tables.table("All N forwards, ms, and as a part of the bare script's", header, rows)


def _aim(runs: Sequence[Run]) -> str:
    sentences = [f"The aim for the start is at most {AIMED_AT}."]
    for number in tables.sizes(runs):
        ready, ours = (
            [1000 * one for one in tables.seconds(runs, who, number, phase)]
            for who, phase in (("bare", "ready"), ("ours", "start"))
        )
        allowed = [one + AIM + AIM_EACH * number for one in ready]
        sentences.append(f"For N = {number} that is {tables.cell(allowed)} ms, and it is {tables.cell(ours)} ms.")
    return "\n".join(sentences) + "\n"


def _without_change(runs: Sequence[Run]) -> str:
    rows = []
    for number in tables.sizes(runs):
        for who, module in MODULES.items():
            starts = [run["start"]["wall"] for run in tables.of(runs, who, number)]
            walls = [tables.seconds(runs, who, number, phase) for phase in ("again", "check")]
            rows.append([str(number), module, *(tables.cell(some, 2) for some in (*walls, starts))])
    header = ["N", "module", "again, s", "check, s", "the module's start, s"]
    return tables.table("The same again and check mode beyond the start, and the start itself", header, rows)
