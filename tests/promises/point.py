# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""One point of a sweep: a case, a state, a fault; and the verdict on what the module made of it.

    PYTHONPATH=tests python -m promises.point CASE STATE POINT

runs one and shows everything. POINT is `before:7` or `after:7` (SIGKILL at call 7), `fail:7:EBUSY`
(not executed) or `done:7:EBUSY` (executed, but the answer is an error); `7.2` is message 2 of call
7; `:kind` or `:all` behind it lets later calls fail as well; `:other` behind a kill goes on with
another state than the killed one. `first` instead of POINT lists the calls.
"""

from __future__ import annotations

import errno
import re
import sys
import typing as t
from dataclasses import dataclass, field

from promises import cases
from promises.cases import Case
from promises.runner import (
    ALL,
    FAIL,
    FAIL_DONE,
    KILL_AFTER,
    KILL_BEFORE,
    NO_FAULT,
    ONCE,
    SAME_KIND,
    SERVERS,
    Call,
    Fault,
    Host,
    Lane,
    Outcome,
)

MODES = {"before": KILL_BEFORE, "after": KILL_AFTER, "fail": FAIL, "done": FAIL_DONE}
STATE_DIR = "/run/sandbox-network"
PERSIST = {"once": ONCE, "kind": SAME_KIND, "all": ALL}


@dataclass(frozen=True)
class Point:
    """A place in a run and what happens there."""

    case: str
    state: str
    fault: Fault
    other: bool = False

    def __str__(self) -> str:
        mode = next(name for name, value in MODES.items() if value == self.fault.mode)
        text = f"{mode}:{self.fault.at}" + (f".{self.fault.sub}" if self.fault.sub else "")
        if self.fault.error:
            text += f":{errno.errorcode[self.fault.error]}"
        if self.fault.persist:
            text += ":" + next(name for name, value in PERSIST.items() if value == self.fault.persist)
        return f"{self.case} {self.state} {text}{':other' if self.other else ''}"

    @classmethod
    def parse(cls, case: str, state: str, text: str) -> Point:
        """The inverse of str()."""
        mode, place, *rest = text.split(":")
        at, _dot, sub = place.partition(".")
        error, persist = 0, ONCE
        for word in rest:
            if word in PERSIST:
                persist = PERSIST[word]
            elif word != "other":
                error = getattr(errno, word)
        return cls(case, state, Fault(MODES[mode], int(at), int(sub or 0), error, persist), "other" in rest)


@dataclass
class Verdict:
    """What was wrong at a point; nothing is the wish."""

    point: Point
    call: str = ""
    problems: list[str] = field(default_factory=list)
    failed: bool = False  # the faulty run said that it failed
    reached: bool = True

    @property
    def kinds(self) -> set[str]:
        """The first words of the problems, for counting."""
        return {problem.split(":", 1)[0] for problem in self.problems}

    @property
    def signature(self) -> str:
        """The same for problems of one sort: kinds and the place, without numbers and names."""
        place = re.sub(r"[0-9a-f]{8,}|\d+|/\S*/|\([^)]*\)", "", self.call)
        return f"{self.point.state} {sorted(self.kinds)} {place}"

    def __str__(self) -> str:
        lines = [f"PYTHONPATH=tests python -m promises.point {self.point}", f"    at {self.call}"]
        return "\n".join(lines + ["    " + line for problem in self.problems for line in problem.splitlines()])


class Bench:
    """A host with a case's surroundings, in a known state, used for point after point until one
    leaves a mess.
    """

    def __init__(self, lane: Lane, case: Case, trace: t.Callable[[str], None] = lambda _line: None) -> None:
        self.lane = lane
        self.case = case
        self.trace = trace
        self.host: Host | None = None
        self.where = ""
        self.before: dict[str, t.Any] = {}
        self.expected: dict[str, t.Any] = {}
        self.with_it: dict[str, t.Any] | None = None
        self.harmed = False

    def __enter__(self) -> Bench:
        if self.case.gone:
            with Host(self.lane, self.case.surroundings) as host:
                host.shell(*self.case.gone)
                self.expected = host.snapshot()
        return self

    def __exit__(self, *_error: t.Any) -> None:
        self.drop()

    def drop(self) -> None:
        """The host is spoilt."""
        if self.host:
            host, self.host = self.host, None
            host.__exit__(None, None, None)
        self.where = ""
        self.harmed = False

    def on(self, where: str) -> Host:
        """A host in the state wanted: before, or present."""
        if self.host and where == "before" and self.where == "present" and not self.case.gone and not self.case.fresh:
            if self.run("absent").failed:
                self.drop()
            self.where = "before"
        if self.where != where and self.where != "before":
            self.drop()
        if not self.host:
            host = Host(self.lane, self.case.surroundings)
            self.host = host.__enter__()
            self.where = "before"
            self.with_it = None
            self.before = host.snapshot()
            if not self.case.gone:
                self.expected = self.before
            self._make_directories(host)
        if where == "present" and self.where == "before":
            self.flawless("present")
            self.where = "present"
            self.with_it = None
        return self.host

    def _make_directories(self, host: Host) -> None:
        """What only the first run makes: from now on the same calls have the same numbers."""
        if self.case.gone:
            directories = " ".join(f"{STATE_DIR}/{name}" for name in ("journals", "records/netns", "records/link"))
            host.shell(f"umask 077; mkdir -p {directories}; touch {STATE_DIR}/lock")
        elif not self.case.fresh:
            self.run("present")
            self.run("absent")

    def run(self, state: str, fault: Fault = NO_FAULT) -> Outcome:
        """One run of the case's module."""
        assert self.host
        self.harmed = self.harmed or fault != NO_FAULT
        outcome = self.host.run(self.case.module, self.case.args(state), fault=fault)
        self.trace(f"{state} ({fault}): {outcome}\n" + "".join(f"    {call}\n" for call in outcome.calls))
        return outcome

    def calls(self, state: str) -> list[Call]:
        """The mutating calls of a run of STATE without a fault, on a host where nothing has failed yet."""
        if self.harmed:
            self.drop()
        self.on("before" if state == "present" else "present")
        calls = self.flawless(state).calls
        if state == "update":
            self.flawless("absent")
        self.left("present" if state == "present" else "before")
        return calls

    def flawless(self, state: str) -> Outcome:
        """A run without a fault, which must go well."""
        outcome = self.run(state)
        if outcome.failed:
            raise AssertionError(f"{self.case.name}: {state} without any fault: {outcome}")
        return outcome

    def left(self, where: str) -> None:
        """What a run without problems leaves."""
        self.where = where
        if where == "before" and (self.case.gone or self.case.fresh):
            self.drop()


