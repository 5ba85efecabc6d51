# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The loop: events, looks, commands, signals, and changes of what is to be watched."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import time
from typing import Any, Protocol

from .._kernel.errors import KernelError, NoSuchNamespace, NotANamespace
from .._kernel.host import Host
from .events import OWN, Events, Overflow
from .failures import NEVER
from .log import Log
from .sandbox import Sandbox, Settings
from .status import write_status

LOOK_SECONDS = 0.5  # how often the configuration and the names of the namespaces are looked at
STATUS_SECONDS = 1.0


class Source(Protocol):
    """Where the daemon learns what it is to watch."""

    def changed(self, *, asked: bool = False) -> list[Settings] | None:
        """All sandboxes, None when they are as they were."""


class Daemon:
    """Watches sandboxes until it is told to end."""

    def __init__(self, source: Source, log: Log, *, buffer: int = 0, status_file: str = "", metrics_file: str = ""):
        self._source = source
        self._log = log
        self._files = (status_file, metrics_file)
        self._events = Events(buffer)  # before anything is looked at
        self._host = Host()
        self._wanted: dict[str, Settings] = {}
        self._by_nsid: dict[int | None, list[Sandbox]] = {}
        self._ending = self._asked = False
        self._unwritten = True
        self._write_at = 0.0
        self.sandboxes: dict[str, Sandbox] = {}

    def run(self, ready: Any = None, *, forget: bool = False) -> int:
        """Until SIGTERM or SIGINT; the exit status. ``ready`` is called when everything is watched that
        is to be. ``forget``: nothing is kept of what was told.
        """
        woken = self._wake_on_signals()
        self._watch()
        if ready is not None:
            ready()
        next_look = time.monotonic() + LOOK_SECONDS
        while not self._ending:
            now = time.monotonic()
            if self._asked:
                self._asked = False
                self._watch()
            elif now >= next_look:
                self._configure()
                next_look = now + LOOK_SECONDS
            self._wake(now)
            if self._unwritten and now >= self._write_at:
                self._write_status()
            self._wait(woken, min(next_look, min((one.wakes_at for one in self.sandboxes.values()), default=NEVER)))
        for sandbox in self.sandboxes.values():
            sandbox.stop(forget=forget)
        for path in filter(None, self._files):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)
        return 0

    def _watch(self) -> None:
        """Take in what is to be watched, have a first look at it, and say so: whoever asked waits for that."""
        self._configure(asked=True)
        self._wake(time.monotonic())
        self._write_status()

    def _wake(self, now: float) -> None:
        for sandbox in list(self.sandboxes.values()):
            if sandbox.wakes_at <= now:
                sandbox.wake(now)
                self._unwritten = True

    def _wait(self, woken: int, until: float) -> None:
        poll = select.poll()
        commands = {one.command.descriptor: one for one in self.sandboxes.values() if one.command is not None}
        for descriptor in (woken, self._events.fileno(), *commands):
            poll.register(descriptor, select.POLLIN)
        seconds = max(0.0, until - time.monotonic())
        ready = {descriptor for descriptor, _event in poll.poll(seconds * 1000)}
        now = time.monotonic()
        if woken in ready:
            os.read(woken, 512)
        if self._events.fileno() in ready:
            self._read_events(now)
        for descriptor in ready & commands.keys():
            commands[descriptor].command_ended(now)
            self._unwritten = True

    def _read_events(self, now: float) -> None:
        try:
            for nsid, ended in self._events.read():
                for sandbox in list(self._by_nsid.get(nsid, ())):
                    if not ended:
                        sandbox.touch(now)
                    elif not self._is_the_same(sandbox):  # the id may be its own by now, and was another's
                        self._let_go(sandbox)
                    self._unwritten = True
        except Overflow:
            self._log.warn("events were lost; everything is looked at again")
            for sandbox in self.sandboxes.values():
                sandbox.overflow(now)
            self._unwritten = True

    def _configure(self, *, asked: bool = False) -> None:
        """Take in what is to be watched now, let go what is not, or is gone, and look whether that is back."""
        wanted = self._source.changed(asked=asked)
        if wanted is not None:
            self._wanted = {one.id: one for one in wanted if one.watched}
            self._write_soon()
        for name, sandbox in list(self.sandboxes.items()):
            if self._wanted.get(name) != sandbox.settings:
                self._drop(sandbox)
            elif sandbox.gone or not _is_there(sandbox):
                self._let_go(sandbox)
        for name in self._wanted.keys() - self.sandboxes.keys():
            self._add(self._wanted[name])

    def _add(self, settings: Settings) -> None:
        log = self._log.for_sandbox(settings.id, settings.log_level)
        try:
            fingerprint = self._host.at(settings.netns).fingerprint
            own = self._host.at(None).fingerprint
            nsid = OWN if settings.netns is None or fingerprint == own else self._nsid(settings.netns)
        except NoSuchNamespace:
            return
        except (OSError, KernelError, NotANamespace) as error:  # it is tried again
            log.debug("the namespace cannot be watched yet", error=error)
            return
        finally:
            if settings.netns is not None:
                self._host.release(settings.netns)
        # events are taken in from here on, and the first look is after that
        sandbox = self.sandboxes[settings.id] = Sandbox(settings, log, fingerprint)
        self._by_nsid.setdefault(nsid, []).append(sandbox)
        log.info("watched", runtime=settings.runtime_path, netns=settings.netns or "our own")
        self._write_soon()

    def _let_go(self, sandbox: Sandbox) -> None:
        """Forget a sandbox that has ended. It is waited for."""
        sandbox.log.warn("the sandbox is gone")
        self._drop(sandbox, forget=True)

    def _is_the_same(self, sandbox: Sandbox) -> bool:
        path = sandbox.settings.netns
        try:
            return self._host.at(path).fingerprint == sandbox.fingerprint
        except (OSError, NoSuchNamespace, NotANamespace):
            return False
        finally:
            if path is not None:
                self._host.release(path)

    def _drop(self, sandbox: Sandbox, *, forget: bool = False) -> None:
        sandbox.stop(forget=forget)
        del self.sandboxes[sandbox.settings.id]
        self._by_nsid = {
            nsid: others
            for nsid, found in self._by_nsid.items()
            for others in [[one for one in found if one is not sandbox]]
            if others
        }
        self._write_soon()

    def _nsid(self, path: str) -> int:
        """The id of another namespace as our socket knows it, given where it has none."""
        found = self._host.nsid(path)
        return self._host.assign_nsid(path) if found is None else found

    def _write_status(self) -> None:
        gone = [name for name in self._wanted if name not in self.sandboxes]
        try:
            write_status(self._files, [one.status() for one in self.sandboxes.values()], gone)
        except OSError as error:  # nobody depends on it
            self._log.error("the status cannot be written", error=error)
        self._unwritten, self._write_at = False, time.monotonic() + STATUS_SECONDS

    def _write_soon(self) -> None:
        self._unwritten, self._write_at = True, 0.0

    def _wake_on_signals(self) -> int:
        """A descriptor that can be read when a signal has come: SIGTERM or SIGINT to end, SIGHUP to
        read the configuration again.
        """
        reading, writing = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._end)
        signal.signal(signal.SIGHUP, self._ask)
        return reading

    def _end(self, *_arguments: Any) -> None:
        self._ending = True

    def _ask(self, *_arguments: Any) -> None:
        self._asked = True


def _is_there(sandbox: Sandbox) -> bool:
    """Whether the namespace still has its name. One system call: it is asked for each sandbox all the time."""
    if sandbox.settings.netns is None:
        return True
    try:
        status = os.stat(sandbox.settings.netns)
    except OSError:
        return False
    return (status.st_dev, status.st_ino) == sandbox.fingerprint[:2]
