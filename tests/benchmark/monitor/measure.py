# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""One contestant on one throw-away host: how soon a change is told, and what that costs."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "monitor"))

from runtime import compile_runtime
from world import Sandbox, World

from ansible_collections.sandbox.network.plugins.module_utils._programs import installing, monitor
from ansible_collections.sandbox.network.plugins.module_utils._programs.own_program import LIBRARY, interpreter

HERE = Path(__file__).resolve().parent
CHANGES, LINKS, ROUTES, EVENTS = 200, 500, 1000, 10_000
DEBOUNCE = 0.2
PATIENCE = 60.0
BASE = (
    "link add eth0 type ifb",
    "address add 10.9.0.2/16 dev eth0",
    "link set eth0 up",
    "route add default via 10.9.0.1",
)
Results = dict[str, Any]


class Ours:
    """The monitor, as it is installed."""

    def __init__(self, world: World, sandbox: Sandbox) -> None:
        self._monitor = world.watching(sandbox)

    @property
    def pid(self) -> int:
        """Of the process."""
        return self._monitor.pid

    def stop(self) -> None:
        """End it."""
        self._monitor.stop()


class Bare:
    """The bare loop, inside the namespace."""

    def __init__(self, world: World, sandbox: Sandbox) -> None:
        words = ["ip", "netns", "exec", sandbox.name, *world.python, str(HERE / "bare.py"), str(sandbox.runtime.path)]
        words += [sandbox.name, str(world.directory / f"{sandbox.name}.json"), str(sandbox.settings["debounce"])]
        self._process = subprocess.Popen(words, stdout=subprocess.PIPE)
        assert self._process.stdout is not None
        assert self._process.stdout.read(1) == b"1"

    @property
    def pid(self) -> int:
        """Of the process."""
        return self._process.pid

    def stop(self) -> None:
        """End it."""
        self._process.kill()
        self._process.wait()


def measure_loop(kind: type[Ours] | type[Bare], python: str) -> Results:
    """One namespace: one change at a time, and many at once."""
    with _world(python) as world:
        found: Results = {"bad": []}
        for measure in (_latency, _links, _routes, _events):
            measure(world, kind, found)
        return found


def measure_memory(number: int, python: str) -> Results:
    """So many sandboxes in one monitor, each with two links: bytes, and processor time of 5 idle seconds."""
    with _world(python) as world:
        sandboxes = [world.sandbox() for _number in range(number)]
        for sandbox in sandboxes:
            sandbox.ip(*BASE)
        watching = world.monitor(*sandboxes)
        started = time.monotonic()
        watching.start()
        seconds = time.monotonic() - started
        time.sleep(1.5)
        before = watching.processor_time()
        time.sleep(5.0)
        used = watching.processor_time() - before
        bad = [] if len(watching.status["sandboxes"]) == number else ["not all are watched"]
        return {"memory": watching.memory(), "start": seconds, "idle": used / 5.0, "bad": bad}


def _latency(world: World, kind: type[Ours] | type[Bare], found: Results) -> None:
    """From before the change of an MTU until the first instruction of the command, without debouncing."""
    with _watched(world, kind, debounce=0.0) as (sandbox, _loop):
        found["latency"] = []
        with _shell(sandbox) as change:
            for number in range(CHANGES):
                told, before = len(sandbox.runtime.calls), time.monotonic()
                change(f"link set eth0 mtu {1400 + number % 2}")
                _wait(lambda told=told: len(sandbox.runtime.calls) > told, 0.001)  # type: ignore[misc]
                found["latency"].append(sandbox.runtime.calls[told].at - before)
                time.sleep(0.01)


