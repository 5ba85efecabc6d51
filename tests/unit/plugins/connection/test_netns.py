# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The connection plugin against a parent that only writes down what it was asked to run."""

from __future__ import annotations

import os
import posixpath
import re
import shlex
import subprocess
import typing as t

import pytest
from ansible.errors import AnsibleConnectionFailure, AnsibleError
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.sandbox.network.plugins.connection import netns

ROOT_USER = ["0", "0", "0", "root", "/root", "/usr/bin:/bin"]
ALICE = ["1000", "1000", "1000 27", "alice", "/home/al ice", "/home/alice/bin:/bin"]
Answer = tuple[int, bytes, bytes]


class Parent:
    """Answers the question who the user is; notes every other command, and answers as told."""

    has_pipelining, has_tty, default_user = True, False, "somebody"

    def __init__(self, user: list[str]) -> None:
        self.user = user
        self.asked = 0
        self.ran: list[tuple[str, bytes | None, bool]] = []
        self.answer: t.Callable[[str], Answer] = lambda _token: (0, b"out", b"err")
        self.calls: list[tuple[t.Any, ...]] = []

    def exec_command(self, cmd: str, in_data: bytes | None = None, sudoable: bool = True) -> Answer:
        script = shlex.split(cmd)[-1]
        mark = re.match(r"echo (\w{32}); id -u", script)
        if mark:
            self.asked += 1
            assert sudoable is False
            return 0, "\n".join(["motd", mark[1], *self.user, ""]).encode(), b""
        self.ran.append((cmd, in_data, sudoable))
        token = re.findall(r" ([0-9a-f]{32}) ", cmd)[0]
        return self.answer(token)

    def get_option(self, option: str, _hostvars: t.Any = None) -> str:
        if option != "remote_user":
            raise KeyError(option)
        return "of the parent"

    def is_pipelining_enabled(self, wrap_async: bool) -> bool:
        return not wrap_async

    def __getattr__(self, name: str) -> t.Any:
        return lambda *args: self.calls.append((name, *args))


class Become:
    """Wraps commands in the way of sudo."""

    def __init__(self, user: str) -> None:
        self.options = {"become_user": user}
        self.success = ""
        self.built = 0

    def get_option(self, name: str) -> str:
        return self.options[name]

    def set_option(self, name: str, value: str) -> None:
        self.options[name] = value

    def build_become_command(self, cmd: str, shell: t.Any) -> str:
        assert shell == "the shell"
        self.built += 1
        self.success = f"BECOME-SUCCESS-{self.built}"
        inner = shlex.quote(f"echo {self.success} ; {cmd}")
        return f"sudo -u {self.options['become_user']} /bin/sh -c {inner}"


def make(user: list[str], name: str = "red", become: Become | None = None) -> t.Any:
    """A connection as it is once its options are set."""
    connection: t.Any = netns.Connection.__new__(netns.Connection)
    connection._load_name = "sandbox.network.netns"
    connection._options = {
        "netns": name,
        "netns_dir": "/run/netns",
        "privilege_command": "sudo -n",
    }
    connection._connected = True
    connection._shell = "the shell"
    connection._parent = Parent(user)
    connection._parent_name = "local"
    connection._parent_user = None
    connection.become = become
    return connection


def entering(words: list[str]) -> dict[str, t.Any]:
    """Take apart the words of an entering command, from /bin/sh on."""
    assert words[:2] == ["/bin/sh", "-c"]
    assert words[2] == netns.one_line(netns.OUTSIDE)
    assert words[7] == netns.one_line(netns.INSIDE)
    return {"path": words[5], "names": words[6], "as": words[8], "command": words[9:]}


@pytest.mark.parametrize(
    ("given_as", "path"),
    [
        ("red", "/run/netns/red"),
        ("two words", "/run/netns/two words"),
        ("$(touch x)", "/run/netns/$(touch x)"),
        ("it's", "/run/netns/it's"),
        ("ümlaut", "/run/netns/ümlaut"),
        ("pid", "/run/netns/pid"),
        ("n" * 255, "/run/netns/" + "n" * 255),
        ("/var/lib/ns/x", "/var/lib/ns/x"),
        ("pid:1", "/proc/1/ns/net"),
        ("pid:4194304", "/proc/4194304/ns/net"),
    ],
)
def test_a_namespace_is_found_by_its_three_names(given_as: str, path: str) -> None:
    assert netns.locate(given_as, "/run/netns") == path
    assert netns.locate(given_as, "/run/netns/") == path


