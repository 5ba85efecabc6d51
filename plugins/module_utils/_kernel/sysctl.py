# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Kernel settings below ``/proc/sys/net``, of whichever namespace is asked for."""

from __future__ import annotations

import os

from .errors import KernelError
from .namespaces import Namespace

ROOT = "/proc/sys/"


def sysctl_path(key: str) -> str:
    """The file of a key, in the notation of sysctl(8).

    Dots separate, or slashes when the first separator is a slash (for interface
    names with a dot in them).
    """
    first = next((character for character in key if character in "./"), ".")
    if first == ".":
        key = key.translate(str.maketrans("./", "/."))
    return ROOT + key


def read_sysctl(namespace: Namespace, key: str) -> str | None:
    """The value of a key, white space folded; None when the kernel has no such key."""
    with namespace.inside():
        try:
            descriptor = os.open(sysctl_path(key), os.O_RDONLY | os.O_CLOEXEC)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise KernelError(error.errno or 0, f"reading sysctl {key}") from None
        try:
            return " ".join(os.read(descriptor, 4096).decode().split())
        except OSError as error:
            raise KernelError(error.errno or 0, f"reading sysctl {key}") from None
        finally:
            os.close(descriptor)


def write_sysctl(namespace: Namespace, key: str, value: str) -> None:
    """Set a key. Raises KernelError."""
    with namespace.inside():
        try:
            descriptor = os.open(sysctl_path(key), os.O_WRONLY | os.O_CLOEXEC)
            try:
                os.write(descriptor, value.encode("utf-8", "surrogateescape"))
            finally:
                os.close(descriptor)
        except OSError as error:
            raise KernelError(error.errno or 0, f"setting sysctl {key} to {value}") from None
