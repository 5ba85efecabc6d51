# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""What a file may say of a sandbox, and what not."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.sandbox.network.plugins.module_utils._netmon import configuration
from ansible_collections.sandbox.network.plugins.module_utils._netmon.configuration import Directories, settings_from
from ansible_collections.sandbox.network.plugins.module_utils._netmon.log import Log
from ansible_collections.sandbox.network.plugins.module_utils._netmon.sandbox import Settings

LEAST = {"id": "web1", "netns": "/run/netns/web1", "runtime_path": "/bin/true", "storage_dir": "/run/sbs"}


def test_what_is_read_is_what_was_written() -> None:
    assert settings_from(LEAST) == Settings(**LEAST)
    all_of_it = Settings(**LEAST, ignore="", update="replace", announce_existing=True, debounce=0, retries=3)
    assert settings_from(json.loads(json.dumps(dataclasses.asdict(all_of_it)))) == all_of_it


@pytest.mark.parametrize("name", ["id", "netns", "runtime_path", "storage_dir"])
@pytest.mark.parametrize("value", [None, "", 5, ["x"], "/x\0", "/\ud800"])
def test_names_are_texts(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=name):
        settings_from({**LEAST, name: value})


@pytest.mark.parametrize("name", ["netns", "runtime_path", "storage_dir"])
def test_paths_are_absolute(name: str) -> None:
    with pytest.raises(ValueError, match="not absolute"):
        settings_from({**LEAST, name: "x/y"})


@pytest.mark.parametrize("name", ["debounce", "command_timeout", "retries", "resync"])
@pytest.mark.parametrize("value", [-1, True, "1", None, float("nan"), float("inf")])
def test_numbers_are_numbers(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=name):
        settings_from({**LEAST, name: value})


@pytest.mark.parametrize(
    "other",
    [{"id": "-x"}, {"id": ".."}, {"update": "never"}, {"log_level": "loud"}, {"watched": 1}, {"ignore": 5}, {"a": 1}],
)
def test_other_values(other: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(other))):
        settings_from({**LEAST, **other})


def test_a_list_is_no_sandbox() -> None:
    with pytest.raises(ValueError, match="not an object"):
        settings_from([LEAST])


def test_directories(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(configuration, "refuse_untrusted", lambda _path: None)
    monkeypatch.setattr(configuration, "SETTLED", 0.0)
    directories = Directories([str(tmp_path / "none"), str(tmp_path)], Log("netmon", "error"))
    (tmp_path / "web1.json").write_text(json.dumps(LEAST))
    (tmp_path / "web2.json").write_text("{")
    (tmp_path / ".web3.json").write_text(json.dumps({**LEAST, "id": "web3"}))
    assert directories.changed() == [Settings(**LEAST)]
    assert directories.changed() is None
    assert directories.changed(asked=True) == [Settings(**LEAST)]
    (tmp_path / "web1.json").unlink()
    assert directories.changed() == []
