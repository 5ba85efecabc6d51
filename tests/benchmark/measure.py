# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""One contestant on one throw-away host: make so many sandboxes, look, take them away.

    measure.py SCENARIO CONTESTANT NUMBER INTERPRETER

prints what every phase cost, and which sandboxes were not as they should be; or the same for the
other scenarios.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path

import floor
from controller import Playbooks
from cost import Cost, Phases, beyond, cheapest, measured, phases_of, run
from endpoints.measure import CONTESTANTS as ENDPOINTS
from firewall.measure import CONTESTANTS as FIREWALL
from monitor.measure import CONTESTANTS as MONITOR
from moves.measure import CONTESTANTS as MOVES
from ours import Modules, Role
from peer import Peer
from scenario import bridges, sandboxes
from user_mode.measure import CONTESTANTS as USER_MODE
from verify import bad_sandboxes, left_behind

SCRATCH = Path(os.environ["TMPDIR"])


def measure_floor(number: int, _python: str) -> Phases:
    """Bare netlink, in this very process."""
    with measured() as created:
        floor.create(sandboxes(number), bridges(number))
    bad = bad_sandboxes(number)
    with measured() as deleted:
        floor.delete(sandboxes(number), bridges(number))
    return _phases({"create": created, "absent": deleted}, bad)


def measure_peer(number: int, _python: str) -> Phases:
    """iproute2."""
    peer = Peer(sandboxes(number), bridges(number), SCRATCH)
    created = run(peer.create, SCRATCH / "output")
    bad = bad_sandboxes(number)
    deleted = run(peer.delete, SCRATCH / "output")
    return _phases({"create": created, "absent": deleted}, bad)


def measure_ours(number: int, python: str) -> Phases:
    """The collection; what a module costs that has nothing to do is taken off each."""
    collections, ansible_lib = os.environ["SANDBOX_COLLECTIONS"], os.environ["SANDBOX_ANSIBLE_LIB"]
    modules = Modules(python, collections, ansible_lib, SCRATCH)
    role = Role(modules, number)
    starts = cheapest([modules.starts() for _round in range(3)])  # the first one compiles
    wrong, parts = [], {}
    for phase, must_change in (
        ("create", True),
        ("again", False),
        ("check", False),
        ("absent", True),
    ):
        if phase == "absent":
            changed, parts[phase] = role.absent()
        else:
            changed, parts[phase] = role.present(check=phase == "check")
        if changed != must_change:
            wrong.append(f"{phase}: changed is {changed}")
        if phase in ("create", "again"):
            wrong += bad_sandboxes(number)
    totals = {phase: beyond(costs, starts) for phase, costs in parts.items()}
    phases = _phases(totals, wrong)
    phases["starts"] = {name: asdict(cost) for name, cost in starts.items()}
    phases["parts"] = {phase: {name: asdict(cost) for name, cost in costs.items()} for phase, costs in parts.items()}
    return phases


def measure_tasks(_number: int, python: str) -> Phases:
    """What a task costs that has nothing to do."""
    costs = Playbooks(python, os.environ["SANDBOX_COLLECTIONS"], SCRATCH).task_costs()
    return _phases(costs, [])


def measure_role(number: int, python: str) -> Phases:
    """The role, through ansible-playbook."""
    costs = Playbooks(python, os.environ["SANDBOX_COLLECTIONS"], SCRATCH).role_costs(number)
    return _phases(costs, [])


def _phases(costs: dict[str, Cost], bad: list[str]) -> Phases:
    return phases_of(costs, bad + left_behind())


CONTESTANTS = {
    "floor": measure_floor,
    "peer": measure_peer,
    "ours": measure_ours,
    "tasks": measure_tasks,
    "role": measure_role,
}
SCENARIOS: Mapping[str, Mapping[str, Callable[[int, str], Phases]]] = {
    "sandboxes": CONTESTANTS,
    "moves": MOVES,
    "endpoints": ENDPOINTS,
    "user_mode": USER_MODE,
    "firewall": FIREWALL,
    "monitor": MONITOR,
}

if __name__ == "__main__":
    scenario, contestant, number, python = sys.argv[1:]
    print(json.dumps(SCENARIOS[scenario][contestant](int(number), python)))
