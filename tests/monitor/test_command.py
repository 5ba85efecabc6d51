# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The calls of a runtime: slow, failing, hanging, replaced; and what is on disk meanwhile and afterwards."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from runtime import is_alive
from world import Sandbox, World, until

PAIR = ("link add eth0 type veth peer name far0", "link set far0 up", "link set eth0 up")
NEW = ("link add eth5 type ifb", "link set eth5 up")


def test_the_file_that_is_handed_over(world: World) -> None:
    sandbox = world.sandbox(*PAIR)
    sandbox.storage.mkdir(mode=0o777)
    sandbox.directory.mkdir(mode=0o777)
    for name in ("shared.json", "shared.json.new", "told.jsonl.new"):
        (sandbox.directory / name).write_text("left over")
    monitor = world.watching(sandbox)
    assert os.listdir(sandbox.directory) == ["told.jsonl"]
    sandbox.runtime.behave("sleep 300", "print 10000000")
    sandbox.ip(*NEW)
    until(lambda: "shared.json" in os.listdir(sandbox.directory), "something is handed over")
    sandbox.agrees()
    until(lambda: os.listdir(sandbox.directory) == ["told.jsonl"], "the file is gone afterwards")
    for call in sandbox.runtime.calls:
        assert (call.facts["mode"], call.facts["above"]) == (0o640, 0o750)
        assert int(call.facts["ignored"], 16) & 0x7FFFFFFF == 0  # no signal is ignored
    directory = sandbox.directory.stat()
    assert (stat.S_IMODE(directory.st_mode), directory.st_uid) == (0o750, 0)
    told = (sandbox.directory / "told.jsonl").stat()
    assert stat.S_IMODE(told.st_mode) & 0o027 == 0
    assert monitor.stop() == 0
    assert os.listdir(sandbox.directory) == ["told.jsonl"]  # for the next one


def test_a_call_that_hangs_is_killed_with_what_it_started(world: World) -> None:
    sandbox = world.sandbox(*PAIR, command_timeout=0.3)
    monitor = world.watching(sandbox)
    sandbox.runtime.behave("hang eth5")
    sandbox.ip(*NEW)
    until(lambda: sandbox.runtime.hanging, "it hangs")
    first = sandbox.runtime.hanging
    until(lambda: not any(map(is_alive, first)), "both processes are killed", 1.0)
    until(lambda: sandbox.runtime.hanging != first, "it is tried again")
    until(lambda: "signal 9" in (monitor.of(sandbox)["problem"] or ""), "it is in the status")
    sandbox.runtime.behave()
    sandbox.agrees()
    until(lambda: monitor.of(sandbox)["problem"] is None, "the problem is over")
    assert not any(map(is_alive, sandbox.runtime.hanging))


def test_one_interface_that_fails_keeps_nothing_from_the_others(world: World) -> None:
    sandbox = world.sandbox(*PAIR)
    monitor = world.watching(sandbox)
    sandbox.runtime.behave("fail eth5", "exit 137")
    sandbox.ip(*NEW)
    until(lambda: len(sandbox.runtime.calls) >= 3, "it is tried again")
    sandbox.ip("link add eth6 type ifb", "link set eth6 up", "link set eth0 mtu 1400")
    until(lambda: {"add-iface eth6", "update-iface eth0"} <= set(sandbox.runtime.verbs), "the others are told", 2.0)
    until(lambda: "exit status 137" in (monitor.of(sandbox)["problem"] or ""), "it is in the status")
    time.sleep(1.0)
    tries = [call.at for call in sandbox.runtime.calls if call.exit]
    waits = [after - before for before, after in zip(tries, tries[1:])]
    assert len(tries) < 8  # 0.05 s, 0.1 s, 0.2 s, ...
    assert all(after > 1.3 * before for before, after in zip(waits, waits[1:])), waits
    sandbox.runtime.behave()
    sandbox.ip("link set eth5 mtu 1300")  # something else is wanted: at once
    assert sandbox.agrees() < 1.0


def test_retries_end(world: World) -> None:
    sandbox = world.sandbox(*PAIR, retries=2)
    world.watching(sandbox)
    sandbox.runtime.behave("fail eth5")
    sandbox.ip("link add eth5 type ifb", "link set eth5 addrgenmode none", "link set eth5 up")
    until(lambda: len(sandbox.runtime.calls) == 3, "three calls")
    sandbox.ip("link set eth0 mtu 1400")
    until(lambda: sandbox.runtime.verbs[-1] == "update-iface eth0", "another change is told")
    time.sleep(0.6)
    assert sandbox.runtime.verbs == ["add-iface eth5 (exit status 1)"] * 3 + ["update-iface eth0"]
    sandbox.runtime.behave()
    sandbox.ip("link set eth5 mtu 1300")
    sandbox.agrees()


