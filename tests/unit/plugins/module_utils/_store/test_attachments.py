# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""What is on disk about CNI attachments: libcni's results, and ours beside them."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.sandbox.network.plugins.module_utils._store.attachments import (
    ADDING,
    ATTACHED,
    DELETING,
    Attachment,
    Attachments,
    Key,
)
from ansible_collections.sandbox.network.plugins.module_utils._store.errors import StoreError

KEY = Key("web", "c1", "eth0")
CONFIG = {"cniVersion": "1.0.0", "name": "web", "plugins": [{"type": "bridge"}]}
RESULT: dict[str, Any] = {
    "cniVersion": "1.0.0",
    "interfaces": [{"name": "veth1"}, {"name": "eth0", "sandbox": "/run/netns/c1"}],
}
BEGUN = Attachment(
    KEY, "/run/netns/c1", CONFIG, (("A", "b"),), {"ips": ["10.0.0.2"]}, phase=ADDING, fingerprint=(4, 9, 11)
)
DONE = replace(BEGUN, phase=ATTACHED, result=RESULT, expected={"portmap": "cannot"})
CACHED = {
    "kind": "cniCacheV1",
    "containerId": "c1",
    "config": base64.b64encode(json.dumps(CONFIG).encode()).decode(),
    "ifName": "eth0",
    "networkName": "web",
    "result": RESULT,
}


@pytest.fixture
def store(tmp_path: Path) -> Attachments:
    return Attachments(str(tmp_path))


def test_from_the_beginning_to_the_end(store: Attachments, tmp_path: Path) -> None:
    assert store.read(KEY) is None
    store.put(BEGUN)
    assert store.read(KEY) == BEGUN
    assert not (tmp_path / "results").exists()
    store.put(DONE)
    assert store.read(KEY) == DONE
    assert store.all() == [DONE]
    store.put(replace(DONE, phase=DELETING))
    assert store.read(KEY) == replace(DONE, phase=DELETING)
    store.forget(KEY)
    store.forget(KEY)
    assert store.read(KEY) is None
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_files_are_for_root_alone(store: Attachments, tmp_path: Path) -> None:
    store.put(DONE)
    modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.rglob("*")}
    assert modes == {"results": 0o700, "sandbox-network": 0o700, "web-c1-eth0": 0o600} | {
        name: 0o600 for name in modes if name.endswith(".previous")
    }


def test_as_libcni_keeps_it(store: Attachments, tmp_path: Path) -> None:
    store.put(DONE)
    written = json.loads((tmp_path / "results" / "web-c1-eth0").read_text(encoding="utf-8"))
    assert json.loads(base64.b64decode(written["config"])) == CONFIG
    assert written == {
        **CACHED,
        "netns": "/run/netns/c1",
        "cniArgs": [["A", "b"]],
        "capabilityArgs": {"ips": ["10.0.0.2"]},
    }


def write(tmp_path: Path, data: Any, name: str = "web-c1-eth0") -> None:
    (tmp_path / "results").mkdir(exist_ok=True)
    (tmp_path / "results" / name).write_text(json.dumps(data), encoding="utf-8")


def test_what_another_wrote(store: Attachments, tmp_path: Path) -> None:
    write(tmp_path, CACHED)
    found = store.read(KEY)
    assert found == Attachment(KEY, "/run/netns/c1", CONFIG, result=RESULT, ours=False)
    write(tmp_path, {**CACHED, "netns": "/run/netns/x", "cniArgs": [["A", "b"]]})
    found = store.read(KEY)
    assert found is not None
    assert (found.netns, found.args) == ("/run/netns/x", (("A", "b"),))


def test_what_another_has_changed_or_detached_since(store: Attachments, tmp_path: Path) -> None:
    store.put(DONE)
    write(tmp_path, CACHED)  # with other arguments
    found = store.read(KEY)
    assert found is not None
    assert (found.ours, found.fingerprint) == (False, None)
    (tmp_path / "results" / "web-c1-eth0").unlink()
    found = store.read(KEY)
    assert found is not None
    assert found.phase == DELETING


def test_another_boot(store: Attachments, tmp_path: Path) -> None:
    store.put(DONE)
    path = tmp_path / "sandbox-network" / "web-c1-eth0"
    data = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**data, "boot_id": "another"}), encoding="utf-8")
    found = store.read(KEY)
    assert found is not None
    assert (found.this_boot, found.fingerprint) == (False, None)


def test_names_that_are_joined_alike(store: Attachments, tmp_path: Path) -> None:
    write(tmp_path, {**CACHED, "networkName": "web-c1", "containerId": "eth0", "ifName": "x"}, "web-c1-eth0-x")
    assert store.read(Key("web-c1", "eth0", "x")) is not None
    with pytest.raises(StoreError, match="is about web-c1-eth0-x, of other names"):
        store.read(Key("web", "c1-eth0", "x"))


def test_a_damaged_result(store: Attachments, tmp_path: Path) -> None:
    text = json.dumps(CACHED)
    (tmp_path / "results").mkdir()
    path = tmp_path / "results" / "web-c1-eth0"
    for size in range(len(text)):
        path.write_text(text[:size], encoding="utf-8")
        with pytest.raises(StoreError, match="is not a result as libcni keeps it"):
            store.read(KEY)
        assert store.all() == []


@pytest.mark.parametrize(
    "change", [{"kind": "x"}, {"config": "%"}, {"config": "e30K", "result": []}, {"cniArgs": 7}, {"capabilityArgs": 7}]
)
def test_what_is_no_result(store: Attachments, tmp_path: Path, change: dict[str, Any]) -> None:
    write(tmp_path, {**CACHED, **change})
    with pytest.raises(StoreError):
        store.read(KEY)


def test_a_link_is_not_followed(store: Attachments, tmp_path: Path) -> None:
    (tmp_path / "results").mkdir()
    (tmp_path / "elsewhere").write_text(json.dumps(CACHED), encoding="utf-8")
    (tmp_path / "results" / "web-c1-eth0").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StoreError, match="ELOOP"):
        store.read(KEY)


def test_what_is_damaged_of_ours(store: Attachments, tmp_path: Path) -> None:
    store.put(BEGUN)
    path = tmp_path / "sandbox-network" / "web-c1-eth0"
    path.write_text(path.read_text(encoding="utf-8").replace("adding", "attached"), encoding="utf-8")
    with pytest.raises(StoreError, match="damaged"):
        store.read(KEY)


def test_others_may_not_write_there(store: Attachments, tmp_path: Path) -> None:
    (tmp_path / "sandbox-network").mkdir()
    (tmp_path / "sandbox-network").chmod(0o777)
    with pytest.raises(StoreError, match="writable for"):
        store.put(BEGUN)
