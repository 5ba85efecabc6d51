# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The planner of the firewall, on states that nobody read from a host."""

from __future__ import annotations

import copy
import dataclasses
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.sandbox.network.plugins.module_utils._engine.errors import InvalidOption, TaskError
from ansible_collections.sandbox.network.plugins.module_utils._engine.kinds.registry import foretell, inverse
from ansible_collections.sandbox.network.plugins.module_utils._engine.nft_tables import Table
from ansible_collections.sandbox.network.plugins.module_utils._engine.operation import Operation
from ansible_collections.sandbox.network.plugins.module_utils._engine.state import NamespaceState, State
from ansible_collections.sandbox.network.plugins.module_utils._kernel.addressing import Route
from ansible_collections.sandbox.network.plugins.module_utils._kernel.links import Link
from ansible_collections.sandbox.network.plugins.module_utils._resources.firewall import KIND, FirewallResource
from ansible_collections.sandbox.network.plugins.module_utils._resources.firewall_elements import link_local_of
from ansible_collections.sandbox.network.plugins.module_utils._resources.firewall_options import OPTIONS, meet

RESOURCE = FirewallResource()
OF_S1 = ["10.0.0.1", "fd00::1", "fe80::ff:fe00:1"]
MAC = "02:00:00:00:00:0{}"


def host() -> State:
    """A host with three veths that lead to sandboxes, two of them on a bridge."""
    own = NamespaceState(identity=(4, 77))
    own.put(Link(ifindex=2, name="br0", kind="bridge", mac="02:00:00:00:0b:00", up=True))
    for number in (1, 2, 3):
        own.put(Link(ifindex=10 + number, name=f"v{number}", kind="veth", master=2 if number < 3 else 0, up=True))
        own.sysctls[f"net.ipv4.conf.v{number}.route_localnet"] = "0"
    own.sysctls["net.ipv4.conf.br0.route_localnet"] = "0"
    return State(namespaces={None: own}, firewall={"inet": None, "bridge": None}, kinds={"guardable": False})


def wish(number: int, **options: Any) -> dict[str, Any]:
    """What is asked for a sandbox."""
    place = {
        "interface": f"v{number}",
        "mac": MAC.format(number),
        "addresses": [f"10.0.0.{number}/24", f"fd00::{number}"],
    }
    return {"sandbox": f"s{number}", **place, **options}


def parsed(*wishes: dict[str, Any]) -> list[Any]:
    defaults = {name: option.get("default") for name, option in OPTIONS.items()}
    wanted = [RESOURCE.parse({**defaults, **one}) for one in wishes]
    RESOURCE.check(wanted)
    return wanted


def run(state: State, *wishes: dict[str, Any]) -> tuple[State, list[Operation]]:
    """The state after a task, which leaves nothing to do."""
    wanted = parsed(*wishes)
    operations = RESOURCE.plan(wanted, state)
    after = foretell(operations, state)
    assert RESOURCE.plan(wanted, after) == []
    return after, operations


def routes_of(state: State) -> list[Route]:
    return [route for found in state.existing(None).routes.values() for route in found]


def kinds(operations: list[Operation]) -> list[str]:
    return [one.kind for one in operations]


def elements(state: State, family: str, name: str) -> list[str]:
    table = state.firewall[family]
    return sorted(table.elements.get(name, {})) if table else []


def test_a_sandbox_on_a_bridge() -> None:
    state, operations = run(host(), wish(1, ports=["8080:80"]))
    noted = ["record.put", "sysctl.set", "record.put", "route.add"]
    assert kinds(operations) == ["firewall.change", *noted, "conntrack.forget", "record.put"]
    assert elements(state, "inet", "isolated4") == ["10.0.0.1"]
    assert elements(state, "inet", "published4") == ["127.0.0.1 . tcp . 8080 : 10.0.0.1 . 80"]
    assert elements(state, "inet", "published6") == ["::1 . tcp . 8080 : fd00::1 . 80"]
    assert [(one.dst, one.type, one.table) for one in state.existing(None).routes[2]] == [("::1/128", 2, 255)]
    assert elements(state, "bridge", "routers") == ["v1 : 02:00:00:00:0b:00"]
    assert elements(state, "bridge", "sources6") == ["v1 . fd00::1", "v1 . fe80::ff:fe00:1"]
    assert elements(state, "inet", "guarded") == []
    state, operations = run(state, {"sandbox": "s1", "state": "absent"})
    back = ["sysctl.set", "record.drop", "route.delete", "record.drop"]
    assert kinds(operations) == [*back, "firewall.change", "conntrack.forget", "record.drop"]
    assert state.firewall == {"inet": None, "bridge": None}
    assert not any(state.records.values())


