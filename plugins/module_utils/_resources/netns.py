# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The resource netns: network namespaces with names."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from .._engine.errors import InvalidOption, TaskError
from .._engine.form import Form
from .._engine.operation import Operation
from .._engine.resource import Reader
from .._engine.state import NamespaceState, State
from .._kernel.errors import NotANamespace
from .._kernel.namespaces import identify, is_leftover, own_identity, processes_inside
from .._store.records import Record
from . import values
from .netns_loopback import (
    bring_up,
    give_back,
    is_up,
    observe_loopback,
    observe_what_is_on_it,
    routes_on_it,
    take_down,
)
from .netns_settings import (
    observe_own_settings,
    observe_settings,
    parse_settings,
    plan_original_settings,
    plan_settings,
)
from .netns_visitors import forget_endpoints, observe_endpoints, observe_visitors, refuse_visitors
from .resolv_conf import (
    ETC_NETNS,
    OF_THE_FILE,
    as_left_over,
    is_left_over,
    is_looked_up,
    observe_directory_records,
    observe_file,
    plan_resolv_conf,
    resolv_conf_path,
    restore_resolv_conf,
    wrote_resolv_conf,
)
from .slirp_record import end_with, observe_ending

ALWAYS_RECORDED = ("created", "pid", "sysctl", "identity")

OPTIONS: dict[str, Any] = {
    "name": {"type": "str"},
    "path": {"type": "path"},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "pid": {"type": "int"},
    "generate": {"type": "bool", "default": False},
    "loopback": {"type": "bool"},
    "sysctl": {"type": "dict"},
    "dns": {
        "type": "dict",
        "options": {
            "servers": {"type": "list", "elements": "str"},
            "search": {"type": "list", "elements": "str"},
            "options": {"type": "list", "elements": "str"},
        },
    },
    "nsid": {"type": "int"},
    "netns_dir": {"type": "path", "default": values.NETNS_DIR},
    "force": {"type": "bool", "default": False},
}
FORM = Form(
    options=OPTIONS,
    single="netns",
    plural="namespaces",
    constraints={"mutually_exclusive": [("name", "path")]},
)


@dataclass(frozen=True)
class Netns:
    """One namespace as wanted. ``loopback`` None: left as it is."""

    path: str
    name: str
    present: bool
    by_name: bool = True
    generated: bool = False
    pid: int | None = None
    loopback: bool | None = None
    sysctl: tuple[tuple[str, str], ...] = ()
    resolv_conf: str | None = None
    nsid: int | None = None
    force: bool = False


class NetnsResource:
    """Observe and plan network namespaces."""

    def parse(self, options: dict[str, Any]) -> Netns:
        """One namespace as wanted. Raises InvalidOption."""
        present = options["state"] == "present"
        path = _path(options, present)
        if present and options["dns"] is not None and not is_looked_up(path):
            raise InvalidOption(
                "dns", path, f"is not in {values.NETNS_DIR}; only names there have files in {ETC_NETNS}"
            )
        pid = values.number("pid", options["pid"], 1, (1 << 31) - 1)
        loopback = options["loopback"]
        if loopback is None and pid is None:
            loopback = True
        return Netns(
            path=path,
            name=os.path.basename(path),
            present=present,
            by_name=options["path"] is None,
            generated=options["generate"],
            pid=pid,
            loopback=loopback,
            sysctl=parse_settings(options["sysctl"]),
            resolv_conf=_resolv_conf(options["dns"]),
            nsid=values.number("nsid", options["nsid"], 0, (1 << 31) - 1),
            force=options["force"],
        )

    def check(self, wanted: Sequence[Netns]) -> None:
        """Refuse a namespace, or an id, that is given twice."""
        values.no_duplicates("name", [one.path for one in wanted])
        values.no_duplicates("nsid", [one.nsid for one in wanted if one.nsid is not None])

    def subjects(self, wanted: Sequence[Netns]) -> frozenset[str]:
        """Each namespace by its path, and by what it is where it exists."""
        return frozenset(name for one in wanted for name in namespace_subjects(one.path))

    def observe(self, wanted: Sequence[Netns], reader: Reader) -> State:
        """The namespaces, their settings, files and records, and who is inside."""
        state = State()
        own = own_identity()
        here = state.namespaces[None] = NamespaceState()
        observe_own_settings(reader.host.at(None), here, [key for one in wanted for key, _value in one.sysctl])
        for one in wanted:
            _observe_name(one, state)
            record = reader.records.get("netns", one.path)
            state.records["netns", one.path] = _believed(record)
            namespace = state.at(one.path)
            if namespace is not None:
                if namespace.identity == own:
                    raise TaskError(f"{one.path} is the namespace Ansible itself runs in")
                _observe_inside(one, one.path, state, reader)
            if one.pid is not None and one.present:
                _observe_process(one, state, own, reader)
            if one.present:
                _observe_nsid(one, state, reader)
            if one.resolv_conf is not None or wrote_resolv_conf(state.record("netns", one.path)):
                observe_file(resolv_conf_path(one.path), state)
            elif not one.present:
                with contextlib.suppress(TaskError):  # what is somebody else's stays
                    observe_file(resolv_conf_path(one.path), state)
        _observe_directory_records(wanted, state, reader)
        _observe_link_records(wanted, state, reader)
        observe_visitors({one.path for one in wanted if not one.present and not one.force}, state, reader)
        observe_endpoints({one.path for one in wanted if not one.present}, state, reader)
        observe_ending([one.path for one in wanted if not one.present], state, reader)
        present = {one.identity for one in state.namespaces.values() if one and one.identity}
        inside = processes_inside(present) if present else {}
        for namespace in state.namespaces.values():
            if namespace is not None and namespace.identity is not None:
                namespace.pids = inside.get(namespace.identity, [])
        return state

    def plan(self, wanted: Sequence[Netns], state: State) -> list[Operation]:
        """Everything inside first when removing, last when making."""
        operations: list[Operation] = []
        for one in wanted:
            operations += _plan_present(one, state) if one.present else _plan_absent(one, state)
        # what cannot fail half way comes last
        return sorted(operations, key=lambda operation: operation.kind == "netns.delete")

    def describe(self, wanted: Netns, before: State, after: State) -> dict[str, Any]:
        """The namespace for the result."""
        namespace = after.at(wanted.path)
        record = after.record("netns", wanted.path)
        ours = bool(namespace and record and _describes(record, namespace))
        result: dict[str, Any] = {
            "name": wanted.name,
            "path": wanted.path,
            "state": "present" if namespace else "absent",
            "inode": namespace.identity[1] if namespace and namespace.identity else None,
            "nsid": namespace.nsid if namespace else None,
            "created": bool(ours and record and record["created"]),
            "pids": namespace.pids if namespace else [],
        }
        if wanted.path in before.leftovers and wanted.present:
            result["repaired"] = True
        return result


