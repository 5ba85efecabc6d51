# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Ten thousand changes in a row: nothing is lost, however slow the runtime, and little is used."""

from __future__ import annotations

import threading
import time

import pytest
from storms import BEGINNING, storm
from world import Monitor, Sandbox, World

CHANGES = 10_000
SOON = 2.0
MOST_MEMORY = 60 << 20
IDLE_SECONDS, IDLE_PART = 5.0, 0.001


def test_a_storm_is_survived(world: World) -> None:
    """Two at the same time: with room for events, and with next to none, so that most are lost."""
    roomy = world.sandbox(*BEGINNING, update="replace", debounce=0.1)
    tiny = world.sandbox(*BEGINNING, debounce=0.1)
    for one in (roomy, tiny):
        one.runtime.behave("sleep 50", "alternate yes")
    monitors = [world.watching(roomy), world.watching(tiny, flags=["-buffer", "4096"])]
    _at_once(roomy, tiny)
    assert monitors[0].of(roomy)["overflows"] == 0
    assert monitors[1].of(tiny)["overflows"] > 0
    for one in (roomy, tiny):
        assert any(call.exit for call in one.runtime.calls)
        assert not one.knowledge.without_effect
    for monitor in monitors:
        assert monitor.memory() < MOST_MEMORY
    _is_idle(monitors)
    for monitor in monitors:
        assert monitor.stop() == 0


def _at_once(*sandboxes: Sandbox) -> None:
    """The storms; soon after its end each runtime knows what has come of it."""
    late: dict[str, float] = {}

    def rage(number: int, sandbox: Sandbox) -> None:
        commands = list(storm(CHANGES, number, macs=sandbox.settings.get("update") == "replace"))
        sandbox.batch(commands, force=True)
        ended = time.monotonic()
        sandbox.agrees()
        late[sandbox.name] = sandbox.runtime.calls[-1].at - ended

    threads = [threading.Thread(target=rage, args=(number, one)) for number, one in enumerate(sandboxes)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(late) == len(sandboxes) and max(late.values()) < SOON, late


def _is_idle(monitors: list[Monitor]) -> None:
    before = [monitor.processor_time() for monitor in monitors]
    time.sleep(IDLE_SECONDS)
    used = [monitor.processor_time() - former for monitor, former in zip(monitors, before)]
    assert max(used) < IDLE_PART * IDLE_SECONDS, f"{used} s of {IDLE_SECONDS} s"


def test_a_storm_in_one_sandbox_does_not_hold_up_another(world: World) -> None:
    stormy = world.sandbox(*BEGINNING)
    calm = world.sandbox("link add eth0 type ifb", "link set eth0 up")
    monitor = world.watching(stormy, calm)
    ended = threading.Event()

    def rage() -> None:
        for seed in range(100):
            stormy.batch(list(storm(3000, seed, macs=False)), force=True)
            if ended.is_set():
                return

    thread = threading.Thread(target=rage)
    thread.start()
    try:
        waits = []
        for number in range(10):
            told = len(calm.runtime.calls)
            changed = time.monotonic()
            calm.ip(f"link set eth0 mtu {1400 + number}")
            while len(calm.runtime.calls) == told:
                assert time.monotonic() - changed < SOON
                time.sleep(0.005)
            waits.append(calm.runtime.calls[-1].at - changed)
    finally:
        ended.set()
        thread.join()
    assert sorted(waits)[5] < 0.3, waits
    assert monitor.status["gone"] == []


@pytest.mark.parametrize("number", [1000])
def test_many_routes_are_few_calls(world: World, number: int) -> None:
    sandbox = world.sandbox("link add eth0 type ifb", "link set eth0 up", "address add 10.9.0.2/24 dev eth0")
    world.watching(sandbox)
    sandbox.batch([f"route add 10.{100 + one // 250}.{one % 250}.0/24 via 10.9.0.1" for one in range(number)])
    sandbox.agrees()
    assert 1 <= len(sandbox.runtime.calls) <= 10