def test_a_sandbox_that_is_routed_to_needs_no_bridge_table() -> None:
    state, _operations = run(host(), wish(3))
    assert elements(state, "inet", "stations") == ["v3 . 02:00:00:00:00:03"]
    assert state.firewall["bridge"] is None


def test_a_sandbox_with_several_links_of_which_one_hides_its_address() -> None:
    given = wish(1)
    del given["interface"], given["mac"]
    given["interfaces"] = [{"name": "v3", "mac": MAC.format(3)}, {"name": "v1", "mac": MAC.format(1)}]
    state, _operations = run(host(), given)
    assert elements(state, "bridge", "stations") == [f"v1 . {MAC.format(1)}"]
    assert elements(state, "inet", "stations") == [f"v3 . {MAC.format(3)}"]


def test_an_open_sandbox_keeps_its_frames_on_the_bridge() -> None:
    state, _operations = run(host(), wish(1, policy="open"))
    assert elements(state, "bridge", "routers") == elements(state, "inet", "isolated4") == []
    assert elements(state, "bridge", "stations") == ["v1 . 02:00:00:00:00:01"]
    state, _operations = run(state, wish(1, policy="open", deny=["80"]))
    assert elements(state, "bridge", "routers") == ["v1 : 02:00:00:00:0b:00"]


def test_what_was_flushed_comes_back_for_all() -> None:
    state, _operations = run(host(), wish(1), wish(2), wish(3, ports=["0.0.0.0:53:53/udp"]))
    whole = copy.deepcopy(state.firewall)
    for broken in ({"inet": None, "bridge": None}, {**whole, "inet": Table(text="table inet sandbox_network {\n}\n")}):
        state.firewall = dict(broken)
        state, operations = run(state, wish(1))
        assert state.firewall == whole
        assert kinds(operations) == ["firewall.change", "conntrack.forget"]
        assert operations[1].args["places"] == [["udp", "0.0.0.0", 53]]
        assert "10.0.0.2" in operations[1].args["inbound"]


@pytest.mark.parametrize(
    ("former", "new", "forgotten"),
    [
        ({}, {"ports": ["80"]}, {"places": [["tcp", "127.0.0.1", 80], ["tcp", "::1", 80]]}),
        ({"ports": ["80"]}, {"ports": ["80:81"]}, {"places": [["tcp", "127.0.0.1", 80], ["tcp", "::1", 80]]}),
        ({}, {"policy": "closed"}, {"addresses": OF_S1}),
        ({"policy": "open"}, {}, {"addresses": OF_S1, "inbound": OF_S1}),
        ({"allow": ["80"]}, {}, {"inbound": OF_S1}),
        ({}, {"deny": ["80"]}, {"addresses": OF_S1}),
        ({}, {"antispoof": False}, None),
    ],
)
def test_which_connections_are_forgotten(
    former: dict[str, Any], new: dict[str, Any], forgotten: dict[str, Any] | None
) -> None:
    state, _operations = run(host(), wish(1, **former))
    _state, operations = run(state, wish(1, **new))
    found = [one.args for one in operations if one.kind == "conntrack.forget"]
    assert found == ([] if forgotten is None else [{"addresses": [], "inbound": [], "places": [], **forgotten}])


def test_ports_lead_to_the_first_address_of_the_family() -> None:
    state, _operations = run(
        host(), wish(1, ports=["0.0.0.0:80", "[::]:80", {"host_port": "81-82", "guest_addr": "10.0.0.1"}])
    )
    assert elements(state, "inet", "published_any6") == ["tcp . 80 : fd00::1 . 80"]
    assert len(elements(state, "inet", "published4")) == 2
    with pytest.raises(InvalidOption, match=r"127.0.0.1:83/tcp.*needs an IPv4 address of s2"):
        run(state, {**wish(2, ports=["127.0.0.1:83"]), "addresses": ["fd00::2"]})


