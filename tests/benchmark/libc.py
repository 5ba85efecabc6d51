# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The C library's calls that Python lacks."""

from __future__ import annotations

import ctypes
import os

CLONE_NEWNET = 0x40000000

libc = ctypes.CDLL(None, use_errno=True)


def check(result: int) -> None:
    """Raise what the call that returned this failed with."""
    if result:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
