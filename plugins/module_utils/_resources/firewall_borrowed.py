# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""What sandboxes need of links of the host: set with the first that needs it, put back after the last.

A record says what is ours to put back. What others had set before has none, and stays.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Callable, Optional

from .._engine.operation import Operation
from .._engine.state import State

Step = Callable[[str], Optional[Operation]]
"""What is to be done to a link, by its name; None for nothing."""


def plan_borrowed(
    kind: str, needed: Collection[str], state: State, *, put_back: Step, set_up: Step
) -> tuple[list[Operation], list[Operation]]:
    """What is put back before the rules change, and what is set after it. ``kind`` is that of the records."""
    own = state.existing(None)
    before: list[Operation] = []
    after: list[Operation] = []
    for (found, name), memory in sorted(state.records.items()):
        device = name.partition(":")[2]
        if found != kind or memory is None or device in needed:
            continue
        step = put_back(device)
        before += [step] if step else []
        before.append(Operation("record.drop", {"kind": kind, "name": name, "before": memory}))
    for device in sorted(needed):
        step = set_up(device)
        if step is None:
            continue
        name = f"{own.fingerprint[1]}:{device}"
        if state.record(kind, name) is None:
            memory = {"kind": kind, "name": name, "value": {"identity": list(own.fingerprint)}, "before": None}
            after.append(Operation("record.put", memory))
        after.append(step)
    return before, after
