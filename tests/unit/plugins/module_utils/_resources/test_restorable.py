# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Descriptions of sandboxes: what is written is what is read, by a newer version, too."""

from __future__ import annotations

import json

import pytest

from ansible_collections.sandbox.network.plugins.module_utils._engine.errors import TaskError
from ansible_collections.sandbox.network.plugins.module_utils._resources.restorable import (
    MODULES,
    Document,
    Step,
    complete,
    essential,
    read_document,
)

OPTIONS = {
    "name": {"type": "str"},
    "up": {"type": "bool", "default": True},
    "peer": {"type": "dict", "options": {"mtu": {"type": "int"}, "mode": {"type": "str", "default": "a"}}},
    "routes": {"type": "list", "elements": "dict", "options": {"dst": {}, "onlink": {"default": False}}},
    "config": {"type": "dict"},
}
GIVEN = {"name": "x", "up": False, "peer": {"mtu": 1400, "mode": "b"}, "routes": [{"dst": "default", "onlink": True}]}


def test_what_was_left_out_is_left_out_and_comes_back() -> None:
    full = complete(OPTIONS, GIVEN)
    assert full == {**GIVEN, "config": None}
    assert essential(OPTIONS, full) == GIVEN
    assert complete(OPTIONS, essential(OPTIONS, full)) == full


def test_a_newer_version_fills_in_its_defaults() -> None:
    old = complete(OPTIONS, {"name": "x", "peer": {}, "routes": [{"dst": "default"}]})
    assert old["up"] is True and old["peer"] == {"mtu": None, "mode": "a"}
    assert old["routes"] == [{"dst": "default", "onlink": False}]


def test_what_is_not_ours_to_know_stays_as_it_is() -> None:
    assert essential(OPTIONS, {"config": {"a": None}}) == {"config": {"a": None}}


def test_there_and_back() -> None:
    options = MODULES["netns"].form.options
    document = Document("a", "/run/state", (Step("netns", [essential(options, complete(options, {"name": "a"}))]),))
    again = read_document("/a.json", document.as_text())
    assert (again.sandbox, again.state_dir) == ("a", "/run/state")
    assert again.steps == (Step("netns", [complete(options, {"name": "a"})]),)


@pytest.mark.parametrize("cut", range(1, 120, 7))
def test_half_a_description_is_damaged(cut: int) -> None:
    text = Document("a", "/run/state", (Step("netns", [{"name": "a"}]),)).as_text()
    with pytest.raises(TaskError, match=r"/a\.json is damaged"):
        read_document("/a.json", text[:cut])


@pytest.mark.parametrize(
    "content",
    [
        [],
        {},
        {"schema": 1, "sandbox": "a", "state_dir": "/", "tasks": [{}]},
        {"schema": 1, "sandbox": "a", "state_dir": "/", "tasks": [{"command": []}]},
    ],
)
def test_what_is_no_description_is_damaged(content: object) -> None:
    with pytest.raises(TaskError, match="is damaged"):
        read_document("/a.json", json.dumps(content))


def test_a_later_schema_is_named() -> None:
    with pytest.raises(TaskError, match="schema 2"):
        read_document("/a.json", '{"schema": 2}')
