# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Port forwards as options, and from the forwards that are there to those that are wanted."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ansible_collections.sandbox.network.plugins.module_utils._engine.errors import InvalidOption
from ansible_collections.sandbox.network.plugins.module_utils._engine.kinds.forward import forward_of
from ansible_collections.sandbox.network.plugins.module_utils._engine.operation import Operation
from ansible_collections.sandbox.network.plugins.module_utils._programs.slirp4netns import Forward
from ansible_collections.sandbox.network.plugins.module_utils._resources.forwards import (
    MOST,
    describe_forward,
    host_side,
    overlap,
    parse_forwards,
)
from ansible_collections.sandbox.network.plugins.module_utils._resources.slirp_forwards import (
    complete,
    converge,
    merged,
    without,
)

HOSTS = ["127.0.0.1", "127.0.0.2", "0.0.0.0", "198.18.0.1", "::1", "::", "2001:db8::1"]
PORTS = st.integers(1, 65535)
ALMOST_PORTS = st.one_of(
    st.integers(-3, 3), st.integers(65530, 65540), st.integers(), st.sampled_from(["", "-", "0x50", "80 ", "8_0", "٨"])
)
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=5,
)
LONG_FORM = st.dictionaries(
    st.sampled_from(["proto", "host_addr", "host_port", "guest_addr", "guest_port", "other"]),
    st.one_of(ALMOST_PORTS, PORTS, st.sampled_from(["tcp", "udp", "tcp,udp", *HOSTS]), ANYTHING),
)
SHORT_FORM = st.one_of(
    st.text(alphabet="0123456789-:/.[]tcpud, x", max_size=30),
    st.builds("{}:{}".format, ALMOST_PORTS | PORTS, ALMOST_PORTS | PORTS),
    st.builds("{}-{}/udp".format, ALMOST_PORTS | PORTS, ALMOST_PORTS | PORTS),
    st.builds("{}:{}:{}".format, st.sampled_from(HOSTS), ALMOST_PORTS | PORTS, ALMOST_PORTS | PORTS),
)


# ---------------------------------------------------------------- as options


@settings(max_examples=500, deadline=None)
@given(st.lists(st.one_of(SHORT_FORM, LONG_FORM, ALMOST_PORTS, ANYTHING), max_size=4))
@example(["70000"])
@example([{"host_port": 65536}])
@example([{"host_port": True, "guest_port": 80}])
@example(["65535-65536"])
def test_no_port_outside_of_the_range_is_ever_accepted(items: list[Any]) -> None:
    """slirp4netns would listen at it modulo 65536."""
    with contextlib.suppress(InvalidOption):
        for one in parse_forwards("forwards", items):
            assert isinstance(one.host_port, int) and 1 <= one.host_port <= 65535
            assert isinstance(one.guest_port, int) and 1 <= one.guest_port <= 65535
            assert one.proto in ("tcp", "udp") and one.host_addr and one.id is None


@st.composite
def both_forms(draw: st.DrawFn) -> tuple[str, dict[str, Any], int]:
    """The same in short and long form, and for how many forwards it stands."""
    first, length = draw(PORTS), draw(st.integers(1, 30))
    last = min(first + length - 1, 65535)
    length = last - first + 1
    guest = draw(st.none() | st.integers(1, 65536 - length))
    host, proto = draw(st.none() | st.sampled_from(HOSTS)), draw(st.sampled_from([None, "tcp", "udp", "tcp,udp"]))

    def ports(begin: int) -> str:
        return str(begin) if length == 1 else f"{begin}-{begin + length - 1}"

    bracketed = f"[{host}]" if host and ":" in host else host
    short = (f"{bracketed}:" if host else "") + ports(first)
    short += (f":{ports(guest)}" if guest else "") + (f"/{proto}" if proto else "")
    long = {
        "host_addr": host,
        "host_port": ports(first),
        "guest_port": ports(guest) if guest else None,
        "proto": proto,
    }
    given_ones = {name: value for name, value in long.items() if value is not None}
    return short, given_ones, length * (2 if proto == "tcp,udp" else 1)


