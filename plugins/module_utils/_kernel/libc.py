# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The few C library calls that Python 3.9 does not have: namespaces and mounts.

The handle is that of the running program, so that the library is looked up as for
any other call of the process.
"""

from __future__ import annotations

import ctypes
import os

CLONE_NEWNET = 0x40000000
MS_BIND = 0x1000
MS_REC = 0x4000
MS_SHARED = 1 << 20
MNT_DETACH = 2
UMOUNT_NOFOLLOW = 8

# the same numbers on all machines since Linux 5.2
SYS_FSOPEN, SYS_FSCONFIG, SYS_FSMOUNT = 430, 431, 432
FSOPEN_CLOEXEC = FSMOUNT_CLOEXEC = 1
FSCONFIG_CMD_CREATE = 6

_libc = ctypes.CDLL(None, use_errno=True)


def setns(descriptor: int, kind: int = CLONE_NEWNET) -> None:
    """Move the calling thread into a namespace. Raises OSError."""
    _check(_libc.setns(descriptor, kind), "setns")


def unshare(flags: int) -> None:
    """Give the calling thread namespaces of its own. Raises OSError."""
    _check(_libc.unshare(flags), "unshare")


def mount(source: str, target: str, flags: int, filesystem: str | None = None) -> None:
    """mount(2) without data. Raises OSError that names the target."""
    kind = filesystem.encode() if filesystem else None
    _check(_libc.mount(os.fsencode(source), os.fsencode(target), kind, flags, None), target)


def unmount(target: str, flags: int = MNT_DETACH) -> None:
    """umount2(2). Raises OSError that names the target."""
    _check(_libc.umount2(os.fsencode(target), flags), target)


def _check(result: int, subject: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), subject)
    return int(result)


def fsopen(kind: str) -> int:
    """A descriptor of a file system that is about to be made. Raises OSError."""
    return _check(_libc.syscall(SYS_FSOPEN, kind.encode(), FSOPEN_CLOEXEC), "fsopen")


def fsconfig_create(descriptor: int) -> None:
    """Make the file system of a descriptor. Raises OSError."""
    _check(_libc.syscall(SYS_FSCONFIG, descriptor, FSCONFIG_CMD_CREATE, None, None, 0), "fsconfig")


def fsmount(descriptor: int) -> int:
    """A descriptor of the root of a file system that is mounted nowhere. Raises OSError."""
    return _check(_libc.syscall(SYS_FSMOUNT, descriptor, FSMOUNT_CLOEXEC, 0), "fsmount")