@pytest.mark.parametrize(
    "bad",
    [
        *("", ".", "..", "-x", "a/b", "../x", "ü" * 128, "n" * 256),
        *("a\nb", "a\0", "/a\nb", "\x7f", "pid:1\n"),
        *("pid:", "pid:0", "pid:x", "pid:-1", "pid:1/..", "pid:01", "pid: 1", "pid:\u0661"),
    ],
)
def test_a_bad_name_is_refused_by_option_and_value(bad: str) -> None:
    with pytest.raises(AnsibleError, match="ansible_netns") as refused:
        netns.locate(bad, "/run/netns")
    assert repr(bad) in str(refused.value)


@given(st.text(max_size=300))
def test_whatever_is_accepted_lies_where_it_should(name: str) -> None:
    try:
        path = netns.locate(name, "/run/netns")
    except AnsibleError:
        return
    directly_below = posixpath.dirname(posixpath.normpath(path)) == "/run/netns"
    assert directly_below or name.startswith("/") or re.fullmatch(r"/proc/\d+/ns/net", path)


@pytest.mark.parametrize("script", [netns.OUTSIDE, netns.INSIDE], ids=["outside", "inside"])
def test_the_scripts_are_one_line_and_parse(script: str) -> None:
    assert "\n" not in netns.one_line(script)
    subprocess.run(["/bin/sh", "-n", "-c", netns.one_line(script)], check=True)