@settings(max_examples=300, deadline=None)
@given(both_forms())
def test_short_and_long_form_agree(forms: tuple[str, dict[str, Any], int]) -> None:
    short, long, count = forms
    found = parse_forwards("forwards", [short])
    assert found == parse_forwards("forwards", [long]) and len(found) == count
    assert len({one.host_side for one in found}) == count
    assert {one.guest_port - one.host_port for one in found} == {found[0].guest_port - found[0].host_port}


def test_what_is_left_out() -> None:
    assert parse_forwards("forwards", [8080]) == (Forward("tcp", "127.0.0.1", 8080, "", 8080),)
    assert parse_forwards("forwards", [{"host_port": "80", "guest_addr": "10.0.2.7"}]) == (
        Forward("tcp", "127.0.0.1", 80, "10.0.2.7", 80),
    )
    assert parse_forwards("forwards", []) == ()


def test_equal_addresses_are_one_text() -> None:
    (one,) = parse_forwards("forwards", ["[2001:DB8:0::0001]:80:80"])
    assert one.host_addr == "2001:db8::1"
    assert describe_forward(one._replace(id=7)) == {
        "id": 7, "proto": "tcp", "host_addr": "2001:db8::1", "host_port": 80, "guest_addr": "", "guest_port": 80,
    }  # fmt: skip
    assert host_side(one) == "[2001:db8::1]:80/tcp"


@pytest.mark.parametrize(
    ("items", "option", "text"),
    [
        (["8080:80", "70000"], "forwards[1].host_port", "between 1 and 65535"),
        (["8080:0"], "forwards[0].guest_port", "between 1 and 65535"),
        (["8010-8000"], "forwards[0].host_port", "ends before it begins"),
        (["8000-8002:9000-9001"], "forwards[0].guest_port", "range of 3 ports"),
        ([{"guest_port": 80}], "forwards[0].host_port", "is required"),
        ([{"host_port": 80, "ports": 1}], "forwards[0]", "is not one of"),
        (["80/sctp"], "forwards[0].proto", "is not tcp, udp or tcp,udp"),
        (["80/"], "forwards[0]", "has no protocol"),
        (["web"], "forwards[0]", "is not [HOST_ADDR:]HOST_PORT"),
        (["224.0.0.1:80:80"], "forwards[0].host_addr", "multicast"),
        ([{"host_port": 80, "guest_addr": "::"}], "forwards[0].guest_addr", "one host"),
        (["80", "80"], "forwards", "is given twice"),
        (["0.0.0.0:80:80", "80"], "forwards", "overlaps with 0.0.0.0:80/tcp"),
        (["[::]:80:80", "80"], "forwards", "overlaps with [::]:80/tcp"),
        (["1-16384/tcp", "1/udp"], "forwards", f"are more than {MOST}"),
    ],
)
def test_what_is_wrong_is_told(items: list[Any], option: str, text: str) -> None:
    with pytest.raises(InvalidOption) as refusal:
        parse_forwards("forwards", items)
    assert str(refusal.value).startswith((f"{option}:", f"{option} ")) and text in str(refusal.value)


@given(st.sampled_from(HOSTS), st.sampled_from(HOSTS))
def test_overlaps_know_no_order(first: str, second: str) -> None:
    assert len({overlap(*pair) for pair in ((first, second), (second, first))}) == 1
    assert overlap(first, first)


@pytest.mark.parametrize(
    ("one", "other", "together"),
    [
        ("127.0.0.1", "127.0.0.2", True),
        ("127.0.0.1", "::1", True),
        ("0.0.0.0", "::1", True),
        ("0.0.0.0", "127.0.0.1", False),
        ("::", "::1", False),
        ("::", "127.0.0.1", False),
        ("::", "0.0.0.0", False),
    ],
)
def test_who_can_listen_beside_whom(one: str, other: str, together: bool) -> None:
    assert overlap(one, other) is not together


# ---------------------------------------------------------------- from what is there to what is wanted

