# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Observing the monitor: its program and configuration, its process, and the sandboxes it is asked to watch."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath

from .._engine.errors import TaskError
from .._engine.resource import Reader
from .._engine.state import FileState, NamespaceState, State
from .._kernel.errors import NotANamespace
from .._kernel.files import NotAPlainFile, read_plain_file
from .._kernel.namespaces import identify
from .._programs.installing import read_installed
from .._programs.monitor import (
    LAUNCHER,
    UNIT,
    UNIT_FILE,
    directory_for,
    files_in,
    installed_directories,
    problem_with_runtime,
    program_files,
)
from .._programs.systemd import is_running, read_unit
from .netmon_files import KIND, config_directory, config_file, configurations, told_file
from .netmon_options import WantedMonitor
from .netmon_process import helper_directory
from .slirp_record import observe_helper


def observe_monitor(wanted: Sequence[WantedMonitor], reader: Reader) -> State:
    """Everything that a plan needs to know. Raises TaskError."""
    state = State(state_dir=reader.records.state_dir)
    _observe_program(state)
    observe_configuration(state)
    _observe_files(_paths(wanted, state), state)
    for one in wanted:
        settings = one.settings or configurations(state).get(one.sandbox, {})
        if settings and not one.settings:
            _observe_files([told_file(settings)], state)
        if settings:
            _observe_directories_above(told_file(settings), state)
        if one.watched:
            _observe_sandbox(one, state)
    for name, record in reader.records.all(KIND).items():
        state.records[KIND, name] = record.value
    observe_process(state)
    return state


def observe_configuration(state: State) -> None:
    """Everything that is to be watched on this host. Raises TaskError."""
    for enabled in (False, True):
        _observe_files(files_in(config_directory(state, enabled=enabled)), state)


def observe_process(state: State) -> None:
    """The monitor itself, as a unit or as a process of ours. Raises TaskError, ProgramError."""
    state.kinds["systemd"] = is_running()
    observe_helper(helper_directory(state), state)
    _observe_files([UNIT_FILE], state)
    if state.kinds["systemd"]:
        state.units[UNIT] = read_unit(UNIT)


def _paths(wanted: Sequence[WantedMonitor], state: State) -> Iterable[str]:
    yield LAUNCHER
    yield from (config_file(one.sandbox, state, enabled=enabled) for one in wanted for enabled in (False, True))


def _observe_program(state: State) -> None:
    """The versions of the program that are there, and what is there for that of this collection."""
    own = directory_for(program_files())
    for directory in {*installed_directories(), own}:
        state.installed[directory] = read_installed(directory)
    _observe_directories_above(own, state)


def _observe_directories_above(path: str, state: State) -> None:
    for place in map(str, PurePosixPath(path).parents):
        if place not in state.directories:
            state.directories[place] = os.path.isdir(place)


def _observe_files(paths: Iterable[str], state: State) -> None:
    for path in paths:
        if path in state.files:
            continue
        try:
            found = read_plain_file(path)
        except NotAPlainFile as error:
            raise TaskError(f"{error}; it is left alone") from None
        state.files[path] = FileState(*found) if found else None
        _observe_directories_above(path, state)


def _observe_sandbox(one: WantedMonitor, state: State) -> None:
    netns, runtime = one.settings["netns"], one.settings["runtime_path"]
    try:
        identity = identify(netns)
    except NotANamespace as error:
        raise TaskError(f"netns: {error}") from None
    state.namespaces[netns] = NamespaceState(identity=identity) if identity else None
    state.runtimes[runtime] = problem_with_runtime(runtime)
