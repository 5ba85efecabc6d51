# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The planner of namespaces, over made-up hosts and wishes."""

from __future__ import annotations

import copy
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from worlds import essence, through_json, undone

from ansible_collections.sandbox.network.plugins.module_utils._engine.errors import TaskError
from ansible_collections.sandbox.network.plugins.module_utils._engine.kinds.registry import foretell
from ansible_collections.sandbox.network.plugins.module_utils._engine.operation import Operation
from ansible_collections.sandbox.network.plugins.module_utils._engine.state import (
    FileState,
    NamespaceState,
    State,
)
from ansible_collections.sandbox.network.plugins.module_utils._kernel.links import Link
from ansible_collections.sandbox.network.plugins.module_utils._resources.netns import (
    OPTIONS,
    NetnsResource,
)

RESOURCE = NetnsResource()
KEYS = ["net.ipv4.ip_forward", "net.core.somaxconn"]
NAMES = ["web1", "web2", "web"]
WISH = st.fixed_dictionaries(
    {"name": st.sampled_from(NAMES)},
    optional={
        "state": st.sampled_from(["present", "present", "absent"]),
        "loopback": st.booleans(),
        "sysctl": st.dictionaries(st.sampled_from(KEYS), st.sampled_from(["0", 1, True]), max_size=2),
        "force": st.booleans(),
    },
)
TASKS = st.lists(st.lists(WISH, min_size=1, max_size=3, unique_by=lambda wish: wish["name"]), min_size=1, max_size=4)


@st.composite
def hosts(draw: Any) -> State:
    state = State()
    state.namespaces[None] = NamespaceState(identity=(4, 1), sysctls=dict.fromkeys(KEYS, "0"))
    for number, name in enumerate(NAMES, start=2):
        path = f"/run/netns/{name}"
        state.namespaces[path] = None
        if draw(st.booleans()):
            namespace = NamespaceState(identity=(4, number), sysctls={key: draw(st.sampled_from("01")) for key in KEYS})
            namespace.put(Link(1, "lo", mtu=65536, up=draw(st.booleans()), loopback=True))
            namespace.pids = draw(st.sampled_from([[], [], [7]]))
            state.namespaces[path] = namespace
        elif draw(st.booleans()):
            state.leftovers.add(path)
            state.files[path] = FileState("", 0)
    return state


def parsed(task: list[dict[str, Any]]) -> list[Any]:
    defaults = {name: option.get("default") for name, option in OPTIONS.items()}
    wanted = [RESOURCE.parse({**defaults, **wish}) for wish in task]
    RESOURCE.check(wanted)
    return wanted


def plan(wanted: list[Any], state: State) -> list[Operation]:
    try:
        return RESOURCE.plan(wanted, state)
    except TaskError:
        assume(False)
        raise


@settings(max_examples=150, deadline=None)
@given(hosts(), TASKS)
def test_task_after_task(state: State, tasks: list[list[dict[str, Any]]]) -> None:
    for task in tasks:
        wanted = parsed(task)
        before = copy.deepcopy(state)
        operations = plan(wanted, state)
        assert state == before
        assert plan(wanted, state) == operations
        assert through_json(operations) == operations
        after = foretell(operations, state)
        assert state == before
        assert RESOURCE.plan(wanted, after) == []
        for one in wanted:
            told = RESOURCE.describe(one, state, after)
            assert told["state"] == ("present" if one.present else "absent")
        state = after


@pytest.mark.parametrize(("value", "here"), [("212992", "212992"), ("4096", "212992")])
def test_a_setting_of_the_whole_host_is_not_one_of_a_new_namespace(value: str, here: str) -> None:
    state = State(namespaces={None: NamespaceState(sysctls={"net.core.rmem_max": here}), "/run/netns/web1": None})
    with pytest.raises(TaskError, match=r"net\.core\.rmem_max.* whole host"):
        RESOURCE.plan(parsed([{"name": "web1", "sysctl": {"net.core.rmem_max": value}}]), state)


def test_a_read_only_setting_that_is_right_is_accepted() -> None:
    inside = NamespaceState(identity=(4, 2), sysctls={"net.core.rmem_max": "4096"}, fixed_sysctls={"net.core.rmem_max"})
    inside.put(Link(1, "lo", up=True, loopback=True))
    state = State(namespaces={None: NamespaceState(), "/run/netns/web1": inside})
    assert RESOURCE.plan(parsed([{"name": "web1", "sysctl": {"net.core.rmem_max": 4096}}]), state) == []
    with pytest.raises(TaskError, match=r"net\.core\.rmem_max.* read-only"):
        RESOURCE.plan(parsed([{"name": "web1", "sysctl": {"net.core.rmem_max": 8192}}]), state)


@settings(max_examples=150, deadline=None)
@given(hosts(), st.lists(WISH, min_size=1, max_size=3, unique_by=lambda wish: wish["name"]))
def test_undoing_gives_back_what_was_there(state: State, task: list[dict[str, Any]]) -> None:
    operations = plan(parsed(task), state)
    assume(not any(operation.kind == "netns.delete" for operation in operations))
    back = undone(operations, foretell(operations, state))
    assert essence(back) == essence(state)


@settings(max_examples=150, deadline=None)
@given(hosts(), st.lists(WISH, min_size=1, max_size=3, unique_by=lambda wish: wish["name"]))
def test_present_then_absent_leaves_no_record(state: State, task: list[dict[str, Any]]) -> None:
    there = foretell(plan(parsed([{**wish, "state": "present"} for wish in task]), state), state)
    gone = [{"name": wish["name"], "state": "absent", "force": True} for wish in task]
    after = foretell(plan(parsed(gone), there), there)
    assert not any(after.records.values())
    assert not any(after.namespaces[f"/run/netns/{wish['name']}"] for wish in task)
