# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Every kind of change is told, with what is there afterwards, and nothing else."""

from __future__ import annotations

import pytest
from world import Sandbox, World, until

PAIR = ("link add eth0 type veth peer name far0", "link set far0 up", "link set eth0 up")
CHANGES = (
    ("address", ["address add 10.9.0.2/24 dev eth0", "address add fd00:9::2/64 dev eth0 nodad"]),
    ("route", ["route add default via 10.9.0.1", "route add fd00:10::/64 via fd00:9::1"]),
    ("multipath", ["route add 10.20.0.0/16 nexthop via 10.9.0.3 nexthop via 10.9.0.4 weight 2"]),
    ("source", ["route add 10.21.0.0/16 dev eth0 src 10.9.0.2"]),
    ("mtu", ["link set eth0 mtu 1400"]),
    ("mac", ["link set eth0 address 02:00:00:00:00:09"]),
    ("name", ["link property add dev eth0 altname other", "link set eth0 down", "link set eth0 name eth9"]),
    ("up", ["link set eth9 up", "route replace default via 10.9.0.1"]),
    ("carrier", ["link set far0 down"]),
    ("carrier again", ["link set far0 up"]),
    ("address gone", ["address del 10.9.0.2/24 dev eth9"]),
    ("another", ["link add eth5 type ifb", "address add 10.9.5.1/24 dev eth5", "link set eth5 up"]),
    ("gone", ["link del eth9"]),
)


@pytest.mark.parametrize("way", ["update-iface", "add-iface", "replace"])
def test_changes_are_told(world: World, way: str) -> None:
    sandbox = world.sandbox(*PAIR, update=way)
    world.watching(sandbox)
    told = 0
    for name, commands in CHANGES:
        sandbox.ip(*commands)
        # the kernel may take a second to notice what has become of a carrier
        until(lambda told=told: len(sandbox.runtime.calls) > told, f"{name} is told")  # type: ignore[misc]
        _agrees(sandbox, way)
        told = len(sandbox.runtime.calls)
    assert not sandbox.knowledge.without_effect
    verbs = {call.verb for call in sandbox.runtime.calls}
    assert ("update-iface" in verbs) == (way == "update-iface")


def _agrees(sandbox: Sandbox, way: str) -> None:
    if way != "add-iface":
        sandbox.agrees()
        return
    # an addition of what is known is an update: the runtime has been told so
    until(lambda: not sandbox.look().differences(sandbox.knowledge), "the runtime knows what is there")


def test_changes_are_ignored_as_the_original_does(world: World) -> None:
    sandbox = world.sandbox(*PAIR, update="ignore")
    world.watching(sandbox)
    sandbox.ip("link set eth0 mtu 1400", "link set eth0 down", "link add eth5 type ifb", "link set eth5 up")
    until(lambda: sandbox.runtime.calls, "the new link is told")
    sandbox.ip("link del eth0")
    until(lambda: len(sandbox.runtime.calls) > 2, "the old links are told to be gone")
    assert sorted(sandbox.runtime.verbs) == ["add-iface eth5", "del-iface eth0", "del-iface far0"]
    assert {call.document["Mtu"] for call in sandbox.runtime.calls} == {1500}  # as it was told, or known


def test_a_port_that_leaves_its_bridge_is_still_there(world: World) -> None:
    sandbox = world.sandbox(*PAIR, "link add br0 type bridge", "link set br0 up", "link set eth0 master br0")
    world.watching(sandbox)
    for commands in (["link set eth0 nomaster"], ["link set eth0 master br0"], ["link set eth0 nomaster mtu 1300"]):
        sandbox.ip(*commands)
    sandbox.agrees()
    assert "del-iface eth0" not in sandbox.runtime.verbs


def test_routes_that_go_without_a_word(world: World) -> None:
    sandbox = world.sandbox(*PAIR, "address add 10.9.0.2/24 dev eth0", "route add 10.40.0.0/16 via 10.9.0.1")
    world.watching(sandbox)
    sandbox.ip("link set eth0 down", "link set eth0 up")  # the link is as it was, the route is lost
    until(lambda: any(call.document == [] for call in sandbox.runtime.calls), "no routes are told")
    sandbox.agrees()


def test_what_is_not_told(world: World) -> None:
    kata = ["link add tap0_kata type ifb", "link set tap0_kata up"]
    without_mac = ["tuntap add tun0 mode tun", "link set tun0 up"]
    sandbox = world.sandbox(*PAIR)
    other = world.sandbox(*PAIR, ignore="w[0-9]*")
    world.watching(sandbox, other)
    for one in (sandbox, other):
        one.ip(*kata, *without_mac, "link add w1 type ifb", "link set w1 up", "link set lo up", "link add x1 type ifb")
        one.ip("address add 10.77.0.1/24 dev lo", "link set x1 up")
    for one, name in ((sandbox, "w1"), (other, "tap0_kata")):
        until(lambda one=one: len(one.runtime.calls) >= 2, "links are told")  # type: ignore[misc]
        assert sorted(one.runtime.verbs) == sorted([f"add-iface {name}", "add-iface x1"])
        one.ip("link del tap0_kata", "link del w1", "link del x1")
        until(lambda one=one: len(one.runtime.calls) >= 4, "they are gone")  # type: ignore[misc]
        assert sorted(one.runtime.verbs[2:]) == sorted([f"del-iface {name}", "del-iface x1"])


def test_names_that_are_not_for_eyes(world: World) -> None:
    sandbox = world.sandbox(*PAIR, log_level="debug")
    monitor = world.watching(sandbox, flags=["-d"])
    names = ["--help", "-rf", "x\x1b[2J\x07", "$(id)", "y\x7f", "\udcffz", 'q"q\\']
    for name in names:
        sandbox.ip(f"link add name {_quoted(name)} type ifb", f"link set dev {_quoted(name)} up")
    until(lambda: len(sandbox.runtime.calls) >= len(names), "all are told")
    sandbox.agrees()
    for call in sandbox.runtime.calls:  # names are in documents only
        assert call.facts["file"] == str(sandbox.directory / "shared.json")
        assert call.facts["id"] == sandbox.name
    assert all(one == "\n" or one.isprintable() for one in monitor.log), monitor.log
    assert all(line.startswith("time=") for line in monitor.log.splitlines())


def _quoted(name: str) -> str:
    """A name for `ip -batch`, whose words end at a blank and may be quoted."""
    return f"'{name}'" if '"' in name else f'"{name}"'


def test_an_index_that_is_another_link_now(world: World) -> None:
    sandbox = world.sandbox("link add one index 77 address 02:00:00:00:00:01 type ifb", "link set one up")
    world.watching(sandbox)
    sandbox.ip("link del one", "link add two index 77 address 02:00:00:00:00:02 type ifb", "link set two up")
    sandbox.agrees()
    assert sandbox.runtime.verbs[:2] == ["del-iface one", "add-iface two"]
