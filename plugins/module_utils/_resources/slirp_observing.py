# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Observing user-mode networks: namespaces, helpers, what the programs can do, who listens on the host."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Sequence

from .._engine.errors import InvalidOption, TaskError
from .._engine.resource import Reader
from .._engine.state import NamespaceState, State
from .._kernel.addressing import TABLE_MAIN, read_routes
from .._kernel.links import read_links
from .._kernel.listening import problem_with_listening, read_link_names
from .._programs.errors import ProgramError
from .._programs.finding import Program, find_program, read_options
from .._programs.slirp4netns import Forward, read_program
from .._programs.systemd import is_running
from .forwards import overlap
from .given_namespace import identify_sandbox
from .helpers import observe_helper
from .netns_loopback import observe_loopback, observe_what_is_on_it
from .resolv_conf import (
    host_name_servers,
    is_looked_up,
    observe_directory_records,
    observe_file,
    resolv_conf_path,
)
from .slirp_backends import CONTROL, PESTO
from .slirp_info import live_forwards
from .slirp_options import WantedSlirp
from .slirp_record import (
    ANSWER_SECONDS,
    KIND,
    believed,
    directory_of,
    forwards_of,
    observe_claim,
    observe_ended,
)

UNASKED = "all name servers of this host are IPv6, and pasta hands questions of the sandbox to IPv4 ones only; see dns."


def observe_networks(wanted: Sequence[WantedSlirp], state: State, reader: Reader) -> None:
    """Everything that a plan for these networks needs to know. Raises TaskError."""
    state.state_dir = reader.records.state_dir
    for one in wanted:
        state.records[KIND, one.netns] = believed(reader.records.get(KIND, one.netns))
        observe_claim(one.netns, state, reader)
        observe_sandbox(one.netns, state, reader)
        observe_helper(directory_of(one.netns, state), state)
        observe_forwards(one.netns, state, patient=not one.running or one.since > 0)
        if is_looked_up(one.netns):
            observe_file(resolv_conf_path(one.netns), state)
    observe_ended({one.netns for one in wanted}, state, reader)
    observe_directory_records(state, reader)
    state.kinds["systemd"] = is_running()


def observe_sandbox(path: str, state: State, reader: Reader) -> None:
    """The namespace with its links; what only root can enter is read from outside."""
    identity = identify_sandbox(path)
    if identity is None:
        state.namespaces[path] = None
        return
    namespace = state.namespaces[path] = NamespaceState(identity=identity)
    if os.geteuid() == 0:
        handle = reader.host.at(path)
        namespace.cookie = handle.fingerprint[2]
        for link in read_links(handle.netlink):
            namespace.put(link)
        observe_loopback(handle, namespace)
        observe_what_is_on_it(handle, namespace)
    else:
        namespace.link_names = read_link_names(path)


def observe_forwards(path: str, state: State, seconds: float = ANSWER_SECONDS, *, patient: bool = False) -> None:
    """The forwards that the helper of a namespace has. Raises TaskError for one that does not answer,
    unless it is to be ended anyway.
    """
    helper = state.helpers.get(directory_of(path, state))
    socket = helper.spec.get("socket") if helper and helper.alive else None
    if helper is None or not socket:
        return
    try:
        state.forwards[socket] = live_forwards(helper.spec, seconds, state.record(KIND, path))
    except ProgramError as error:
        state.forwards[socket] = forwards_of(state.record(KIND, path))  # it listens, for all that
        if not patient:
            raise TaskError(f"the helper of {path} runs, but: {error}; state: restarted starts it again") from None


def observe_programs(wanted: Sequence[WantedSlirp], state: State, reader: Reader) -> None:
    """The programs that are asked for, and what they offer. Raises InvalidOption."""
    if any(one.running and one.dns and one.backend == "pasta" for one in wanted):
        _warn_of_name_servers(state)
    for one in wanted:
        key = (one.backend, one.program)
        if not one.running or key in state.programs:
            continue
        option, value = ("program", one.program) if one.program else ("backend", one.backend)
        try:
            path = find_program(one.backend, one.program)
            found = read_program(path) if one.backend == "slirp4netns" else Program(path, read_options(path))
        except ProgramError as error:
            raise InvalidOption(option, value, f"cannot be used: {error}") from None
        state.programs[key] = found
        if one.backend == "pasta":
            _observe_ways_out(state, reader)
        if CONTROL in found.options:
            _observe_pesto(os.path.dirname(path), state)
        state.warnings += [found.warning] if found.warning else []


def _observe_ways_out(state: State, reader: Reader) -> None:
    """Whether the host has default routes: pasta leaves a family that has none out, without a word."""
    found = {route.dst for route in read_routes(reader.host.at(None).netlink) if route.table == TABLE_MAIN}
    state.kinds["default4"], state.kinds["default6"] = "0.0.0.0/0" in found, "::/0" in found


def _warn_of_name_servers(state: State) -> None:
    """Questions to an IPv4 address are handed to an IPv4 server, by pasta (--dns-forward in pasta(1))."""
    servers = host_name_servers()
    if servers and all(":" in one for one in servers):
        state.warnings.append(UNASKED)


def _observe_pesto(directory: str, state: State) -> None:
    """The pesto that came with a pasta, or that of the system; without one, forwards change by a restart."""
    for given in (os.path.join(directory, PESTO), None):
        with contextlib.suppress(ProgramError):
            state.programs[PESTO, None] = Program(find_program(PESTO, given), frozenset())
            return


def observe_busy(forwards: Iterable[Forward], held: Iterable[Forward], state: State) -> None:
    """Whether somebody could listen where forwards are to, but for those that are held by us."""
    ours: dict[tuple[str, int], list[str]] = {}
    for one in held:
        ours.setdefault((one.proto, one.host_port), []).append(one.host_addr)
    for one in forwards:
        in_the_way = any(overlap(one.host_addr, other) for other in ours.get((one.proto, one.host_port), ()))
        if not in_the_way and one.host_side not in state.busy:
            state.busy[one.host_side] = problem_with_listening(*one.host_side)
