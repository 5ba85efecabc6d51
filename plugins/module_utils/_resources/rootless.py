# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The resource rootless: a network namespace that an unprivileged user has, kept by a process of that user."""

from __future__ import annotations

import hashlib
import os
import pwd
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from .._engine.errors import InvalidOption, TaskError
from .._engine.form import Form
from .._engine.operation import Operation
from .._engine.resource import Reader
from .._engine.state import FileState, HelperState, NamespaceState, State
from .._kernel.errors import NotANamespace
from .._kernel.namespaces import identify, processes_inside
from .._programs.errors import ProgramError
from .._programs.finding import Program, find_program
from .._programs.holders import (
    RESOLV_CONF,
    forbidden_by_kernel,
    holder_command,
    holder_environment,
    read_resolver,
)
from .._programs.systemd import is_running
from .._store.records import Record, Records
from . import values
from .helpers import observe_helper
from .slirp_record import KIND as NETWORK
from .slirp_record import end_with, holder_subject, observe_ending

KIND = "rootless"
READY_SECONDS = 30.0
LINGERING = "/var/lib/systemd/linger"  # loginctl(1), enable-linger
ENTER = ("--user", "--preserve-credentials", "--net", "--mount", "--")

OPTIONS: dict[str, Any] = {
    "name": {"type": "str"},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "dns": {"type": "list", "elements": "str"},
    "force": {"type": "bool", "default": False},
    "service_manager": {"type": "str", "choices": ["auto", "systemd", "process"], "default": "auto"},
}
FORM = Form(options=OPTIONS, single="rootless", plural="namespaces", constraints={})


@dataclass(frozen=True)
class WantedHolder:
    """A namespace as wanted. ``dns`` None: the host's resolv.conf is seen inside."""

    name: str
    present: bool
    dns: tuple[str, ...] | None = None
    force: bool = False
    manager: str = "auto"

    @property
    def resolv_conf(self) -> str | None:
        """The text of its resolv.conf."""
        return None if self.dns is None else "".join(f"nameserver {one}\n" for one in self.dns)


class RootlessResource:
    """Observe and plan the namespaces of unprivileged users."""

    def parse(self, options: dict[str, Any]) -> WantedHolder:
        """One namespace as wanted. Raises InvalidOption."""
        present, dns = options["state"] == "present", options["dns"]
        name = values.file_name("name", options["name"], new=True)
        if not present:
            return WantedHolder(name, present=False, force=options["force"])
        servers = None if dns is None else tuple(str(values.ip_address("dns", one)) for one in dns)
        return WantedHolder(name, True, servers, options["force"], options["service_manager"])

    def check(self, wanted: Sequence[WantedHolder]) -> None:
        """Refuse a name that is given twice."""
        values.no_duplicates("name", [one.name for one in wanted])

    def subjects(self, wanted: Sequence[WantedHolder]) -> frozenset[str]:
        """Each by its name, as the networks inside are locked, too."""
        return frozenset(holder_subject(one.name) for one in wanted)

    def observe(self, wanted: Sequence[WantedHolder], reader: Reader) -> State:
        """Holders, their namespaces and who is inside, and the networks that lean on them."""
        state = State(state_dir=reader.records.state_dir)
        state.kinds["systemd"] = is_running()
        for one in wanted:
            state.records[KIND, one.name] = _believed(reader.records.get(KIND, one.name))
            observe_helper(_directory_of(one.name, state), state)
        _observe_networks(wanted, state, reader)
        _observe_inside(wanted, state)
        if any(one.present for one in wanted):
            _observe_programs(wanted, state)
        return state

    def plan(self, wanted: Sequence[WantedHolder], state: State) -> list[Operation]:
        """Each for itself."""
        operations: list[Operation] = []
        for one in wanted:
            operations += _plan_present(one, state) if one.present else _plan_absent(one, state)
        return operations

    def describe(self, wanted: WantedHolder, before: State, after: State) -> dict[str, Any]:
        """The namespace for the result. What only a real run can know is None."""
        directory = _directory_of(wanted.name, after)
        helper, former = after.helpers.get(directory), before.helpers.get(directory)
        alive = bool(helper and helper.alive)
        kept = bool(helper and former and former.alive and former.started == helper.started)
        pid = helper.pid if helper and helper.alive else None
        return {
            "name": wanted.name,
            "state": "present" if alive else "absent",
            "alive": alive,
            "created": alive and not kept,
            "pid": pid,
            "netns": f"pid:{pid}" if pid else None,
            "enter": ["nsenter", "--target", str(pid), *ENTER] if pid else None,
            "dns": list(wanted.dns) if alive and wanted.dns is not None else None,
        }


