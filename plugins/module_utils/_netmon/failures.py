# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Which commands have failed, and when each is tried again: later and later. Pure.

Each interface waits by itself, and so do the routes: one that a runtime cannot take keeps nothing
else from it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from .steps import Step

FIRST_BACK_OFF, LAST_BACK_OFF = 0.05, 30.0
NEVER = float("inf")


@dataclass
class Failure:
    """A step that has failed, ``tries`` times in a row; times in seconds."""

    step: Step
    tries: int = 0
    back_off: float = FIRST_BACK_OFF
    again_at: float = 0.0


class Failures:
    """Those of one sandbox. ``retries``: how often a step is tried again, 0 for ever."""

    def __init__(self, retries: int) -> None:
        self._retries = retries
        self._by_interface: dict[int, Failure] = {}

    def __bool__(self) -> bool:
        return bool(self._by_interface)

    def choose(self, steps: Iterable[Step], now: float) -> tuple[Step | None, float]:
        """The first step that is due, and when the next one will be if none is. All others are forgotten then:
        something else is wanted by now.
        """
        waiting: dict[int, Failure] = {}
        for step in steps:
            failure = self._by_interface.get(step.ifindex)
            if failure is None or failure.step != step or failure.again_at <= now:
                return step, now
            waiting[step.ifindex] = failure
        self._by_interface = waiting
        return None, min((failure.again_at for failure in waiting.values()), default=NEVER)

    def failed(self, step: Step, now: float) -> None:
        """A step was tried in vain."""
        failure = self._by_interface.get(step.ifindex)
        if failure is None or failure.step != step:
            failure = self._by_interface[step.ifindex] = Failure(step)
        failure.tries += 1
        failure.again_at = now + failure.back_off
        if self._retries and failure.tries > self._retries:
            failure.again_at = NEVER
        failure.back_off = min(failure.back_off * 2, LAST_BACK_OFF)

    def succeeded(self, step: Step) -> None:
        """A step was made."""
        self._by_interface.pop(step.ifindex, None)
