# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""One sandbox: what changes in its namespace becomes commands to its runtime, until both agree."""

from __future__ import annotations

import os
import shutil
import time
from dataclasses import asdict, dataclass, field
from typing import Any

from .._kernel.errors import KernelError, NoSuchNamespace, NotANamespace, UnstableRead
from .._kernel.namespaces import Fingerprint
from .failures import NEVER, Failures
from .handover import Command, Untrusted, refuse_untrusted, take_directory
from .log import Log
from .memory import Memory
from .steps import DELETE, Step, steps
from .view import View, read_view

MEMORY = "told.jsonl"
LOOK_AGAIN, AT_LAST = 0.05, 0.5  # seconds after a read of tables that changed meanwhile, at least and at most
TRY_AGAIN = 1.0  # seconds, after something that should not fail
PART_OF_LOOKING = 5  # a look that costs much is not repeated all the time
BOOT = "/proc/sys/kernel/random/boot_id"


@dataclass(frozen=True)
class Settings:
    """How a sandbox is watched. ``netns`` is a path, None for our own namespace; times in seconds."""

    id: str
    runtime_path: str
    storage_dir: str
    netns: str | None = None
    ignore: str = "*kata*"
    update: str = "update-iface"
    announce_existing: bool = False
    debounce: float = 0.2
    command_timeout: float = 30.0
    retries: int = 0
    resync: float = 60.0
    log_level: str = "warn"
    watched: bool = True

    @property
    def directory(self) -> str:
        """Where documents are handed over, and what was told is kept."""
        return os.path.join(self.storage_dir, self.id)


@dataclass
class Counters:
    """What has happened since the start."""

    events: int = 0
    overflows: int = 0
    looks: int = 0
    commands: int = 0
    failures: int = 0
    lag: float = 0.0
    """Seconds from the first change that was not told yet until all were."""


