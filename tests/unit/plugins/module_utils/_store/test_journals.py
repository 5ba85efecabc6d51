# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Journals: found by every subject that they touch, gone when the task is over."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.sandbox.network.plugins.module_utils._store import files
from ansible_collections.sandbox.network.plugins.module_utils._store.errors import StoreError
from ansible_collections.sandbox.network.plugins.module_utils._store.journals import Journals

OPERATIONS = [{"op": "netns.create", "path": "/run/netns/web1", "identity": [4, 1]}]


@pytest.fixture
def journals(tmp_path: Path) -> Journals:
    return Journals(str(tmp_path / "state"))


def write(journals: Journals, *subjects: str, **identities: tuple[int, int, int]) -> str:
    """Write the journal of a task on these subjects; returns its path."""
    path = journals.path_for(frozenset(subjects))
    journals.write(path, frozenset(subjects), OPERATIONS, identities)
    return path


def test_a_journal_is_found_by_each_of_its_subjects(journals: Journals) -> None:
    path = write(journals, "a", "b", own=(4, 1, 7), other=(4, 2, 8))
    assert path == journals.path_for(frozenset({"b", "a"}))
    for wanted in ({"a"}, {"b"}, {"a", "b"}, {"b", "c"}):
        (journal,) = journals.touching(wanted)
        assert journal.path == path
        assert journal.subjects == {"a", "b"}
        assert list(journal.operations) == OPERATIONS
        assert journal.identities == {"own": (4, 1, 7), "other": (4, 2, 8)}
        assert journal.this_boot
    assert journals.touching({"c", "ab", ""}) == []
    journals.remove(path)
    assert journals.touching({"a"}) == []


def test_subjects_that_begin_alike_are_different(journals: Journals) -> None:
    write(journals, "namespace /run/netns/web1")
    assert journals.touching({"namespace /run/netns/web", "namespace /run/netns/web11"}) == []


def test_other_files_are_left_alone(journals: Journals, tmp_path: Path) -> None:
    write(journals, "a")
    (tmp_path / "state" / "journals" / "x.json.new").write_bytes(b"half")
    (tmp_path / "state" / "journals" / "README").write_bytes(b"?")
    assert len(journals.touching({"a"})) == 1


def test_a_damaged_journal_is_named(journals: Journals) -> None:
    write(journals, "a")
    path = Path(journals.path_for(frozenset({"a"})))
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(StoreError, match=path.name):
        journals.touching({"b"})


def test_a_journal_of_another_boot_says_so(journals: Journals, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "boot_id", lambda: "former")
    write(journals, "a")
    monkeypatch.undo()
    (journal,) = journals.touching({"a"})
    assert not journal.this_boot


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"subjects": ["a"], "operations": {}, "identities": []},
        {"subjects": ["a"], "operations": [{"path": "x"}], "identities": {}},
        {"subjects": ["a"], "operations": [7], "identities": {}},
        {"subjects": ["a"], "operations": [], "identities": {"": [4, 1]}},
    ],
)
def test_a_whole_file_that_is_no_journal_is_named(journals: Journals, body: dict[str, object]) -> None:
    path = write(journals, "a")
    files.write_file(path, body)
    with pytest.raises(StoreError, match=f"{Path(path).name} is not a journal"):
        journals.touching({"a"})


def test_what_could_not_be_written_can_be_forgotten(journals: Journals) -> None:
    journals.remove(journals.path_for(frozenset({"a"})))


def test_a_journal_that_is_gone_is_gone_though_the_disk_does_not_say_so(
    journals: Journals, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(journals, "a")

    def refuse(_descriptor: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(files.os, "fsync", refuse)
    journals.remove(path)
    assert journals.touching({"a"}) == []
