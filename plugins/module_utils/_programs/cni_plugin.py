# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""One CNI plugin called once: found, started, bounded in time and words, and known while it runs.

A plugin that is killed half way may leave what its own DEL then fails at. So it is never ended with
the task that started it: it is a session of its own, and the next task waits for it.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from typing import IO, Any

from .errors import ProgramError, no_answer, refused
from .finding import refuse_foreign
from .processes import KnownProcess, wait_for_end

SHELL = "/bin/sh"
# The plugin begins once its pid is on disk: if we are killed before, there is no first line, and it never does.
GATE = 'read -r _ || exit 125; exec "$0"'
MOST_OUTPUT = 1 << 20
LONGEST_WORDS = 2000
GRACE = 5.0  # for a plugin whose task was told to end
FOLLOWS = 0.2  # how long somebody else may hold the output of a plugin that has ended


class PluginError(ProgramError):
    """What a plugin said was wrong; ``facts`` is the same for results."""

    def __init__(self, plugin: str, command: str, error: Mapping[str, Any]) -> None:
        self.code: int | None = error.get("code")
        told = str(error.get("msg") or "no message")
        details = f": {error['details']}" if error.get("details") else ""
        number = f" (code {self.code})" if self.code is not None else ""
        super().__init__(f"{command} of the plugin {plugin}: {told}{details}{number}")
        self.facts = {
            "cni_error": {
                "plugin": plugin,
                "command": command,
                "code": self.code,
                "msg": told,
                "details": error.get("details") or "",
            }
        }


def find_plugin(name: str, directories: Sequence[str]) -> str:
    """The path of a plugin, in the first directory that has it. Raises ProgramError for one that is
    missing, or that others could have replaced.
    """
    for directory in directories:
        path = os.path.join(directory, name)
        if os.path.isfile(path) and os.access(path, os.X_OK):
            refuse_foreign(path)
            return path
    raise ProgramError(
        f"there is no plugin {name} in {', '.join(directories)}; Debian's package is containernetworking-plugins"
    )


def call_plugin(
    program: str,
    environment: Mapping[str, str],
    stdin: Mapping[str, Any],
    seconds: float,
    record: str | None = None,
) -> Any:
    """What a plugin answers: JSON, or None for nothing. With a ``record``, a file, the plugin may change
    something: whoever comes later finds it there while it runs. Raises PluginError, ProgramError.
    """
    name, command = os.path.basename(program), environment["CNI_COMMAND"]
    code, output, words = _run(program, environment, json.dumps(stdin).encode(), seconds, record)
    try:
        answer = json.loads(output) if output.strip() else None
    except (ValueError, RecursionError):
        answer = output
    said = _words(words)
    if code == 0:
        if isinstance(answer, bytes):
            raise PluginError(name, command, {"msg": "it answered with what is not JSON", "details": _text(output)})
        return answer
    if isinstance(answer, dict) and ("msg" in answer or "code" in answer):
        raise PluginError(name, command, {**answer, "code": _number(answer.get("code"))})
    ended = f"it ended with {code}" if code > 0 else f"it was ended by {_signal_name(-code)}"
    raise PluginError(name, command, {"msg": f"{ended} and told no error", "details": said or _text(output)})


def wait_for_former(record: str, seconds: float) -> None:
    """Wait for a plugin whose task was killed, and end it when it takes longer than ``seconds``.

    Raises ProgramError for one that does not end.
    """
    known = _read_record(record)
    if known is not None and known.alive:
        with contextlib.suppress(ProcessLookupError):
            descriptor = os.pidfd_open(known.pid)
            try:
                if known.alive and not wait_for_end(descriptor, seconds):
                    _kill_session(known.pid)
                    if not wait_for_end(descriptor, GRACE):
                        raise ProgramError(f"the plugin with pid {known.pid}, of a killed task, does not end")
            finally:
                os.close(descriptor)
    _remove_record(record)


def _run(
    program: str, environment: Mapping[str, str], document: bytes, seconds: float, record: str | None
) -> tuple[int, bytes, bytes]:
    argv = [SHELL, "-c", GATE, program] if record else [program]
    try:
        process = subprocess.Popen(  # pylint: disable=ansible-bad-function,consider-using-with
            argv,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=dict(environment),
            cwd="/",
            start_new_session=True,
        )
    except OSError as error:
        raise refused(f"running {program}", error) from None
    try:
        if record:
            _write_record(record, process.pid)
            document = b"\n" + document
        output, words = _converse(process, document, seconds)
        return process.returncode, output, words
    except ProgramError:
        _end(process, 0.0)
        raise
    except BaseException:
        _end(process, GRACE)
        raise
    finally:
        for pipe in _pipes(process):
            pipe.close()
        if record:
            _remove_record(record)