def namespace_subjects(path: str) -> list[str]:
    """What is locked for a namespace: its path, and its inode, whatever other names it has."""
    try:
        identity = identify(path)
    except NotANamespace:
        identity = None
    return [f"namespace {path}", *([f"namespace with inode {identity[1]}"] if identity else [])]


def _path(options: dict[str, Any], present: bool) -> str:
    name, path = options["name"], options["path"]
    if options["generate"]:
        if not present:
            raise InvalidOption("generate", True, "needs state: present")
        if path is not None:
            raise InvalidOption("generate", True, "makes a name; path cannot be given")
        prefix = values.file_name("name", name or "sandbox", new=True)
        name = f"{prefix}-{secrets.token_hex(6)}"
    if path is not None:
        if path.startswith("/proc/"):
            raise InvalidOption("path", path, "belongs to a process; pid gives it a name")
        values.file_name("path", os.path.basename(os.path.normpath(path)), new=present)
        return values.absolute_path("path", path)
    name = values.file_name("name", name, new=present)
    return os.path.join(values.directory("netns_dir", options["netns_dir"]), name)


def _resolv_conf(dns: dict[str, Any] | None) -> str | None:
    """The text of resolv.conf(5) for the option dns."""
    if dns is None:
        return None
    lines = []
    for server in dns["servers"] or []:
        lines.append(f"nameserver {values.ip_address('dns.servers', server)}")
    for keyword in ("search", "options"):
        words = dns[keyword] or []
        for word in words:
            if not re.fullmatch(r"[A-Za-z0-9_.:-]+", word):
                raise InvalidOption(f"dns.{keyword}", word, "has characters that do not belong there")
        if words:
            lines.append(" ".join([keyword, *words]))
    return "".join(f"{line}\n" for line in lines)


def _believed(record: Record | None) -> dict[str, Any] | None:
    """What a record says; of an earlier boot only what is about files is still so."""
    if record is None:
        return None
    return record.value if record.this_boot else {**record.value, "identity": [0, 0, 0]}


def _observe_name(one: Netns, state: State) -> None:
    if os.path.islink(one.path):
        raise TaskError(f"{one.path} is a symbolic link; it is left alone")
    directory = os.path.dirname(one.path)
    state.directories[directory] = os.path.isdir(directory)
    try:
        identity = identify(one.path)
    except NotANamespace as error:
        if not is_leftover(one.path):
            raise TaskError(f"{error}; it is left alone") from None
        state.leftovers.add(one.path)
        observe_file(one.path, state)
        identity = None
    state.namespaces[one.path] = NamespaceState(identity=identity) if identity else None


