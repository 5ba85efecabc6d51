# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Sandboxes on a throw-away host, and monitors as they are installed there."""

from __future__ import annotations

import itertools
import json
import os
import select
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from model import Kernel, Knowledge, is_settled, look
from runtime import Runtime

NUMBERS = itertools.count(1)
PATIENCE = 10.0


def until(condition: Callable[[], Any], what: str, seconds: float = PATIENCE) -> float:
    """Wait until something is so; how long it took."""
    started = time.monotonic()
    while not condition():
        assert time.monotonic() - started < seconds, f"not so within {seconds} s: {what}"
        time.sleep(0.01)
    return time.monotonic() - started


class Sandbox:
    """A namespace, its runtime, and how it is to be watched."""

    def __init__(self, directory: Path, program: Path, **settings: Any) -> None:
        number = next(NUMBERS)
        self.name = f"sandbox{number}"
        self.path = f"/run/netns/{self.name}"
        self.runtime = Runtime(directory / "runtimes" / f"runtime{number}", program)
        self.storage = directory / "sbs"
        self.settings: dict[str, Any] = {
            "id": self.name,
            "netns": self.path,
            "runtime_path": str(self.runtime.path),
            "storage_dir": str(self.storage),
            "debounce": 0.02,
            **settings,
        }
        self._before: Kernel | None = None
        self.make()

    def make(self) -> None:
        """The namespace, anew."""
        subprocess.run(["ip", "netns", "add", self.name], check=True, timeout=60)

    def delete(self) -> None:
        """It is named no more; it ends unless somebody is inside."""
        subprocess.run(["ip", "netns", "del", self.name], check=False, capture_output=True, timeout=60)

    def ip(self, *commands: str) -> None:
        """Commands of `ip` in the namespace, in one process."""
        self.batch(commands)

    def batch(self, commands: Sequence[str], *, force: bool = False) -> None:
        """Many of them; with ``force``, those that are refused do not matter."""
        words = ["ip", "-netns", self.name, *(["-force"] if force else []), "-batch", "-"]
        text = "".join(f"{one}\n" for one in commands)
        raw = text.encode("utf-8", "surrogateescape")
        done = subprocess.run(words, input=raw, capture_output=True, check=False, timeout=120)
        assert force or done.returncode == 0, done.stderr

    def look(self) -> Kernel:
        """What is there."""
        return look("-netns", self.name)

    def settle(self) -> None:
        """Wait for what the kernel does in its own time: links get ready, and link-local addresses."""
        until(lambda: is_settled("-netns", self.name), "carriers and link-local addresses")

    def begin(self) -> None:
        """What is there now is what the runtime knows without being told."""
        self._before = self.look()
        self.runtime.forget()

    @property
    def knowledge(self) -> Knowledge:
        """What the runtime knows now."""
        known = Knowledge(self._before.ready, self._before.routes) if self._before else Knowledge()
        for call in self.runtime.calls:
            known.apply(call)
        return known

    def agrees(self, seconds: float = PATIENCE) -> float:
        """Wait until the runtime knows what is there, and that it was told nothing that makes no sense."""
        started = time.monotonic()
        while True:
            waited = time.monotonic() - started
            differences = self.look().differences(self.knowledge)
            if not differences:
                assert not self.knowledge.surprises
                return waited
            text = "\n".join([f"{self.name} after {waited:.2f} s:", *differences, *self.runtime.verbs[-5:]])
            assert waited < seconds, text
            time.sleep(0.03)

    @property
    def directory(self) -> Path:
        """Where documents are handed over."""
        return self.storage / str(self.settings["id"])


