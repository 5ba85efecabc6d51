# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Helper processes of sandboxes, each with a supervisor, a directory of its own, and nothing else.

The directory is the helper's identity: whoever finds it knows which processes are meant. In it are
spec.json (what is run), process.json and helper.json (which processes), log (what the helper says),
and the sockets of the helper.
"""

from __future__ import annotations

import contextlib
import json
import os
import pwd
import select
import shutil
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from . import supervisor, systemd
from .errors import ProgramError, refused
from .finding import ENVIRONMENT
from .processes import KnownProcess, end_process
from .source import source_of

PATIENCE = 5.0
STARTING_SECONDS = 5.0  # what a start may take besides the time that the helper may take
LONGEST_REPORT = 16384
SUPERVISOR = "supervisor.py"


@dataclass(frozen=True)
class Running:
    """What is in the directory of a helper: its description, and its two processes where they live."""

    directory: str
    spec: dict[str, Any]
    supervisor: KnownProcess | None
    helper: KnownProcess | None

    @property
    def alive(self) -> bool:
        """Whether the helper runs, and somebody looks after it."""
        return self.supervisor is not None and self.helper is not None

    @property
    def last_words(self) -> str:
        """What it said, as far as it is on disk."""
        return _read_text(os.path.join(self.directory, "log"))[-2000:].strip()


def read_running(directory: str) -> Running | None:
    """The helper of a directory, dead or alive; None when there is none."""
    spec = _read_json(os.path.join(directory, "spec.json"))
    if not os.path.isdir(directory):
        return None
    known = [_read_process(os.path.join(directory, name)) for name in ("process.json", "helper.json")]
    alive = [one if one is not None and one.alive else None for one in known]
    return Running(directory, {"argv": [], **spec}, alive[0], alive[1])


def start_supervised(directory: str, spec: dict[str, Any]) -> None:
    """Start a helper and wait until it is ready; one that runs already stays. Raises ProgramError.

    ``spec``: ``argv``; ``environment``; ``ready``, which is ``descriptor`` for a helper that writes
    "1" to descriptor 3, or ``fork`` for one that goes to the background and leaves ``pid_file``;
    ``ready_timeout`` in seconds; ``netns``, path and identity of the namespace that it must not
    outlive, or None; ``own_mounts``; ``user``; ``socket``, which is gone with it; ``record``;
    ``manager``, ``process`` or ``systemd``, and the ``description`` of its unit; ``daemon`` for a
    helper that keeps its log short by itself, and ends by signals only.
    """
    running = read_running(directory)
    if running is not None and running.alive:
        return
    if running is not None:
        stop_supervised(directory)
    try:
        _prepare(directory, spec)
        if spec["manager"] == "systemd":
            _start_unit(directory, spec)
        else:
            _start_process(directory, spec)
    except OSError as error:
        raise refused(f"starting a helper in {directory}: {error.filename or 'fork'}", error) from None


def stop_supervised(directory: str) -> None:
    """End what runs for a directory, and remove it; nothing there is fine. Raises ProgramError."""
    running = read_running(directory)
    if running is None:
        return
    if running.spec.get("manager") == "systemd" and systemd.is_running():  # a manager ends with all of its units
        systemd.stop(systemd.unit_of(directory))
    for name in ("process.json", "helper.json"):  # a supervisor that was killed has left its helper
        known = _read_process(os.path.join(directory, name))
        try:
            if known is not None and known.alive and not end_process(known, PATIENCE):
                raise ProgramError(f"process {known.pid} of {directory} does not end")
        except OSError as error:
            raise refused(f"ending process {known.pid if known else name}", error) from None
    files = running.spec.get("files") or directory
    try:
        if files != directory and os.path.islink(files):  # the user can put there what they like
            os.unlink(files)
        elif files != directory and os.path.isdir(files):
            shutil.rmtree(files)
        if files != directory:
            _remove_if_empty(os.path.dirname(files), os.path.dirname(os.path.dirname(files)))
        shutil.rmtree(directory)
        _remove_if_empty(os.path.dirname(directory))
    except OSError as error:
        raise refused(f"removing {directory}", error) from None


def _prepare(directory: str, spec: dict[str, Any]) -> None:
    above = os.path.dirname(directory)
    _make_directories([(place, 0o700) for place in (os.path.dirname(above), above, directory)])
    _prepare_files(directory, spec)
    _write(os.path.join(directory, SUPERVISOR), source_of(supervisor.__name__))
    _write(os.path.join(directory, "spec.json"), json.dumps({"environment": ENVIRONMENT, **spec}))


def _make_directories(wanted: Sequence[tuple[str, int]]) -> None:
    """Directories, outermost first, with their modes. A task that ends the last other helper may be
    removing those above meanwhile.
    """
    for tries_left in range(len(wanted) * 4, -1, -1):
        try:
            for place, mode in wanted:
                with contextlib.suppress(FileExistsError):
                    os.mkdir(place, mode)
                    os.chmod(place, mode)  # whatever the umask
            return
        except FileNotFoundError:
            if not tries_left:
                raise


def _remove_if_empty(*directories: str) -> None:
    """Remove directories that other helpers share, innermost first, unless something is in them."""
    for directory in directories:
        with contextlib.suppress(OSError):
            os.rmdir(directory)


def _prepare_files(directory: str, spec: dict[str, Any]) -> None:
    """Where the helper of another user has its socket: the user's own, in a directory of ours."""
    files = spec.get("files") or directory
    if files == directory:
        return
    owner = pwd.getpwnam(spec["user"])
    of_user = os.path.dirname(files)
    _make_directories([(os.path.dirname(of_user), 0o711), (of_user, 0o711), (files, 0o700)])
    os.chown(files, owner.pw_uid, owner.pw_gid, follow_symlinks=False)  # those above stay ours: it cannot be replaced


