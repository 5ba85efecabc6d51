# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The points of all cases: every one (SWEEP=full), or a sample within SWEEP_SECONDS chosen by
SWEEP_SEED. SWEEP_CASES names those to go through again; the results of the others are kept.

Two workers take case after case, each on hosts of its own. Results go to .build/sweep/, report.py
makes a page of them.
"""

from __future__ import annotations

import errno
import json
import os
import random
import time
import traceback
import typing as t
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

from promises.cases import CASES, Case
from promises.point import Bench, Point, Verdict, judge
from promises.runner import (
    ALL,
    BUILD,
    FAIL,
    FAIL_DONE,
    FILES,
    IOCTL,
    KILL_AFTER,
    KILL_BEFORE,
    MOUNT,
    NETLINK,
    PROCESS,
    SAME_KIND,
    SOCKET,
    Call,
    Fault,
    Lane,
)

FULL = os.environ.get("SWEEP", "sample") == "full"
SECONDS = float(os.environ.get("SWEEP_SECONDS", "25"))
SEED = int(os.environ.get("SWEEP_SEED", "1"))
SAMPLE = int(os.environ.get("SWEEP_POINTS", "4"))  # of a case's state, when there is time
WORKERS = int(os.environ.get("SWEEP_WORKERS", "2"))
ONLY = os.environ.get("SWEEP_CASES", "").split()
LANE = os.environ.get("SANDBOX_LANE", "debian")
ENOUGH = 25  # bad points of one case's state: more would only repeat them

ERRORS = {
    NETLINK: (
        "EBUSY",
        "EEXIST",
        "ENODEV",
        "ENOENT",
        "EPERM",
        "EOPNOTSUPP",
        "ENOMEM",
        "EINVAL",
        "ENOBUFS",
        "ETIMEDOUT",
    ),
    FILES: ("ENOSPC", "EIO", "EROFS", "EACCES", "EDQUOT", "EMFILE"),
    MOUNT: ("EPERM", "EBUSY", "EINVAL", "ENOMEM", "ENOSPC"),
    IOCTL: ("EBUSY", "EPERM", "EINVAL", "ENOMEM", "ENODEV"),
    SOCKET: ("ECONNREFUSED", "EPIPE", "ETIMEDOUT", "ECONNRESET", "ENOBUFS"),
    PROCESS: ("ENOMEM", "ENOSYS", "EAGAIN"),  # not EAGAIN for all that follows: sockets are tried again for long
}


def kills(case: Case, state: str, calls: t.Sequence[Call]) -> t.Iterator[Point]:
    """SIGKILL before and after each call, followed by the same and by another state."""
    for call in calls:
        for mode in (KILL_BEFORE, KILL_AFTER):
            for other in (False, True):
                yield Point(case.name, state, Fault(mode, call.number), other)


def errors(case: Case, state: str, calls: t.Sequence[Call]) -> t.Iterator[Point]:
    """Each error for each message of each call: not done or done, this one only or with all that
    follow.
    """
    for call in calls:
        for number, name in enumerate(ERRORS[call.kind]):
            code = getattr(errno, name)
            for sub in range(call.messages):
                for mode in (FAIL, FAIL_DONE) if call.kind == NETLINK else (FAIL,):
                    yield Point(case.name, state, Fault(mode, call.number, sub, code))
            if number < 2:
                for persist in (SAME_KIND, ALL):
                    yield Point(case.name, state, Fault(FAIL, call.number, 0, code, persist))


def swept(sweep: str) -> list[Case]:
    """The cases of a sweep. A sample of a case's kills is taken in one lane, that of its errors in the other."""
    cases = [case for case in CASES if case.states and (not ONLY or case.name in ONLY)]
    if FULL or ONLY:
        return cases
    return cases[(sweep == "kill") == (LANE == "debian") :: 2]


Points = t.Callable[[Case, str, t.Sequence[Call]], t.Iterator[Point]]


