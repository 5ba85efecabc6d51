# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Sandboxes that end and come again, monitors that start anew, messages that are no news."""

from __future__ import annotations

import json
import os
import signal
import socket
import struct
import subprocess
import time
from collections.abc import Iterator

import pytest
from runtime import open_files
from world import Monitor, Sandbox, World, until

PAIR = ("link add eth0 type veth peer name far0", "link set far0 up", "link set eth0 up")
NEW = ("link add eth5 type ifb", "link set eth5 up")
RTM_NEWLINK, IFF_UP = 16, 1


def test_a_sandbox_that_ends_is_let_go_and_waited_for(world: World) -> None:
    sandbox, other = world.sandbox(), world.sandbox(*PAIR)
    monitor = world.watching(sandbox, other)
    for number in range(3):
        _plug(sandbox, f"far{number}")
        until(lambda: sandbox.runtime.verbs[-1:] == ["add-iface eth0"], "the link is told")
        sandbox.delete()
        seconds = until(lambda name=f"far{number}": not _is_there(name), "its end is gone")  # type: ignore[misc]
        seconds += until(lambda: sandbox.name in monitor.status["gone"], "it is reported as gone")
        assert seconds < 1.0
        assert not sandbox.directory.exists()
        assert f'sandbox_netmon_watched{{sandbox="{sandbox.name}"}} 0' in monitor.metrics_file.read_text()
        sandbox.make()
        until(lambda: monitor.of(sandbox).get("state") == "watched", "the new one is watched", 1.0)
    assert not {call.verb for call in sandbox.runtime.calls} & {"del-iface", "update-iface"}
    other.ip(*NEW)
    other.agrees()


def _plug(sandbox: Sandbox, name: str) -> None:
    """A veth whose other end is on the host."""
    subprocess.run(["ip", "link", "add", name, "up", "type", "veth", "peer", "eth0", "netns", sandbox.name], check=True)
    sandbox.ip("link set eth0 up")


def _is_there(name: str) -> bool:
    return os.path.exists(f"/sys/class/net/{name}")


def test_the_namespace_that_the_monitor_is_in(world: World) -> None:
    """Its events bear no id, even where it has one."""
    sandbox = world.sandbox(*PAIR)
    monitor = world.monitor(sandbox)
    sandbox.begin()
    monitor.start(wrapper=("ip", "netns", "exec", sandbox.name))
    sandbox.ip(*NEW)
    sandbox.agrees()


def test_nothing_of_a_sandbox_stays_open(world: World) -> None:
    sandbox = world.sandbox(*PAIR)
    monitor = world.watching(sandbox)
    sandbox.ip(*NEW)
    sandbox.agrees()
    until(lambda: not [one for one in open_files(monitor.pid) if "net:[" in one and not _is_own(one)], "all is closed")


def _is_own(namespace: str) -> bool:
    return namespace == os.readlink("/proc/self/ns/net")


def test_another_sandbox_of_the_name_while_nobody_looked(world: World) -> None:
    sandbox = world.sandbox(*PAIR)
    monitor = world.watching(sandbox)
    monitor.kill()
    sandbox.delete()
    sandbox.make()
    sandbox.ip("link add eth7 type ifb", "link set eth7 up")
    sandbox.settle()
    sandbox.begin()
    monitor.start()
    sandbox.ip(*NEW)
    sandbox.agrees()
    assert sandbox.runtime.verbs[0] == "add-iface eth5"  # neither of the former one, nor what is known


def test_what_changed_while_nobody_looked(world: World) -> None:
    sandbox = world.sandbox(*PAIR, "address add 10.9.0.2/24 dev eth0")
    monitor = world.watching(sandbox)
    for end in (monitor.kill, monitor.stop):
        sandbox.ip(*NEW)
        sandbox.agrees()
        end()
        sandbox.ip("link del eth5", "link add eth6 type ifb", "link set eth6 up", "route add default via 10.9.0.1")
        monitor.start()
        sandbox.agrees()
        assert not sandbox.knowledge.without_effect
        sandbox.ip("link del eth6", "route del default")
        sandbox.agrees()