class Monitor:
    """A monitor as it is installed, and what it says of itself."""

    def __init__(self, program: Sequence[str], directory: Path) -> None:
        self._program = program
        self._number = next(NUMBERS)
        self.configuration = directory / f"configuration{self._number}"
        self.status_file = directory / f"status{self._number}.json"
        self.metrics_file = directory / f"metrics{self._number}.prom"
        self.log_file = directory / f"log{self._number}"
        self.process: subprocess.Popen[bytes] | None = None

    def configure(self, sandbox: Sandbox, **settings: Any) -> None:
        """Write or replace the file of a sandbox."""
        self.configuration.mkdir(mode=0o755, exist_ok=True)
        new = self.configuration / f".{sandbox.name}"
        new.write_text(json.dumps({**sandbox.settings, **settings}))
        new.rename(self.configuration / f"{sandbox.name}.json")

    def start(self, *flags: str, wrapper: Sequence[str] = (), ready: bool = True) -> None:
        """With the configuration, and wait until everything is watched."""
        flags = ("-config", str(self.configuration), "-status", str(self.status_file), *flags)
        self.run("-metrics", str(self.metrics_file), *flags, wrapper=wrapper, ready=ready)

    def run(self, *flags: str, wrapper: Sequence[str] = (), ready: bool = True) -> None:
        """With these flags only."""
        reading, writing = os.pipe()
        with self.log_file.open("ab") as log:
            self.process = subprocess.Popen(
                [*wrapper, *self._program, *flags, "-ready-fd", str(writing)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=(writing,),
                env={"PATH": os.environ["PATH"]},
            )
        os.close(writing)
        if ready:
            assert select.select([reading], [], [], PATIENCE)[0] and os.read(reading, 1) == b"1", self.log
        os.close(reading)

    @property
    def pid(self) -> int:
        """Of the process."""
        assert self.process is not None
        return self.process.pid

    @property
    def log(self) -> str:
        """What it has written."""
        return self.log_file.read_text(encoding="utf-8", errors="surrogateescape")

    @property
    def status(self) -> dict[str, Any]:
        """The status file."""
        found: dict[str, Any] = json.loads(self.status_file.read_text())
        return found

    def of(self, sandbox: Sandbox) -> dict[str, Any]:
        """What the status file says of one sandbox; empty when nothing."""
        return next((one for one in self.status["sandboxes"] if one["id"] == sandbox.settings["id"]), {})

    def memory(self) -> int:
        """The most memory that it has ever had, in bytes."""
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) << 10 for line in lines if line.startswith("VmHWM"))

    def processor_time(self) -> float:
        """Seconds so far, of its only thread."""
        return int(Path(f"/proc/{self.pid}/schedstat").read_text().split()[0]) / 1e9

    def kill(self) -> None:
        """SIGKILL."""
        if self.process is not None:
            self.process.kill()
            self.process.wait(PATIENCE)
            self.process = None

    def stop(self, number: int = signal.SIGTERM) -> int:
        """End it; its exit status."""
        assert self.process is not None
        self.process.send_signal(number)
        code = self.process.wait(PATIENCE)
        self.process = None
        return code


class World:
    """What one test makes, all of which goes with it."""

    def __init__(self, directory: Path, program: Sequence[str], runtime: Path) -> None:
        self.directory = directory
        self._program = program
        self._runtime = runtime
        self.sandboxes: list[Sandbox] = []
        self.monitors: list[Monitor] = []

    def sandbox(self, *commands: str, **settings: Any) -> Sandbox:
        """One more, with what these commands make of it."""
        sandbox = Sandbox(self.directory, self._runtime, **settings)
        self.sandboxes.append(sandbox)
        sandbox.ip(*commands)
        if commands:
            sandbox.settle()
        return sandbox

    def monitor(self, *sandboxes: Sandbox) -> Monitor:
        """One that is to watch these, when it is started."""
        monitor = Monitor(self._program, self.directory)
        self.monitors.append(monitor)
        for sandbox in sandboxes:
            monitor.configure(sandbox)
        return monitor

    def watching(self, *sandboxes: Sandbox, flags: Sequence[str] = ()) -> Monitor:
        """One that watches these; what is there now their runtimes know."""
        monitor = self.monitor(*sandboxes)
        for sandbox in sandboxes:
            if not sandbox.settings.get("announce_existing"):
                sandbox.begin()
        monitor.start(*flags)
        return monitor

    def close(self) -> None:
        """End everything; no sandbox is kept by anybody."""
        for monitor in self.monitors:
            monitor.kill()
        for sandbox in self.sandboxes:
            for pid in sandbox.runtime.hanging:
                _kill(pid)
            sandbox.delete()


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return
