# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""From what is known to what is there: which commands, and in which order."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.sandbox.network.plugins.module_utils._netmon.steps import WAYS, Step, steps
from ansible_collections.sandbox.network.plugins.module_utils._netmon.view import Interface, View

Document = dict[str, Any]


def interface(name: str = "eth0", mac: str = "02:00:00:00:00:01", kind: str = "veth", mtu: int = 1500) -> Document:
    return {"Name": name, "HwAddr": mac, "LinkType": kind, "Mtu": mtu}


def view(*documents: Document, ready: bool = True, routes: Any = ()) -> View:
    return View({number: Interface(one, ready) for number, one in enumerate(documents, 1)}, list(routes))


def short(found: Any) -> list[tuple[str, Any]]:
    return [(one.verb, one.document["Name"] if isinstance(one.document, dict) else one.document) for one in found]


def test_nothing_is_missing() -> None:
    assert not [*steps({1: interface()}, [{"Dest": ""}], view(interface(), routes=[{"Dest": ""}]), "update-iface")]


def test_what_is_gone_comes_first_and_routes_come_last() -> None:
    there = view(interface("new"), routes=[{"Dest": ""}])
    found = steps({7: interface("old")}, [], there, "update-iface")
    assert short(found) == [("del-iface", "old"), ("add-iface", "new"), ("update-routes", [{"Dest": ""}])]


@pytest.mark.parametrize(
    ("way", "verbs"),
    [
        ("update-iface", ["update-iface"]),
        ("add-iface", ["add-iface"]),
        ("replace", ["del-iface"]),  # the addition follows when that has succeeded
        ("ignore", []),
    ],
)
def test_ways_of_a_change(way: str, verbs: list[str]) -> None:
    assert way in WAYS
    assert [one.verb for one in steps({1: interface()}, [], view(interface(mtu=1400)), way)] == verbs


@pytest.mark.parametrize(
    "other", [interface(kind="ifb"), interface(name="eth1", mac="02:00:00:00:00:02")], ids=["kind", "name and MAC"]
)
@pytest.mark.parametrize("way", WAYS)
def test_another_link_with_the_index(other: Document, way: str) -> None:
    assert [*steps({1: interface()}, [], view(other), way)] == [Step("del-iface", interface(), 1)]


def test_only_what_is_ready_is_announced() -> None:
    assert not [*steps({}, [], view(interface(), ready=False), "update-iface")]
    assert short(steps({1: interface()}, [], view(interface(mtu=9), ready=False), "update-iface")) == [
        ("update-iface", "eth0")
    ]


def test_what_may_have_been_told_is_told_again() -> None:
    known, there = {1: interface()}, view(interface())
    assert short(steps(known, [], there, "update-iface", {1: interface()})) == [("update-iface", "eth0")]
    assert short(steps(known, [], there, "replace", {1: interface()})) == [("del-iface", "eth0")]
    assert short(steps(known, [], there, "update-iface", {0: None})) == [("update-routes", [])]
    # announced perhaps, and gone since
    assert short(steps(known, [], there, "update-iface", {5: interface("eth5")})) == [("del-iface", "eth5")]
    # announced perhaps, and still there
    assert short(steps({}, [], there, "update-iface", {1: interface()})) == [("add-iface", "eth0")]
