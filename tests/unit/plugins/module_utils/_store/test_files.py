# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""State files: whole or refused, whatever happened to them on disk."""

from __future__ import annotations

import contextlib
import json
import os
import stat
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.sandbox.network.plugins.module_utils._store import files
from ansible_collections.sandbox.network.plugins.module_utils._store.errors import StoreError

BODY = {
    "name": "/run/netns/web1",
    "value": {"created": True, "identity": [4, 4026532465], "sysctl": {"net.ipv4.ip_forward": "0"}},
}

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "state" / "file.json")


def test_what_was_written_is_read(path: str) -> None:
    files.write_file(path, BODY)
    assert files.read_file(path) == (BODY, True)


@given(st.dictionaries(st.text(), JSON, max_size=5))
def test_any_body_survives(body: dict[str, Any]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        files.write_file(f"{directory}/any.json", body)
        assert files.read_file(f"{directory}/any.json")[0] == body


def test_a_file_truncated_at_any_byte_is_refused(path: str) -> None:
    files.write_file(path, BODY)
    whole = Path(path).read_bytes()
    for length in range(len(whole)):
        Path(path).write_bytes(whole[:length])
        with pytest.raises(StoreError, match="damaged"):
            files.read_file(path)


def test_a_file_with_any_byte_flipped_is_refused_or_reads_the_same(path: str) -> None:
    files.write_file(path, BODY)
    whole = Path(path).read_bytes()
    for place in range(len(whole)):
        for mask in (0x01, 0x20, 0x80):
            flipped = bytearray(whole)
            flipped[place] ^= mask
            Path(path).write_bytes(bytes(flipped))
            with contextlib.suppress(StoreError):
                # the byte was one of the boot id, or of the schema
                assert files.read_file(path)[0] == BODY


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"null",
        b"[]",
        b"7",
        b'"text"',
        b"{}",
        b'{"schema": 1}',
        b'{"schema": 1, "boot_id": "x", "checksum": "x"}',
        b'{"schema": 1, "boot_id": "x", "checksum": "x", "body": []}',
        b'{"schema": 1, "boot_id": "x", "checksum": null, "body": {}}',
        b'{"schema": "1", "boot_id": "x", "checksum": "x", "body": {}}',
        b'{"schema": null, "boot_id": "x", "checksum": "x", "body": {}}',
        b'{"schema": 1, "body": {}, "checksum": "\xff"}',
        b"\0" * 100,
        b"\xef\xbb\xbf{}",
        b"9" * 10000,
        b'{"schema": 1, "checksum": "x", "body": {"a": NaN}}',
    ],
)
def test_anything_else_is_refused(path: str, content: bytes) -> None:
    files.prepare_directory(os.path.dirname(path))
    Path(path).write_bytes(content)
    with pytest.raises(StoreError) as refusal:
        files.read_file(path)
    assert path in str(refusal.value)


@pytest.mark.parametrize("opening", [b"[", b'{"a":'])
@pytest.mark.parametrize("depth", [*range(300, 1100, 25), 3000, 100_000])
def test_deep_nesting_is_refused(path: str, depth: int, opening: bytes) -> None:
    closing = b"]" if opening == b"[" else b"}"
    nested = opening * depth + (b"" if opening == b"[" else b"1") + closing * depth
    files.prepare_directory(os.path.dirname(path))
    Path(path).write_bytes(b'{"schema": 1, "checksum": "x", "body": {"a": ' + nested + b"}}")
    with pytest.raises(StoreError, match="damaged"):
        files.read_file(path)


def test_a_newer_schema_says_what_to_do(path: str) -> None:
    files.write_file(path, BODY)
    content = json.loads(Path(path).read_text(encoding="utf-8"))
    content["schema"] = files.SCHEMA + 1
    Path(path).write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(StoreError, match="newer version of the collection"):
        files.read_file(path)


def test_an_absurdly_large_file_is_not_read(path: str) -> None:
    files.prepare_directory(os.path.dirname(path))
    with open(path, "wb") as target:
        target.truncate(files.LARGEST + 1)
    with pytest.raises(StoreError, match="larger than"):
        files.read_file(path)


def test_a_file_of_another_boot_says_so(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "boot_id", lambda: "former")
    files.write_file(path, BODY)
    monkeypatch.undo()
    assert files.read_file(path) == (BODY, False)


def test_the_former_generation_is_kept(path: str) -> None:
    files.write_file(path, {"generation": 1})
    files.write_file(path, {"generation": 2})
    files.write_file(path, {"generation": 3})
    assert files.read_file(path)[0] == {"generation": 3}
    assert files.read_file(f"{path}.previous")[0] == {"generation": 2}
    files.remove_file(path)
    assert files.list_directory(os.path.dirname(path)) == []


def test_what_a_killed_writer_left_is_cleared_away(path: str) -> None:
    files.prepare_directory(os.path.dirname(path))
    dead = subprocess.Popen(["true"])
    dead.wait()
    alive = subprocess.Popen(["sleep", "60"])
    try:
        for pid in (dead.pid, alive.pid, os.getpid()):
            Path(f"{path}{files.TEMPORARY}{pid}").write_bytes(b"half")
        files.write_file(path, BODY)
        files.remove_dead_temporaries(os.path.dirname(path))
    finally:
        alive.kill()
        alive.wait()
    assert files.read_file(path) == (BODY, True)
    assert files.list_directory(os.path.dirname(path)) == ["file.json", f"file.json{files.TEMPORARY}{alive.pid}"]


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_nobody_else_may_read_or_write(tmp_path: Path, umask: int) -> None:
    former = os.umask(umask)
    try:
        files.write_file(str(tmp_path / "state" / "records" / "netns" / "x.json"), BODY)
    finally:
        os.umask(former)
    for found in (tmp_path / "state").rglob("*"):
        wanted = 0o700 if found.is_dir() else 0o600
        assert stat.S_IMODE(found.stat().st_mode) == wanted, found
    assert stat.S_IMODE((tmp_path / "state").stat().st_mode) == 0o700


def test_a_directory_that_others_may_write_to_is_refused(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state").chmod(0o777)
    with pytest.raises(StoreError, match="0777"):
        files.prepare_directory(str(tmp_path / "state"))


def test_a_link_in_place_of_the_directory_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    (tmp_path / "state").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StoreError, match="not a directory"):
        files.prepare_directory(str(tmp_path / "state"))


def test_a_link_in_place_of_the_file_is_not_followed(path: str, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("mine", encoding="utf-8")
    files.prepare_directory(os.path.dirname(path))
    for name in (path, f"{path}{files.TEMPORARY}{os.getpid()}", f"{path}.previous"):
        os.symlink(victim, name)
    with pytest.raises(StoreError, match="cannot read"):
        files.read_file(path)
    files.write_file(path, BODY)
    assert victim.read_text(encoding="utf-8") == "mine"
    assert files.read_file(path) == (BODY, True)


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_a_fifo_or_a_directory_does_not_hang(path: str, make: Any) -> None:
    files.prepare_directory(os.path.dirname(path))
    make(path)
    with pytest.raises(StoreError):
        files.read_file(path)


def test_a_missing_file_is_missing(path: str) -> None:
    with pytest.raises(FileNotFoundError):
        files.read_file(path)
    files.remove_file(path)
    assert files.list_directory(os.path.dirname(path)) == []


def test_a_full_disk_leaves_the_former_file(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    files.write_file(path, BODY)

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreError, match="No space left"):
        files.write_file(path, {"generation": 2})
    assert files.read_file(path) == (BODY, True)
    assert files.list_directory(os.path.dirname(path)) == ["file.json"]
