# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The guard of the rules: a process that puts them back as soon as somebody has flushed or changed them.

There is one for all sandboxes of the host, and it ends with the boot, as the rules do. It is not for rules in
other namespaces: a process would keep them alive.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

from .._engine.operation import Operation
from .._engine.state import HelperState, State
from .._kernel.namespaces import is_first_process_here
from .._programs.finding import ENVIRONMENT
from .._programs.own_program import directory_for, interpreter, program_files
from .._programs.systemd import is_running
from .helpers import observe_helper
from .own_programs import observe_program, plan_install, plan_uninstall

NAME = "firewall-guard"
ENTRY = "_services.firewall_guard"
MARK = "# Guards the rules of sandbox.network, written by its module firewall."
READY_SECONDS = 30.0
GUARDS = ("auto", "always", "never")


def observe_guard(asked: Iterable[str], state: State) -> None:
    """Whether there can be a guard, whether there is one, and its program. ``asked`` is what sandboxes say of it."""
    here = is_first_process_here()
    state.kinds["guardable"] = here
    state.kinds["systemd"] = here and is_running()
    observe_helper(_directory(state), state)
    needed = guard_of(state) or _manager(asked, state)  # to read our own source takes its time
    observe_program(NAME, _program(state) if needed else None, state, _library(state))
    if "always" in asked and not here:
        state.warnings.append(
            "guard: always has no effect: these are not the rules of the host, but of another network namespace."
        )


def guard_of(state: State) -> HelperState | None:
    """The guard as it is, if there is one."""
    return state.helpers.get(_directory(state))


def plan_guard(asked: Iterable[str], state: State) -> tuple[list[Operation], list[Operation]]:
    """What is done before the rules change, and what after it."""
    manager = _manager(asked, state)
    found = guard_of(state)
    if manager is None:
        end = [_stop(found, state)] if found else []
        return [*end, *plan_uninstall(NAME, None, state)], []
    spec = _spec(manager, state)
    if found and found.alive and (found.spec["argv"], found.spec["manager"]) == (spec["argv"], manager):
        return [], list(plan_uninstall(NAME, _program(state), state))
    return [], [
        *plan_install(_program(state), _files(), state),
        *([_stop(found, state)] if found else []),
        Operation("process.start", {"name": NAME, "directory": _directory(state), "spec": spec}),
        *plan_uninstall(NAME, _program(state), state),
    ]


def _manager(asked: Iterable[str], state: State) -> str | None:
    """Who looks after the guard, None for no guard."""
    asked = set(asked)
    if not state.kinds["guardable"] or asked <= {"never"}:
        return None
    if state.kinds["systemd"]:
        return "systemd"
    return "process" if "always" in asked else None


def _spec(manager: str, state: State) -> dict[str, Any]:
    return {
        "argv": [*interpreter(_program(state), libraries=True), state.state_dir],
        "environment": dict(ENVIRONMENT),
        "ready": "descriptor",
        "ready_timeout": READY_SECONDS,
        "netns": None,
        "manager": manager,
        "daemon": True,
        "description": "Guard of the firewall of sandboxes",
    }


def _stop(found: HelperState, state: State) -> Operation:
    args = {"name": NAME, "directory": _directory(state), "spec": dict(found.spec), "alive": found.alive}
    return Operation("process.stop", args)


@functools.lru_cache(maxsize=1)
def _files() -> Mapping[str, str]:
    return MappingProxyType(program_files(ENTRY, MARK))


def _program(state: State) -> str:
    return directory_for(NAME, _files(), _library(state))


def _library(state: State) -> str:
    return f"{state.state_dir}/programs"


def _directory(state: State) -> str:
    return f"{state.state_dir}/helpers/{NAME}"