def _links(world: World, kind: type[Ours] | type[Bare], found: Results) -> None:
    with _watched(world, kind, debounce=DEBOUNCE) as (sandbox, _loop):
        names = [f"v{number}" for number in range(LINKS)]
        sandbox.batch([f"link add {name} type veth peer name p{name}" for name in names])
        sandbox.batch([f"link set p{name} addrgenmode none" for name in names])
        sandbox.batch([f"link set {name} addrgenmode none" for name in names])
        time.sleep(1.0)
        before = time.monotonic()
        sandbox.batch([f"link set {name} up" for one in names for name in (one, f"p{one}")])
        up = time.monotonic() - before

        def told() -> set[str]:
            return {call.document["Name"] for call in sandbox.runtime.calls if call.verb == "add-iface"}

        _wait(lambda: told().issuperset(names) or time.monotonic() > before + PATIENCE - 5)
        last = max((call.at for call in sandbox.runtime.calls), default=0.0)
        found["links"] = {"told": len(told() & {*names}), "up": up, "seconds": last - before}
        if not told().issuperset(names):
            found["bad"].append("not all links were told")


def _routes(world: World, kind: type[Ours] | type[Bare], found: Results) -> None:
    with _watched(world, kind, debounce=DEBOUNCE) as (sandbox, _loop):
        before = time.monotonic()
        sandbox.batch([f"route add 10.{100 + one // 250}.{one % 250}.0/24 via 10.9.0.1" for one in range(ROUTES)])
        made = time.monotonic()
        _wait(lambda: any(len(call.document) > ROUTES for call in sandbox.runtime.calls))
        last = sandbox.runtime.calls[-1].at
        found["routes"] = {"commands": len(sandbox.runtime.calls), "made": made - before, "seconds": last - before}


def _events(world: World, kind: type[Ours] | type[Bare], found: Results) -> None:
    """Processor time of the loop itself for 10,000 events, and until it rests."""
    with _watched(world, kind, debounce=DEBOUNCE) as (sandbox, loop):
        before = _processor_time(loop.pid)
        pairs = [f"address {verb} 10.9.1.1/24 dev eth0" for verb in ("add", "del")]
        sandbox.batch(pairs * (EVENTS // 2))
        time.sleep(1.0)
        found["events"] = _processor_time(loop.pid) - before


@contextmanager
def _watched(world: World, kind: type[Ours] | type[Bare], debounce: float) -> Iterator[tuple[Sandbox, Ours | Bare]]:
    sandbox = world.sandbox(debounce=debounce)
    sandbox.ip(*BASE)
    sandbox.settle()
    loop = kind(world, sandbox)
    time.sleep(0.3)
    yield sandbox, loop
    loop.stop()
    sandbox.delete()


@contextmanager
def _shell(sandbox: Sandbox) -> Iterator[Callable[[str], None]]:
    """An `ip` that stands ready in the namespace."""
    words = ["ip", "-netns", sandbox.name, "-batch", "-"]
    with subprocess.Popen(words, stdin=subprocess.PIPE, text=True, bufsize=1) as process:
        assert process.stdin is not None
        stdin = process.stdin

        def change(command: str) -> None:
            stdin.write(command + "\n")
            stdin.flush()

        yield change
        stdin.close()


def _processor_time(pid: int) -> float:
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9


def _wait(condition: Callable[[], bool], pause: float = 0.02) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            raise RuntimeError("it was not told")
        time.sleep(pause)


class _Host(World):
    """The world of the tests, with the interpreter for the bare loop."""

    def __init__(self, directory: Path, program: Sequence[str], runtime: Path) -> None:
        super().__init__(directory, program, runtime)
        self.python = program[:-1]


@contextmanager
def _world(python: str) -> Iterator[_Host]:
    program = monitor.monitor_directory()
    installing.install(program, monitor.monitor_files(), (LIBRARY,))
    directory = Path(os.environ["TMPDIR"]) / "monitor"
    directory.mkdir(mode=0o755)
    world = _Host(
        directory, [python, *interpreter(program, libraries=False)[1:]], compile_runtime(directory / "program")
    )
    yield world
    world.close()


CONTESTANTS = {
    "bare": lambda _number, python: measure_loop(Bare, python),
    "ours": lambda _number, python: measure_loop(Ours, python),
    "memory": measure_memory,
}
