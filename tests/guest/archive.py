# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""A cpio archive of the kind that Linux unpacks into its first root ("newc")."""

from __future__ import annotations

import fnmatch
import os
import stat
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import BinaryIO

# As on any Debian: what is in these lies below /usr.
MERGED = ("bin", "lib", "lib64", "sbin")


class Archive:
    """Files, directories and symbolic links, each of them once, all root's."""

    def __init__(self, file: BinaryIO) -> None:
        self.output = file
        self.there: set[str] = {"/"}
        for name in MERGED:
            self.directory(f"/usr/{name}")
            self._entry(f"/{name}", stat.S_IFLNK | 0o777, f"usr/{name}".encode())

    def directory(self, path: str) -> None:
        """Add a directory, with those above it."""
        if path not in self.there:
            self.directory(str(PurePosixPath(path).parent))
            self._entry(path, stat.S_IFDIR | 0o755, b"")

    def file(self, path: str, source: Path, *, executable: bool = False) -> None:
        """Add a file with the content of another one."""
        mode = 0o755 if executable else 0o644
        # Python compares a source's time with the one in what is compiled of it.
        self._below(path, stat.S_IFREG | mode, source.read_bytes(), int(source.stat().st_mtime))

    def link(self, path: str, target: str) -> None:
        """Add a symbolic link."""
        self._below(path, stat.S_IFLNK | 0o777, target.encode())

    def tree(self, path: str, source: Path, left_out: Sequence[str] = ()) -> None:
        """Add a directory with all that is in it but for some names; symbolic links are followed."""
        if not source.is_dir():
            self.file(path, source)
            return
        for entry in sorted(os.listdir(source)):
            if not any(fnmatch.fnmatch(entry, pattern) for pattern in left_out):
                self.tree(f"{path}/{entry}", source / entry, left_out)

    def close(self) -> None:
        """Write what ends an archive."""
        self._entry("/TRAILER!!!", 0, b"")

    def _below(self, path: str, mode: int, data: bytes, modified: int = 0) -> None:
        if path.split("/")[1] in MERGED:
            path = f"/usr{path}"
        if path not in self.there:
            self.directory(str(PurePosixPath(path).parent))
            self._entry(path, mode, data, modified)

    def _entry(self, path: str, mode: int, data: bytes, modified: int = 0) -> None:
        self.there.add(path)
        name = path.lstrip("/").encode() + b"\0"
        # number, mode, user, group, links, time, size, 4 device numbers, length of the name, checksum
        numbers = (len(self.there), mode, 0, 0, 1, modified, len(data), 0, 0, 0, 0, len(name), 0)
        head = b"070701" + "".join(f"{number:08x}" for number in numbers).encode() + name
        for part in (head, data):
            self.output.write(part + b"\0" * (-len(part) % 4))
