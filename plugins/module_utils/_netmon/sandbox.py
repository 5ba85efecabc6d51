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
from .handover import Command, Untrusted, prepare_directory, refuse_untrusted
from .log import Log
from .memory import Memory
from .steps import DELETE, ROUTES, Step, next_step
from .view import View, read_view

MEMORY = "told.jsonl"
LOOK_AGAIN = 0.05  # seconds, after a read of tables that changed meanwhile
TRY_AGAIN = 1.0  # seconds, after something that should not fail
PART_OF_LOOKING = 5  # a look that takes long is not repeated all the time
FIRST_BACK_OFF, LAST_BACK_OFF = 0.05, 30.0
NEVER = float("inf")


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
    identity: tuple[int, int]
    """Of the namespace that is watched: another one of the same name is another sandbox."""
    counters: Counters = field(default_factory=Counters)
    look_at: float = 0.0
    act_at: float = NEVER
    problem: str = ""
    view: View | None = None
    command: Command | None = None
    kill_at: float = NEVER
    _step: Step | None = None
    _memory: Memory | None = None
    _back_off: float = FIRST_BACK_OFF
    _failed: Step | None = None
    _tries: int = 0
    _changed_at: float = 0.0

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

    _not_before: float = 0.0

    def _look(self, now: float) -> None:
        settings = self.settings
        self.counters.looks += 1
        try:
            memory = self._prepared()
            view = read_view(settings.netns, settings.ignore)
            if memory.is_new:
                self._begin(memory, view)
        except (UnstableRead, TimeoutError):
            self.look_at = now + LOOK_AGAIN
            return
        except (NoSuchNamespace, NotANamespace):
            self.look_at = now + TRY_AGAIN  # the daemon sees that it is gone
            return
        except (KernelError, OSError, Untrusted) as error:
            self.problem = str(error)
            self.log.warn("the namespace cannot be watched", error=error)
            self.look_at = now + TRY_AGAIN
            return
        after = time.monotonic()
        self._not_before = after + PART_OF_LOOKING * (after - now)
        self.look_at = after + settings.resync
        self.view = view
        if self.act_at == NEVER or self._differs():
            self.act_at = min(self.act_at, after)

    def _begin(self, memory: Memory, view: View) -> None:
        """What is there before us the runtime has attached itself, unless it wants to be told. Raises OSError."""
        there = {index: one.document for index, one in view.interfaces.items() if one.ready}
        memory.begin(*(({}, []) if self.settings.announce_existing else (there, view.routes)))

    def _prepared(self) -> Memory:
        """What was told, in the directory that documents are handed over in. Raises OSError, Untrusted."""
        if self._memory is None:
            prepare_directory(self.settings.directory)
            self._memory = Memory(os.path.join(self.settings.directory, MEMORY), self.identity)
        return self._memory

    def _differs(self) -> bool:
        """Whether what failed is no longer what is wanted: the back-off was for that."""
        return self._failed is not None and self._next() != self._failed

    def _next(self) -> Step | None:
        assert self._memory is not None
        assert self.view is not None
        return next_step(self._memory.interfaces, self._memory.routes, self.view, self.settings.update)

    def _act(self, now: float) -> None:
        self.act_at = NEVER
        if self.view is None:
            return
        step = self._next()
        if step is None:
            self.problem = ""
            if self._changed_at and self.look_at > now:
                self.counters.lag, self._changed_at = now - self._changed_at, 0.0
            return
        if step != self._failed:
            self._failed, self._tries, self._back_off = None, 0, FIRST_BACK_OFF
        elif self.settings.retries and self._tries > self.settings.retries:
            return  # until something else is wanted
        settings = self.settings
        try:
            refuse_untrusted(settings.runtime_path)
            self.command = Command(settings.runtime_path, step.verb, settings.id, settings.directory, step.document)
        except (OSError, Untrusted) as error:
            self._fail(step, str(error), now)
            return
        self._step, self.kill_at = step, now + settings.command_timeout
        self.counters.commands += 1

    def command_ended(self, now: float) -> None:
        """The command that was under way has ended."""
        command, step = self.command, self._step
        assert command is not None
        assert step is not None
        problem = command.finish()
        self.command, self.kill_at = None, NEVER
        if problem:
            self._fail(step, problem, now)
            return
        self.log.info("told", verb=step.verb, interface=_name(step))
        self._remember(step)
        self._failed, self._back_off = None, FIRST_BACK_OFF
        self.act_at = now

    def _fail(self, step: Step, problem: str, now: float) -> None:
        self.counters.failures += 1
        self._tries = self._tries + 1 if step == self._failed else 1
        self._failed = step
        self.problem = f"{step.verb}: {problem}"
        self.log.warn("the command failed", verb=step.verb, interface=_name(step), problem=problem)
        self.act_at = now + self._back_off
        self._back_off = min(self._back_off * 2, LAST_BACK_OFF)

    def _remember(self, step: Step) -> None:
        memory = self._memory
        assert memory is not None
        try:
            self._enter(step, memory)
        except OSError as error:  # we know it all the same; whoever starts after us tells it again
            self.log.error("what was told cannot be kept", error=error)

    def _enter(self, step: Step, memory: Memory) -> None:
        if step.verb == ROUTES:
            assert isinstance(step.document, list)
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
        if forget:
            shutil.rmtree(self.settings.directory, ignore_errors=True)

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
