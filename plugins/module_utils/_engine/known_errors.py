# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The errors that a task may end with: each has a message for its user. Any other is a fault of ours."""

from __future__ import annotations

from .._kernel.errors import KernelError, NoSuchNamespace, NotANamespace, UnstableRead
from .._programs.errors import ProgramError
from .._store.errors import StoreError
from .errors import TaskError

KNOWN_ERRORS = (
    TaskError,
    StoreError,
    KernelError,
    ProgramError,
    UnstableRead,
    NoSuchNamespace,
    NotANamespace,
    OSError,
)
