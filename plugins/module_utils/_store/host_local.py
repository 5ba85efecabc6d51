# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The address leases of CNI's plugin host-local: one file for each, DATA_DIR/NETWORK/ADDRESS.

In a file are the container and the interface, each on a line of its own. The plugin holds the lock of
the directory while it works there. So an empty file that is seen under the lock is what a killed
plugin has left: nobody will fill it, and nobody frees it, for it names no owner.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import ipaddress
import os
import time
from collections.abc import Iterator, Mapping

from .errors import StoreError, refused
from .files import list_directory

DEFAULT = "/var/lib/cni/networks"
LOCK = "lock"
LOCK_SECONDS = 10.0
LARGEST = 4096

Owner = tuple[str, str]
"""Container and interface."""


def read_leases(directory: str) -> dict[str, str]:
    """What the lease files of a network say, by address. Nothing is locked. Raises StoreError."""
    found = {}
    for name in list_directory(directory):
        text = _read(os.path.join(directory, name)) if _is_address(name) else None
        if text is not None:
            found[name] = text
    return found


def owner_of(text: str) -> Owner | None:
    """Whom a lease belongs to; None for one that names nobody."""
    lines = text.split()
    return (lines[0], lines[1]) if len(lines) == 2 else None


def free_leases(directory: str, leases: Mapping[str, str]) -> None:
    """Remove leases that still say what they said; one that has gone is fine. Raises StoreError."""
    if not os.path.isdir(directory):
        return
    with _locked(directory):
        for name, text in leases.items():
            path = os.path.join(directory, name)
            if _read(path) != text:
                continue
            try:
                os.unlink(path)
            except OSError as error:
                raise refused("remove", path, error) from None


def put_leases_back(directory: str, leases: Mapping[str, str]) -> None:
    """Make leases again, unless somebody has the address meanwhile. Raises StoreError."""
    if not os.path.isdir(directory):
        return
    with _locked(directory):
        for name, text in leases.items():
            path = os.path.join(directory, name)
            try:
                with contextlib.suppress(FileExistsError), open(path, "x", encoding="utf-8", newline="") as target:
                    target.write(text)
            except OSError as error:
                raise refused("write", path, error) from None


def networks_in(data_dir: str) -> list[str]:
    """The networks that have leases below a directory. Raises StoreError."""
    return [name for name in list_directory(data_dir) if os.path.isdir(os.path.join(data_dir, name))]


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.replace("_", ":") if name.count("_") > 1 else name)
    except ValueError:
        return False
    return True


def _read(path: str) -> str | None:
    try:
        with open(path, encoding="utf-8", errors="surrogateescape", newline="") as source:
            return source.read(LARGEST)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise refused("read", path, error) from None


@contextlib.contextmanager
def _locked(directory: str) -> Iterator[None]:
    """As the plugin locks it, on the same file."""
    path = os.path.join(directory, LOCK)
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise refused("open", path, error) from None
    try:
        _wait_for_lock(descriptor, path)
        yield
    finally:
        os.close(descriptor)


def _wait_for_lock(descriptor: int, path: str) -> None:
    deadline = time.monotonic() + LOCK_SECONDS
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except OSError as error:
            if error.errno not in (errno.EAGAIN, errno.EACCES):
                raise refused("lock", path, error) from None
        if time.monotonic() > deadline:
            raise StoreError(f"{path} is held by somebody else for {LOCK_SECONDS:g} seconds")
        time.sleep(0.02)
