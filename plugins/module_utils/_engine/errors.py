# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Errors that end a task with a message, raised anywhere and reported in one place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class TaskError(Exception):
    """A task that cannot be done; nothing was touched."""


class InvalidOption(TaskError):
    """An option whose value cannot be right; names both."""

    def __init__(self, option: str, value: Any, reason: str) -> None:
        super().__init__(f"{option} {reason}" if value is None else f"{option}: {value!r} {reason}")
        self.option = option
        self.value = value
        self.reason = reason

    def within(self, place: str) -> InvalidOption:
        """The same, for an option inside another one, such as ``links[3]``."""
        return InvalidOption(f"{place}.{self.option}", self.value, self.reason)


class NotThereYet(TaskError):
    """Something that an earlier task may still have to see to.

    A real run cannot go on without it; check mode assumes it, with a warning:
    ``assume`` enters it into the observed state.
    """

    def __init__(self, message: str, assume: Callable[[], None]) -> None:
        super().__init__(message)
        self.assume = assume


class RecoveryFailed(TaskError):
    """What a killed task left half done could not be undone."""


class NotVerified(TaskError):
    """Every operation succeeded, and yet the host is not as asked for."""


class Interrupted(TaskError):
    """A signal asked the task to end."""
