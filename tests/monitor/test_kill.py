# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""SIGKILL at system calls of the monitor: the next one mends it, and tells nothing twice that it had written down.

A run without a kill tells which calls there are. Sampled, unless SWEEP=full.
"""

from __future__ import annotations

import os
import re
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from world import Monitor, Sandbox, World, until

SAMPLE = 24
AT_ONCE = 4
LINE = re.compile(r"^(\w+)\(", re.MULTILINE)
BEGIN = ("link add eth0 type ifb", "link set eth0 addrgenmode none up", "address add 10.9.0.2/24 dev eth0")
CHANGES = (
    ("link add eth1 type ifb", "link set eth1 addrgenmode none up"),
    ("link set eth0 mtu 1400",),
    ("route add default via 10.9.0.1",),
    ("link del eth1",),
    ("address add 10.9.1.2/24 dev eth0",),
)


def test_a_kill_at_any_system_call(world: World) -> None:
    points = _points(world)
    assert len(points) > 100
    if os.environ.get("SWEEP") != "full":
        points = points[:: len(points) // SAMPLE + 1]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        outcomes = [*pool.map(lambda point: _kill_at(world, *point), points)]
    problems = [
        f"{name} {number}: {problem}" for (name, number), (_killed, problem) in zip(points, outcomes) if problem
    ]
    killed = sum(killed for killed, _problem in outcomes)
    print(f"{len(points)} points, {killed} kills, {len(problems)} problems")
    assert not problems, "\n".join(problems)
    assert killed > 0.8 * len(points)


def _points(world: World) -> list[tuple[str, int]]:
    """The system calls from the subscription on: name, and how many of the name there were."""
    sandbox, monitor = _prepare(world)
    trace = world.directory / "trace"
    monitor.start(wrapper=("strace", "-o", str(trace)))
    _change(sandbox)
    assert not _problem(sandbox)
    _end(monitor)
    lines = LINE.findall(trace.read_text(errors="replace"))
    first = trace.read_text(errors="replace").split("socket(AF_NETLINK")[0].count("\n")
    counts: Counter[str] = Counter()
    points = []
    for place, name in enumerate(lines):
        counts[name] += 1
        if place >= first and name not in ("exit_group", "rt_sigreturn"):
            points.append((name, counts[name]))
    return points


def _kill_at(world: World, name: str, number: int) -> tuple[bool, str]:
    """Whether it was killed there, and what was wrong afterwards."""
    sandbox, monitor = _prepare(world)
    inject = f"inject={name}:signal=SIGKILL:when={number}"
    monitor.start(wrapper=("strace", "-o", "/dev/null", "-e", f"trace={name}", "-e", inject), ready=False)
    _change(sandbox, monitor)
    assert monitor.process is not None
    killed = monitor.process.poll() is not None
    monitor.kill() if killed else _end(monitor)
    before = len(sandbox.runtime.calls)
    if not (sandbox.directory / "told.jsonl").exists():
        sandbox.begin()  # it had not had a look yet: what is there by now is known
    monitor.start("-d")
    if monitor.of(sandbox).get("state") != "watched":
        return killed, "not watched when it said ready\n" + monitor.log
    problem = _problem(sandbox, before)
    if problem:
        problem += f"\n{monitor.log}\n{monitor.of(sandbox)}"
    if not problem and monitor.stop() != 0:
        problem = "the second one did not end well"
    sandbox.delete()
    return killed, problem


def _prepare(world: World) -> tuple[Sandbox, Monitor]:
    sandbox = world.sandbox(debounce=0)
    sandbox.ip(*BEGIN)
    sandbox.begin()
    return sandbox, world.monitor(sandbox)


def _change(sandbox: Sandbox, monitor: Monitor | None = None) -> None:
    """All changes, each after the former one was told, or after the end of the monitor."""
    if monitor is not None:
        until(lambda: monitor.status_file.exists() or _has_ended(monitor), "it watches")
    for commands in CHANGES:
        told = len(sandbox.runtime.calls)
        sandbox.ip(*commands)
        deadline = time.monotonic() + 1.0
        while len(sandbox.runtime.calls) == told and time.monotonic() < deadline:
            if monitor is not None and _has_ended(monitor):
                break
            time.sleep(0.005)


def _has_ended(monitor: Monitor) -> bool:
    return monitor.process is None or monitor.process.poll() is not None


def _end(monitor: Monitor) -> None:
    """End what strace runs, and so strace."""
    assert monitor.process is not None
    children = Path(f"/proc/{monitor.pid}/task/{monitor.pid}/children").read_text().split()
    for child in children:
        os.kill(int(child), 15)
    monitor.process.wait(10)
    monitor.process = None


def _problem(sandbox: Sandbox, before: int | None = None) -> str:
    """What the runtime does not know in the end, or was told in vain. A call that the kill cut off may be repeated."""
    try:
        sandbox.agrees(5.0)
    except AssertionError as problem:
        return str(problem)
    known = sandbox.knowledge
    calls = sandbox.runtime.calls
    around = {str(call) for call in calls[max(before - 1, 0) : before + 1]} if before is not None else set()
    if len(known.without_effect) > 1 or not around.issuperset(known.without_effect):
        return f"told in vain: {known.without_effect}, of {sandbox.runtime.verbs}"
    until(lambda: os.listdir(sandbox.directory) == ["told.jsonl"], "nothing is left over")
    return ""
