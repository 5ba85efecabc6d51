# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The module link with the kinds that kernels for small machines lack, and on physical links."""

from __future__ import annotations

from typing import Any

import pytest
from box import Result
from guest import Guest

ADDRESSES = ["10.7.0.1/24", "fd00:7::1/64"]
DUMMY: dict[str, Any] = {"name": "dum0", "kind": "dummy"}

# In the first namespace, and in one with a name.
everywhere = pytest.mark.parametrize("where", [{}, {"netns": "web1"}], ids=["first", "named"])


def details(guest: Guest, name: str, netns: str | None = None) -> Result:
    """The attributes of the kind."""
    found = guest.link(name, netns)
    assert found is not None and "UP" in found["flags"], found
    data: Result = found["linkinfo"].get("info_data", {})
    return {"kind": found["linkinfo"]["info_kind"], **data}


def lives(guest: Guest, args: dict[str, Any]) -> Result:
    """Made, found as it should be, changed, and taken away without a trace; what it was like."""
    guest.sh("ip netns add web1")
    netns = args.get("netns")
    told = guest.change("link", {**args, "addresses": ADDRESSES})["link"]
    found = details(guest, args["name"], netns)
    assert guest.cidrs(args["name"], netns) == ADDRESSES
    assert (told["kind"], told["state"], told["addresses"]) == (args["kind"], "present", ADDRESSES)
    guest.change("link", {**args, "addresses": ADDRESSES[:1], "purge_addresses": True, "mtu": 1400})
    assert guest.cidrs(args["name"], netns) == ADDRESSES[:1]
    guest.change("link", {"name": args["name"], "state": "absent", **({"netns": netns} if netns else {})})
    guest.sh("ip netns delete web1")
    return found


@everywhere
def test_dummy(guest: Guest, where: Result) -> None:
    assert lives(guest, {**DUMMY, **where})["kind"] == "dummy"


@everywhere
def test_vlan_on_a_physical_link(guest: Guest, where: Result) -> None:
    nic = guest.nic(0)
    guest.change("link", {"name": nic, "up": True})
    found = lives(guest, {"name": "tagged", "kind": "vlan", "parent": nic, "vlan_id": 42, **where})
    assert (found["kind"], found["id"], found["protocol"]) == ("vlan", 42, "802.1Q")
    guest.change("link", {"name": nic, "state": "absent"})


@everywhere
def test_vlan_on_a_parent_that_is_down(guest: Guest, where: Result) -> None:
    guest.sh("ip netns add web1")
    args = {"name": "tagged", "kind": "vlan", "parent": guest.nic(0), "vlan_id": 42, **where}
    guest.refused("link", args, "parent", args["parent"], "down")
    guest.change("link", {**args, "up": False})
    guest.change("link", {"name": "tagged", "state": "absent", **where})
    guest.sh("ip netns delete web1")


@everywhere
def test_vlan_on_a_dummy(guest: Guest, where: Result) -> None:
    guest.change("link", DUMMY)
    found = lives(guest, {"name": "tagged", "kind": "vlan", "parent": "dum0", "vlan_id": 4094, **where})
    assert (found["kind"], found["id"]) == ("vlan", 4094)
    guest.change("link", {"name": "dum0", "state": "absent"})


@everywhere
@pytest.mark.parametrize("mode", ["l2", "l3", "l3s"])
def test_ipvlan_on_a_physical_link(guest: Guest, where: Result, mode: str) -> None:
    nic = guest.nic(0)
    found = lives(guest, {"name": "ipv0", "kind": "ipvlan", "parent": nic, "mode": mode, **where})
    assert (found["kind"], found["mode"]) == ("ipvlan", mode)


def test_ipvlan_changes_its_mode_in_place(guest: Guest) -> None:
    args = {"name": "ipv0", "kind": "ipvlan", "parent": guest.nic(0)}
    guest.change("link", args)
    assert details(guest, "ipv0")["mode"] == "l3"
    before = guest.link("ipv0")
    guest.change("link", {**args, "mode": "l2"})
    after = guest.link("ipv0")
    assert before and after and before["ifindex"] == after["ifindex"]
    assert details(guest, "ipv0")["mode"] == "l2"
    guest.change("link", {"name": "ipv0", "state": "absent"})


def test_links_in_two_namespaces_of_one_list(guest: Guest) -> None:
    names: list[dict[str, Any]] = [{"name": "here"}, {"name": "there", "netns": "web1"}]
    guest.sh("ip netns add web1")
    guest.change("link", DUMMY)
    links = [{**name, "kind": "vlan", "parent": "dum0", "vlan_id": vlan} for vlan, name in enumerate(names, 7)]
    guest.change("link", {"links": links})
    guest.change("link", {"state": "absent", "links": [*names, {"name": "dum0"}]})
    guest.sh("ip netns delete web1")


def test_vlans_of_two_cards_reach_each_other(guest: Guest) -> None:
    cards: list[dict[str, Any]] = [{"name": guest.nic(0)}, {"name": guest.nic(1)}]
    ends: list[dict[str, Any]] = [{"name": "here"}, {"name": "there", "netns": "web1"}]
    links = [
        {**end, "kind": "vlan", "vlan_id": 7, "parent": card["name"], "addresses": [f"10.7.0.{number}/24"]}
        for number, (end, card) in enumerate(zip(ends, cards), 1)
    ]
    guest.sh("ip netns add web1")
    guest.change("link", {"links": [*cards, *links]})
    guest.sh("for try in $(seq 60); do ping -c 1 -W 1 10.7.0.2 && exit; done; exit 1")
    guest.change("link", {"state": "absent", "links": [*ends, *cards]})
    guest.sh("ip netns delete web1")


def test_a_link_on_top_is_not_taken_away_with_its_parent(guest: Guest) -> None:
    guest.done("link", DUMMY)
    guest.done("link", {"name": "tagged", "kind": "vlan", "parent": "dum0", "vlan_id": 7})
    guest.refused("link", {"name": "dum0", "state": "absent"}, "tagged")
    guest.change("link", {"state": "absent", "links": [{"name": "tagged"}, {"name": "dum0"}]})


def test_a_physical_link_is_changed_and_put_back(guest: Guest) -> None:
    nic = guest.nic(2)
    guest.change("link", {"name": nic, "mtu": 4000, "alias": "uplink", "addresses": ADDRESSES})
    assert guest.cidrs(nic) == ADDRESSES
    guest.change("link", {"name": nic, "state": "absent"})


def test_what_cannot_be_on_a_parent(guest: Guest) -> None:
    nic = guest.nic(0)
    guest.done("link", {"name": "ipv0", "kind": "ipvlan", "parent": nic})
    guest.fails("link", {"links": [DUMMY, {"name": "mv0", "kind": "macvlan", "parent": nic}]}, "mv0")
    guest.done("link", {"name": "ipv0", "state": "absent"})


@pytest.mark.parametrize("name", ["ifb0", "ifb7"])
def test_a_module_that_brings_links_along(guest: Guest, name: str) -> None:
    guest.sh("modprobe -r ifb")
    result = guest.change("link", {"name": name, "kind": "ifb"})["link"]
    assert guest.links() >= {"ifb1", name}
    found = guest.link(name)
    assert found and found["ifindex"] == result["ifindex"]
    guest.change("link", {"name": name, "state": "absent"})
    guest.sh("modprobe -r ifb")
