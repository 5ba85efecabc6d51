# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The links of a namespace below sysfs, whichever namespace the mounted /sys shows.

A sysfs shows the links of the namespace that it was mounted in. Here one is made without
being mounted anywhere (``fsopen``, Linux 5.2), for the namespace that is asked for.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager

from . import libc
from .errors import KernelError
from .namespaces import Namespace


def read_macvtap_number(namespace: Namespace, name: str, ifindex: int) -> tuple[int, int]:
    """Major and minor number of the device node that belongs to a macvtap. Raises KernelError.

    The node of that name below /dev may be another one's: there is one /dev/tapN for the
    links with index N of all namespaces.
    """
    path = f"class/net/{name}/tap{ifindex}/dev"
    try:
        with _sysfs_of(namespace) as directory:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC, dir_fd=directory)
            try:
                major, _colon, minor = os.read(descriptor, 64).decode().strip().partition(":")
            finally:
                os.close(descriptor)
    except OSError as error:
        raise KernelError(error.errno or errno.EIO, f"reading the device number of macvtap {name}") from None
    return int(major), int(minor)


@contextmanager
def _sysfs_of(namespace: Namespace) -> Iterator[int]:
    with namespace.inside():
        filesystem = libc.fsopen("sysfs")
        try:
            libc.fsconfig_create(filesystem)
            directory = libc.fsmount(filesystem)
        finally:
            os.close(filesystem)
    try:
        yield directory
    finally:
        os.close(directory)