def _command(directory: str) -> list[str]:
    # without site and PYTHON*: nothing that somebody put on the way is loaded
    return [os.path.realpath(sys.executable), "-I", "-S", "-B", os.path.join(directory, SUPERVISOR), directory]


def _start_process(directory: str, spec: dict[str, Any]) -> None:
    """A process of its own session. It waits until its pid is on disk: if we are killed before, it ends."""
    command = _command(directory)
    go, report = os.pipe(), os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.close(go[1])
            if os.read(go[0], 1):
                _become(command, report[1])
        except BaseException as error:
            os.write(report[1], f"{command[0]}: {error}\n".encode())
        os._exit(127)
    os.close(go[0])
    os.close(report[1])
    try:
        known = KnownProcess.of(pid)
        if known is None:
            raise ProgramError("the supervisor ended at once")
        _write(os.path.join(directory, "process.json"), json.dumps(known.as_dict()))
        os.write(go[1], b"1")
        text = _receive(report[0], spec["ready_timeout"] + STARTING_SECONDS)
    finally:
        os.close(go[1])
        os.close(report[0])
    if text != "ready":
        raise ProgramError(f"{os.path.basename(spec['argv'][0])} {text or 'ended with its supervisor'}")


def _start_unit(directory: str, spec: dict[str, Any]) -> None:
    try:
        described = spec.get("description") or "User-mode network of a sandbox"
        seconds = spec["ready_timeout"] + STARTING_SECONDS
        systemd.start(systemd.unit_of(directory), _command(directory), seconds, described)
    except ProgramError as error:
        failure = _read_json(os.path.join(directory, "failure.json")).get("failure")
        raise ProgramError(f"{os.path.basename(spec['argv'][0])} {failure}" if failure else str(error)) from None


def _become(command: list[str], report: int) -> None:
    """Nothing of ours goes along but descriptor 3: Python opens all others to be closed."""
    os.setsid()
    null = os.open("/dev/null", os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(null, number)
    os.dup2(report, 3)
    os.set_inheritable(3, True)
    os.chdir("/")
    os.execve(command[0], command, ENVIRONMENT)


def _receive(descriptor: int, seconds: float) -> str:
    """One report, up to the end of it. Raises ProgramError when it does not come."""
    text, deadline = b"", time.monotonic() + seconds
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    while len(text) < LONGEST_REPORT:
        if not poll.poll(max(0.0, deadline - time.monotonic()) * 1000):
            raise ProgramError(f"the supervisor said nothing for {seconds:g} seconds")
        chunk = os.read(descriptor, LONGEST_REPORT)
        text += chunk
        if not chunk or text == b"ready\n":
            break
    return text.decode("utf-8", "replace").strip()


def _write(path: str, text: str) -> None:
    temporary = path + ".new"
    with contextlib.suppress(FileNotFoundError):
        os.unlink(temporary)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as target:
        target.write(text)
    os.rename(temporary, path)


def _read_process(path: str) -> KnownProcess | None:
    try:
        return KnownProcess.from_dict(_read_json(path))
    except (KeyError, TypeError, ValueError):
        return None


def _read_json(path: str) -> dict[str, Any]:
    try:
        found = json.loads(_read_text(path))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _read_text(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as source:
            return source.read(1 << 20)
    except OSError:
        return ""
