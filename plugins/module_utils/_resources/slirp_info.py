# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""What netns_info tells of the user-mode network of a namespace: whether it lives, and its forwards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .._engine.state import State
from .._kernel.namespaces import Fingerprint
from .._programs import pesto, slirp4netns
from .._programs.errors import ProgramError
from .._programs.slirp4netns import Forward
from .._store.records import Records
from .helpers import observe_helper
from .slirp_forwards import complete, ids_from
from .slirp_record import KIND, directory_of, forwards_of

PATIENCE = 1.0
TOLD = ("interface", "guest", "gateway", "dns", "mtu")


@dataclass(frozen=True)
class UserMode:
    """A recorded user-mode network: its health, and its forwards with the ids that live ones have."""

    health: dict[str, Any]
    forwards: list[Forward]


def live_forwards(spec: Mapping[str, Any], seconds: float, record: Mapping[str, Any] | None) -> list[Forward]:
    """The forwards that a helper tells. Raises ProgramError."""
    if not spec.get("pesto"):
        return slirp4netns.list_forwards(spec["socket"], seconds)
    found = pesto.list_forwards(spec["pesto"], spec["socket"], seconds)
    network: Mapping[str, Any] = record["network"] if record else {"guest": ""}
    return complete(found, network["guest"], spliced=network.get("spliced", False))


def recorded_network(
    names: Sequence[str], fingerprint: Fingerprint, records: Records
) -> tuple[str, dict[str, Any]] | None:
    """The record of the user-mode network of a namespace that is still the same one, and the name that it was
    made by; None where there is none.
    """
    for path in names:
        record = records.get(KIND, path)
        if record is not None and record.this_boot and record.value["fingerprint"] == list(fingerprint):
            return path, record.value
    return None


def read_user_mode(path: str, record: dict[str, Any], state_dir: str) -> UserMode:
    """The user-mode network that a record tells of, as it is now."""
    state = State(state_dir=state_dir)
    directory = directory_of(path, state)
    observe_helper(directory, state)
    helper, forwards = state.helpers[directory], forwards_of(record)
    alive = bool(helper and helper.alive)
    socket = helper.spec.get("socket") if helper and alive else None
    problem = ""
    if socket:
        try:
            forwards = ids_from(forwards, live_forwards(helper.spec if helper else {}, PATIENCE, record))
        except ProgramError as error:
            problem = str(error)
    network = record["network"]
    health = {
        "backend": record["backend"],
        "alive": alive,
        "answers": alive and not problem,
        "problem": problem or (helper.last_words if helper and not alive else "") or None,
        "pid": helper.pid if helper else None,
        "api_socket": socket,
        **{name: network.get(name) for name in TOLD},
    }
    return UserMode(health, forwards)
