# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The planner of device moves, over many made-up hosts and wishes."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from worlds import WEB1, address_of, essence, frozen, hosts, route_of, through_json, undone

from ansible_collections.sandbox.network.plugins.module_utils._engine.errors import InvalidOption, TaskError
from ansible_collections.sandbox.network.plugins.module_utils._engine.kinds.registry import diff, foretell
from ansible_collections.sandbox.network.plugins.module_utils._engine.operation import Operation
from ansible_collections.sandbox.network.plugins.module_utils._engine.state import NamespaceState, State
from ansible_collections.sandbox.network.plugins.module_utils._kernel.links import Link
from ansible_collections.sandbox.network.plugins.module_utils._resources.device import DeviceResource
from ansible_collections.sandbox.network.plugins.module_utils._resources.device_options import (
    OPTIONS,
    is_of_template,
    of_entry,
)

MANY = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow]
)
NEW_NAMES = [None, "eth0", "data0", "eth%d"]


def options(**given: Any) -> dict[str, Any]:
    """The options of a device, as the module hands them over."""
    return {**{name: option.get("default") for name, option in OPTIONS.items()}, "netns": "web1", **given}


@st.composite
def movable(draw: Any) -> State:
    """A host whose links can all be moved: no bridges, and no default routes."""
    state: State = draw(hosts())
    for path in (None, WEB1):
        namespace = state.existing(path)
        for link in list(namespace.links.values()):
            namespace.put(replace(link, kind="ifb" if link.kind else "", data={}))
        for index, found in namespace.routes.items():
            namespace.routes[index] = [one for one in found if not one.dst.endswith("/0")]
    altnames = state.existing(WEB1)
    for link in list(altnames.links.values()):
        altnames.put(replace(link, altnames=()))
    return state


@st.composite
def meetings(draw: Any) -> tuple[State, list[dict[str, Any]]]:
    """A host, and some of its devices that are to go to web1."""
    state = draw(movable())
    names = [link.name for link in state.existing(None).links.values() if not link.loopback]
    assume(names)
    wanted = draw(st.lists(st.sampled_from(names), unique=True, min_size=1))
    return state, [
        options(
            device=name,
            new_name=draw(st.sampled_from(NEW_NAMES)),
            addresses=draw(st.sampled_from(["preserve", "drop"])),
            routes=draw(st.sampled_from(["preserve", "drop"])),
        )
        for name in wanted
    ]


def planned(resource: DeviceResource, state: State, wish: list[dict[str, Any]]) -> tuple[list[Any], list[Operation]]:
    """What is wanted, and the operations; wishes that are refused do not count."""
    try:
        wanted = [resource.parse(one) for one in wish]
        resource.check(wanted)
        return wanted, resource.plan(wanted, state)
    except TaskError:
        assume(False)
        raise


@MANY
@given(meetings())
def test_after_the_plan_there_is_nothing_left_to_do(meeting: tuple[State, list[dict[str, Any]]]) -> None:
    state, wish = meeting
    resource = DeviceResource()
    wanted, operations = planned(resource, state, wish)
    after = foretell(operations, state)
    assert resource.plan(wanted, after) == []
    for one in wanted:
        told = resource.describe(one, state, after)
        assert told["state"] == "present" and told["origin"] == {"name": one.name, "netns": None}


@MANY
@given(meetings())
def test_a_plan_is_pure_and_survives_the_journal(meeting: tuple[State, list[dict[str, Any]]]) -> None:
    state, wish = meeting
    before = frozen(state)
    resource = DeviceResource()
    wanted, operations = planned(resource, state, wish)
    assert state == before
    assert resource.plan(wanted, state) == operations
    foretell(operations, state)
    shown = diff(operations)
    assert state == before and shown["before"] != shown["after"]
    assert through_json(operations) == operations


@MANY
@given(meetings())
def test_undoing_the_plan_gives_the_state_before(meeting: tuple[State, list[dict[str, Any]]]) -> None:
    state, wish = meeting
    _wanted, operations = planned(DeviceResource(), state, wish)
    assert essence(undone(operations, foretell(operations, state))) == essence(state)


@MANY
@given(meetings(), st.booleans())
def test_absent_gives_the_state_before(meeting: tuple[State, list[dict[str, Any]]], every: bool) -> None:
    state, wish = meeting
    resource = DeviceResource()
    _wanted, operations = planned(resource, state, wish)
    after = foretell(operations, state)
    for record in after.records.values():  # what is filled in when the plan is carried out
        assert record is not None
        record.update(since=0)
    back = [options(state="absent")] if every else [{**one, "state": "absent"} for one in reversed(wish)]
    restored = foretell(resource.plan([resource.parse(one) for one in back], after), after)
    assert essence(restored) == essence(state)


def test_hosts_and_wishes_meet() -> None:
    """The properties above are worth something: many wishes are not refused."""
    outcomes = {"planned": 0, "refused": 0}
    resource = DeviceResource()

    @settings(max_examples=60, deadline=None, database=None)
    @given(meetings())
    def count(meeting: tuple[State, list[dict[str, Any]]]) -> None:
        state, wish = meeting
        try:
            resource.plan([resource.parse(one) for one in wish], state)
            outcomes["planned"] += 1
        except TaskError:
            outcomes["refused"] += 1

    count()
    assert outcomes["planned"] > 15, outcomes


