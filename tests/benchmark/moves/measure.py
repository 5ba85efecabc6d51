# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""One contestant on one throw-away host: move so many devices there, look, move them back, look."""

from __future__ import annotations

import os
from pathlib import Path

from cost import Phases, measured, phases_of, run
from ours import Modules, measure_task

from moves.devices import prepare
from moves.floor import Floor
from moves.ours import Moves
from moves.peer import Peer
from moves.verify import bad_inside, bad_outside

SCRATCH = Path(os.environ["TMPDIR"])


def measure_floor(number: int, _python: str) -> Phases:
    """Bare netlink, in this very process."""
    devices = prepare(number, SCRATCH)
    floor = Floor(devices)
    bad = bad_outside(devices)
    with measured() as there:
        floor.there()
    bad += bad_inside(devices)
    with measured() as back:
        floor.back()
    return phases_of({"there": there, "back": back}, bad + bad_outside(devices))


def measure_peer(number: int, _python: str) -> Phases:
    """iproute2."""
    devices = prepare(number, SCRATCH)
    peer = Peer(devices, SCRATCH)
    bad = bad_outside(devices)
    there = run(peer.there, SCRATCH / "output")
    bad += bad_inside(devices)
    back = run(peer.back, SCRATCH / "output")
    return phases_of({"there": there, "back": back}, bad + bad_outside(devices))


def measure_ours(number: int, python: str) -> Phases:
    """The collection; what the module costs that has nothing to do is taken off."""
    collections, ansible_lib = os.environ["SANDBOX_COLLECTIONS"], os.environ["SANDBOX_ANSIBLE_LIB"]
    devices = prepare(number, SCRATCH)
    moves = Moves(Modules(python, collections, ansible_lib, SCRATCH), devices)

    def bad_when(state: str) -> list[str]:
        return bad_inside(devices) if state == "present" else bad_outside(devices)

    return measure_task(moves, "there", "back", bad_when)


CONTESTANTS = {"floor": measure_floor, "peer": measure_peer, "ours": measure_ours}