def test_a_torn_memory(world: World) -> None:
    sandbox = world.sandbox(*PAIR)
    monitor = world.watching(sandbox)
    sandbox.ip(*NEW)
    sandbox.agrees()
    monitor.kill()
    memory = sandbox.directory / "told.jsonl"
    memory.write_bytes(memory.read_bytes()[:-9])  # the last line: as after a kill in its midst
    monitor.start()
    until(lambda: len(sandbox.runtime.calls) > 1, "it is told again")
    sandbox.ip("link set eth5 mtu 1400")
    until(lambda: not sandbox.look().differences(sandbox.knowledge), "the change is told")
    assert len(sandbox.knowledge.without_effect) == 1


def test_configuration_is_read_again(world: World) -> None:
    first, second, third = (world.sandbox(*PAIR) for _number in range(3))
    monitor = world.watching(first)
    pid = monitor.pid
    second.begin()
    monitor.configure(second)
    until(lambda: monitor.of(second), "a new one is watched", 1.5)
    third.begin()
    monitor.configure(third)
    monitor.process.send_signal(signal.SIGHUP)  # type: ignore[union-attr]
    until(lambda: monitor.of(third), "a new one is watched at once", 0.4)
    for sandbox in (first, second, third):
        sandbox.ip(*NEW)
        sandbox.agrees()
    (monitor.configuration / f"{second.name}.json").unlink()
    monitor.configure(first, ignore="eth*")
    until(lambda: not monitor.of(second) and monitor.of(first)["settings"]["ignore"] == "eth*", "taken in", 1.5)
    monitor.configure(third, watched=False)
    until(lambda: not monitor.of(third), "taken in", 1.5)
    for sandbox in (first, second, third):
        sandbox.ip("link add eth6 type ifb", "link set eth6 up")
    monitor.configure(third)
    third.agrees()  # what changed meanwhile, too
    assert first.runtime.verbs[1:] in ([], ["del-iface eth0"], ["del-iface eth0", "del-iface eth5"])
    assert second.runtime.verbs == ["add-iface eth5"]
    assert monitor.pid == pid


BROKEN = {
    "empty": b"",
    "torn": b'{"id": "x"',
    "list": b"[]",
    "bytes": b"\xff\xfe",
    "deep": b"[" * 100_000,
    "unknown": {"color": "red"},
    "id": {"id": "../x"},
    "option": {"id": "-x"},
    "control": {"id": "x\n"},
    "number": {"ignore": 5},
    "null": {"netns": "/run/\0"},
    "surrogate": {"storage_dir": "/run/\ud800"},
    "relative": {"netns": "run/netns/x"},
    "runtime": {"runtime_path": None},
    "nan": {"debounce": float("nan")},
    "endless": {"command_timeout": float("inf")},
    "negative": {"retries": -1},
    "way": {"update": "always"},
    "level": {"log_level": "loud"},
    "watched": {"watched": "no"},
}


def test_a_broken_file_hurts_nobody_else(world: World) -> None:
    good, open_to_all, another = (world.sandbox(*PAIR) for _number in range(3))
    monitor = world.monitor(good, open_to_all, another)
    (monitor.configuration / f"{open_to_all.name}.json").chmod(0o666)
    os.chown(monitor.configuration / f"{another.name}.json", 65534, 0)
    for name, content in BROKEN.items():
        sound = {**good.settings, "id": name}
        text = content if isinstance(content, bytes) else _json({**sound, **content})
        (monitor.configuration / f"{name}.json").write_bytes(text)
    (monitor.configuration / "directory.json").mkdir()
    (monitor.configuration / "other.txt").write_text("not ours")
    good.begin()
    monitor.start()
    assert [one["id"] for one in monitor.status["sandboxes"]] == [good.name]
    for name in (*BROKEN, "directory", open_to_all.name, another.name):
        assert f"/{name}.json" in monitor.log
    good.ip(*NEW)
    good.agrees()
    (monitor.configuration / f"{good.name}.json").chmod(0o666)
    monitor.process.send_signal(signal.SIGHUP)  # type: ignore[union-attr]
    until(lambda: not monitor.of(good), "it is left out")
    assert monitor.stop() == 0


