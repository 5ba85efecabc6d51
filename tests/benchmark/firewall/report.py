# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The results of the firewall as tables, in docs/performance.md between marks of their own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import tables
from tables import Run

CONTESTANTS = ("floor", "ours", "cni")
PHASES = {
    "create": ("create", "create"),
    "again": ("again", "nothing changes, nft only lists"),
    "check": ("again", "the same in check mode"),
    "one": ("one", "one port changed"),
    "alone": ("one", "one port changed, in a task for its sandbox alone"),
    "absent": ("absent", "absent"),
}
"""By our phase: that of the floor, and what it is."""
PLUGINS = ("portmap", "firewall")
WAYS = {
    "tcp": ("one TCP stream, Gbit/s", 1e9),
    "udp": ("UDP packets of 64 bytes, thousand/s", 1e3),
    "connections": ("new TCP connections, thousand/s", 1e3),
}


def write_report(results: dict[str, Any], target: Path | None) -> str:
    """The tables; in the target, too, where they replace those that are there."""
    return tables.publish(_tables(results), target, "firewall measured")


def _tables(results: dict[str, Any]) -> Iterator[str]:
    yield tables.machine(results["machine"])
    for lane in results["machine"]["lanes"]:
        mine = [run for run in results["runs"] if run["lane"] == lane]
        yield f"### The firewall, lane `{lane}`\n"
        yield _beside_nft(mine)
        yield _beside_cni(mine)
        yield _path(mine)


def _beside_nft(runs: Sequence[Run]) -> str:
    rows = []
    for number in tables.sizes(runs):
        for phase, (floor_phase, what) in PHASES.items():
            floor, ours = (
                [1000 * one for one in tables.seconds(runs, who, number, which)]
                for who, which in (("floor", floor_phase), ("ours", phase))
            )
            processor = [1000 * one for one in tables.seconds(runs, "ours", number, phase, "cpu")]
            cells = [tables.cell(some) for some in (floor, ours, processor)]
            rows.append([str(number), what, *cells, tables.cell(tables.ratios(ours, floor), 2)])
        starts = [1000 * run["start"]["wall"] for run in tables.of(runs, "ours", number)]
        rows.append([str(number), "the module's start", "", tables.cell(starts), "", ""])
    header = ["N", "phase", "nft", "sandbox.network", "its processor time", "of nft"]
    return tables.table("All N sandboxes, ms beyond the module's start, and as a part of nft's", header, rows)


def _beside_cni(runs: Sequence[Run]) -> str:
    rows = []
    for number in tables.sizes(runs):
        first, last, gone = (_by_plugins(runs, number, which) for which in ("first", "last", "absent"))
        mean = [sum(both) / 2 for both in zip(first, last)]
        changed = [1000 * run["phases"]["one"]["wall"] / run["measured"] for run in tables.of(runs, "cni", number)]
        for what, phase, parts, theirs in (
            ("create, the first", "create", number, first),
            ("create, the last", "create", number, last),
            ("create, on the average", "create", number, mean),
            ("one port changed", "alone", 1, changed),
            ("absent, the last", "absent", number, gone),
        ):
            ours = [1000 * one / parts for one in tables.seconds(runs, "ours", number, phase)]
            rows.append(
                [str(number), what, tables.cell(theirs), tables.cell(ours), tables.cell(tables.ratios(ours, theirs), 4)]
            )
    header = ["N", "phase", "portmap and firewall", "sandbox.network", "of CNI's"]
    return tables.table("One of N sandboxes, ms, and as a part of CNI's", header, rows)


def _by_plugins(runs: Sequence[Run], number: int, which: str) -> list[float]:
    """Milliseconds of both plugins for one sandbox."""
    return [
        1000 * sum(run["phases"][f"{plugin} {which}"]["wall"] for plugin in PLUGINS) / run["measured"]
        for run in tables.of(runs, "cni", number)
    ]


def _path(runs: Sequence[Run]) -> str:
    rows = []
    for number in tables.sizes(runs):
        ways: dict[str, list[dict[str, float]]] = {}
        for who in CONTESTANTS:
            for run in tables.of(runs, who, number):
                for way, found in run["path"].items():
                    ways.setdefault(way, []).append(found)
        for kind, (what, unit) in WAYS.items():
            found = {way: [one[kind] / unit for one in some] for way, some in ways.items()}
            ratios = [
                tables.cell(tables.ratios(found["ours"], some), 2) for way, some in found.items() if way != "ours"
            ]
            rows.append([str(number), what, *map(tables.cell, found.values()), *ratios])
    header = ["N", "what", "no rules", "sandbox.network", "portmap", "portmap and firewall"]
    title = "From the LAN into the last sandbox, and sandbox.network as a part of the others"
    return tables.table(title, [*header, "of no rules", "of portmap", "of both"], rows)
