# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The planner of leases: nobody gets what another has, and everybody keeps what they have."""

from __future__ import annotations

import copy
from ipaddress import ip_interface, ip_network
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ansible_collections.sandbox.network.plugins.module_utils._engine.errors import TaskError
from ansible_collections.sandbox.network.plugins.module_utils._engine.kinds.registry import foretell
from ansible_collections.sandbox.network.plugins.module_utils._engine.state import State
from ansible_collections.sandbox.network.plugins.module_utils._resources.lease import (
    KIND,
    OPTIONS,
    LeaseResource,
)

RESOURCE = LeaseResource()
POOLS = ["10.0.0.0/29", "10.0.0.0/30", "10.0.1.0/30", "10.0.0.0/28", "fd00::/125", "fd00::/64"]
HOSTS = ["10.0.0.1/29", "10.0.0.2/29", "10.0.0.5/29", "fd00::1/64", "fd00::2/64"]
WISH = st.fixed_dictionaries(
    {"owner": st.sampled_from("abcdef")},
    optional={
        "state": st.sampled_from(["present", "present", "absent"]),
        "pools": st.lists(st.sampled_from(POOLS), unique=True, max_size=2),
        "addresses": st.lists(st.sampled_from(HOSTS), unique=True, max_size=1),
        "exclude": st.lists(st.sampled_from(["10.0.0.1", "10.0.0.2/29", "fd00::1"]), unique=True),
    },
)
TASKS = st.lists(st.lists(WISH, min_size=1, max_size=4, unique_by=lambda wish: wish["owner"]), min_size=1, max_size=5)


def parsed(task: list[dict[str, Any]]) -> list[Any]:
    defaults = {name: option.get("default") for name, option in OPTIONS.items()}
    wanted = [RESOURCE.parse({**defaults, **wish}) for wish in task]
    RESOURCE.check(wanted)
    return wanted


def holders(state: State) -> dict[str, str]:
    """Who has which address; fails when two have one."""
    found: dict[str, str] = {}
    for (_kind, owner), value in state.records.items():
        for address in value["addresses"] if value else ():
            host = address.partition("/")[0]
            assert host not in found, f"{host} is leased to {found[host]} and {owner}"
            found[host] = owner
    return found


# an address of the pool that is asked for by name later, with another prefix length
NAMED_LATER = [
    [{"owner": "d", "pools": ["fd00::/125"], "addresses": ["fd00::1/64"]}],
    [{"owner": "d", "pools": ["fd00::/125"], "addresses": ["fd00::2/64"]}],
]


@settings(max_examples=200, deadline=None)
@given(TASKS)
@example(NAMED_LATER)
def test_task_after_task(tasks: list[list[dict[str, Any]]]) -> None:
    state = State()
    for task in tasks:
        before = copy.deepcopy(state)
        try:
            wanted = parsed(task)
            operations = RESOURCE.plan(wanted, state)
        except TaskError:
            assert state == before
            continue
        assert state == before
        after = foretell(operations, state)
        had, have = holders(state), holders(after)
        for one in wanted:
            mine = after.record(KIND, one.owner)
            addresses = mine["addresses"] if mine else []
            assert len(addresses) == len(one.addresses) + len(one.pools)
            for pool, address in zip(one.pools, addresses[len(one.addresses) :]):
                interface = ip_interface(address)
                assert interface.network == pool
                assert str(interface.ip) not in one.exclude
                assert interface.ip != ip_network(pool).network_address or pool.prefixlen == 31
        owners = {one.owner for one in wanted}
        for host, owner in had.items():  # nobody else loses anything
            assert owner in owners or have[host] == owner
        assert RESOURCE.plan(wanted, after) == []
        assert RESOURCE.plan(wanted[::-1], after) == []
        state = after


@given(st.permutations([{"owner": owner, "pools": ["10.0.0.0/29"]} for owner in "abcdef"]))
def test_a_full_pool_stays_as_it_is(task: list[dict[str, Any]]) -> None:
    state = foretell(RESOURCE.plan(parsed(task), State()), State())
    assert len(holders(state)) == 6
    with pytest.raises(TaskError, match=r"no address of 10\.0\.0\.0/29 is free for g"):
        RESOURCE.plan(parsed([{"owner": "g", "pools": ["10.0.0.0/29"]}]), state)
    state = foretell(RESOURCE.plan(parsed([{"owner": "c", "state": "absent"}]), state), state)
    assert len(foretell(RESOURCE.plan(parsed([{"owner": "g", "pools": ["10.0.0.0/29"]}]), state), state).records) == 7


def test_ten_thousand_leases_of_one_subnet() -> None:
    task = [{"owner": f"s{number}", "pools": ["10.0.0.0/16", "fd00::/64"]} for number in range(5000)]
    state = foretell(RESOURCE.plan(parsed(task), State()), State())
    assert len(holders(state)) == 10000
    assert RESOURCE.plan(parsed(task), state) == []
