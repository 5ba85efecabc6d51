# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The loop: events, looks, commands, signals, and changes of what is to be watched."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import time
from collections.abc import Callable
from typing import Any

from .._kernel.errors import KernelError, NoSuchNamespace, NotANamespace
from .._kernel.host import Host
from .._kernel.namespaces import identify
from .events import OWN, Events, Overflow
from .handover import Untrusted
from .log import Log
from .sandbox import NEVER, Sandbox, Settings
from .status import write_status

CONFIGURATION_SECONDS = 0.5  # how often the configuration and the namespaces are looked at
STATUS_SECONDS = 1.0

Load = Callable[[], "list[Settings] | None"]


class Daemon:
    """Watches sandboxes until it is told to end."""

    def __init__(self, load: Load, log: Log, *, buffer: int = 0, status_file: str = "", metrics_file: str = "") -> None:
        self._load = load
        self._log = log
        self._files = (status_file, metrics_file)
        self._events = Events(buffer)  # before anything is looked at
        self._host = Host()
        self._by_nsid: dict[int | None, Sandbox] = {}
        self._ending = False
        self.sandboxes: dict[str, Sandbox] = {}
        self._told: Any = None

    def run(self, ready: Callable[[], None]) -> int:
        """Until SIGTERM or SIGINT; the exit status."""
        woken = _wake_on_signals(self._end)
        self._configure()
        ready()
        next_look, next_status = time.monotonic() + CONFIGURATION_SECONDS, 0.0
        while not self._ending:
            now = time.monotonic()
            if now >= next_look:
                self._configure()
                next_look = now + CONFIGURATION_SECONDS
            if now >= next_status:
                self._write_status()
                next_status = now + STATUS_SECONDS
            for sandbox in list(self.sandboxes.values()):
                if sandbox.wakes_at <= now:
                    sandbox.wake(now)
            self._wait(woken, min(next_look, min((one.wakes_at for one in self.sandboxes.values()), default=NEVER)))
        for sandbox in self.sandboxes.values():
            sandbox.stop()
        for path in self._files:
            if path:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(path)
        return 0

    def _wait(self, woken: int, until: float) -> None:
        poll = select.poll()
        commands = {one.command.descriptor: one for one in self.sandboxes.values() if one.command is not None}
        for descriptor in (woken, self._events.fileno(), *commands):
            poll.register(descriptor, select.POLLIN)
        seconds = max(0.0, until - time.monotonic())
        ready = {descriptor for descriptor, _event in poll.poll(min(seconds, CONFIGURATION_SECONDS) * 1000)}
        now = time.monotonic()
        if woken in ready:
            os.read(woken, 512)
        if self._events.fileno() in ready:
            self._read_events(now)
        for descriptor in ready & commands.keys():
            commands[descriptor].command_ended(now)

    def _read_events(self, now: float) -> None:
        try:
            for nsid in self._events.read():
                sandbox = self._by_nsid.get(nsid)
                if sandbox is not None:
                    sandbox.touch(now)
        except Overflow:
            self._log.warn("events were lost; everything is looked at again")
            for sandbox in self.sandboxes.values():
                sandbox.overflow(now)

    def _configure(self) -> None:
        """Take in what is to be watched now, and let go what is not, or is gone."""
        wanted = self._load()
        if wanted is not None:
            known = {one.id: one for one in wanted}
            for name in [name for name, one in self.sandboxes.items() if known.get(name) != one.settings]:
                self._drop(name)
            for name, settings in known.items():
                if name not in self.sandboxes:
                    self._add(settings)
        for sandbox in self.sandboxes.values():
            if not sandbox.gone and sandbox.settings.netns and _identity(sandbox.settings.netns) != sandbox.identity:
                sandbox.leave()
                self._forget(sandbox)

    def _add(self, settings: Settings) -> None:
        log = self._log.for_sandbox(settings.id)
        sandbox = Sandbox(settings, log)
        try:
            sandbox.identity = _identity(settings.netns) if settings.netns else None
            if settings.netns and sandbox.identity is None:
                sandbox.gone = True
            else:
                self._by_nsid[self._nsid(settings.netns)] = sandbox  # before the first look
                sandbox.start()
        except (OSError, Untrusted, KernelError, NoSuchNamespace, NotANamespace) as error:
            sandbox.problem, sandbox.look_at = str(error), NEVER
            self._forget(sandbox)
            log.error("the sandbox cannot be watched", error=error)
        self.sandboxes[settings.id] = sandbox
        log.info("watched", runtime=settings.runtime_path, netns=settings.netns or "our own")

    def _drop(self, name: str) -> None:
        sandbox = self.sandboxes.pop(name)
        sandbox.stop()
        self._forget(sandbox)

    def _forget(self, sandbox: Sandbox) -> None:
        for nsid in [nsid for nsid, one in self._by_nsid.items() if one is sandbox]:
            del self._by_nsid[nsid]

    def _nsid(self, path: str | None) -> int | None:
        """The id of a namespace as our socket knows it, given where it has none."""
        if path is None:
            return OWN
        try:
            found = self._host.nsid(path)
            return self._host.assign_nsid(path) if found is None else found
        finally:
            self._host.release(path)

    def _write_status(self) -> None:
        content = [one.status() for one in self.sandboxes.values()]
        if content != self._told:
            write_status(self._files, content)
            self._told = content

    def _end(self) -> None:
        self._ending = True


def _identity(path: str) -> tuple[int, int] | None:
    try:
        return identify(path)
    except (NotANamespace, OSError):
        return None


def _wake_on_signals(end: Callable[[], None]) -> int:
    reading, writing = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_arguments: end())
    signal.signal(signal.SIGHUP, lambda *_arguments: None)
    return reading
