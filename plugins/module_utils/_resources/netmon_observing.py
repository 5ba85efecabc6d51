# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Observing the monitor: its program and configuration, its process, and the sandboxes it is asked to watch."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from .._engine.resource import Reader
from .._engine.state import NamespaceState, State
from .._programs.monitor import (
    LAUNCHER,
    NAME,
    UNIT,
    UNIT_FILE,
    files_in,
    monitor_directory,
    problem_with_runtime,
)
from .._programs.systemd import is_running, read_unit
from .given_namespace import identify_given
from .helpers import observe_helper
from .netmon_files import KIND, config_directory, config_file, configurations, told_file
from .netmon_options import WantedMonitor
from .netmon_process import helper_directory
from .own_files import observe_directories_above, observe_files
from .own_programs import observe_program


def observe_monitor(wanted: Sequence[WantedMonitor], reader: Reader) -> State:
    """Everything that a plan needs to know. Raises TaskError."""
    state = State(state_dir=reader.records.state_dir)
    observe_program(NAME, monitor_directory(), state)
    observe_configuration(state)
    observe_files(_paths(wanted, state), state)
    for one in wanted:
        settings = one.settings or configurations(state).get(one.sandbox, {})
        if settings and not one.settings:
            observe_files([told_file(settings)], state)
        if settings:
            observe_directories_above(told_file(settings), state)
        if one.watched:
            _observe_sandbox(one, state)
    for name, record in reader.records.all(KIND).items():
        state.records[KIND, name] = record.value
    observe_process(state)
    return state


def observe_configuration(state: State) -> None:
    """Everything that is to be watched on this host. Raises TaskError."""
    for enabled in (False, True):
        observe_files(files_in(config_directory(state, enabled=enabled)), state)


def observe_process(state: State) -> None:
    """The monitor itself, as a unit or as a process of ours. Raises TaskError, ProgramError."""
    state.kinds["systemd"] = is_running()
    observe_helper(helper_directory(state), state)
    observe_files([UNIT_FILE], state)
    if state.kinds["systemd"]:
        state.units[UNIT] = read_unit(UNIT)


def _paths(wanted: Sequence[WantedMonitor], state: State) -> Iterable[str]:
    yield LAUNCHER
    yield from (config_file(one.sandbox, state, enabled=enabled) for one in wanted for enabled in (False, True))


def _observe_sandbox(one: WantedMonitor, state: State) -> None:
    netns, runtime = one.settings["netns"], one.settings["runtime_path"]
    identity = identify_given(netns)
    state.namespaces[netns] = NamespaceState(identity=identity) if identity else None
    state.runtimes[runtime] = problem_with_runtime(runtime)