def judge(bench: Bench, point: Point) -> Verdict:
    """Carry a point out. A bench whose host is a mess afterwards gets a new one."""
    verdict = Verdict(point)
    try:
        if point.fault.mode in (KILL_BEFORE, KILL_AFTER):
            kill(bench, point, verdict)
        else:
            fail(bench, point, verdict)
    finally:
        if verdict.problems or not verdict.reached:
            bench.drop()
    return verdict


def called(outcome: Outcome, point: Point) -> str:
    """The call of the fault."""
    return next((str(call) for call in outcome.calls if call.number == point.fault.at), "no such call")


def kill(bench: Bench, point: Point, verdict: Verdict) -> None:
    """Killed, then: the next run succeeds, the one after it changes nothing, absent restores."""
    bench.on("before" if point.state == "present" else "present")
    outcome = bench.run(point.state, point.fault)
    verdict.call = called(outcome, point)
    if not outcome.killed:
        verdict.reached = False
        if outcome.failed:
            verdict.problems.append(f"hangs or fails: {outcome}")
        return
    following = point.state
    if point.other:
        following = "absent" if point.state == "present" else "present"
    converge(bench, verdict, following)


def converge(bench: Bench, verdict: Verdict, state: str) -> None:
    """STATE succeeds, again it changes nothing, absent restores."""
    assert bench.host
    outcome = bench.run(state)
    if outcome.failed:
        verdict.problems.append(f"not mended: {state} after it: {outcome}")
        return
    if "Not put back" in str(outcome.result.get("warnings")):  # nobody else was on the host
        verdict.problems.append(f"not mended: {state} after it gave up on something: {outcome}")
    unchanged(bench, verdict, state)
    if state != "absent":
        outcome = bench.run("absent")
        if outcome.failed:
            verdict.problems.append(f"not mended: absent after it: {outcome}")
            return
    lines = bench.host.unlike(bench.expected)
    if lines:
        verdict.problems.append("not restored: absent leaves\n" + "\n".join(lines))
    bench.left("before")


