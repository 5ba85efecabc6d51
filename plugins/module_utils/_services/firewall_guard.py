# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The guard of the rules: waits for a change of our tables, and has the module's own plan put back what is missing."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Sequence

from .._engine.known_errors import KNOWN_ERRORS
from .._engine.nft_tables import TABLE
from .._engine.task import Task
from .._kernel.ruleset_events import RulesetEvents
from .._netmon.log import Log
from .._resources.firewall import FirewallResource

READY = 3  # the descriptor that whoever started us listens to
LOCK_SECONDS = 60.0
SETTLING_SECONDS = 0.01  # a change often is one of several
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0


def main(words: Sequence[str]) -> int:
    """Guard the rules that a state directory remembers, until somebody ends us."""
    (state_dir,) = words
    log = Log("sandbox-network", "info", source="firewall-guard")
    events = RulesetEvents(TABLE)
    _tell_ready()
    pause = 0.0
    while True:
        try:
            repair(state_dir, log)
            pause = 0.0
        except KNOWN_ERRORS as error:
            pause = min(LONGEST_PAUSE, pause * 2 or FIRST_PAUSE)
            log.error("the rules are not as they should be", error=error, next=pause)
        if events.wait(pause or None):
            time.sleep(SETTLING_SECONDS)
            events.read()


def repair(state_dir: str, log: Log) -> None:
    """Put back what is missing. Looking takes no lock: tasks that change the rules are not held up."""
    task = Task(FirewallResource(guards=False), [], state_dir=state_dir, lock_timeout=LOCK_SECONDS)
    if not task.foretell().changed:
        return
    outcome = task.run()
    if outcome.changed:
        log.warn("put back what somebody had changed", operations=" ".join(one.kind for one in outcome.operations))


def _tell_ready() -> None:
    with contextlib.suppress(BrokenPipeError):  # nobody listens any more
        os.write(READY, b"1")
    os.close(READY)