def test_the_script_tells_what_it_refuses(tmp_path: t.Any) -> None:
    os.mkfifo(tmp_path / "fifo")
    cases = {"absent": "missing", "fifo": "wrong", ".": "wrong"}
    cases.update({"/dev/zero": "wrong", "/proc/self/ns/net": "own", "file/": "failed"})
    (tmp_path / "file").touch()
    for path, reason in cases.items():
        words = ["T", os.path.join(tmp_path, path), str(tmp_path), "exit 9", ""]
        script = netns.one_line(netns.OUTSIDE)
        done = subprocess.run(
            ["/bin/sh", "-c", script, "netns", *words, "touch", tmp_path / "ran"],
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
        assert done.returncode == netns.REFUSED, path
        assert done.stderr.split()[:2] == ["T", reason], path
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("name", ["red", "$(touch x)", "it's", 'a "b" c', "`x`", ";x", "a\\b", "*"])
@pytest.mark.parametrize("command", ["echo 'it''s' \"$HOME\"", "x\ny", "ü"])
def test_root_enters_with_the_command_unchanged(name: str, command: str) -> None:
    connection = make(ROOT_USER, name)
    assert connection.exec_command(command, b"data", False) == (0, b"out", b"err")
    ((ran, in_data, sudoable),) = connection._parent.ran
    assert (in_data, sudoable) == (b"data", False)
    assert entering(shlex.split(ran)) == {
        "path": f"/run/netns/{name}",
        "names": "/run/netns",
        "as": "",
        "command": ["/bin/sh", "-c", command],
    }


def test_root_enters_first_and_then_becomes() -> None:
    become = Become("nobody")
    connection = make(ROOT_USER, become=become)
    command = become.build_become_command("true", "the shell")
    connection._parent.answer = lambda _token: (0, b"BECOME-SUCCESS-1\nout\n", b"")
    assert connection.exec_command(command) == (0, b"BECOME-SUCCESS-1\nout\n", b"")
    assert entering(shlex.split(connection._parent.ran[0][0]))["command"][-1] == command
    assert become.built == 1


def test_another_user_enters_by_the_privilege_command_and_comes_back() -> None:
    connection = make(ALICE)
    connection._options["privilege_command"] = "doas -C 'my rules'"
    connection.exec_command("true", None, False)
    ran, _data, sudoable = connection._parent.ran[0]
    words = shlex.split(ran)
    assert words[:3] == ["doas", "-C", "my rules"]
    assert sudoable is False
    back = entering(words[3:])
    assert back["as"] == "setpriv --reuid 1000 --regid 1000 --groups 1000,27"
    own = ["HOME=/home/al ice", "USER=alice", "LOGNAME=alice", "PATH=/home/alice/bin:/bin"]
    assert back["command"] == ["env", *own, "/bin/sh", "-c", "true"]


@pytest.mark.parametrize("wanted", ["root", "nobody"])
def test_another_user_becomes_root_enters_and_then_becomes(wanted: str) -> None:
    become = Become(wanted)
    connection = make(ALICE, become=become)
    command = become.build_become_command("true", "the shell")
    connection._parent.answer = lambda _token: (3, b"\r\nBECOME-SUCCESS-1\r\nout\r\n", b"")
    assert connection.exec_command(command, b"data") == (3, b"\r\nout\r\n", b"")
    ran, in_data, _sudoable = connection._parent.ran[0]
    words = shlex.split(ran)
    assert words[:5] == ["sudo", "-u", "root", "/bin/sh", "-c"]
    inner = shlex.split(words[5])
    assert inner[:3] == ["echo", "BECOME-SUCCESS-2", ";"]
    parts = entering(inner[3:])
    assert (parts["as"], parts["command"][-1], in_data) == ("", command, b"data")
    assert become.options["become_user"] == wanted


def test_what_does_not_become_comes_back_to_the_user_that_entered() -> None:
    connection = make(ALICE, become=Become("nobody"))
    connection.exec_command("mkdir tmp", None, False)
    ran, _data, sudoable = connection._parent.ran[0]
    assert sudoable is True  # the parent has a prompt to answer
    parts = entering(shlex.split(shlex.split(ran)[5])[3:])
    assert parts["as"].startswith("setpriv --reuid 1000 ")
    assert parts["command"][-1] == "mkdir tmp"


REFUSALS = [
    ("red", "missing", "'red' does not exist: there is no /run/netns/red; nothing was run"),
    ("pid:7", "missing", "'pid:7' does not exist: there is no process 7; nothing was run"),
    ("/x", "wrong", "'/x' is not a network namespace: /x is something else; nothing was run"),
    ("red", "own", "'red' is the one that the parent connection is in already; nothing was run"),
    ("red", "failed mount: no", "'red' cannot be entered: mount: no; nothing was run"),
]


@pytest.mark.parametrize(("name", "said", "message"), REFUSALS)
@pytest.mark.parametrize("stream", [1, 2])
def test_a_refusal_makes_the_host_unreachable(name: str, said: str, message: str, stream: int) -> None:
    connection = make(ROOT_USER, name)

    def refuse(token: str) -> Answer:
        line = f"noise\r\n{token} {said}\r\n".encode()
        return (254, line, b"") if stream == 1 else (254, b"", line)

    connection._parent.answer = refuse
    with pytest.raises(AnsibleConnectionFailure) as refused:
        connection.exec_command("true")
    assert message in str(refused.value)


def test_a_command_with_the_same_exit_code_is_no_refusal() -> None:
    connection = make(ROOT_USER)
    connection._parent.answer = lambda _token: (254, b"", b"0123 missing")
    assert connection.exec_command("true") == (254, b"", b"0123 missing")


@pytest.mark.parametrize("refused", [True, False])
def test_a_parent_that_waits_for_become_in_vain_hides_no_refusal(refused: bool) -> None:
    connection = make(ROOT_USER)

    def wait(token: str) -> Answer:
        raise AnsibleError(f"timed out. >>> Standard Error\n{token} missing" if refused else "other")

    connection._parent.answer = wait
    kind, text = (AnsibleConnectionFailure, "no /run/netns/red") if refused else (AnsibleError, "^other")
    with pytest.raises(kind, match=text):
        connection.exec_command("true")


def test_a_parent_that_does_not_say_who_it_is_runs_nothing() -> None:
    connection = make(["0"])
    with pytest.raises(AnsibleConnectionFailure, match="no answer from local"):
        connection.exec_command("true")
    assert not connection._parent.ran


def test_the_user_is_asked_once() -> None:
    connection = make(ROOT_USER)
    for _time in range(3):
        connection.exec_command("true")
    assert connection._parent.asked == 1


def test_the_rest_is_the_parents() -> None:
    connection = make(ROOT_USER)
    assert connection.ssh_type_conn is connection._parent
    assert connection.get_option("remote_user") == "of the parent"
    with pytest.raises(KeyError):
        connection.get_option("no such option")
    assert connection.is_pipelining_enabled(False)
    assert not connection.is_pipelining_enabled(True)
    assert not connection.has_tty
    connection.put_file("a", "b")
    connection.fetch_file("c", "d")
    connection.reset()
    connection.set_become_plugin("sudo")
    connection.close()
    wanted = [("put_file", "a", "b"), ("fetch_file", "c", "d"), ("reset",)]
    assert connection._parent.calls == [*wanted, ("set_become_plugin", "sudo"), ("close",)]


def test_before_the_parent_is_known() -> None:
    connection = make(ROOT_USER)
    connection._parent = None
    assert connection.has_tty
    connection.set_become_plugin("sudo")
    connection.close()
    with pytest.raises(KeyError):
        connection.get_option("remote_user")
