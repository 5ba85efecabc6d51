# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""One contestant on one throw-away host: wire so many links by one model, look, let them go, look."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path

from cost import Phases, measured, phases_of
from ours import Modules, measure_task

from endpoints import MODELS
from endpoints.devices import prepare
from endpoints.floor import Floor
from endpoints.ours import Endpoints
from endpoints.verify import bad_attached, bad_detached

SCRATCH = Path(os.environ["TMPDIR"])


def measure_floor(model: str, number: int, _python: str) -> Phases:
    """Bare netlink and ioctls, in this very process."""
    endpoints = prepare(number, SCRATCH)
    floor = Floor(model, endpoints)
    bad = bad_detached(endpoints)
    with measured() as attach:
        floor.attach()
    bad += bad_attached(model, endpoints)
    with measured() as detach:
        floor.detach()
    return phases_of({"attach": attach, "detach": detach}, bad + bad_detached(endpoints))


def measure_ours(model: str, number: int, python: str) -> Phases:
    """The collection; what the module costs that has nothing to do is taken off."""
    collections, ansible_lib = os.environ["SANDBOX_COLLECTIONS"], os.environ["SANDBOX_ANSIBLE_LIB"]
    endpoints = prepare(number, SCRATCH)
    tasks = Endpoints(Modules(python, collections, ansible_lib, SCRATCH), model, endpoints)

    def bad_when(state: str) -> list[str]:
        return bad_attached(model, endpoints) if state == "present" else bad_detached(endpoints)

    return measure_task(tasks, "attach", "detach", bad_when)


CONTESTANTS = {
    f"{who} {model}": partial(measure, model)
    for model in MODELS
    for who, measure in (("floor", measure_floor), ("ours", measure_ours))
}
