# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Programs of this collection on a host: a directory of files, which is whole or not there."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Mapping, Sequence

NEW = ".new"


def install(directory: str, files: Mapping[str, str], above: Sequence[str]) -> None:
    """Make a directory with these files, in place of what is there. Raises OSError."""
    if read_installed(directory) == files:
        return
    for place in above:
        with contextlib.suppress(FileExistsError):
            os.mkdir(place)
            os.chmod(place, 0o755)  # whatever the umask
    new = directory + NEW
    _remove(new)
    os.mkdir(new)
    os.chmod(new, 0o755)
    for name, text in files.items():
        parts = name.split("/")[:-1]
        for depth in range(len(parts)):
            with contextlib.suppress(FileExistsError):
                place = os.path.join(new, *parts[: depth + 1])
                os.mkdir(place)
                os.chmod(place, 0o755)
        path = os.path.join(new, name)
        with open(path, "x", encoding="utf-8") as target:
            target.write(text)
        os.chmod(path, 0o644)
    _remove(directory)
    os.rename(new, directory)


def uninstall(directory: str, above: Sequence[str]) -> None:
    """Remove a directory, then those above that are empty. Raises OSError."""
    _remove(directory + NEW)
    _remove(directory)
    for place in reversed(above):
        with contextlib.suppress(OSError):
            os.rmdir(place)


def read_installed(directory: str) -> dict[str, str] | None:
    """The files below a directory by their relative paths, None when it is not there. Raises OSError."""
    if not os.path.isdir(directory):
        return None
    found = {}
    for place, _directories, names in os.walk(directory):
        for name in names:
            path = os.path.join(place, name)
            with open(path, encoding="utf-8", errors="surrogateescape") as source:
                found[os.path.relpath(path, directory)] = source.read()
    return found


def _remove(directory: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(directory)