@pytest.mark.parametrize(
    ("addresses", "ports", "places"),
    [
        (["10.0.0.1", "fd00::1"], ["80"], ["127.0.0.1:80", "::1:80"]),
        (["10.0.0.1"], ["80"], ["127.0.0.1:80"]),
        (["fd00::1"], ["80"], ["::1:80"]),
        (["10.0.0.1", "fd00::1"], [{"host_port": 80, "guest_addr": "fd00::1"}], ["::1:80"]),
        (["10.0.0.1", "fd00::1"], ["80", "[::]:80:81"], ["127.0.0.1:80", ":::80"]),
        (["10.0.0.1", "fd00::1"], ["80", "[::]:80/udp"], ["127.0.0.1:80", "::1:80", ":::80"]),
        (["10.0.0.1", "fd00::1"], ["[::1]:80", "81"], ["::1:80", "127.0.0.1:81", "::1:81"]),
    ],
)
def test_a_port_without_an_address_is_at_each_loopback(
    addresses: list[str], ports: list[Any], places: list[str]
) -> None:
    state, _operations = run(host(), {**wish(1, ports=ports), "addresses": addresses})
    record = state.record(KIND, "77:s1")
    assert record is not None
    assert [f"{address}:{port}" for _proto, address, port, *_guest in record["ports"]] == places


@pytest.mark.parametrize(
    ("addresses", "ports", "words"),
    [
        (["10.0.0.1"], ["80", "[::1]:80"], r"\[::1\]:80/tcp.*needs an IPv6 address of s1"),
        (["fd00::1"], ["80", {"host_port": 80, "guest_addr": "fd00::1"}], r"\[::1\]:80/tcp.*is given twice"),
        (["fd00::1"], ["[::1]:80:81", {"host_port": 80, "guest_addr": "fd00::1"}], r"\[::1\]:80/tcp.*is given twice"),
    ],
)
def test_what_was_asked_for_at_a_loopback_is_not_left_out(addresses: list[str], ports: list[Any], words: str) -> None:
    with pytest.raises(InvalidOption, match=words):
        run(host(), {**wish(1, ports=ports), "addresses": addresses})


def test_the_loopback_of_ipv6_needs_ipv6_on_the_link() -> None:
    state = host()
    own = state.existing(None)
    own.put(dataclasses.replace(own.existing("br0"), ipv6_disabled=True))
    _state, operations = run(state, wish(1, ports=["80"]))
    assert "route.add" not in kinds(operations)
    with pytest.raises(InvalidOption, match=r"\[::1\]:80/tcp.*IPv6, which is off on br0"):
        run(state, wish(1, ports=["[::1]:80"]))


def test_one_link_with_ipv6_is_enough_for_its_loopback() -> None:
    state = host()
    own = state.existing(None)
    own.put(dataclasses.replace(own.existing("br0"), ipv6_disabled=True))
    given = {
        **wish(1, ports=["[::1]:80"]),
        "interfaces": [{"name": f"v{one}", "mac": MAC.format(one)} for one in (1, 3)],
    }
    del given["interface"], given["mac"]
    _state, operations = run(state, given)
    assert [one.args["link"] for one in operations if one.kind == "route.add"] == ["v3"]


def test_a_route_of_others_for_the_loopback_stays_theirs() -> None:
    state = host()
    theirs = Route(family=10, dst="::1/128", table=255, metric=7, ifindex=2, type=2)
    state.existing(None).routes[2] = [theirs]
    state, operations = run(state, wish(1, ports=["80"]))
    assert "route.add" not in kinds(operations)
    state, operations = run(state, {"sandbox": "s1", "state": "absent"})
    assert state.existing(None).routes[2] == [theirs]


def test_nothing_is_believed_of_links_that_are_gone() -> None:
    """A port that has gone is as it was, and comes back on another bridge."""
    state, _operations = run(host(), wish(1))
    own = state.existing(None)
    link = own.existing("v1")
    own.drop(link)
    state, operations = run(state, wish(2))
    assert elements(state, "bridge", "routers") == ["v1 : 02:00:00:00:0b:00", "v2 : 02:00:00:00:0b:00"]
    own = state.existing(None)
    own.put(Link(ifindex=3, name="br1", kind="bridge", mac="02:00:00:00:0b:01"))
    own.put(Link(ifindex=20, name="v1", kind="veth", master=3))
    state, operations = run(state, wish(2))
    assert operations[0].args["tables"]["bridge"]["add"]["routers"] == {"v1 : 02:00:00:00:0b:01": "s1"}


