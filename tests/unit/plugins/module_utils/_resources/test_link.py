# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The planner of links, over thousands of made-up hosts and wishes."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from worlds import essence, frozen, hosts, through_json, undone, wishes

from ansible_collections.sandbox.network.plugins.module_utils._engine.errors import TaskError
from ansible_collections.sandbox.network.plugins.module_utils._engine.kinds.registry import (
    diff,
    foretell,
)
from ansible_collections.sandbox.network.plugins.module_utils._engine.operation import Operation
from ansible_collections.sandbox.network.plugins.module_utils._engine.state import State
from ansible_collections.sandbox.network.plugins.module_utils._resources.link import LinkResource

RESOURCE = LinkResource()
MANY = settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow]
)


def planned(state: State, wish: list[dict[str, Any]]) -> tuple[list[Any], list[Operation]]:
    """What is wanted, and the operations; wishes that are refused do not count."""
    try:
        wanted = [RESOURCE.parse(one) for one in wish]
        RESOURCE.check(wanted)
        return wanted, RESOURCE.plan(wanted, state)
    except TaskError:
        assume(False)
        raise


@MANY
@given(hosts(), wishes())
def test_after_the_plan_there_is_nothing_left_to_do(state: State, wish: list[dict[str, Any]]) -> None:
    wanted, operations = planned(state, wish)
    after = foretell(operations, state)
    assert RESOURCE.plan(wanted, after) == []


@MANY
@given(hosts(), wishes())
def test_a_plan_is_pure(state: State, wish: list[dict[str, Any]]) -> None:
    before = frozen(state)
    wanted, operations = planned(state, wish)
    assert state == before
    assert RESOURCE.plan(wanted, state) == operations
    foretell(operations, state)
    diff(operations)
    assert state == before


@MANY
@given(hosts(), wishes())
def test_undoing_the_plan_gives_the_state_before(state: State, wish: list[dict[str, Any]]) -> None:
    _wanted, operations = planned(state, wish)
    back = undone(operations, foretell(operations, state))
    assert essence(back) == essence(state)


@MANY
@given(hosts(), wishes())
def test_operations_survive_the_journal(state: State, wish: list[dict[str, Any]]) -> None:
    _wanted, operations = planned(state, wish)
    assert through_json(operations) == operations


@MANY
@given(hosts(), wishes())
def test_a_plan_says_what_it_changes(state: State, wish: list[dict[str, Any]]) -> None:
    wanted, operations = planned(state, wish)
    shown = diff(operations)
    assert bool(operations) == (shown["before"] != shown["after"])
    for one in wanted:
        told = RESOURCE.describe(one, state, foretell(operations, state))
        assert told["state"] == (
            "present" if one.present or (told.get("kind") is None and "kind" in told) else "absent"
        )


def test_hosts_and_wishes_meet() -> None:
    """The properties above are worth something: most wishes are not refused."""
    outcomes = {"planned": 0, "refused": 0}

    @settings(max_examples=80, deadline=None, database=None)
    @given(hosts(), wishes())
    def count(state: State, wish: list[dict[str, Any]]) -> None:
        try:
            RESOURCE.plan([RESOURCE.parse(one) for one in wish], state)
            outcomes["planned"] += 1
        except TaskError:
            outcomes["refused"] += 1

    count()
    assert outcomes["planned"] > 15, outcomes


@pytest.mark.parametrize("ipv6", [True, False])
def test_a_kernel_without_ipv6_is_told_before_anything_changes(ipv6: bool) -> None:
    from worlds import options

    from ansible_collections.sandbox.network.plugins.module_utils._engine.state import (
        NamespaceState,
    )

    state = State(kinds={"bridge": True}, ipv6=ipv6)
    state.namespaces[None] = NamespaceState(identity=(4, 1))
    wanted = [RESOURCE.parse(options(name="br0", kind="bridge", addresses=["10.0.0.1/24", "fd00::1/64"]))]
    if ipv6:
        assert RESOURCE.plan(wanted, state)
    else:
        with pytest.raises(TaskError, match=r"addresses: 'fd00::1' needs IPv6"):
            RESOURCE.plan(wanted, state)
