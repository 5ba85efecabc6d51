# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Helper processes as they are found."""

from __future__ import annotations

from .._engine.state import HelperState, State
from .._programs.supervised import read_running


def observe_helper(directory: str, state: State) -> None:
    """The helper of a directory, dead or alive."""
    running = read_running(directory)
    if running is None:
        state.helpers[directory] = None
        return
    helper = running.helper
    known = {"pid": helper.pid, "started": helper.started} if helper and running.alive else {}
    words = "" if running.alive else running.last_words
    lingers = helper is not None and not running.alive
    state.helpers[directory] = HelperState(running.spec, running.alive, lingers=lingers, last_words=words, **known)
