# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""What the programs of this collection consist of."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from ansible_collections.sandbox.network.plugins.module_utils._programs import installing
from ansible_collections.sandbox.network.plugins.module_utils._programs.own_program import (
    directory_for,
    installed_directories,
    interpreter,
    program_files,
)

LOADED = """
import importlib, json, sys
sys.path.insert(0, sys.argv[1])
importlib.import_module(f"sandbox_network.{sys.argv[2]}")
ours = [one for one in sys.modules.values() if one.__name__.startswith("sandbox_network")]
print(json.dumps(sorted(one.__file__ for one in ours)))
"""


def loaded(directory: Path, entry: str, *flags: str) -> list[str]:
    """The files that a program loads of its directory, when nothing else of the collection is there."""
    command = [sys.executable, "-I", "-B", *flags, "-c", LOADED, str(directory), entry]
    found = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    return [str(Path(one).relative_to(directory)) for one in found]


def test_a_program_consists_of_what_it_loads_and_nothing_else(tmp_path: Path) -> None:
    files = program_files("_netmon.main", "# mark")
    installing.install(str(tmp_path / "program"), files, [])
    assert [name for name in files if name != "__main__.py"] == loaded(tmp_path / "program", "_netmon.main", "-S")


@pytest.mark.parametrize("entry", ["_resources.firewall", "_resources.link", "_resources.rootless"])
def test_a_program_needs_no_ansible(tmp_path: Path, entry: str) -> None:
    files = program_files(entry, "# mark")
    installing.install(str(tmp_path / "program"), files, [])
    assert set(loaded(tmp_path / "program", entry)) <= set(files)
    assert not [name for name, text in files.items() if "import ansible" in text or "from ansible" in text]


def test_the_first_line_is_the_mark() -> None:
    assert program_files("_netmon.main", "# mark")["__main__.py"].startswith("# mark\n")


def test_a_version_is_found_by_its_name(tmp_path: Path) -> None:
    files = program_files("_netmon.main", "# mark")
    place = directory_for("one", files, str(tmp_path))
    assert place == directory_for("one", dict(reversed(files.items())), str(tmp_path))
    assert place != directory_for("one", {**files, "__main__.py": ""}, str(tmp_path))
    installing.install(place, {"__main__.py": ""}, [])
    (tmp_path / "one-else").mkdir()
    (tmp_path / "another-0123456789abcdef").mkdir()
    assert installed_directories("one", str(tmp_path)) == [place]
    assert installed_directories("one", str(tmp_path / "missing")) == []


def test_an_environment_finds_its_libraries_by_its_own_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    link = tmp_path / "python3"
    link.symlink_to(sys.executable)
    monkeypatch.setattr(sys, "executable", str(link))
    assert interpreter("/program", libraries=True) == [str(link), "-I", "-B", "/program"]
    assert interpreter("/program", libraries=False)[0] == str(Path(sys.executable).resolve())