def host(*links: Link) -> State:
    state = State()
    state.namespaces[None] = NamespaceState(identity=(4, 1))
    state.namespaces[WEB1] = NamespaceState(identity=(4, 2))
    for link in links:
        state.existing(None).put(link)
    return state


def plan(host: State, **given: Any) -> list[Operation]:
    resource = DeviceResource()
    return resource.plan([resource.parse(options(**given))], host)


Q0 = Link(5, "q0", "veth", mac="02:00:00:00:00:01", mtu=1500, up=True)


def test_one_request_takes_all_of_it() -> None:
    state = host(Q0)
    state.existing(None).addresses[5] = [address_of("10.0.0.1/24", 5, label="q0")]
    moving = plan(state, device="q0")[0]
    assert moving.kind == "link.move"
    assert [step["op"] for step in moving.args["restore"]] == ["link.set", "address.add"]


def test_a_physical_device_whose_namespace_died_comes_home_from_the_initial_one() -> None:
    nic = replace(Q0, kind="", device="pci/0000:01:00.0", permanent_mac="52:54:00:00:00:01")
    state = host(nic)
    moved = foretell(plan(state, device="q0", new_name="eth0"), state)
    ended = host(replace(nic, ifindex=1 << 20, name="dev0", up=False))
    ended.namespaces[WEB1] = None
    ended.records = moved.records
    ended.records["device", "/run/netns/web1::q0"].update(since=0)  # type: ignore[union-attr]
    operations = plan(ended, device="q0", state="absent")
    assert [one.kind for one in operations] == ["link.move", "link.set", "record.drop"]
    assert operations[0].args["to"] == {"netns": None, "name": "q0", "ifindex": 1 << 20}
    again = host(replace(nic, ifindex=1 << 20, name="dev0", up=False))
    again.records = moved.records
    again.existing(WEB1).cookie = 7
    operations = plan(again, device="q0", new_name="eth0")
    assert [one.kind for one in operations][:3] == ["link.move", "link.set", "record.drop"]
    assert [one.kind for one in operations][3:] == ["link.move", "link.set", "record.put"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"loopback": True, "name": "lo"}, "loopback"),
        ({"kind": "bridge"}, "bridge"),
        ({"immovable": True, "kind": "new-kind"}, "new-kind"),
    ],
)
def test_what_the_kernel_moves_nowhere(change: dict[str, Any], words: str) -> None:
    link = replace(Q0, **change)
    with pytest.raises(TaskError, match=words):
        plan(host(link), device=link.name, force=True)


def test_the_way_out_of_the_host_by_the_bridge_of_a_physical_device() -> None:
    bridge = Link(2, "br0", "bridge", mac="02:00:00:00:00:09", up=True)
    for kind in ("", "veth"):
        state = host(bridge, replace(Q0, kind=kind, master=2))
        state.existing(None).routes[2] = [route_of("0.0.0.0/0", 2, "10.0.0.254")]
        if kind:
            assert plan(state, device="q0")
        else:
            with pytest.raises(TaskError, match="default route through br0; force: true"):
                plan(state, device="q0")
            assert plan(state, device="q0", force=True)


def test_templates() -> None:
    assert is_of_template("eth12", "eth%d") and is_of_template("a3b", "a%db")
    assert not is_of_template("eth", "eth%d") and not is_of_template("ethx", "eth%d")
    assert not is_of_template("eth1.5", "eth%d")


def test_entries_of_an_oci_configuration() -> None:
    assert of_entry("eth0", {}) == of_entry("eth0", None) == {"device": "eth0", "mac": None, "new_name": None}
    assert of_entry("eth0", {"name": "c0"})["new_name"] == "c0"
    for bad in ("text", {"name": 5}, {"other": 1}):
        with pytest.raises(InvalidOption, match="net_devices"):
            of_entry("eth0", bad)


def test_a_device_that_was_given_to_a_vm() -> None:
    """It has no link while a VM has it, and yet it has not gone."""
    state = State()
    state.namespaces[None] = NamespaceState(identity=(4, 1))
    state.namespaces[WEB1] = NamespaceState(identity=(4, 2), cookie=9)
    state.existing(None).put(Link(5, "eth5", device="pci/0000:01:00.0", permanent_mac="52:54:00:00:00:01"))
    resource = DeviceResource()
    there, back = (resource.parse(options(device="eth5", state=which)) for which in ("present", "absent"))
    moved = foretell(resource.plan([there], state), state)
    namespace = moved.existing(WEB1)
    namespace.drop(namespace.existing("eth5"))
    endpoint = {"pci": {"bdf": "0000:01:00.0"}, "fingerprint": list(namespace.fingerprint)}
    moved.records["endpoint", f"{WEB1}:eth5"] = endpoint
    assert resource.plan([there], moved) == []
    assert resource.describe(there, moved, moved)["state"] == "present"
    with pytest.raises(TaskError, match="given to a VM"):
        resource.plan([back], moved)
    moved.namespaces[WEB1] = NamespaceState(identity=(4, 3), cookie=10)
    with pytest.raises(TaskError, match="given to a VM"):
        resource.plan([there], moved)
