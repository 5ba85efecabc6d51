# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Records: one file for each object, found again under any name."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ansible_collections.sandbox.network.plugins.module_utils._store.errors import StoreError
from ansible_collections.sandbox.network.plugins.module_utils._store.records import (
    Record,
    Records,
)

NAMES = [
    "web1",
    "web",
    "/run/netns/web1",
    "/run/netns/web",
    "a b",
    "a_b",
    "-x",
    "x\ny",
    "../../etc/passwd",
    ".",
    "..",
    "",
    "ü",
    "\udcff",
    "x" * 300,
    "x" * 301,
]


def test_names_are_kept_apart(tmp_path: Path) -> None:
    records = Records(str(tmp_path / "state"))
    for number, name in enumerate(NAMES):
        records.put("netns", name, {"number": number})
    assert records.all("netns") == {name: Record({"number": number}, True) for number, name in enumerate(NAMES)}
    for number, name in enumerate(NAMES):
        assert records.get("netns", name) == Record({"number": number}, True)
        assert records.get("link", name) is None
    for name in NAMES:
        records.drop("netns", name)
    assert records.all("netns") == {}
    assert os.listdir(tmp_path / "state" / "records" / "netns") == []


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(st.text(max_size=400))
def test_no_name_leads_out_of_the_directory(tmp_path: Path, name: str) -> None:
    records = Records(str(tmp_path / "state"))
    records.put("lease", name, {"of": name})
    found = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert [path.parent for path in found] == [tmp_path / "state" / "records" / "lease"]
    assert records.get("lease", name) == Record({"of": name}, True)
    records.drop("lease", name)


def test_a_record_of_another_boot_says_so(tmp_path: Path) -> None:
    records = Records(str(tmp_path / "state"))
    records.put("netns", "web1", {})
    (file,) = (tmp_path / "state" / "records" / "netns").iterdir()
    file.write_text(file.read_text(encoding="utf-8").replace('"boot_id": "', '"boot_id": "0'), encoding="utf-8")
    assert records.get("netns", "web1") == Record({}, False)


def test_a_damaged_record_is_named(tmp_path: Path) -> None:
    records = Records(str(tmp_path / "state"))
    records.put("netns", "web1", {})
    (file,) = (tmp_path / "state" / "records" / "netns").iterdir()
    file.write_bytes(b"{")
    for read in (lambda: records.get("netns", "web1"), lambda: records.all("netns")):
        with pytest.raises(StoreError, match=file.name):
            read()


def test_dropping_what_is_not_there_is_fine(tmp_path: Path) -> None:
    records = Records(str(tmp_path / "state"))
    records.drop("netns", "web1")
    assert records.all("netns") == {}
    assert not (tmp_path / "state").exists()