def _directory_of(name: str, state: State) -> str:
    """The directory of a holder. A unit of systemd is named after it, so it tells state directories apart, too."""
    digest = hashlib.sha256(f"{state.state_dir}/{name}".encode("utf-8", "surrogateescape")).hexdigest()[:16]
    return f"{state.state_dir}/helpers/rootless-{name[-24:]}-{digest}"


def _believed(record: Record | None) -> dict[str, Any] | None:
    """What a record says; that of an earlier boot has no holder any more."""
    if record is None:
        return None
    return record.value if record.this_boot else {**record.value, "directory": None}


def _path_of(helper: HelperState | None) -> str | None:
    """The namespace of a holder that lives."""
    return f"/proc/{helper.pid}/ns/net" if helper and helper.alive and helper.pid else None


def _observe_networks(wanted: Sequence[WantedHolder], state: State, reader: Reader) -> None:
    """The user-mode networks of these namespaces, also those of holders that have died."""
    names = {one.name for one in wanted}
    paths = [path for path, record in reader.records.all(NETWORK).items() if record.value.get("holder") in names]
    current = [_path_of(state.helpers[_directory_of(one.name, state)]) for one in wanted]
    observe_ending(list(dict.fromkeys([*paths, *filter(None, current)])), state, reader)


def _observe_inside(wanted: Sequence[WantedHolder], state: State) -> None:
    """Each namespace with the processes that are inside besides the holder, and what they see of dns."""
    for one in wanted:
        directory = _directory_of(one.name, state)
        helper = state.helpers[directory]
        path = _path_of(helper)
        if helper is None or path is None:
            continue
        try:
            identity = identify(path)
        except (NotANamespace, OSError):  # it ended this very moment
            identity = None
        state.namespaces[path] = NamespaceState(identity=identity) if identity else None
        seen = read_resolver(helper.pid or 0) if helper.spec.get("resolv_conf") is not None else None
        if seen is not None:
            state.files[_seen_inside(directory)] = FileState(seen, 0o644)
    identities = {one.identity for one in state.namespaces.values() if one and one.identity}
    inside = processes_inside(identities) if identities else {}
    holders = {helper.pid for helper in state.helpers.values() if helper}
    for namespace in state.namespaces.values():
        if namespace and namespace.identity:
            namespace.pids = [pid for pid in inside.get(namespace.identity, ()) if pid not in holders]
    for one in wanted:
        if one.present and _is_covered(one, state) and _inside(one, state) and not one.force:
            state.warnings.append(
                f"{one.name}: the host's {RESOLV_CONF} was replaced, and is seen inside now. With the next run after"
                " the last process inside has ended, the namespace is made anew."
            )


def _observe_programs(wanted: Sequence[WantedHolder], state: State) -> None:
    """What a holder is started with. Raises TaskError where it cannot be."""
    try:
        state.programs["unshare", None] = Program(find_program("unshare"), frozenset())
    except ProgramError:
        raise TaskError("there is no program unshare on this host; install the package util-linux") from None
    forbidden = forbidden_by_kernel()
    new = [one.name for one in wanted if one.present and not _lives(one, state)]
    if new and forbidden:
        raise TaskError(f"{new[0]}: no user namespace can be made on this host: {forbidden}")
    if any(one.present and one.dns is not None for one in wanted) and not os.path.exists(RESOLV_CONF):
        raise InvalidOption("dns", None, f"cannot be shown inside: this host has no {RESOLV_CONF} to put another over")
    user = os.geteuid()
    if any(one.present and _manager(one, state) == "systemd" for one in wanted) and user != 0:
        name = pwd.getpwuid(user).pw_name
        if not os.path.exists(f"{LINGERING}/{name}"):
            state.warnings.append(
                f"systemd ends the services of {name} with the last session of {name}. To keep them:"
                f" loginctl enable-linger {name}"
            )


def _manager(one: WantedHolder, state: State) -> str:
    """Who looks after the supervisor. Raises InvalidOption."""
    if one.manager == "systemd" and not state.kinds["systemd"]:
        raise InvalidOption("service_manager", "systemd", "does not run here")
    if one.manager != "auto":
        return one.manager
    helper = state.helpers.get(_directory_of(one.name, state))
    if helper and helper.alive:  # one that runs is well where it is
        return str(helper.spec.get("manager"))
    return "systemd" if state.kinds["systemd"] else "process"


