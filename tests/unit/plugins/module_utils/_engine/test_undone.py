# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Whether a host is as it was before an undo, in words."""

from __future__ import annotations

from typing import Any

from ansible_collections.sandbox.network.plugins.module_utils._engine.operation import Operation
from ansible_collections.sandbox.network.plugins.module_utils._engine.state import NamespaceState, State
from ansible_collections.sandbox.network.plugins.module_utils._engine.undone import not_as_before
from ansible_collections.sandbox.network.plugins.module_utils._kernel.links import Link

TOUCHED = [Operation("link.set", {"netns": None, "name": "tap0", "ifindex": 7, "set": {}, "before": {}})]


def host(**link: Any) -> State:
    namespace = NamespaceState()
    namespace.put(Link(ifindex=7, name="tap0", **link))
    return State(namespaces={None: namespace})


def test_the_same_link() -> None:
    was = host(kind="tap", data={"mode": "tap", "owner": 0})
    assert list(not_as_before(TOUCHED, was, was.copy())) == []


def test_a_link_of_another_kind_with_other_attributes() -> None:
    was, found = host(kind="tap", data={"mode": "tap", "owner": 0}), host(kind="veth")
    told = list(not_as_before(TOUCHED, was, found))
    assert "kind of tap0: tap was, veth is" in told
    assert "mode of tap0: tap was, None is" in told


def test_a_link_that_is_gone() -> None:
    gone = State(namespaces={None: NamespaceState()})
    assert list(not_as_before(TOUCHED, host(kind="tap"), gone)) == ["tap0 is gone"]
