# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The leases of host-local: read, freed under its lock, and put back."""

from __future__ import annotations

import fcntl
from pathlib import Path

import pytest

from ansible_collections.sandbox.network.plugins.module_utils._store import host_local
from ansible_collections.sandbox.network.plugins.module_utils._store.errors import StoreError
from ansible_collections.sandbox.network.plugins.module_utils._store.host_local import (
    free_leases,
    networks_in,
    owner_of,
    put_leases_back,
    read_leases,
)

LEASES = {"10.0.0.2": "c1\r\neth0", "10.0.0.3": "", "fd00::2": "c2\r\neth1"}


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    network = tmp_path / "web"
    network.mkdir()
    for name, text in {**LEASES, "last_reserved_ip.0": "10.0.0.3", "lock": ""}.items():
        (network / name).write_bytes(text.encode())
    return network


def test_read(directory: Path) -> None:
    assert read_leases(str(directory)) == LEASES
    assert read_leases(str(directory / "nothing")) == {}
    assert networks_in(str(directory.parent)) == ["web"]
    assert [owner_of(text) for text in LEASES.values()] == [("c1", "eth0"), None, ("c2", "eth1")]


def test_freed_and_put_back(directory: Path) -> None:
    leases = {"10.0.0.3": "", "10.0.0.9": ""}
    free_leases(str(directory), leases)
    free_leases(str(directory), leases)
    assert read_leases(str(directory)) == {name: LEASES[name] for name in ("10.0.0.2", "fd00::2")}
    put_leases_back(str(directory), {"10.0.0.3": "", "10.0.0.2": "somebody else"})
    assert read_leases(str(directory)) == LEASES


def test_what_has_been_filled_meanwhile_stays(directory: Path) -> None:
    (directory / "10.0.0.3").write_bytes(b"c3\r\neth0")
    free_leases(str(directory), {"10.0.0.3": ""})
    assert read_leases(str(directory))["10.0.0.3"] == "c3\r\neth0"


def test_the_lock_of_the_plugin_is_respected(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host_local, "LOCK_SECONDS", 0.1)
    with (directory / "lock").open(encoding="utf-8") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(StoreError, match="is held by somebody else"):
            free_leases(str(directory), {"10.0.0.3": ""})
    assert "10.0.0.3" in read_leases(str(directory))