def _describe_spec(one: WantedHolder, state: State) -> dict[str, Any]:
    """What the supervisor is told."""
    directory = _directory_of(one.name, state)
    program = state.programs["unshare", None].path
    return {
        "argv": holder_command(program, one.name, directory, one.resolv_conf),
        "environment": holder_environment(),
        "ready": "descriptor",
        "ready_timeout": READY_SECONDS,
        "netns": None,
        "own_mounts": False,
        "user": None,
        "files": directory,
        "socket": None,
        "pid_file": None,
        "record": Records(state.state_dir).path_of(KIND, one.name),
        "manager": _manager(one, state),
        "resolv_conf": one.resolv_conf,
    }


def _lives(one: WantedHolder, state: State) -> bool:
    helper = state.helpers.get(_directory_of(one.name, state))
    return bool(helper and helper.alive)


def _inside(one: WantedHolder, state: State) -> list[int]:
    """The processes that would lose their network."""
    path = _path_of(state.helpers.get(_directory_of(one.name, state)))
    namespace = state.at(path) if path else None
    return namespace.pids if namespace else []


def _seen_inside(directory: str) -> str:
    return f"{directory}/resolv.conf"


def _is_covered(one: WantedHolder, state: State) -> bool:
    """Whether something else is read inside than the resolv.conf that was put there."""
    seen = state.files.get(_seen_inside(_directory_of(one.name, state)))
    return bool(_lives(one, state) and seen and one.resolv_conf is not None and seen.content != one.resolv_conf)


def _plan_present(one: WantedHolder, state: State) -> Iterator[Operation]:
    directory, record = _directory_of(one.name, state), state.record(KIND, one.name)
    helper = state.helpers.get(directory)
    if helper is None or not helper.alive or _differs(one, helper, state):
        spec = _describe_spec(one, state)
        if helper is not None:
            yield from _plan_end(one, helper, "would be made anew, and has", state)
        yield from _end_networks(one, None, state)
        yield Operation("process.start", {"name": _called(one.name), "directory": directory, "spec": spec})
    else:
        yield from _end_networks(one, _path_of(helper), state)
    value = {"directory": directory, "dns": None if one.dns is None else list(one.dns)}
    if value != record:
        yield Operation("record.put", {"kind": KIND, "name": one.name, "value": value, "before": record})


def _differs(one: WantedHolder, helper: HelperState, state: State) -> bool:
    """Whether a holder that lives is not the one that is wanted."""
    if helper.spec.get("resolv_conf") != one.resolv_conf or helper.spec.get("manager") != _manager(one, state):
        return True
    return _is_covered(one, state) and (one.force or not _inside(one, state))


def _plan_absent(one: WantedHolder, state: State) -> Iterator[Operation]:
    helper, record = state.helpers.get(_directory_of(one.name, state)), state.record(KIND, one.name)
    if helper is not None:
        yield from _plan_end(one, helper, "has", state)
    yield from _end_networks(one, None, state)
    if record is not None:
        yield Operation("record.drop", {"kind": KIND, "name": one.name, "before": record})


def _plan_end(one: WantedHolder, helper: HelperState, what: str, state: State) -> Iterator[Operation]:
    """End a holder; undone, there is another one. Raises TaskError for one with processes inside."""
    inside = _inside(one, state)
    if inside and not one.force:
        pids = ", ".join(map(str, inside))
        raise TaskError(f"{one.name} {what} processes inside: {pids}; end them, or give force: true")
    directory = _directory_of(one.name, state)
    args = {"name": _called(one.name), "directory": directory, "spec": dict(helper.spec), "alive": helper.alive}
    yield Operation("process.stop", args)


def _end_networks(one: WantedHolder, kept: str | None, state: State) -> Iterator[Operation]:
    """What slirp_network has for this namespace, but for that of the holder that stays."""
    known = [
        path for (kind, path), value in state.records.items() if kind == NETWORK and _is_of(one, path, value, state)
    ]
    for path in known:
        if path != kept:
            yield from end_with(path, state, gone=True)


def _is_of(one: WantedHolder, path: str, value: dict[str, Any] | None, state: State) -> bool:
    if path == _path_of(state.helpers.get(_directory_of(one.name, state))):
        return True
    return bool(value and value.get("holder") == one.name)


def _called(name: str) -> str:
    return f"holder of {name}"
