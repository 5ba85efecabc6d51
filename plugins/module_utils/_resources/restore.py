# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The resource restore: which sandboxes are made again after a boot, and the program and unit that do it.

The descriptions are all that is remembered: the last one to go takes the program with it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from .._engine.operation import Operation
from .._engine.resource import Reader
from .._engine.state import FileState, State
from .._programs.restore import (
    DOCUMENTS,
    LAUNCHER,
    MARK,
    NAME,
    UNIT,
    UNIT_FILE,
    document_file,
    document_files,
    launcher,
    restore_directory,
    restore_files,
    unit_text,
)
from .._programs.systemd import Unit, is_running, read_unit
from . import values
from .own_files import observe_files, plan_removal, plan_write
from .own_programs import observe_program, plan_install, plan_launcher, plan_no_launcher, plan_uninstall
from .restore_options import FORM, WantedRestore, parse_restore

SUBJECT = "restore"
READABLE, OWN = 0o644, 0o600
__all__ = ["FORM", "RestoreResource"]


class RestoreResource:
    """Observe and plan what is made again after a boot."""

    def parse(self, options: dict[str, Any]) -> WantedRestore:
        """One sandbox as wanted. Raises InvalidOption."""
        return parse_restore(options)

    def check(self, wanted: Sequence[WantedRestore]) -> None:
        """Refuse a sandbox that is given twice."""
        values.no_duplicates("sandbox", [one.sandbox for one in wanted])

    def subjects(self, wanted: Sequence[WantedRestore]) -> frozenset[str]:
        """The program, which all sandboxes of a host share."""
        return frozenset([SUBJECT])

    def observe(self, wanted: Sequence[WantedRestore], reader: Reader) -> State:
        """The descriptions, the program, and its unit. Raises TaskError, ProgramError."""
        state = State(state_dir=reader.records.state_dir)
        observe_program(NAME, restore_directory(), state)
        observe_files([*document_files(), *(document_file(one.sandbox) for one in wanted)], state)
        observe_files([LAUNCHER, UNIT_FILE], state)
        state.kinds["systemd"] = is_running()
        if state.kinds["systemd"]:
            state.units[UNIT] = read_unit(UNIT)
        elif any(one.document for one in wanted):
            state.warnings.append(f"No systemd runs here: have {LAUNCHER} run at boot, before who uses sandboxes.")
        return state

    def plan(self, wanted: Sequence[WantedRestore], state: State) -> list[Operation]:
        """The program first, then the descriptions, then the unit; and the way back."""
        changes: list[Operation] = []
        described = {path for path, file in state.files.items() if file is not None and _is_document(path)}
        for one in wanted:
            path = document_file(one.sandbox)
            if one.document is not None:
                changes += plan_write(path, FileState(one.document.as_text(), OWN), state)
                described.add(path)
            else:
                changes += plan_removal(path, state, (DOCUMENTS.rpartition("/")[0], DOCUMENTS))
                described.discard(path)
        if described:
            return [
                *_plan_program(state),
                *changes,
                *_plan_unit(state),
                *plan_uninstall(NAME, restore_directory(), state),
            ]
        removal = [*plan_no_launcher(LAUNCHER, MARK, state), *plan_uninstall(NAME, None, state)]
        return [*_plan_no_unit(state), *changes, *removal]

    def describe(self, wanted: WantedRestore, before: State, after: State) -> dict[str, Any]:
        """The sandbox for the result."""
        path = document_file(wanted.sandbox)
        unit = after.units.get(UNIT, Unit())
        return {
            "sandbox": wanted.sandbox,
            "state": "present" if after.files.get(path) is not None else "absent",
            "file": path,
            "unit": UNIT if after.kinds["systemd"] and after.files.get(UNIT_FILE) is not None else None,
            "enabled": unit.enabled,
        }


def _is_document(path: str) -> bool:
    return path.rpartition("/")[0] == DOCUMENTS


def _plan_program(state: State) -> Iterator[Operation]:
    yield from plan_install(restore_directory(), restore_files(), state)
    yield from plan_launcher(LAUNCHER, launcher(), MARK, state)


def _plan_unit(state: State) -> Iterator[Operation]:
    if state.kinds["systemd"]:
        yield from plan_write(UNIT_FILE, FileState(unit_text(), READABLE), state)
        if not state.units[UNIT].enabled:
            yield Operation("unit.enable", {"unit": UNIT})


def _plan_no_unit(state: State) -> Iterator[Operation]:
    unit = state.units.get(UNIT, Unit())
    if unit.active:  # it has run in this boot, and stays so until it is stopped, which does nothing else
        yield Operation("unit.stop", {"unit": UNIT, "active": True})
    if unit.enabled:
        yield Operation("unit.disable", {"unit": UNIT})
    yield from plan_removal(UNIT_FILE, state)