def _observe_inside(one: Netns, path: str, state: State, reader: Reader) -> None:
    namespace = state.existing(path)
    handle = reader.host.at(path)
    namespace.cookie = handle.fingerprint[2]
    record = state.record("netns", one.path) or {}
    loopback = one.loopback if one.present else record.get("loopback")
    if loopback is not None:
        is_up_now = observe_loopback(handle, namespace)
        if loopback != is_up_now or (record.get("routes") and not one.present):
            observe_what_is_on_it(handle, namespace)
    observe_settings(handle, namespace, dict(one.sysctl) if one.present else record.get("sysctl", {}))
    namespace.nsid = reader.host.nsid(path)


def _observe_process(one: Netns, state: State, own: tuple[int, int], reader: Reader) -> None:
    """The namespace of the process, kept in the state under its path below /proc."""
    path = f"/proc/{one.pid}/ns/net"
    identity = identify(path)
    if identity is None:
        raise TaskError(f"pid: there is no process {one.pid}")
    if identity == own:
        raise TaskError(f"pid: process {one.pid} is in the namespace Ansible itself runs in")
    state.namespaces[path] = NamespaceState(identity=identity)
    _observe_inside(one, path, state, reader)


def _observe_nsid(one: Netns, state: State, reader: Reader) -> None:
    namespace = _inside(one, state)
    if one.nsid is None or (namespace is not None and namespace.nsid == one.nsid):
        return
    if reader.host.is_nsid_taken(one.nsid):
        state.taken_nsids.add(one.nsid)


def _observe_directory_records(wanted: Sequence[Netns], state: State, reader: Reader) -> None:
    """Which directories exist because of other namespaces: the last one to go removes them."""
    first_files = [
        one
        for one in wanted
        if one.present and one.resolv_conf is not None and not wrote_resolv_conf(state.record("netns", one.path))
    ]
    if first_files:
        observe_directory_records(state, reader)


def _observe_link_records(wanted: Sequence[Netns], state: State, reader: Reader) -> None:
    """What is remembered of links inside ends with their namespace."""
    leaving = {one.path for one in wanted if not one.present}
    if leaving:
        for name, record in reader.records.all("link").items():
            if name.rpartition(":")[0] in leaving:
                state.records["link", name] = record.value


def _plan_present(one: Netns, state: State) -> list[Operation]:
    namespace = state.at(one.path)
    record = state.record("netns", one.path)
    if record is not None and (namespace is None or not _describes(record, namespace)):
        # of a namespace that is gone: only the file it stood beside is still of interest
        record = {key: record[key] for key in OF_THE_FILE if key in record}
    operations = list(_plan_name(one, namespace, state))
    originals: dict[str, Any] = dict(record or {})
    originals.setdefault("created", namespace is None and one.pid is None)
    originals.setdefault("pid", one.pid if namespace is None else None)
    originals.setdefault("sysctl", {})
    originals["identity"] = list(namespace.fingerprint) if namespace and namespace.identity else None
    operations += _plan_inside(one, state, originals)
    if one.resolv_conf is not None:
        slirp = state.record("slirp", one.path)
        operations += plan_resolv_conf(resolv_conf_path(one.path), one.resolv_conf, state, originals, slirp)
    worth_it = originals["created"] or originals["sysctl"] or len(originals) > len(ALWAYS_RECORDED)
    if originals != record and (worth_it or originals["pid"] is not None):
        operations.append(_put_record(one, originals, state.record("netns", one.path)))
    return operations


def _plan_name(one: Netns, namespace: NamespaceState | None, state: State) -> Iterator[Operation]:
    wanted = state.at(f"/proc/{one.pid}/ns/net") if one.pid is not None else None
    if namespace is not None:
        if wanted is not None and namespace.identity != wanted.identity:
            raise TaskError(f"{one.path} exists and is not the namespace of process {one.pid}; remove it first")
        return
    if one.path in state.leftovers:
        yield _remove_leftover(one.path, state)
    creation: dict[str, Any] = {"path": one.path, "identity": None}
    if one.by_name:
        creation["directory"] = os.path.dirname(one.path)
    elif not state.directories.get(os.path.dirname(one.path)):
        raise InvalidOption("path", one.path, "is in a directory that does not exist")
    if one.generated:
        creation["generated"] = True
    if one.pid is not None:
        creation["pid"] = one.pid
    yield Operation("netns.create", creation)


def _inside(one: Netns, state: State) -> NamespaceState | None:
    """The namespace that bears the name, or will: that of the process. None for a new one."""
    return state.at(one.path) or (state.at(f"/proc/{one.pid}/ns/net") if one.pid is not None else None)


