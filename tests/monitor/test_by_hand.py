# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""sandbox-netmon by hand, with the flags of the original, inside the namespace that it watches."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest
from world import Monitor, Sandbox, World, until

PAIR = ("link add eth0 type veth peer name far0", "link set far0 up", "link set eth0 up")
NEW = ("link add eth5 type ifb", "link set eth5 up")
STORAGE = Path("/run/kata-containers/netmon/sbs")


def _start(world: World, sandbox: Sandbox, *flags: str) -> Monitor:
    monitor = world.monitor()
    sandbox.begin()
    flags = (*(flags or ("-s", sandbox.name)), "-r", str(sandbox.runtime.path))
    monitor.run(*flags, wrapper=("ip", "netns", "exec", sandbox.name))
    return monitor


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_watches_where_it_is_and_leaves_nothing(world: World, number: int) -> None:
    sandbox = world.sandbox(*PAIR)
    if number == signal.SIGINT:  # the namespace may have an id in itself
        sandbox.ip(f"netns set {sandbox.name} 7")
    monitor = _start(world, sandbox)
    sandbox.ip(*NEW, "address add 10.9.0.2/24 dev eth5", "route add default via 10.9.0.1")
    sandbox.agrees(2.0)
    assert {call.facts["file"] for call in sandbox.runtime.calls} == {str(STORAGE / sandbox.name / "shared.json")}
    sandbox.runtime.behave("hang iface")
    sandbox.ip("link set eth5 mtu 1400")
    until(lambda: sandbox.runtime.hanging, "a call is under way")
    assert monitor.stop(number) == 0
    assert not (STORAGE / sandbox.name).exists()
    assert "level=warn" not in monitor.log


@pytest.mark.parametrize(
    ("flags", "level"),
    [(["-d"], "debug"), (["-log", "info"], "info"), (["--log=debug"], "debug"), (["-log", "trace"], "debug")],
)
def test_levels_of_the_log(world: World, flags: list[str], level: str) -> None:
    sandbox = world.sandbox(*PAIR)
    monitor = _start(world, sandbox, *flags, "-s", sandbox.name)
    sandbox.ip(*NEW)
    sandbox.agrees()
    until(lambda: "msg=told" in monitor.log, f"told at level {level}")
    assert f"sandbox={sandbox.name}" in monitor.log and "name=sandbox-netmon" in monitor.log


def test_little_is_logged_unless_asked_for(world: World) -> None:
    sandbox = world.sandbox(*PAIR)
    monitor = _start(world, sandbox)
    sandbox.ip(*NEW)
    sandbox.agrees()
    assert monitor.log == ""


@pytest.mark.parametrize(
    ("flags", "complaint"),
    [
        ([], "-s"),
        (["-s", "x"], "-r"),
        (["-r", "/bin/true"], "-s"),
        (["-s"], "flag needs an argument: -s"),
        (["-s", "a/b", "-r", "/bin/true"], "a/b"),
        (["-s", "-x", "-r", "/bin/true"], "-x"),
        (["-s", "x", "-r", "/bin/true", "-log", "loud"], "loud"),
        (["-color", "red"], "flag provided but not defined: -color"),
        (["-s", "x", "-r", "/bin/true", "more"], "more"),
        (["-config", "/run", "-s", "x"], "-config"),
    ],
)
def test_flags_that_make_no_sense(program: list[str], flags: list[str], complaint: str) -> None:
    done = subprocess.run([*program, *flags], capture_output=True, text=True, check=False, timeout=20)
    assert done.returncode == 1 and done.stdout == ""
    assert complaint in done.stderr.splitlines()[0] and "Usage: sandbox-netmon" in done.stderr


@pytest.mark.parametrize(
    ("flag", "begins"),
    [("-h", "Usage"), ("--help", "Usage"), ("-v", "sandbox-netmon version "), ("-version", "sandbox")],
)
def test_flags_that_ask(program: list[str], flag: str, begins: str) -> None:
    done = subprocess.run([*program, flag], capture_output=True, text=True, check=False, timeout=20)
    assert done.returncode == 0 and done.stderr == "" and done.stdout.startswith(begins)


def test_a_runtime_that_cannot_be_called(program: list[str], tmp_path: Path) -> None:
    runtime = tmp_path / "runtime"
    runtime.write_text("#!/bin/sh\n")
    runtime.chmod(0o777)
    for path, complaint in ((runtime, "can be changed by others"), (tmp_path / "none", "No such file")):
        words = [*program, "-s", "x", "-r", str(path)]
        done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=20)
        assert done.returncode == 1
        assert complaint in done.stderr and "level=error" in done.stderr
    assert not (STORAGE / "x").exists()


def test_standard_descriptors_that_are_closed(world: World, program: list[str]) -> None:
    """Their numbers must not become those of sockets, which messages would be written to."""
    sandbox = world.sandbox(*PAIR)
    sandbox.begin()
    words = " ".join([*program, "-d", "-s", sandbox.name, "-r", str(sandbox.runtime.path)])
    process = subprocess.Popen(["ip", "netns", "exec", sandbox.name, "sh", "-c", f"exec {words} <&- >&- 2>&-"])
    try:
        until((STORAGE / sandbox.name / "told.jsonl").exists, "it watches")
        assert {os.readlink(f"/proc/{process.pid}/fd/{number}") for number in range(3)} == {"/dev/null"}
        sandbox.ip(*NEW)
        sandbox.agrees()
    finally:
        process.terminate()
        assert process.wait(10) == 0
