# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The module address_lease: no address twice, none lost, the same again."""

from __future__ import annotations

from typing import Any

import pytest
from box import Box


def lease(owner: str, *pools: str, **more: Any) -> dict[str, Any]:
    return {"owner": owner, "pools": [*pools], **more} if pools else {"owner": owner, **more}


def addresses(result: dict[str, Any]) -> list[list[str]]:
    return [one["addresses"] for one in result["leases"]]


def test_the_whole_life(box: Box) -> None:
    args = lease("web1/eth0", "10.0.0.0/24", "fd00::/64", exclude=["10.0.0.1", "fd00::1"])
    result = box.change("address_lease", args)
    assert result["lease"] == {"owner": "web1/eth0", "state": "present", "addresses": ["10.0.0.2/24", "fd00::2/64"]}
    result = box.change("address_lease", {"owner": "web1/eth0", "state": "absent"})
    assert result["lease"] == {"owner": "web1/eth0", "state": "absent", "addresses": []}
    box.nothing_to_do("address_lease", {"owner": "web1/eth0", "state": "absent"})
    assert box.state_files() == []


def test_owners_of_one_list(box: Box) -> None:
    result = box.change("address_lease", {"leases": [lease(f"s{number}", "10.0.0.0/29") for number in range(6)]})
    assert addresses(result) == [[f"10.0.0.{number}/29"] for number in range(1, 7)]
    box.refused("address_lease", lease("one-more", "10.0.0.0/29"), "10.0.0.0/29", "one-more")
    box.change("address_lease", {"owner": "s3", "state": "absent"})
    assert box.change("address_lease", lease("one-more", "10.0.0.0/29"))["lease"]["addresses"] == ["10.0.0.4/29"]


def test_what_one_may_not_have_another_may(box: Box) -> None:
    items = [lease("a", "10.0.0.0/30", exclude=["10.0.0.1"]), lease("b", "10.0.0.0/30")]
    assert addresses(box.change("address_lease", {"leases": items})) == [["10.0.0.2/30"], ["10.0.0.1/30"]]


def test_the_order_of_the_list_does_not_matter_later(box: Box) -> None:
    items = [lease(f"s{number}", "10.0.0.0/24") for number in range(5)]
    first = dict(zip("01234", addresses(box.change("address_lease", {"leases": items}))))
    again = box.nothing_to_do("address_lease", {"leases": items[::-1]})
    assert dict(zip("43210", addresses(again))) == first
    assert box.nothing_to_do("address_lease", items[3])["lease"]["addresses"] == first["3"]


def test_named_addresses_come_first(box: Box) -> None:
    items = [lease("a", "10.0.0.0/24"), {"owner": "b", "addresses": ["10.0.0.1/24"]}]
    assert addresses(box.change("address_lease", {"leases": items})) == [["10.0.0.2/24"], ["10.0.0.1/24"]]
    box.refused("address_lease", {"owner": "c", "addresses": ["10.0.0.1/16"]}, "10.0.0.1", "b")
    box.change(
        "address_lease",
        {"leases": [{"owner": "a", "addresses": ["10.0.0.1/24"]}, {"owner": "b", "addresses": ["10.0.0.2/24"]}]},
    )


@pytest.mark.parametrize(
    ("pool", "all_of_it"),
    [
        ("10.0.0.0/31", ["10.0.0.0/31", "10.0.0.1/31"]),
        ("10.0.0.0/30", ["10.0.0.1/30", "10.0.0.2/30"]),
        ("fd00::/126", ["fd00::1/126", "fd00::2/126", "fd00::3/126"]),
    ],
)
def test_small_pools(box: Box, pool: str, all_of_it: list[str]) -> None:
    for number, expected in enumerate(all_of_it):
        assert box.done("address_lease", lease(f"s{number}", pool))["lease"]["addresses"] == [expected]
    box.refused("address_lease", lease("too-much", pool), pool)


def test_overlapping_pools(box: Box) -> None:
    result = box.change(
        "address_lease",
        {"leases": [lease("a", "10.0.0.0/24"), lease("b", "10.0.0.0/25"), lease("c", "10.0.0.0/24", "10.0.0.0/25")]},
    )
    given = [address.partition("/")[0] for one in addresses(result) for address in one]
    assert len(set(given)) == len(given) == 4


def test_a_pool_that_changes_gives_another_address(box: Box) -> None:
    box.change("address_lease", lease("a", "10.0.0.0/24", "fd00::/64"))
    result = box.change("address_lease", lease("a", "10.1.0.0/24", "fd00::/64"))
    assert result["lease"]["addresses"] == ["10.1.0.1/24", "fd00::1/64"]


def test_many_at_the_same_time_get_different_ones(box: Box) -> None:
    runs = [("address_lease", lease(f"s{number}", "10.0.0.0/27")) for number in range(20)]
    outcomes = box.host.run_together(runs)
    assert not any(outcome.failed for outcome in outcomes), [str(outcome) for outcome in outcomes if outcome.failed]
    given = [outcome.result["lease"]["addresses"][0] for outcome in outcomes]
    assert len(set(given)) == 20


def test_more_than_there_are_addresses_at_the_same_time(box: Box) -> None:
    """Each address is one's alone, whoever gets none is told of the pool; one that is given back is the next one's."""
    outcomes = box.host.run_together([("address_lease", lease(f"s{number}", "10.0.0.0/29")) for number in range(24)])
    lucky = [number for number, outcome in enumerate(outcomes) if not outcome.failed]
    assert len({outcomes[number].result["lease"]["addresses"][0] for number in lucky}) == len(lucky) == 6
    assert all("10.0.0.0/29" in outcome.result["msg"] for outcome in outcomes if outcome.failed)
    back = outcomes[lucky[0]].result["lease"]["addresses"]
    box.done("address_lease", {"owner": f"s{lucky[0]}", "state": "absent"})
    racers = box.host.run_together([("address_lease", lease(f"late{number}", "10.0.0.0/29")) for number in range(2)])
    assert [one.result["lease"]["addresses"] for one in racers if not one.failed] == [back]


def test_a_thousand_at_once(box: Box) -> None:
    items = [lease(f"s{number}", "10.0.0.0/16", "fd00::/64") for number in range(1000)]
    result = box.change("address_lease", {"leases": items})
    assert len({address for one in addresses(result) for address in one}) == 2000


@pytest.mark.parametrize("owner", ["a b", "ü", "../../etc/passwd", "x" * 300, "-x", "a/b", "$(id)"])
def test_any_owner(box: Box, owner: str) -> None:
    box.change("address_lease", lease(owner, "10.0.0.0/24"))
    box.change("address_lease", {"owner": owner, "state": "absent"})
    assert box.state_files() == []