def test_link_local_addresses_follow_from_mac_addresses() -> None:
    assert link_local_of("52:54:00:12:34:56") == "fe80::5054:ff:fe12:3456"


def test_places_that_meet() -> None:
    assert meet("0.0.0.0", "10.0.0.1") and meet("::", "fd00::1") and meet("::1", "::1")
    assert not meet("0.0.0.0", "::") and not meet("::", "10.0.0.1") and not meet("10.0.0.1", "10.0.0.2")


OPTION = st.fixed_dictionaries(
    {},
    optional={
        "state": st.just("absent"),
        "policy": st.sampled_from(["isolate", "open"]),
        "masquerade": st.booleans(),
        "antispoof": st.booleans(),
        "ports": st.lists(
            st.sampled_from(["80", "81:80", "0.0.0.0:82", "[::]:80", "[::1]:82", "10.0.0.9:80"]), unique=True
        ),
        "allow": st.lists(st.sampled_from(["10.0.0.0/8", "443", "[fd00::/8]:80", "icmp"])),
        "deny": st.lists(st.sampled_from(["10.1.0.0/16", "22/tcp"])),
    },
)
TASKS = st.lists(st.dictionaries(st.sampled_from([1, 2, 3]), OPTION, min_size=1), min_size=1, max_size=5)


@settings(deadline=None)
@given(TASKS)
def test_any_tasks_converge_go_back_and_share_nothing(tasks: list[dict[int, dict[str, Any]]]) -> None:
    state = host()
    refused: list[str] = []
    for task in tasks:
        before = copy.deepcopy(state)
        wishes = [wish(number, **options) for number, options in task.items()]
        try:
            state, operations = run(state, *wishes)
        except TaskError as refusal:
            refused.append(str(refusal))
            continue
        # undone, all is as it was
        back = [step for one in reversed(operations) for step in inverse(one)]
        undone = foretell(back, state)
        assert undone.firewall == before.firewall
        assert {key: value for key, value in undone.records.items() if value} == {
            key: value for key, value in before.records.items() if value
        }
        assert undone.existing(None).sysctls == before.existing(None).sysctls
        assert sorted(map(str, routes_of(undone))) == sorted(map(str, routes_of(before)))
        places = [
            (port[0], port[2], port[1])
            for (kind, _name), record in state.records.items()
            if kind == KIND and record
            for port in record["ports"]
        ]
        for number, (proto, port, address) in enumerate(places):
            assert not any((proto, port) == other[:2] and meet(address, other[2]) for other in places[:number])
    assert all("overlaps with" in text for text in refused)
    state, _operations = run(state, *({"sandbox": f"s{number}", "state": "absent"} for number in (1, 2, 3)))
    assert state.firewall == {"inet": None, "bridge": None}
    assert set(state.existing(None).sysctls.values()) == {"0"}
    assert routes_of(state) == []


def test_a_bridge_learns_again_when_it_is_guarded_no_more() -> None:
    """One that others had told not to stays as it is; one of an older kernel cannot be told."""

    def learning(on_bridge: bool | None) -> tuple[State, NamespaceState]:
        state = host()
        own = state.existing(None)
        own.put(Link(ifindex=2, name="br0", kind="bridge", mac="02:00:00:00:0b:00", learns_from_own=on_bridge))
        return state, own

    for found in (True, False, None):
        state, _own = learning(found)
        guarded, _operations = run(state, wish(1), wish(2))
        assert guarded.existing(None).existing("br0").learns_from_own is (False if found else found)
        one_left, operations = run(guarded, {"sandbox": "s1", "state": "absent"}, wish(2))
        assert "link.set" not in kinds(operations)
        after, _operations = run(one_left, wish(2, antispoof=False))
        assert after.existing(None).existing("br0").learns_from_own is found
    routed, operations = run(learning(True)[0], wish(3))
    assert routed.existing(None).existing("br0").learns_from_own is True and "link.set" not in kinds(operations)