def unchanged(bench: Bench, verdict: Verdict, state: str) -> None:
    """A second run of the same."""
    outcome = bench.run(state)
    if outcome.failed or outcome.result.get("changed") or outcome.result.get("operations") or outcome.calls:
        calls = "; ".join(map(str, outcome.calls))
        verdict.problems.append(f"not idempotent: {state} again: {outcome} calls: {calls}")


def fail(bench: Bench, point: Point, verdict: Verdict) -> None:
    """A call failed: the module succeeds nevertheless and truly, or fails clearly and has put
    everything back.
    """
    host = bench.on("before" if point.state == "present" else "present")
    if point.state == "present":
        unharmed = bench.before
    else:
        bench.with_it = bench.with_it or host.snapshot()
        unharmed = bench.with_it
    outcome = bench.run(point.state, point.fault)
    verdict.call = called(outcome, point)
    verdict.failed = outcome.failed
    if not outcome.fired:
        verdict.reached = False
    if outcome.hung or outcome.traceback:
        verdict.problems.append(f"traceback: {outcome}")
    elif outcome.failed:
        clear(bench.case, point, outcome, verdict)
    if outcome.failed and point.fault.persist == ONCE:
        lines = host.unlike(unharmed)
        if lines:
            verdict.problems.append("not rolled back:\n" + "\n".join(lines))
        bench.where = "before" if point.state == "present" else "present"
        if bench.case.fresh:
            bench.drop()
    elif outcome.failed:
        converge(bench, verdict, point.state)
    else:
        bench.with_it = None
        succeeded(bench, point, verdict)
    if verdict.problems:
        verdict.problems.append(f"the faulty run: {outcome}")


def succeeded(bench: Bench, point: Point, verdict: Verdict) -> None:
    """A success in spite of the error is one that a second run and absent confirm."""
    assert bench.host
    unchanged(bench, verdict, point.state)
    if point.state != "absent":
        outcome = bench.run("absent")
        if outcome.failed:
            verdict.problems.append(f"false success: absent after it: {outcome}")
    lines = bench.host.unlike(bench.expected)
    if lines:
        verdict.problems.append("false success: absent leaves\n" + "\n".join(lines))
    bench.left("before")


def clear(case: Case, point: Point, outcome: Outcome, verdict: Verdict) -> None:
    """The message names the error and the thing, and says that all was put back."""
    result, message = outcome.result, str(outcome.result.get("msg", ""))
    name = errno.errorcode[point.fault.error]
    synonyms = {name, "EOPNOTSUPP" if name == "ENOTSUP" else name}
    if not any(word in message for word in synonyms):
        verdict.problems.append(f"unclear message: {name} is not named: {message}")
    if not any(word in message for word in words(case, point.state)):
        verdict.problems.append(f"unclear message: the thing is not named: {message}")
    if point.fault.persist == ONCE and result.get("rolled_back") is not True:
        verdict.problems.append(f"unclear result: rolled_back is {result.get('rolled_back')!r}")
    if point.fault.persist == ONCE and str(result.get("errno")) not in synonyms:
        verdict.problems.append(f"unclear result: errno is {result.get('errno')!r}")


def words(case: Case, state: str) -> set[str]:
    """Names that a message about the case can be expected to carry."""
    found = {"/run/", "/etc/", *case.things}

    def collect(value: t.Any) -> None:
        for key, item in value.items():
            if key in ("name", "path", "device"):
                found.add(item)
            if key == "net_devices":
                found.update(item)
            for part in item if isinstance(item, list) else [item]:
                if isinstance(part, dict):
                    collect(part)

    collect(case.args(state))
    return found


def main(case: str, state: str, text: str) -> int:
    """Show one point."""
    try:
        with Bench(Lane.current(), cases.named(case), print) as bench:
            if text == "first":
                bench.calls(state)
                return 0
            verdict = judge(bench, Point.parse(case, state, text))
            print(verdict if verdict.problems else "nothing wrong" if verdict.reached else "not reached")
            return 1 if verdict.problems else 0
    finally:
        SERVERS.close()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