@dataclass
class Sandbox:
    """A sandbox as the daemon drives it: ``look_at`` and ``act_at`` say when it wants to be woken."""

    settings: Settings
    log: Log
    fingerprint: Fingerprint
    """Of the namespace that is watched: another one of the same name is another sandbox."""
    gone: bool = False
    """Whether another one was found in its place."""
    counters: Counters = field(default_factory=Counters)
    look_at: float = 0.0
    act_at: float = NEVER
    problem: str = ""
    view: View | None = None
    command: Command | None = None
    kill_at: float = NEVER
    _step: Step | None = None
    _memory: Memory | None = None
    _hold: int = -1
    _was_unsure: bool = False
    _changed_at: float = 0.0
    _not_before: float = 0.0

    def __post_init__(self) -> None:
        self._failures = Failures(self.settings.retries)

    def touch(self, now: float) -> None:
        """Something has changed, or may have."""
        self.counters.events += 1
        if not self._changed_at:
            self._changed_at = now
        self.look_at = min(self.look_at, max(now + self.settings.debounce, self._not_before))

    def overflow(self, now: float) -> None:
        """Events were lost."""
        self.counters.overflows += 1
        self.touch(now)

    @property
    def wakes_at(self) -> float:
        """When there is something to do, on the clock of time.monotonic."""
        return min(self.look_at, self.kill_at if self.command else self.act_at)

    def wake(self, now: float) -> None:
        """Do what is due."""
        if self.command is not None and now >= self.kill_at:
            self.log.warn("the command takes too long", verb=self._step.verb if self._step else "")
            self.command.kill()
            self.kill_at = NEVER
        if now >= self.look_at:
            self._look(now)
        if self.command is None and now >= self.act_at:
            self._act(now)

    def _look(self, now: float) -> None:
        settings, used = self.settings, time.process_time()
        self.counters.looks += 1
        try:
            memory = self._prepared()
            view = read_view(settings.netns, self.fingerprint, settings.ignore)
            if memory.is_new:
                self._begin(memory, view)
        except (UnstableRead, TimeoutError):
            after = time.monotonic()
            self.look_at = after + min(max(LOOK_AGAIN, PART_OF_LOOKING * (after - now)), AT_LAST)
            return
        except (NoSuchNamespace, NotANamespace):
            self.gone, self.look_at = True, NEVER
            return
        except (KernelError, OSError, Untrusted) as error:
            if self.problem != str(error):
                self.log.warn("the namespace cannot be watched", error=error)
            self.problem = str(error)
            self.look_at = now + TRY_AGAIN
            return
        after = time.monotonic()
        self._not_before = after + PART_OF_LOOKING * (time.process_time() - used)
        self.look_at = after + (settings.resync or NEVER)
        self.view = view
        self.act_at = after

    def _begin(self, memory: Memory, view: View) -> None:
        """What is there before us the runtime has attached itself, unless it wants to be told. Raises OSError."""
        there = {index: one.document for index, one in view.interfaces.items() if one.ready}
        memory.begin(*(({}, []) if self.settings.announce_existing else (there, view.routes)))

    def _prepared(self) -> Memory:
        """What was told, in the directory that documents are handed over in. Raises OSError, Untrusted."""
        if self._hold < 0:
            self._hold = take_directory(self.settings.directory)
        if self._memory is None:
            with open(BOOT, encoding="ascii") as source:
                boot = source.read().strip()
            self._memory = Memory(os.path.join(self.settings.directory, MEMORY), [boot, *map(str, self.fingerprint)])
        return self._memory

    def _act(self, now: float) -> None:
        if self.view is None or self._memory is None:
            self.act_at = NEVER
            return
        settings = self.settings
        memory = self._memory
        missing = steps(memory.interfaces, memory.routes, self.view, settings.update, memory.unsure)
        step, self.act_at = self._failures.choose(missing, now)
        if step is None:
            if not self._failures:
                self._told_all(now)
            return
        self._step, self._was_unsure = step, step.ifindex in memory.unsure
        try:
            refuse_untrusted(settings.runtime_path)
            memory.telling(step.ifindex, step.document if isinstance(step.document, dict) else None)
            self.command = Command(settings.runtime_path, step.verb, settings.id, settings.directory, step.document)
        except (OSError, Untrusted) as error:
            self._fail(step, str(error), now)
            return
        self.kill_at = now + settings.command_timeout
        self.counters.commands += 1

    def _told_all(self, now: float) -> None:
        self.problem = ""
        if self._changed_at and self.look_at > now:
            self.counters.lag, self._changed_at = now - self._changed_at, 0.0

    def command_ended(self, now: float) -> None:
        """The command that was under way has ended."""
        command, step = self.command, self._step
        if command is None or step is None:
            return
        problem = command.finish()
        self.command, self.kill_at, self.act_at = None, NEVER, now
        if problem:
            self._fail(step, problem, now, cut_off=command.was_cut_off)
            return
        self.log.info("told", verb=step.verb, interface=_name(step))
        self._remember(step)
        self._failures.succeeded(step)

    def _fail(self, step: Step, problem: str, now: float, *, cut_off: bool = False) -> None:
        if not cut_off and not self._was_unsure:
            self._remember(step, refused=True)
        self.counters.failures += 1
        self._failures.failed(step, now)
        self.problem = f"{step.verb}: {problem}"
        self.log.warn("the command failed", verb=step.verb, interface=_name(step), problem=problem)

    def _remember(self, step: Step, *, refused: bool = False) -> None:
        memory = self._memory
        if memory is None:
            return
        try:
            if refused:
                memory.told_nothing(step.ifindex)
            else:
                self._enter(step, memory)
        except OSError as error:  # we know it all the same; whoever starts after us tells it again
            self.log.error("what was told cannot be kept", error=error)

    def _enter(self, step: Step, memory: Memory) -> None:
        if isinstance(step.document, list):
            memory.told_routes(step.document)
        elif step.verb == DELETE or step.then is None:
            memory.told_gone(step.ifindex)
        else:
            memory.told_interface(step.ifindex, step.then)

    def stop(self, *, forget: bool = False) -> None:
        """End what is under way. What was told stays remembered for whoever starts after us, unless
        nobody is left to be told anything.
        """
        if self.command is not None:
            self.command.kill()
            self.command.finish()
            self.command = None
        self.look_at = self.act_at = NEVER
        if self._hold >= 0:  # else it is another monitor's
            if forget:
                shutil.rmtree(self.settings.directory, ignore_errors=True)
            os.close(self._hold)
            self._hold = -1

    def status(self) -> dict[str, Any]:
        """For the status file."""
        told = self._memory.interfaces if self._memory else {}
        return {
            "id": self.settings.id,
            "netns": self.settings.netns,
            "state": "watched" if self.view is not None else "starting",
            "settings": asdict(self.settings),
            "interfaces": sorted(str(document["Name"]) for document in told.values()),
            "routes": len(self._memory.routes) if self._memory else 0,
            "problem": self.problem or None,
            **vars(self.counters),
        }


def _name(step: Step) -> str:
    return str(step.document["Name"]) if isinstance(step.document, dict) else f"{len(step.document)} routes"
