# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""docs/reliability.md from the results of the sweeps: `python -m promises.report`."""

from __future__ import annotations

import json
import typing as t

from promises.runner import BUILD, ROOT

Row = dict[str, t.Any]

HEAD = """\
<!--
SPDX-License-Identifier: GPL-3.0-or-later
SPDX-FileCopyrightText: 2026 The sandbox.network authors
-->

# Reliability in figures

Made by `make sweep`; do not edit. Every figure can be had again by that command, every point by
`PYTHONPATH=tests python -m promises.point CASE STATE POINT`.

**Kill sweep.** A run of a module is killed (SIGKILL, the whole process group) before or after one
of the calls that change something: netlink requests, mounts, device ioctls, writes of files,
renames, removals, syncs, starts of processes, requests to slirp4netns. Then the same task runs
again, or another one for the same thing.
*Mended*: it succeeds. *Idempotent*: one more run changes nothing and makes not one mutating call.
*Restored*: after absent, links, addresses, routes, rules, neighbours, qdiscs, filters, nftables
rules, sysctls, files, mounts and processes of the host and of all namespaces are what they were
before.

**Error sweep.** One such call, or one message of it, is answered with an error: either before the
kernel did what was asked, or after. *Rolled back*: the module fails, and everything is as before
the run. *Clear*: the message names the error and the thing. Some points let all later calls fail as
well, so that putting back fails too: then the next run must mend.
"""


def write() -> None:
    """Write the page."""
    parts = [HEAD]
    for path in sorted((BUILD / "sweep").glob("*.json")):
        parts.append(section(json.loads(path.read_text(encoding="utf-8"))))
    (ROOT / "docs").mkdir(exist_ok=True)
    (ROOT / "docs" / "reliability.md").write_text("\n".join(parts), encoding="utf-8")


def section(document: dict[str, t.Any]) -> str:
    """One sweep in one lane."""
    versions, rows = document["versions"], [row for row in document["rows"] if row["points"]]
    with_what = ", ".join(f"{name} {version}" for name, version in versions.items() if name != "lane")
    kinds = (
        {
            "mended": ["not mended", "hangs or fails"],
            "idempotent": ["not idempotent"],
            "restored": ["not restored"],
        }
        if document["sweep"] == "kill"
        else {
            "rolled back, or success confirmed": [
                "not rolled back",
                "false success",
                "not idempotent",
            ],
            "mended after a failed rollback": ["not mended", "not restored"],
            "clear": ["unclear message", "unclear result"],
            "no traceback": ["traceback"],
        }
    )
    lines = [
        f"## {document['sweep'].capitalize()} sweep, lane {versions['lane']}",
        "",
        f"With {with_what}." + ("" if document["full"] else f" A sample, seed {document['seed']}."),
        "",
        "| module | case | state | points | " + " | ".join(kinds) + " |",
        "| --- | --- | --- | ---: |" + " ---: |" * len(kinds),
    ]
    for row in [*rows, total(rows)]:
        shares = (share(row, problems) for problems in kinds.values())
        cells = [row["module"], row["case"], row["state"], str(row["points"]), *shares]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join([*lines, ""])


def total(rows: list[Row]) -> Row:
    """All rows as one."""
    problems: dict[str, int] = {}
    for row in rows:
        for kind, number in row["problems"].items():
            problems[kind] = problems.get(kind, 0) + number
    return {
        "module": "**all**",
        "case": f"{len({row['case'] for row in rows})} cases",
        "state": "",
        "points": sum(row["points"] for row in rows),
        "problems": problems,
    }


def share(row: Row, problems: list[str]) -> str:
    """The share of points without a problem; only what is wholly right is 100 %."""
    bad = max((row["problems"].get(kind, 0) for kind in problems), default=0)
    good = row["points"] - bad
    return f"{int(1000 * good / row['points']) / 10:g} %"


if __name__ == "__main__":
    write()
