# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Programs as directories that are whole or not there."""

from __future__ import annotations

import os
from pathlib import Path

from ansible_collections.sandbox.network.plugins.module_utils._programs.installing import (
    install,
    read_installed,
    uninstall,
)

FILES = {"__main__.py": "main\n", "package/__init__.py": "", "package/deep/one.py": "one\n"}


def test_there_and_back(tmp_path: Path) -> None:
    place = tmp_path / "lib" / "program"
    assert read_installed(str(place)) is None
    former = os.umask(0o077)
    try:
        install(str(place), FILES, [str(tmp_path / "lib")])
    finally:
        os.umask(former)
    assert read_installed(str(place)) == FILES
    assert (place / "package").stat().st_mode & 0o777 == 0o755
    assert (place / "__main__.py").stat().st_mode & 0o777 == 0o644
    uninstall(str(place), [str(tmp_path / "lib")])
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_one_left_does_not_matter(tmp_path: Path) -> None:
    place = tmp_path / "program"
    (tmp_path / "program.new").mkdir()
    (tmp_path / "program.new" / "half").write_text("")
    install(str(place), FILES, [])
    install(str(place), {**FILES, "__main__.py": "newer\n"}, [])
    assert read_installed(str(place)) == {**FILES, "__main__.py": "newer\n"}
    assert [one.name for one in tmp_path.iterdir()] == ["program"]
    (tmp_path / "program.new").mkdir()
    uninstall(str(place), [])
    assert list(tmp_path.iterdir()) == []


def test_a_directory_that_others_use_stays(tmp_path: Path) -> None:
    install(str(tmp_path / "lib" / "program"), FILES, [str(tmp_path / "lib")])
    (tmp_path / "lib" / "other").write_text("")
    uninstall(str(tmp_path / "lib" / "program"), [str(tmp_path / "lib")])
    assert [one.name for one in (tmp_path / "lib").iterdir()] == ["other"]
