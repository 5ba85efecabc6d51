# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Files outside the state directory, read as they are."""

from __future__ import annotations

import os
import stat
from typing import NamedTuple


class PlainFile(NamedTuple):
    """Content as text (bytes that are not UTF-8 as surrogates), mode bits, user and group id."""

    content: str
    mode: int
    owner: tuple[int, int]


class NotAPlainFile(Exception):
    """A path that holds a link, a directory or a device."""


def read_plain_file(path: str) -> PlainFile | None:
    """The file at a path, None when there is none. Raises NotAPlainFile, OSError."""
    try:
        status = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    if not stat.S_ISREG(status.st_mode):
        raise NotAPlainFile(f"{path} is not a plain file")
    with open(path, "rb") as source:
        content = source.read().decode("utf-8", "surrogateescape")
    return PlainFile(content, stat.S_IMODE(status.st_mode), (status.st_uid, status.st_gid))


def read_host_file(path: str) -> str:
    """What a program finds in a file of the host, wherever links lead; empty where it finds nothing."""
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as source:
            return source.read()
    except OSError:
        return ""
