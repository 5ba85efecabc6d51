# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The state directory, and files in it that are whole or not there.

A file is one JSON object ``{schema, boot_id, checksum, body}``. It is written to an
exclusive temporary name, synced, renamed, and the directory synced.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import os
import stat
from typing import Any

from .errors import StoreError, refused

SCHEMA = 1
LARGEST = 256 << 20
TEMPORARY = ".new-"

Body = dict[str, Any]


@functools.cache
def boot_id() -> str:
    """The kernel's name for this boot; what it holds dies with it."""
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as source:
        return source.read().strip()


def prepare_directory(path: str) -> None:
    """Make a directory 0700, or make sure that an existing one is ours alone.

    Raises StoreError for one that others own or may write to.
    """
    try:
        _make_directories(path)
        status = os.lstat(path)
    except OSError as error:
        advice = "; run as root (become: true), or give another state_dir"
        raise refused("make the state directory", path, error, advice) from None
    _refuse_foreign(path, status)


def check_directory(path: str) -> None:
    """Refuse what prepare_directory would refuse, without making anything. Raises StoreError."""
    try:
        status = os.lstat(path)
    except FileNotFoundError:
        return
    except OSError as error:
        raise refused("make the state directory", path, error) from None
    _refuse_foreign(path, status)


def _refuse_foreign(path: str, status: os.stat_result) -> None:
    if not stat.S_ISDIR(status.st_mode):
        raise StoreError(f"the state directory {path} is not a directory (a link is not followed)")
    if status.st_uid != os.geteuid() or status.st_mode & 0o022:
        raise StoreError(
            f"the state directory {path} belongs to uid {status.st_uid} with mode"
            f" {stat.S_IMODE(status.st_mode):04o}; it must be this user's, and writable for"
            " nobody else"
        )


def write_file(path: str, body: Body) -> None:
    """Replace a state file as a whole; on return it is durable. Raises StoreError."""
    directory = os.path.dirname(path)
    prepare_directory(directory)
    text = json.dumps(body, sort_keys=True)
    head = json.dumps({"schema": SCHEMA, "boot_id": boot_id(), "checksum": _checksum(text)})
    text = f'{head[:-1]}, "body": {text}}}'
    temporary = f"{path}{TEMPORARY}{os.getpid()}"
    try:
        with contextlib.suppress(FileNotFoundError):  # of a killed process that had our pid
            os.unlink(temporary)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        with os.fdopen(os.open(temporary, flags, 0o600), "wb") as target:
            target.write(text.encode())
            target.flush()
            os.fsync(target.fileno())
        _keep_previous(path)
        os.rename(temporary, path)
        sync_directory(directory)
    except OSError as error:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise refused("write", path, error) from None


def read_file(path: str) -> tuple[Body, bool]:
    """The body of a state file, and whether it was written in this boot.

    Raises FileNotFoundError, and StoreError for a file that is damaged, was written
    by a newer version, or is absurdly large.
    """
    advice = f"the former generation is {path}.previous if there is one; move the file away to go on"
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as source:
            if os.fstat(source.fileno()).st_size > LARGEST:
                raise StoreError(f"state file {path} is larger than {LARGEST} bytes; {advice}")
            raw = source.read()
    except FileNotFoundError:
        raise
    except OSError as error:
        raise refused("read", path, error) from None
    try:
        content = json.loads(raw)
        schema, body, checksum = content["schema"], content["body"], content["checksum"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise StoreError(f"state file {path} is damaged; {advice}") from None
    if not isinstance(schema, int) or schema > SCHEMA:
        raise StoreError(
            f"state file {path} has schema {schema!r}, this version knows {SCHEMA}:"
            " a newer version of the collection wrote it, use that one"
        )
    if not isinstance(body, dict) or checksum != _checksum(json.dumps(body, sort_keys=True)):
        raise StoreError(f"state file {path} is damaged (checksum); {advice}")
    return body, content.get("boot_id") == boot_id()


def remove_file(path: str) -> None:
    """Remove a state file and its former generation; missing is fine. Raises StoreError."""
    try:
        for name in (f"{path}.previous", path):  # the file itself last: with it all is done
            with contextlib.suppress(FileNotFoundError):
                os.unlink(name)
    except OSError as error:
        raise refused("remove", path, error) from None


def remove_dead_temporaries(state_dir: str) -> None:
    """Remove what killed writers left below a state directory.

    A temporary name ends with the pid of its writer.
    """
    for directory, _directories, names in os.walk(state_dir):
        for name in names:
            _file, mark, pid = name.rpartition(TEMPORARY)
            dead = pid.isdigit() and not os.path.exists(f"/proc/{pid}")
            if mark and (dead or pid == str(os.getpid())):
                with contextlib.suppress(OSError):
                    os.unlink(os.path.join(directory, name))


def list_directory(directory: str) -> list[str]:
    """The names in a directory, sorted; none when it does not exist."""
    try:
        return sorted(os.listdir(directory))
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise refused("read", directory, error) from None


def sync_directory(directory: str) -> None:
    """Make renames and removals in a directory durable. Raises StoreError."""
    try:
        descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise refused("sync", directory, error) from None


def _make_directories(path: str) -> None:
    """Like os.makedirs, but 0700 for each directory that is made, whatever the umask."""
    if not os.path.isdir(path):
        _make_directories(os.path.dirname(path))
        with contextlib.suppress(FileExistsError):
            os.mkdir(path, 0o700)


def _keep_previous(path: str) -> None:
    previous = f"{path}.previous"
    with contextlib.suppress(FileNotFoundError):
        os.unlink(previous)
    with contextlib.suppress(FileNotFoundError):
        os.link(path, previous)


def _checksum(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
