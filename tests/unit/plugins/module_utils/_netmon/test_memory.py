# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""What was told is known to whoever starts next, however the former one ended."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ansible_collections.sandbox.network.plugins.module_utils._netmon import memory
from ansible_collections.sandbox.network.plugins.module_utils._netmon.memory import Memory

HERE = ["boot", "4", "4026532000", "77"]
ETH0, ETH1 = {"Name": "eth0"}, {"Name": "eth1"}
ROUTES: list[dict[str, Any]] = [{"Dest": ""}]


def told(path: Path) -> Memory:
    found = Memory(str(path), HERE)
    found.begin({2: ETH0}, [])
    found.telling(3, ETH1)
    found.told_interface(3, ETH1)
    found.telling(0, None)
    found.told_routes(ROUTES)
    found.telling(2, ETH0)
    found.told_gone(2)
    return found


def state(found: Memory) -> tuple[Any, ...]:
    return found.interfaces, found.routes, found.unsure


def test_it_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "told.jsonl"
    assert Memory(str(path), HERE).is_new
    assert state(told(path)) == ({3: ETH1}, ROUTES, {})
    again = Memory(str(path), HERE)
    assert not again.is_new
    assert state(again) == ({3: ETH1}, ROUTES, {})


@pytest.mark.parametrize("place", range(4))
def test_another_namespace(tmp_path: Path, place: int) -> None:
    path = tmp_path / "told.jsonl"
    told(path)
    other = Memory(str(path), [*HERE[:place], "other", *HERE[place + 1 :]])
    assert other.is_new
    assert state(other) == ({}, [], {})


def test_torn_anywhere(tmp_path: Path) -> None:
    """Whatever was written to its end counts: what is known never goes back beyond a line, and nothing fails."""
    path = tmp_path / "told.jsonl"
    told(path)
    whole = path.read_bytes()
    first = whole.index(b"\n") + 1
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        found = Memory(str(path), HERE)
        assert found.is_new == (length < first)
        complete = whole[:length].rpartition(b"\n")[0] + b"\n"
        path.write_bytes(complete)
        assert state(found) == state(Memory(str(path), HERE))


def test_cut_off_refused_and_done(tmp_path: Path) -> None:
    path = tmp_path / "told.jsonl"
    found = Memory(str(path), HERE)
    found.begin({2: ETH0}, ROUTES)
    for index, document in ((3, ETH1), (2, ETH1), (0, None)):
        found.telling(index, document)
        assert Memory(str(path), HERE).unsure == {index: document}
        found.told_nothing(index)
        assert state(Memory(str(path), HERE)) == ({2: ETH0}, ROUTES, {})
    assert state(found) == ({2: ETH0}, ROUTES, {})


def test_rubbish_in_the_midst(tmp_path: Path) -> None:
    path = tmp_path / "told.jsonl"
    told(path)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([lines[0], b"\xff{\n", b"[]\n", *lines[1:]]))
    assert state(Memory(str(path), HERE)) == ({3: ETH1}, ROUTES, {})


def test_it_does_not_grow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "TOO_LONG", 1000)
    path = tmp_path / "told.jsonl"
    found = told(path)
    for number in range(200):
        found.told_interface(3, {"Name": "eth1", "Mtu": number})
        assert path.stat().st_size < 2000
    assert Memory(str(path), HERE).interfaces == {3: {"Name": "eth1", "Mtu": 199}}


def test_a_disk_that_was_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "told.jsonl"
    found = told(path)
    full = tmp_path / "missing" / "told.jsonl"
    monkeypatch.setattr(found, "_path", str(full))
    with pytest.raises(OSError, match="missing"):
        found.told_interface(5, ETH0)
    monkeypatch.undo()
    with path.open("ab") as target:
        target.write(b'{"ifindex": 5, "inter')  # as far as it went
    found.told_routes([])
    assert state(Memory(str(path), HERE)) == ({3: ETH1, 5: ETH0}, [], {})