def test_a_missing_runtime_is_waited_for(world: World) -> None:
    sandbox = world.sandbox(*PAIR)
    monitor = world.watching(sandbox)
    elsewhere = sandbox.runtime.path.rename(sandbox.runtime.path.with_name("elsewhere"))
    sandbox.ip(*NEW)
    until(lambda: monitor.of(sandbox)["failures"] > 1, "it is missed")
    elsewhere.rename(sandbox.runtime.path)
    sandbox.agrees()


@pytest.mark.parametrize("what", ["itself", "its directory", "another's", "a link", "above"])
def test_a_runtime_that_others_can_change_is_not_called(world: World, what: str) -> None:
    """It was trusted when the monitor started."""
    sandbox = world.sandbox(*PAIR)
    monitor = world.watching(sandbox)
    path, directory = sandbox.runtime.path, sandbox.runtime.directory
    undo = _make_untrusted(what, path, path.parent.parent)
    sandbox.ip(*NEW)
    until(lambda: "can be changed by others" in (monitor.of(sandbox)["problem"] or ""), "it is refused", 3.0)
    assert not sandbox.runtime.calls
    undo()
    path.chmod(0o755)
    directory.chmod(0o755)
    sandbox.agrees()


def _make_untrusted(what: str, path: Path, above: Path) -> Callable[[], object]:
    if what == "itself":
        path.chmod(0o757)
    elif what == "its directory":
        path.parent.chmod(0o775)
    elif what == "another's":
        os.chown(path, 65534, 65534)
        return lambda: os.chown(path, 0, 0)
    elif what == "a link":
        place = above / "open"
        place.mkdir()
        place.chmod(0o777)
        path.rename(place / "runtime")
        path.symlink_to(place / "runtime")
        return lambda: (path.unlink(), (place / "runtime").rename(path))
    else:
        above.chmod(0o777)
        return lambda: above.chmod(0o755)
    return lambda: None


def test_two_monitors_do_not_disturb_each_other(world: World) -> None:
    sandbox = world.sandbox(*PAIR)
    first, second = world.watching(sandbox), world.monitor(sandbox)
    second.start()
    until(lambda: "another monitor" in (second.of(sandbox)["problem"] or ""), "the second one stands back")
    sandbox.ip(*NEW)
    sandbox.agrees()
    assert second.stop() == 0
    sandbox.ip("link set eth5 mtu 1400")
    sandbox.agrees()
    second.start()
    first.kill()
    sandbox.ip("link set eth5 mtu 1300")  # the second one takes over
    sandbox.agrees()
    assert not sandbox.knowledge.without_effect


def test_the_call_of_a_killed_monitor_does_not_come_last(world: World) -> None:
    """What it tells is old, and it would be heard after what the next monitor tells."""
    sandbox = world.sandbox(*PAIR)
    monitor = world.watching(sandbox)
    sandbox.runtime.behave("sleep 1000")
    sandbox.ip("link set eth0 mtu 1400")
    until((sandbox.directory / "shared.json").exists, "something is handed over")
    time.sleep(0.2)
    monitor.kill()
    sandbox.runtime.behave()
    sandbox.ip("link set eth0 mtu 1300")
    monitor.start()
    sandbox.agrees()
    time.sleep(1.0)
    sandbox.agrees(0.1)


def test_one_that_hangs_and_one_that_fails_among_a_hundred(world: World) -> None:
    sandboxes = [world.sandbox("link add eth0 type ifb") for _number in range(100)]
    hanging, failing, *others = sandboxes
    hanging.runtime.behave("hang eth0")
    failing.runtime.behave("fail iface")
    monitor = world.watching(*sandboxes)
    started = time.monotonic()
    for sandbox in sandboxes:
        sandbox.ip("link set eth0 up")
    changed = time.monotonic()
    for sandbox in others:
        sandbox.agrees(5.0)
    assert max(_first(sandbox) for sandbox in others) < changed + 2.0, changed - started
    assert not hanging.runtime.calls
    assert {call.exit for call in failing.runtime.calls} == {1}
    until(lambda: monitor.of(failing)["failures"] > 0, "it is in the status")
    assert "sandbox_netmon_failures_total" in monitor.metrics_file.read_text()
    assert monitor.stop() == 0
    assert not any(map(is_alive, hanging.runtime.hanging))


def _first(sandbox: Sandbox) -> float:
    return sandbox.runtime.calls[0].at
