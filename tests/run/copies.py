# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Clean copies of the checkout: what would be committed, where a collection must lie."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from paths import COLLECTION, COPIES, ROOT


def fresh_copy(name: str) -> Path:
    """Copy the checkout to a collections directory of its own; return the copy.

    Some tools refuse a symlinked collection, others leave files behind or look
    into directories that git ignores: a copy serves them all. It is a git
    repository of its own, or they would find the checkout's, which ignores it.
    """
    shutil.rmtree(COPIES / name, ignore_errors=True)
    copy = COPIES / name / COLLECTION
    for path in _files():
        target = copy / path
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / path, target, follow_symlinks=False)
    for arguments in (["init", "--quiet"], ["add", "--all"]):
        subprocess.run(["git", *arguments], cwd=copy, check=True, stderr=subprocess.DEVNULL)
    return copy


def bare_copy(collections: Path, name: str) -> Path:
    """Copy an installed collection without what is not needed at run time; return where to."""
    shutil.rmtree(COPIES / name, ignore_errors=True)
    shutil.copytree(collections, COPIES / name)
    for directory in ("changelogs", "docs", "extensions", "tests"):
        shutil.rmtree(COPIES / name / COLLECTION / directory, ignore_errors=True)
    return COPIES / name


def _files() -> list[Path]:
    """List the files that git would commit; without git, all but what tests and tools made."""
    command = [
        "git",
        "-c",
        f"safe.directory={ROOT}",
        "ls-files",
        "-z",
        "--cached",
        "--others",
        "--exclude-standard",
    ]
    listing = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if listing.returncode == 0:
        listed = {Path(name) for name in listing.stdout.split("\0") if name}
        return sorted(path for path in listed if (ROOT / path).is_symlink() or (ROOT / path).is_file())
    found = []
    for directory, inside, names in os.walk(ROOT):
        inside[:] = [entry for entry in inside if entry not in (".git", ".build", "__pycache__")]
        found += [(Path(directory) / name).relative_to(ROOT) for name in names]
    return sorted(found)
