# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Network configurations: what is one, what plugins are told of it, and in which file it is found."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.sandbox.network.plugins.module_utils._programs.cni_config import (
    NetworkConfig,
    find_config,
)
from ansible_collections.sandbox.network.plugins.module_utils._programs.errors import ProgramError

BRIDGE = {"type": "bridge", "ipam": {"type": "host-local"}, "capabilities": {"ips": True, "mac": False}}
WEB: dict[str, Any] = {"cniVersion": "1.0.0", "name": "web", "plugins": [BRIDGE, {"type": "firewall"}]}


def test_a_list() -> None:
    config = NetworkConfig.from_dict(WEB)
    assert (config.name, config.version, config.types) == ("web", "1.0.0", ["bridge", "firewall"])
    assert config.programs == ["bridge", "firewall", "host-local"]
    assert config.capabilities == {"ips"}
    assert config.has_check
    assert config.as_dict() == WEB
    assert NetworkConfig.from_dict(config.as_dict()) == config


def test_one_plugin_is_a_list_of_one() -> None:
    single = {"cniVersion": "0.3.1", "name": "web", **BRIDGE}
    config = NetworkConfig.from_dict(single)
    assert config.as_dict() == {"cniVersion": "0.3.1", "name": "web", "plugins": [single]}
    assert not config.has_check


@pytest.mark.parametrize("value", [True, "true"])
def test_check_can_be_disabled(value: Any) -> None:
    config = NetworkConfig.from_dict({**WEB, "disableCheck": value})
    assert not config.has_check
    assert NetworkConfig.from_dict(config.as_dict()) == config


@pytest.mark.parametrize(
    ("change", "version"),
    [
        ({"cniVersions": ["0.4.0", "1.1.0", "9.0.0"]}, "1.1.0"),
        ({"cniVersion": "9.0.0", "cniVersions": ["0.4.0"]}, "0.4.0"),
        ({"cniVersion": "1.1.0", "cniVersions": []}, "1.1.0"),
    ],
)
def test_the_newest_version_that_is_known(change: dict[str, Any], version: str) -> None:
    assert NetworkConfig.from_dict({**WEB, **change}).version == version


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ([], "is not a configuration"),
        ({}, "has neither plugins nor a type"),
        ({**WEB, "plugins": {}}, "has no list of plugins"),
        ({**WEB, "plugins": []}, "has no list of plugins"),
        ({**WEB, "plugins": ["bridge"]}, r"has plugins\[0\] that is not a dict"),
        ({**WEB, "plugins": [BRIDGE, {}]}, r"has plugins\[1\].type None"),
        ({**WEB, "plugins": [{"type": "../sh"}]}, r"plugins\[0\].type '../sh'"),
        ({**WEB, "plugins": [{"type": "x", "ipam": {"type": "a/b"}}]}, r"plugins\[0\].ipam.type 'a/b'"),
        ({**WEB, "plugins": [{"type": "x", "capabilities": ["ips"]}]}, "capabilities that is not a dict"),
        ({**WEB, "plugins": [{"type": "x", "args": {"cni": 1}}]}, "args that is not a dict"),
        ({**WEB, "name": "a/b"}, "has the name 'a/b'"),
        ({**WEB, "name": None}, "has the name None"),
        ({**WEB, "cniVersion": "0.2.0"}, "no cniVersion that is known here: '0.2.0'"),
        ({**WEB, "cniVersion": None}, "known here: none"),
    ],
)
def test_what_is_no_configuration(data: Any, words: str) -> None:
    with pytest.raises(ProgramError, match=words):
        NetworkConfig.from_dict(data)


def test_what_a_plugin_is_told() -> None:
    config = NetworkConfig.from_dict(WEB)
    told = {"ips": ["10.0.0.2"], "mac": "02:00:00:00:00:01"}
    former = {"cniVersion": "1.0.0", "ips": []}
    keep = {"ips": ["10.0.0.9/24"], "mac": "02:00:00:00:00:09"}
    assert config.stdin_of(0, told, None, {}) == {
        **BRIDGE,
        "name": "web",
        "cniVersion": "1.0.0",
        "runtimeConfig": {"ips": ["10.0.0.2"]},
    }
    assert config.stdin_of(1, told, former, keep) == {
        "type": "firewall",
        "name": "web",
        "cniVersion": "1.0.0",
        "prevResult": former,
    }
    assert config.stdin_of(0, {}, None, keep)["args"] == {"cni": keep}
    assert config.as_dict() == WEB, "nothing of it stays"


def test_addresses_are_kept_beside_other_arguments() -> None:
    plugin = {**BRIDGE, "args": {"cni": {"labels": ["x"]}, "other": 1}}
    config = NetworkConfig.from_dict({**WEB, "plugins": [plugin]})
    told = config.stdin_of(0, {}, None, {"ips": ["10.0.0.9/24"]})
    assert told["args"] == {"cni": {"labels": ["x"], "ips": ["10.0.0.9/24"]}, "other": 1}


def test_static_addresses_keep_their_gateways() -> None:
    plugin = {"type": "bridge", "ipam": {"type": "static", "addresses": [{"address": "10.0.0.9/24"}]}}
    config = NetworkConfig.from_dict({**WEB, "plugins": [plugin]})
    assert "args" not in config.stdin_of(0, {}, None, {"ips": ["10.0.0.9/24"]})


def test_the_first_file_that_has_a_name(tmp_path: Path) -> None:
    files: dict[str, Any] = {
        "00.conf": {"cniVersion": "0.4.0", "name": "web", "type": "ptp"},
        "10.conflist": {**WEB, "name": "other"},
        "20.conflist": WEB,
        "30.conflist": {**WEB, "cniVersion": "1.1.0"},
        "40.txt": {**WEB, "name": "text"},
        "50.json": {"cniVersion": "0.4.0", "name": "single", "type": "ptp"},
    }
    for name, data in files.items():
        (tmp_path / name).write_text(json.dumps(data), encoding="utf-8")
    assert find_config(str(tmp_path), "web").version == "1.0.0", "lists come first"
    assert find_config(str(tmp_path), "single").types == ["ptp"]
    for name in ("text", "nobody"):
        with pytest.raises(ProgramError, match=r"no file in .* has a network of that name"):
            find_config(str(tmp_path), name)


@pytest.mark.parametrize("content", ["", "{", "[]", "7", "{" * 100_000, '"' + "x" * (1 << 20) + '"'])
def test_other_files_are_passed_over(tmp_path: Path, content: str) -> None:
    (tmp_path / "10.conflist").write_text(content, encoding="utf-8")
    (tmp_path / "15.conflist").mkdir()
    (tmp_path / "20.conflist").write_text(json.dumps(WEB), encoding="utf-8")
    assert find_config(str(tmp_path), "web").name == "web"


def test_a_file_that_others_can_change(tmp_path: Path) -> None:
    path = tmp_path / "10.conflist"
    path.write_text(json.dumps(WEB), encoding="utf-8")
    path.chmod(0o666)
    with pytest.raises(ProgramError, match="is not used: others than root"):
        find_config(str(tmp_path), "web")


def test_a_configuration_that_is_wrong_names_its_file(tmp_path: Path) -> None:
    path = tmp_path / "10.conflist"
    path.write_text(json.dumps({**WEB, "plugins": []}), encoding="utf-8")
    with pytest.raises(ProgramError, match=f"{path} has no list of plugins"):
        find_config(str(tmp_path), "web")


def test_no_directory(tmp_path: Path) -> None:
    with pytest.raises(ProgramError, match="no file in"):
        find_config(str(tmp_path / "nothing"), "web")
