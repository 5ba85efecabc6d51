# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The API of slirp4netns, whatever is at the other end of its socket."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ansible_collections.sandbox.network.plugins.module_utils._programs import slirp4netns
from ansible_collections.sandbox.network.plugins.module_utils._programs.errors import ProgramError
from ansible_collections.sandbox.network.plugins.module_utils._programs.slirp4netns import (
    Forward,
    add_forward,
    list_forwards,
    peer_arguments,
    read_program,
    remove_forward,
)

WEB = Forward("tcp", "127.0.0.1", 8080, "10.0.2.100", 80)
Reply = Callable[[socket.socket, bytes], None]
ENTRY = (
    '{"entries": [{"id": NUMBER, "proto": "tcp", "host_addr": "127.0.0.1", "host_port": 8080,'
    ' "guest_addr": "10.0.2.100", "guest_port": 80}]}'
)
KEYS = ["return", "entries", "error", "desc", "id", "host_port"]


class Daemon:
    """A server at a socket, in a thread of its own. It answers each request as ``reply`` likes."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.requests: list[bytes] = []
        self.reply: Reply = self.behave
        self.forwards: dict[int, dict[str, Any]] = {}
        self.below_return = True
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen()
        self.closing = threading.Event()
        self.thread = threading.Thread(target=self.serve)
        self.thread.start()

    def serve(self) -> None:
        while True:
            connection = self.listener.accept()[0]
            with connection:
                if self.closing.is_set():
                    return
                request = b""
                while chunk := connection.recv(65536):
                    request += chunk
                self.requests.append(request)
                try:
                    self.reply(connection, request)
                except OSError:  # the client has enough
                    continue

    def close(self) -> None:
        self.closing.set()
        with socket.socket(socket.AF_UNIX) as last:
            last.connect(self.path)
        self.thread.join()
        self.listener.close()

    def say(self, text: str | bytes) -> None:
        """Answer this to everything."""
        data = text if isinstance(text, bytes) else text.encode()
        self.reply = lambda connection, _request: connection.sendall(data)

    def behave(self, connection: socket.socket, request: bytes) -> None:
        """As slirp4netns does."""
        asked = json.loads(request)
        connection.sendall(json.dumps(getattr(self, asked["execute"])(**asked.get("arguments", {}))).encode())

    def list_hostfwd(self) -> Any:
        entries = {"entries": list(self.forwards.values())}
        return {"return": entries} if self.below_return else entries

    def add_hostfwd(self, **arguments: Any) -> Any:
        taken = [(one["proto"], one["host_port"]) for one in self.forwards.values()]
        if (arguments["proto"], arguments["host_port"]) in taken:
            return {"error": {"desc": "bad request: add_hostfwd: slirp_add_hostfwd failed"}}
        number = len(self.requests)
        self.forwards[number] = {"id": number, **arguments}
        return {"return": {"id": number}}

    def remove_hostfwd(self, id: int) -> Any:  # noqa: A002
        return {"return": {}} if self.forwards.pop(id, None) else {"error": {"desc": "bad arguments.id"}}


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    running = Daemon(str(tmp_path / "api.sock"))
    yield running
    running.close()


# ---------------------------------------------------------------- as it should be


@pytest.mark.parametrize("below_return", [True, False])
def test_forwards_come_and_go(daemon: Daemon, below_return: bool) -> None:
    daemon.below_return = below_return
    assert list_forwards(daemon.path, 5) == []
    add_forward(daemon.path, WEB, 5)
    dns = Forward("udp", "0.0.0.0", 53, "10.0.2.100", 5353)
    add_forward(daemon.path, dns, 5)
    first, second = list_forwards(daemon.path, 5)
    assert (first.essence, second.essence) == (WEB.essence, dns.essence) and first.id != second.id
    remove_forward(daemon.path, WEB, 5)
    assert [one.essence for one in list_forwards(daemon.path, 5)] == [dns.essence]


def test_a_request_is_one_line_of_json_and_whole(daemon: Daemon) -> None:
    """Without a protocol slirp4netns would end."""
    add_forward(daemon.path, WEB, 5)
    assert json.loads(daemon.requests[0]) == {
        "execute": "add_hostfwd",
        "arguments": {
            "proto": "tcp",
            "host_addr": "127.0.0.1",
            "host_port": 8080,
            "guest_addr": "10.0.2.100",
            "guest_port": 80,
        },
    }


def test_what_is_done_is_done(daemon: Daemon) -> None:
    add_forward(daemon.path, WEB, 5)
    add_forward(daemon.path, WEB, 5)
    assert len(daemon.forwards) == 1
    remove_forward(daemon.path, WEB, 5)
    remove_forward(daemon.path, WEB, 5)
    assert daemon.forwards == {}


def test_a_refusal_is_told(daemon: Daemon) -> None:
    add_forward(daemon.path, WEB._replace(guest_port=81), 5)
    with pytest.raises(ProgramError, match=r"add_hostfwd tcp 127\.0\.0\.1 8080 10\.0\.2\.100 80: .*_hostfwd failed"):
        add_forward(daemon.path, WEB, 5)
    remove_forward(daemon.path, WEB, 5)
    assert len(daemon.forwards) == 1, "another one at the same place is not that one"


# ---------------------------------------------------------------- as it should not be


@pytest.mark.parametrize(
    "reply",
    [
        *("", "rubbish", "null", "true", "7", '"text"', "[]", "[[]]", "{", "{}", '{"return": 7}', '{"return": null}'),
        *('{"entries": 7}', '{"entries": null}', '{"entries": {"id": 1}}', '{"entries": [7]}', '{"entries": [null]}'),
        '{"entries": [{}]}',
        *(ENTRY.replace("NUMBER", number) for number in ('"x"', "null", "NaN", "1e999", "[]")),
        *('{"error": 7}', '{"error": null}', '{"error": {}}', '{"error": {"desc": "no"}}', '{"error": ["no"]}'),
        b"\xff\xfe\x00",
        b"\x00" * 100,
        "[" * 100000,
        "9" * 5000,
        '{"entries": ' * 50000,
    ],
)
def test_strange_answers(daemon: Daemon, reply: str | bytes) -> None:
    daemon.say(reply)
    for ask in (
        lambda: list_forwards(daemon.path, 5),
        lambda: remove_forward(daemon.path, WEB, 5),
    ):
        with pytest.raises(ProgramError) as refusal:
            ask()
        assert len(str(refusal.value)) < 1000


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["return", "entries", "error", "desc", "id", "host_port"]), inner, max_size=4
            )
        ),
        max_leaves=8,
    )
)
@example({"return": {"entries": [{"id": float("inf")}]}})
def test_any_answer_is_an_error_or_a_list(daemon: Daemon, answer: Any) -> None:
    daemon.say(json.dumps(answer))
    with contextlib.suppress(ProgramError):
        assert all(isinstance(one, Forward) for one in list_forwards(daemon.path, 5))


def test_an_answer_without_an_end_in_size(daemon: Daemon, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slirp4netns, "LARGEST_REPLY", 1 << 20)

    def endless(connection: socket.socket, _request: bytes) -> None:
        while True:
            connection.sendall(b"x" * 65536)

    daemon.reply = endless
    with pytest.raises(ProgramError, match="without an end"):
        list_forwards(daemon.path, 30)


@pytest.mark.parametrize("piece", [b"", b" "])
def test_an_answer_without_an_end_in_time(daemon: Daemon, piece: bytes) -> None:
    enough = threading.Event()

    def slow(connection: socket.socket, _request: bytes) -> None:
        while not enough.wait(0.05):
            connection.sendall(piece)

    daemon.reply = slow
    started = time.monotonic()
    with pytest.raises(ProgramError, match=r"did not answer within 0\.5 seconds"):
        list_forwards(daemon.path, 0.5)
    assert 0.4 < time.monotonic() - started < 2
    enough.set()


def test_one_that_hangs_up(daemon: Daemon) -> None:
    daemon.reply = lambda connection, _request: connection.shutdown(socket.SHUT_RDWR)
    with pytest.raises(ProgramError):
        list_forwards(daemon.path, 5)


def test_sockets_of_nobody(tmp_path: Path) -> None:
    missing, plain, deserted = tmp_path / "missing", tmp_path / "plain", tmp_path / "deserted"
    plain.write_text("")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(deserted))
    for path in (missing, plain, deserted):
        with pytest.raises(ProgramError, match=str(path)) as refusal:
            list_forwards(str(path), 5)
        assert refusal.value.errno
        with pytest.raises(ProgramError):
            peer_arguments(str(path), 5)


def test_a_queue_that_is_full(tmp_path: Path) -> None:
    """One that accepts nobody: whoever comes late is told to try again, and does so for so long."""
    path = str(tmp_path / "full.sock")
    waiting = []
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen(0)
        for _client in range(2):
            one = socket.socket(socket.AF_UNIX)
            one.setblocking(False)
            one.connect_ex(path)
            waiting.append(one)
        started = time.monotonic()
        with pytest.raises(ProgramError, match=r"did not answer within 0\.3 seconds"):
            list_forwards(path, 0.3)
        assert time.monotonic() - started < 2
    for one in waiting:
        one.close()


def test_who_listens(daemon: Daemon) -> None:
    with open("/proc/self/cmdline", "rb") as source:
        assert peer_arguments(daemon.path, 5) == source.read().decode().split("\0")[:-1]


# ---------------------------------------------------------------- the program


def program(tmp_path: Path, version: str, options: str = "") -> str:
    path = tmp_path / "slirp4netns"
    path.write_text(f"#!/bin/sh\ncase $1 in --version) printf '{version}';; --help) echo '{options}';; esac\n")
    path.chmod(0o755)
    return str(path)


def test_what_a_program_can_do(tmp_path: Path) -> None:
    text = "-c, --configure   bring up\\n  --cidr=CIDR  specify (default=10.0.2.0/24)\\n--outbound-addr6=IPv6  -a"
    found = read_program(program(tmp_path, "slirp4netns version 1.2.0\\nlibslirp: 4.7.0\\n", text))
    assert {"configure", "cidr", "outbound-addr6"} <= found.options and found.warning == ""


@pytest.mark.parametrize(
    ("version", "problem"),
    [
        ("slirp4netns version 0.4.0", ""),
        ("slirp4netns version 1.3.3+dev", ""),
        ("slirp4netns version 10.0", ""),
        ("slirp4netns version 0.3.9", "older than 0.4.0"),
        ("slirp4netns version 0.2-beta.4", "older than 0.4.0"),
        ("slirp4netns version unknown", "does not say"),
        ("passt 2026", "does not say"),
        ("", "does not say"),
    ],
)
def test_versions(tmp_path: Path, version: str, problem: str) -> None:
    path = program(tmp_path, version)
    if not problem:
        assert read_program(path).path == path
        return
    with pytest.raises(ProgramError, match=problem):
        read_program(path)


@pytest.mark.parametrize(("library", "warned"), [("4.6.0", True), ("4.1.0", True), ("4.6.1", False), ("4.10.0", False)])
def test_a_library_with_holes_is_warned_of(tmp_path: Path, library: str, warned: bool) -> None:
    found = read_program(program(tmp_path, f"slirp4netns version 1.2.0\\nlibslirp: {library}\\n"))
    assert bool(found.warning) is warned and (not warned or "CVE-2021-3592" in found.warning)