def _plan_inside(one: Netns, state: State, originals: dict[str, Any]) -> Iterator[Operation]:
    namespace, own = _inside(one, state), state.at(None) or NamespaceState()
    if one.loopback is not None and one.loopback != is_up(namespace):
        yield from _plan_loopback(one.path, one.loopback, namespace, originals)
    yield from plan_settings(one.path, dict(one.sysctl), namespace, own, originals)
    if one.nsid is not None and (namespace is None or namespace.nsid != one.nsid):
        if namespace is not None and namespace.nsid is not None:
            raise InvalidOption("nsid", one.nsid, f"cannot be given: {one.path} has the id {namespace.nsid} already")
        if one.nsid in state.taken_nsids:
            raise InvalidOption("nsid", one.nsid, f"cannot be given to {one.path}: another namespace has it")
        yield Operation("netns.set", {"path": one.path, "nsid": one.nsid})


def _plan_loopback(
    path: str, up: bool, namespace: NamespaceState | None, originals: dict[str, Any]
) -> Iterator[Operation]:
    """Routes that lo loses when it goes down are remembered until it is up again."""
    originals.setdefault("loopback", not up)
    lost = originals.pop("routes", [])
    if up:
        yield bring_up(path, namespace)
        yield from give_back(lost, namespace or NamespaceState())
    elif namespace is not None:
        found = routes_on_it(path, namespace)
        yield from take_down(path, found, namespace)
        remembered = [*(route for route in lost if route not in found), *found]
        originals.update({"routes": remembered} if remembered else {})


def _plan_absent(one: Netns, state: State) -> list[Operation]:
    namespace = state.at(one.path)
    record = state.record("netns", one.path)
    ours = bool(record and (namespace is None or _describes(record, namespace)))
    operations: list[Operation] = []
    if namespace is not None:
        borrowed = ours and record is not None and record["pid"] is not None
        if namespace.pids and not borrowed and not one.force:
            pids = ", ".join(str(pid) for pid in namespace.pids)
            raise TaskError(f"{one.path} has processes inside: {pids}; end them, or give force: true")
        if not one.force:
            refuse_visitors(one.path, namespace)
        if record and ours and not record["created"]:
            operations += _plan_restore_inside(one, namespace, record)
    for (kind, name), value in state.records.items():
        if kind == "link" and name.rpartition(":")[0] == one.path:
            operations.append(Operation("record.drop", {"kind": kind, "name": name, "before": value}))
    operations += end_with(one.path, state)
    operations += forget_endpoints(one.path, state)
    if record is not None:
        operations += restore_resolv_conf(resolv_conf_path(one.path), state, record)
        operations.append(Operation("record.drop", {"kind": "netns", "name": one.path, "before": record}))
    operations += _plan_left_over(one, state, record)
    if one.path in state.leftovers:
        operations.append(_remove_leftover(one.path, state))
    if namespace is not None:
        deletion: dict[str, Any] = {
            "path": one.path,
            "identity": list(namespace.identity) if namespace.identity else None,
        }
        if namespace.pids:
            deletion["pids"] = namespace.pids  # it lives on without its name
        operations.append(Operation("netns.delete", deletion))
    return operations


def _plan_left_over(one: Netns, state: State, record: dict[str, Any] | None) -> Iterator[Operation]:
    """The file of an earlier boot, of which nothing is remembered."""
    path = resolv_conf_path(one.path)
    remembered = wrote_resolv_conf(state.record("slirp", one.path))
    if is_looked_up(one.path) and not remembered and is_left_over(path, state, record):
        yield from restore_resolv_conf(path, state, as_left_over(path))


def _plan_restore_inside(one: Netns, namespace: NamespaceState, record: dict[str, Any]) -> Iterator[Operation]:
    """A namespace that lives on without its name gets back what we changed inside."""
    yield from _plan_restore_loopback(one.path, namespace, record)
    yield from plan_original_settings(one.path, record["sysctl"], namespace)


def _plan_restore_loopback(path: str, namespace: NamespaceState, record: dict[str, Any]) -> Iterator[Operation]:
    up = record.get("loopback")
    if up is False and is_up(namespace):
        yield from take_down(path, routes_on_it(path, namespace), namespace)
    elif up:
        if not is_up(namespace):
            yield bring_up(path, namespace)
        yield from give_back(record.get("routes", []), namespace)


def _describes(record: dict[str, Any], namespace: NamespaceState) -> bool:
    """Whether a record is about the namespace that bears the name now."""
    return record["identity"] is None or tuple(record["identity"]) == namespace.fingerprint


def _remove_leftover(path: str, state: State) -> Operation:
    found = state.files[path]
    before = found.as_dict() if found else None
    return Operation("file.remove", {"path": path, "before": before, "directories": [], "leftover": True})


def _put_record(one: Netns, value: dict[str, Any], before: dict[str, Any] | None) -> Operation:
    args = {"kind": "netns", "name": one.path, "value": value, "before": before}
    return Operation("record.put", args)