@dataclass
class Result:
    """What a sweep of one case gave."""

    case: Case
    tried: dict[str, int] = field(default_factory=dict)
    possible: dict[str, int] = field(default_factory=dict)
    verdicts: list[Verdict] = field(default_factory=list)  # those with problems
    unreached: int = 0
    broken: str = ""  # the case does not work without faults either
    seconds: float = 0.0

    def row(self, state: str) -> dict[str, t.Any]:
        """For the report."""
        bad = [verdict for verdict in self.verdicts if verdict.point.state == state]
        return {
            "module": self.case.module,
            "case": self.case.name,
            "state": state,
            "points": self.tried.get(state, 0),
            "possible": self.possible.get(state, 0),
            "problems": {
                kind: sum(kind in verdict.kinds for verdict in bad)
                for kind in sorted({kind for verdict in bad for kind in verdict.kinds})
            },
            "bad": len(bad),
            "examples": [str(verdict.point) for verdict in bad[:3]],
        }


class Sweep:
    """A sweep over cases, under way in the background; ask for the result of each."""

    def __init__(self, name: str, lane: Lane, cases: t.Sequence[Case], points: Points) -> None:
        self.name = name
        self.lane = lane
        self.points = points
        self.deadline = time.monotonic() + (1e9 if FULL else SECONDS)
        self.pool = ThreadPoolExecutor(WORKERS)
        self.results: dict[str, Future[Result]] = {case.name: self.pool.submit(self.case, case) for case in cases}

    def case(self, case: Case) -> Result:
        """All chosen points of a case."""
        result = Result(case)
        started = time.monotonic()
        try:
            with Bench(self.lane, case) as bench:
                calls = {state: bench.calls(state) for state in case.states}  # before anything fails: on one host
                for state in case.states:
                    self.state(bench, state, calls[state], result)
        except AssertionError as error:
            result.broken = str(error)
        except Exception:
            result.broken = traceback.format_exc()
        result.seconds = time.monotonic() - started
        return result

    def state(self, bench: Bench, state: str, calls: t.Sequence[Call], result: Result) -> None:
        """All chosen points of a state."""
        chosen = list(self.points(bench.case, state, calls))
        result.possible[state] = len(chosen)
        if not FULL:
            random.Random(f"{SEED} {self.name} {bench.case.name} {state}").shuffle(chosen)
            chosen = chosen[:SAMPLE]
        for number, point in enumerate(chosen):
            bad = sum(verdict.point.state == state for verdict in result.verdicts)
            if (number and time.monotonic() > self.deadline) or (bad >= ENOUGH and not FULL):
                break
            verdict = judge(bench, point)
            result.tried[state] = result.tried.get(state, 0) + 1
            result.unreached += not verdict.reached
            if verdict.problems:
                result.verdicts.append(verdict)

    def check(self, name: str) -> None:
        """Fail the calling test for what a case did wrong."""
        result = self.results[name].result()
        assert not result.broken, result.broken
        alike: dict[str, list[Verdict]] = {}
        for verdict in result.verdicts:
            alike.setdefault(verdict.signature, []).append(verdict)
        text = "\n\n".join(f"{len(group)} like this:\n{group[0]}" for group in alike.values())
        tried = sum(result.tried.values())
        assert not result.verdicts, f"{len(result.verdicts)} of {tried} points, SWEEP_SEED={SEED}:\n\n{text}"

    def close(self) -> str:
        """Write the results; one line about them."""
        self.pool.shutdown(wait=True, cancel_futures=True)
        done = [future.result() for future in self.results.values() if not future.cancelled()]
        rows = [result.row(state) for result in done for state in result.case.states]
        place = BUILD / "sweep"
        place.mkdir(parents=True, exist_ok=True)
        target = place / f"{self.name}-{self.lane.name}.json"
        if ONLY and target.exists():
            earlier = json.loads(target.read_text(encoding="utf-8"))["rows"]
            rows = [row for row in earlier if row["case"] not in ONLY] + rows
        document = {
            "sweep": self.name,
            "full": FULL,
            "seed": SEED,
            "versions": self.lane.versions(),
            "rows": rows,
        }
        target.write_text(json.dumps(document, indent=1), encoding="utf-8")
        tried, bad = sum(row["points"] for row in rows), sum(row["bad"] for row in rows)
        unreached = sum(result.unreached for result in done)
        possible = sum(row["possible"] for row in rows)
        return (
            f"{self.name} sweep, lane {self.lane.name}: {tried} of {possible} points, "
            f"{bad} bad, {unreached} not reached, SWEEP_SEED={SEED}"
        )