FORWARD = st.builds(
    Forward,
    st.sampled_from(["tcp", "udp"]),
    st.sampled_from(["127.0.0.1", "198.18.0.1", "0.0.0.0"]),
    st.integers(80, 84),
    st.sampled_from(["10.0.2.100", "10.0.2.101"]),
    st.integers(80, 81),
)


def possible(forwards: Sequence[Forward]) -> bool:
    """Whether one slirp4netns can have them all."""
    pairs = [(one, other) for place, one in enumerate(forwards) for other in forwards[:place]]
    return not any(
        (one.proto, one.host_port) == (other.proto, other.host_port) and overlap(one.host_addr, other.host_addr)
        for one, other in pairs
    )


SET = st.lists(FORWARD, max_size=6).filter(possible)
NUMBERED = SET.map(lambda found: [one._replace(id=number) for number, one in enumerate(found, 1)])


def applied(operations: Sequence[Operation], live: Sequence[Forward]) -> list[Forward]:
    """What a slirp4netns has after these requests, of which it refuses none."""
    found = list(live)
    for operation in operations:
        one = forward_of(operation.args)
        if operation.kind == "forward.remove":
            (gone,) = [other for other in found if other.essence == one.essence]
            found.remove(gone)
        else:
            found.append(one._replace(id=max([0, *(other.id or 0 for other in found)]) + 1))
            assert possible(found), f"{one} would be refused"
    return found


def essences(forwards: Sequence[Forward]) -> set[Any]:
    return {one.essence for one in forwards}


@settings(max_examples=300, deadline=None)
@given(NUMBERED, SET)
def test_with_purge_there_is_what_is_wanted_and_nothing_else(live: list[Forward], wanted: list[Forward]) -> None:
    target = merged(live, wanted, purge=True)
    assert essences(target) == essences(wanted) and all(one.id is None for one in target)
    after = applied([*converge(live, target, "/socket", 5, purge=live)], live)
    assert essences(after) == essences(wanted)
    assert [one for one in live if one.essence in essences(wanted)] == [one for one in after if one in live]
    assert [*converge(after, target, "/socket", 5, purge=after)] == []


@settings(max_examples=300, deadline=None)
@given(NUMBERED, SET)
def test_without_purge_the_others_stay(live: list[Forward], wanted: list[Forward]) -> None:
    try:
        target = merged(live, wanted, purge=False)
    except InvalidOption:
        sides = {one.host_side for one in wanted}
        assert not possible([*(one for one in live if one.host_side not in sides), *wanted])
        return
    after = applied([*converge(live, target, "/socket", 5)], live)
    others = [one for one in live if one.host_side not in {other.host_side for other in wanted}]
    assert essences(after) == essences(target) == essences([*others, *wanted])
    assert [*converge(after, target, "/socket", 5)] == []


@settings(max_examples=200, deadline=None)
@given(NUMBERED, SET)
def test_absent_goes_by_the_side_of_the_host(live: list[Forward], unwanted: list[Forward]) -> None:
    target = without(live, unwanted)
    after = applied([*converge(live, target, "/socket", 5, purge=unwanted)], live)
    sides = {one.host_side for one in unwanted}
    assert after == [one for one in live if one.host_side not in sides]


@settings(max_examples=200, deadline=None)
@given(NUMBERED, SET, st.randoms(use_true_random=False))
def test_a_plan_does_not_depend_on_the_order_in_the_helper(live: list[Forward], wanted: list[Forward], by: Any) -> None:
    """An undo enters again what was removed: it is as before, and so has to be the plan."""
    target = merged(live, wanted, purge=True)
    shuffled = by.sample(live, len(live))
    renumbered = [one._replace(id=100 + number) for number, one in enumerate(shuffled)]
    assert [*converge(live, target, "/s", 5, purge=live)] == [*converge(renumbered, target, "/s", 5, purge=renumbered)]


def test_the_address_of_the_sandbox_is_filled_in() -> None:
    parsed = parse_forwards("forwards", ["80", "[::1]:81:81", {"host_port": 82, "guest_addr": "10.0.2.7"}])
    assert [one.guest_addr for one in complete(parsed, "10.0.2.100")] == ["10.0.2.100", "fd00::100", "10.0.2.7"]
