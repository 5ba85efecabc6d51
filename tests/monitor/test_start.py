# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Changes around the moment at which the monitor starts: two hundred of them, each at its own."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Sequence

import pytest
from world import Sandbox, World, until

SANDBOXES, STARTS = 20, 5
SPREAD = 0.14  # seconds
CHANGES = (
    "link set eth0 up",
    "address add 10.9.0.2/24 dev up0",
    "link set up0 mtu 1400",
    "link set up0 down",
    "route add 10.30.0.0/16 dev up0",
    "link del up0",
    "link add eth3 type ifb",
)


@pytest.mark.parametrize("announce", [True, False])
def test_no_change_is_lost_at_the_start(world: World, announce: bool) -> None:
    """With ``announce`` all is told in the end. Without, what was there at the first look is known, whenever
    that was; so each link is changed once more, and is told as it is then.
    """
    for start in range(STARTS):
        begin = ("link add eth0 type ifb", "link add up0 type ifb", "link set up0 addrgenmode none", "link set up0 up")
        sandboxes = [world.sandbox(announce_existing=announce) for _number in range(SANDBOXES)]
        for sandbox in sandboxes:
            sandbox.ip(*begin)
        monitor = world.monitor(*sandboxes)
        changing = threading.Thread(target=_change, args=(sandboxes, start))
        changing.start()
        monitor.start()
        changing.join()
        for sandbox in sandboxes:
            if announce:
                sandbox.agrees()
            else:
                _is_told_from_now_on(sandbox)
        assert monitor.stop() == 0
        world.close()
        world.sandboxes.clear()


def _change(sandboxes: Sequence[Sandbox], start: int) -> None:
    """One change in each, spread evenly; the processes that make them stand ready before."""
    ready = [
        subprocess.Popen(["ip", "-netns", one.name, "-batch", "-"], stdin=subprocess.PIPE, text=True)
        for one in sandboxes
    ]
    began = time.monotonic()
    for number, process in enumerate(ready):
        moment = SPREAD * (number + start / STARTS) / len(ready)
        time.sleep(max(0.0, began + moment - time.monotonic()))
        assert process.stdin is not None
        process.stdin.write(CHANGES[(number + start) % len(CHANGES)] + "\n")
        process.stdin.close()
    for process in ready:
        assert process.wait(10) == 0


def _is_told_from_now_on(sandbox: Sandbox) -> None:
    """What was told is right, also where it says nothing; a change of every link is told."""
    names = [one["Name"] for one in [*sandbox.look().ready, *sandbox.look().others]]
    sandbox.ip(*(f"link set {name} up mtu 1300" for name in names), "route add 10.31.0.0/16 dev " + names[0])
    until(lambda: not sandbox.look().differences(sandbox.knowledge), f"{sandbox.name} is told: {sandbox.runtime.verbs}")
    told = [call for call in sandbox.runtime.calls if call.verb == "del-iface"]
    assert all(call.document["Name"] == "up0" for call in told)