def _converse(process: subprocess.Popen[bytes], document: bytes, seconds: float) -> tuple[bytes, bytes]:
    """Both outputs of a process that is given a document. Raises ProgramError when it says too much, or nothing
    for too long.
    """
    ear, *mouths = _pipes(process)
    said: dict[Any, bytearray] = {pipe: bytearray() for pipe in mouths}
    deadline, ended = time.monotonic() + seconds, 0.0
    left = memoryview(document)
    with selectors.DefaultSelector() as selector:
        os.set_blocking(ear.fileno(), False)
        selector.register(ear, selectors.EVENT_WRITE)
        for pipe in said:
            selector.register(pipe, selectors.EVENT_READ)
        while selector.get_map():
            if time.monotonic() > deadline:
                raise no_answer(_called(process), seconds)
            for key, _event in selector.select(0.05):
                if key.fileobj is ear:
                    left = left[_feed(ear, left) :]
                    if not left:
                        selector.unregister(ear)
                        ear.close()
                    continue
                chunk = os.read(key.fd, 65536)
                said[key.fileobj] += chunk
                if not chunk:
                    selector.unregister(key.fileobj)
                if len(said[key.fileobj]) > MOST_OUTPUT:
                    raise ProgramError(f"{_called(process)} said more than {MOST_OUTPUT} bytes, and was ended")
            if process.poll() is not None:  # somebody whom it started may hold its output for ever
                ended = ended or time.monotonic()
                if time.monotonic() > ended + FOLLOWS:
                    break
    try:
        process.wait(max(0.0, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        raise no_answer(_called(process), seconds) from None
    output, words = (bytes(said[pipe]) for pipe in mouths)
    return output, words


def _pipes(process: subprocess.Popen[bytes]) -> list[IO[bytes]]:
    """Standard input, output and error of a process that was started with pipes."""
    return [pipe for pipe in (process.stdin, process.stdout, process.stderr) if pipe is not None]


def _feed(ear: IO[bytes], left: memoryview) -> int:
    """How much of a document was taken; all of it by one who has closed the ear."""
    try:
        return os.write(ear.fileno(), left)
    except BrokenPipeError:
        return len(left)


def _end(process: subprocess.Popen[bytes], patience: float) -> None:
    """What goes on is no longer waited for; one that did no wrong may come to an end of its own."""
    with contextlib.suppress(OSError):
        if process.stdin:
            process.stdin.close()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(patience)
    _kill_session(process.pid)
    process.wait()


def _kill_session(pid: int) -> None:
    """A plugin with all that it started, but for what has left its session."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def _write_record(record: str, pid: int) -> None:
    known = KnownProcess.of(pid)
    if known is None:
        raise ProgramError("the plugin ended before it began")
    temporary = f"{record}.new"
    try:
        with open(temporary, "w", encoding="utf-8") as target:
            json.dump(known.as_dict(), target)
        os.rename(temporary, record)
    except OSError as error:
        raise refused(f"writing {record}", error) from None


def _remove_record(record: str) -> None:
    for path in (f"{record}.new", record):
        try:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)
        except OSError as error:
            raise refused(f"removing {path}", error) from None


def _read_record(record: str) -> KnownProcess | None:
    try:
        with open(record, encoding="utf-8") as source:
            return KnownProcess.from_dict(json.load(source))
    except (OSError, KeyError, TypeError, ValueError):
        return None


def _called(process: subprocess.Popen[bytes]) -> str:
    argv = process.args
    return f"the plugin {os.path.basename(str(argv[-1] if isinstance(argv, (list, tuple)) else argv))}"


def _words(raw: bytes) -> str:
    """What a plugin said besides. Of a Go program that crashed only why: the rest is different each time."""
    text = raw.decode("utf-8", "replace").strip()
    return text.splitlines()[0] if text.startswith("panic:") else text[-LONGEST_WORDS:]


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace").strip()[:LONGEST_WORDS]


def _number(code: Any) -> int | None:
    return code if isinstance(code, int) and not isinstance(code, bool) else None


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
