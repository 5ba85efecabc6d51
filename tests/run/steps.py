# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""One step of a test run: a command with a time limit, a log, and a result that can be counted."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

from paths import BUILD, COMPILED, HOME, LOGS, ROOT, RUN, TEMPORARY

# Commands under way, so that an interrupted run leaves none behind.
_running: set[subprocess.Popen[bytes]] = set()
_running_lock = threading.Lock()


@dataclass(frozen=True)
class Step:
    """A command to run. With `junit` it is pytest and its tests count; else it counts as one."""

    name: str
    command: tuple[str, ...]
    seconds: int
    cwd: Path = ROOT
    environment: Mapping[str, str] = field(default_factory=dict)
    junit: bool = False
    netbox: bool = False
    alone: bool = False
    skip: str = ""
    # Words that mean, whatever the exit code, that nothing was tested.
    refuse: str = ""

    @property
    def slug(self) -> str:
        """The name as part of a file name."""
        return self.name.replace(" ", "-")

    @property
    def log(self) -> Path:
        """Where the output goes."""
        return LOGS / f"{self.slug}.log"


@dataclass(frozen=True)
class Result:
    """What came out of a step."""

    step: Step
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    seconds: float = 0.0
    notes: tuple[str, ...] = ()


def run_step(step: Step) -> Result:
    """Run one step to its end, or to its time limit."""
    if step.skip:
        return Result(step, skipped=1, notes=(step.skip,))
    report = LOGS / f"{step.slug}.xml"
    report.unlink(missing_ok=True)
    command = [str(RUN / "netbox")] if step.netbox else []
    command += step.command
    if step.junit:
        command += [f"--junitxml={report}"]

    started = time.monotonic()
    code = _run(command, step)
    seconds = time.monotonic() - started

    notes: list[str] = []
    if code is None:
        notes.append(f"stopped after its time limit of {step.seconds} s")
    if step.refuse and step.refuse in step.log.read_text(encoding="utf-8", errors="replace"):
        code = 1
        notes.append(f"its log says: {step.refuse}")
    if not step.junit:
        return Result(step, int(code == 0), int(code != 0), 0, seconds, tuple(notes))
    if not report.exists():
        return Result(step, 0, 1, 0, seconds, (*notes, f"pytest ended with {code} and wrote no report"))
    passed, failed, skipped = _count(report)
    if code != 0 and failed == 0:
        failed = 1
        notes.append("no test was found" if code == 5 else f"pytest ended with {code}")
    notes += [f"{count} skipped: {reason}" for reason, count in skipped.most_common()]
    return Result(step, passed, failed, sum(skipped.values()), seconds, tuple(notes))


def stop_all() -> None:
    """Kill every command under way, and what it started."""
    with _running_lock:
        for process in _running:
            _kill(process)


def _run(command: list[str], step: Step) -> int | None:
    """Run a command, its output in the log; return its exit code, or None at the time limit."""
    step.log.parent.mkdir(parents=True, exist_ok=True)
    with step.log.open("wb") as log:
        log.write(f"$ {' '.join(command)}\n".encode())
        log.flush()
        process = subprocess.Popen(
            command,
            cwd=step.cwd,
            env=clean_environment(step.environment),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        with _running_lock:
            _running.add(process)
        try:
            return process.wait(timeout=step.seconds)
        except subprocess.TimeoutExpired:
            return None
        finally:
            _kill(process)
            process.wait()
            with _running_lock:
                _running.discard(process)


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Kill a command with all of its session that is left."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def clean_environment(extra: Mapping[str, str]) -> dict[str, str]:
    """Return this process's environment without what leads tests astray, and with another home."""
    astray = ("ANSIBLE_", "MOLECULE_", "PYTEST_", "PYTHON", "SANDBOX_", "VIRTUAL_ENV")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(astray)}
    for directory in (COMPILED, HOME, TEMPORARY):
        directory.mkdir(parents=True, exist_ok=True)
    return {
        **environment,
        "ANSIBLE_NOCOLOR": "1",
        "HOME": str(HOME),
        "HYPOTHESIS_STORAGE_DIRECTORY": str(BUILD / "hypothesis"),
        "LC_ALL": "C.UTF-8",
        "NO_COLOR": "1",
        "PYTHONUNBUFFERED": "1",
        "TMPDIR": str(TEMPORARY),
        **extra,
    }


def _count(report: Path) -> tuple[int, int, Counter[str]]:
    """Count passed, failed and skipped test cases of a pytest report; the skipped by reason."""
    passed = failed = 0
    skipped: Counter[str] = Counter()
    for case in ElementTree.parse(report).getroot().iter("testcase"):
        skip = case.find("skipped")
        if case.find("failure") is not None or case.find("error") is not None:
            failed += 1
        elif skip is not None:
            skipped[skip.get("message", "no reason given")] += 1
        else:
            passed += 1
    return passed, failed, skipped
