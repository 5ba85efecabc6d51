# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""slirp4netns: its command line, and its API socket.

The API takes one JSON request for each connection and answers when the client closes its side
(slirp4netns(1)). It trusts what it is told: a request without a protocol ends the daemon, a port
beyond 65535 is bound modulo 65536. So nothing reaches it that was not checked before, and nothing
it says is waited for longer than asked.
"""

from __future__ import annotations

import json
import os
import re
import socket
import struct
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

from .errors import ProgramError, no_answer, refused
from .finding import Program, ask_program, read_options

LARGEST_REPLY = 4 << 20
LARGEST_REQUEST = 4095
OLDEST = (0, 4, 0)
OLDEST_LIBSLIRP = (4, 6, 1)  # older ones have CVE-2021-3592 to -3595


class Forward(NamedTuple):
    """One port forward, as slirp4netns has it. ``id`` is None for one that is not entered yet."""

    proto: str
    host_addr: str
    host_port: int
    guest_addr: str
    guest_port: int
    id: int | None = None

    @property
    def host_side(self) -> tuple[str, str, int]:
        """What no two forwards can share."""
        return (self.proto, self.host_addr, self.host_port)

    @property
    def essence(self) -> tuple[str, str, int, str, int]:
        """All but the id."""
        return self[:5]

    @property
    def arguments(self) -> dict[str, Any]:
        """For a request."""
        names = ("proto", "host_addr", "host_port", "guest_addr", "guest_port")
        return {name: value for name, value in zip(names, self) if value != ""}


def read_program(path: str) -> Program:
    """Ask a slirp4netns what it is. Raises ProgramError for one that is too old or none at all."""
    version = ask_program(path, "--version")
    found = _version(r"slirp4netns version (\S+)", version)
    if found is None:
        raise ProgramError(f"{path} does not say that it is slirp4netns: {version[:200].strip()!r}")
    if found < OLDEST:
        raise ProgramError(f"{path} is older than {_dotted(OLDEST)}, the first with all that is needed")
    library = _version(r"libslirp: (\S+)", version)
    warning = ""
    if library is not None and library < OLDEST_LIBSLIRP:
        warning = (
            f"{path} has libslirp {_dotted(library)}, in which a sandbox can read memory of the helper"
            f" (CVE-2021-3592); {_dotted(OLDEST_LIBSLIRP)} has it mended."
        )
    return Program(path, read_options(path), warning)


def list_forwards(path: str, seconds: float) -> list[Forward]:
    """The forwards of a running slirp4netns. Raises ProgramError.

    Versions differ in whether the entries are at the top of the answer or below "return".
    """
    answer = _ask(path, {"execute": "list_hostfwd"}, seconds)
    inner = answer.get("return")
    entries = (inner if isinstance(inner, dict) else answer).get("entries")
    try:
        return [_entry(entry) for entry in entries]  # type: ignore[union-attr]
    except (KeyError, TypeError, ValueError, OverflowError):
        raise ProgramError(f"{path} answered what is not a list of forwards: {str(answer)[:200]}") from None


def add_forward(path: str, forward: Forward, seconds: float) -> int:
    """Enter a forward; one that is there already stays. Its id. Raises ProgramError."""
    try:
        answer = _ask(path, {"execute": "add_hostfwd", "arguments": forward.arguments}, seconds).get("return")
        return int(answer["id"])  # type: ignore[index]
    except (KeyError, TypeError, ValueError, OverflowError):
        raise ProgramError(f"{path} does not tell the id of a forward") from None
    except ProgramError as refusal:
        for one in list_forwards(path, seconds):
            if _same(one, forward) and one.id is not None:
                return one.id
        raise refusal from None


def remove_forward(path: str, forward: Forward, seconds: float, number: int | None = None) -> None:
    """Remove a forward; one that is not there is fine. ``number`` is its id, where it is known: that
    saves a question whose answer is as long as the list. Raises ProgramError.
    """
    found = [one.id for one in list_forwards(path, seconds) if _same(one, forward)] if number is None else [number]
    for one in found:
        _ask(path, {"execute": "remove_hostfwd", "arguments": {"id": one}}, seconds)


def peer_arguments(path: str, seconds: float) -> list[str]:
    """The command line of the process that listens at a socket. Raises ProgramError."""
    try:
        with _connection(path, seconds) as connection:
            credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
            connection.shutdown(socket.SHUT_WR)
        pid = struct.unpack("3i", credentials)[0]
        with open(f"/proc/{pid}/cmdline", "rb") as source:
            return source.read().decode("utf-8", "replace").split("\0")[:-1]
    except OSError as error:
        raise refused(path, error) from None


def _ask(path: str, request: dict[str, Any], seconds: float) -> dict[str, Any]:
    data = json.dumps(request).encode()
    if len(data) > LARGEST_REQUEST:
        raise ProgramError(f"{path}: a request of {len(data)} bytes is too long")
    try:
        with _connection(path, seconds) as connection:
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
            reply = _receive(connection, path, seconds)
    except socket.timeout:
        raise no_answer(path, seconds) from None
    except OSError as error:
        raise refused(path, error) from None
    try:
        answer = json.loads(reply)
    except (ValueError, RecursionError):
        answer = None
    if not isinstance(answer, dict):
        raise ProgramError(f"{path} answered {reply[:200]!r}, which is not what slirp4netns says")
    if "error" in answer:
        problem = answer["error"]
        text = problem.get("desc", problem) if isinstance(problem, dict) else problem
        what = " ".join(str(value) for value in request.get("arguments", {}).values())
        raise ProgramError(f"{request['execute']} {what}: slirp4netns says: {text}")
    return answer


def _connection(path: str, seconds: float) -> socket.socket:
    """A connection; one that has others waiting before us is tried again (EAGAIN, unix(7))."""
    connection, deadline = (
        socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC),
        time.monotonic() + seconds,
    )
    try:
        connection.settimeout(seconds)
        while True:
            try:
                _connect(connection, path)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise socket.timeout from None
                time.sleep(0.02)
    except BaseException:
        connection.close()
        raise
    return connection


def _connect(connection: socket.socket, path: str) -> None:
    """Connect to a socket in a directory that is no symbolic link: it may be another user's."""
    directory = os.open(os.path.dirname(path), os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        connection.connect(f"/proc/self/fd/{directory}/{os.path.basename(path)}")
    finally:
        os.close(directory)


def _receive(connection: socket.socket, path: str, seconds: float) -> bytes:
    """All of a reply, but for ever neither in time nor in size."""
    deadline, reply = time.monotonic() + seconds, b""
    while True:
        left = deadline - time.monotonic()
        if left <= 0:
            raise socket.timeout
        connection.settimeout(left)
        chunk = connection.recv(65536)
        if not chunk:
            return reply
        reply += chunk
        if len(reply) > LARGEST_REPLY:
            raise ProgramError(f"{path} answers without an end")


def _entry(entry: dict[str, Any]) -> Forward:
    guest = (str(entry["guest_addr"]), int(entry["guest_port"]))
    return Forward(str(entry["proto"]), str(entry["host_addr"]), int(entry["host_port"]), *guest, int(entry["id"]))


def _same(one: Forward, other: Forward) -> bool:
    guest = other.guest_addr or one.guest_addr
    return one.essence == (*other.host_side, guest, other.guest_port)


def _version(pattern: str, text: str) -> tuple[int, ...] | None:
    found = re.search(pattern, text)
    numbers: Sequence[str] = re.findall(r"\d+", found[1])[:3] if found else ()
    return tuple(map(int, numbers)) if numbers else None


def _dotted(version: Sequence[int]) -> str:
    return ".".join(map(str, version))