def _json(settings: dict[str, object]) -> bytes:
    return json.dumps(settings).encode()


def test_forged_messages_are_not_believed(world: World) -> None:
    sandbox = world.sandbox(*PAIR)
    monitor = world.watching(sandbox)
    before = _counters(monitor, sandbox)
    forged = struct.pack("=IHHIIBxHiII", 32, RTM_NEWLINK, 0, 0, 0, 0, 0, 99, IFF_UP, IFF_UP)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as sender:
        for _number in range(100):
            sender.sendto(forged, (_port(monitor), 0))
    script = "import socket, sys; socket.socket(16, 3).sendto(bytes.fromhex(sys.argv[1]), (0, 1))"
    subprocess.run(["ip", "netns", "exec", sandbox.name, "python3", "-c", script, forged.hex()], check=True)
    time.sleep(0.2)
    assert _counters(monitor, sandbox) == before
    sandbox.ip("link set eth0 mtu 1400")
    sandbox.agrees()
    assert _counters(monitor, sandbox) != before


def _counters(monitor: Monitor, sandbox: Sandbox) -> tuple[int, int]:
    """Events and looks, as of now: the status is written whenever SIGHUP comes."""
    written = monitor.status_file.stat().st_ino
    monitor.process.send_signal(signal.SIGHUP)  # type: ignore[union-attr]
    until(lambda: monitor.status_file.stat().st_ino != written, "the status is written")
    found = monitor.of(sandbox)
    return found["events"], found["looks"]


def _port(monitor: Monitor) -> int:
    """Of its socket that listens to groups (/proc/net/netlink: port and groups are the third and fourth field)."""
    inodes = {one for one in open_files(monitor.pid) if one.startswith("socket:[")}
    with open("/proc/net/netlink", encoding="ascii") as table:
        rows = [line.split() for line in table][1:]
    (port,) = [int(row[2]) for row in rows if f"socket:[{row[-1]}]" in inodes and int(row[3], 16)]
    return port


@pytest.fixture
def syslog() -> Iterator[socket.socket]:
    """A listener at /dev/log, which is this host's own."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind("/dev/log")
        listener.settimeout(5.0)
        yield listener
    os.unlink("/dev/log")


def test_syslog_that_begins_anew(world: World, syslog: socket.socket) -> None:
    sandbox = world.sandbox(log_level="info")
    world.watching(sandbox)
    for number in (0, 1):
        sandbox.ip(f'link add name "x{number}\x1b[2J" type ifb', f'link set dev "x{number}\x1b[2J" up')
        text = ""
        while f"x{number}" not in text:
            text = syslog.recv(4096).decode()
        assert text.startswith("<14>sandbox-netmon[") and text.isprintable()
        assert "level=info msg=told" in text and "source=netmon" in text and f"sandbox={sandbox.name}" in text
        until(lambda: not sandbox.look().differences(sandbox.knowledge), "it is told")
        os.unlink("/dev/log")
        syslog.close()
        syslog.__init__(socket.AF_UNIX, socket.SOCK_DGRAM)  # type: ignore[misc]
        syslog.bind("/dev/log")
        syslog.settimeout(5.0)


def test_an_id_that_is_another_sandbox_already(world: World) -> None:
    """The kernel may give the id of a namespace that has ended to another one before it says that it is free."""
    keeper = world.sandbox()
    monitor = world.watching(keeper)
    former = keeper
    for _number in range(30):
        sandbox = world.sandbox()
        monitor.configure(sandbox)
        if former is not keeper:
            former.delete()
        time.sleep(0.015)  # the kernel ends a namespace some time after its name is gone
        monitor.process.send_signal(signal.SIGHUP)  # type: ignore[union-attr]
        until(lambda sandbox=sandbox: monitor.of(sandbox), "it is watched", 2.0)  # type: ignore[misc]
        former = sandbox
    time.sleep(0.2)
    assert keeper.name in str(monitor.status["sandboxes"])
    gone = [line.split("sandbox=")[1] for line in monitor.log.splitlines() if "is gone" in line]
    assert former.name not in gone and keeper.name not in gone and len(gone) == len(set(gone)), gone
