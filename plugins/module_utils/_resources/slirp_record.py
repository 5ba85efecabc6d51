# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""What is remembered of a user-mode network, and how one ends."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from typing import Any

from .._engine.kinds.forward import forward_args
from .._engine.operation import Operation
from .._engine.resource import Reader
from .._engine.state import HelperState, NamespaceState, State
from .._kernel.errors import NotANamespace
from .._kernel.namespaces import identify
from .._programs.holders import holder_of
from .._programs.slirp4netns import Forward
from .._store.records import Record
from .helpers import observe_helper
from .resolv_conf import observe_file, resolv_conf_path, restore_resolv_conf, wrote_resolv_conf

KIND = "slirp"
ANSWER_SECONDS = 5.0


def directory_of(netns: str, state: State) -> str:
    """The directory of the helper for a namespace: the same in each run."""
    readable = re.sub(r"[^A-Za-z0-9_.-]+", "_", netns)[-24:].strip("_.-")
    digest = hashlib.sha256(netns.encode("utf-8", "surrogateescape")).hexdigest()[:16]
    return f"{state.state_dir}/helpers/slirp-{readable}-{digest}"


def believed(record: Record | None) -> dict[str, Any] | None:
    """What a record says; of an earlier boot only what is about files is still so."""
    if record is None:
        return None
    return record.value if record.this_boot else {**record.value, "fingerprint": None, "forwards": []}


def is_about(record: dict[str, Any] | None, namespace: NamespaceState | None) -> bool:
    """Whether a record is about the namespace that bears the name now."""
    return bool(record and namespace and record["fingerprint"] == list(namespace.fingerprint))


def is_claimed(path: str, state: State) -> bool:
    """Whether the module netns keeps the resolv.conf of a namespace, as it was told to."""
    return wrote_resolv_conf(state.record("netns", path))


def forwards_of(record: dict[str, Any] | None) -> list[Forward]:
    """The forwards that a user-mode network is to have."""
    return [Forward(**one) for one in record["forwards"]] if record else []


def stop(netns: str, directory: str, forwards: Sequence[Forward], helper: HelperState) -> Operation:
    """End a helper. Undone, it runs again, with its forwards."""
    socket = helper.spec.get("socket")
    held = (
        [
            {"op": "forward.add", **forward_args(one, socket, ANSWER_SECONDS, helper.spec.get("pesto"))}
            for one in forwards
        ]
        if socket
        else []
    )
    args = {
        "name": called(helper.spec, netns),
        "directory": directory,
        "spec": dict(helper.spec),
        "alive": helper.alive,
        **({"forwards": held} if held else {}),
    }
    return Operation("process.stop", args)


def called(spec: Any, netns: str) -> str:
    """What a helper is called in diffs: its program, and for whom."""
    argv = spec.get("argv") or ["helper"]
    return f"{os.path.basename(argv[0])} of {netns}"


def observe_ending(paths: Sequence[str], state: State, reader: Reader) -> None:
    """The user-mode networks of namespaces that are to go."""
    state.state_dir = reader.records.state_dir
    for path in paths:
        record = believed(reader.records.get(KIND, path))
        state.records[KIND, path] = record
        observe_claim(path, state, reader)
        observe_helper(directory_of(path, state), state)
        if wrote_resolv_conf(record):
            observe_file(resolv_conf_path(path), state)


def observe_ended(wanted: Collection[str], state: State, reader: Reader) -> None:
    """What is left of networks whose namespaces have ended: helpers that are dead, records, files."""
    for path in reader.records.all(KIND):
        if path in wanted or _is_there(path):
            continue
        observe_ending([path], state, reader)
        helper = state.helpers[directory_of(path, state)]
        if not (helper and helper.alive):  # as the namespace of a process that is hidden from us would have
            state.ended.append(path)


def end_with(path: str, state: State, *, gone: bool = False) -> Iterator[Operation]:
    """A user-mode network ends with its namespace, which it would keep alive. ``gone``: the namespace
    has ended by then, and an undo cannot give it its network again.
    """
    record, directory = state.record(KIND, path), directory_of(path, state)
    helper = state.helpers.get(directory)
    if helper is not None:
        forwards = [] if gone else forwards_of(record)
        yield stop(path, directory, forwards, replace(helper, alive=False) if gone else helper)
    if record is not None:
        if not is_claimed(path, state):
            yield from restore_resolv_conf(resolv_conf_path(path), state, record)
        yield Operation("record.drop", {"kind": KIND, "name": path, "before": record})


def _is_there(path: str) -> bool:
    try:
        return identify(path) is not None
    except (NotANamespace, OSError):  # OSError: of a process of somebody else, that has the pid now
        return False


def holder_subject(name: str) -> str:
    """What is locked for a namespace of rootless_netns, with everything that leans on it."""
    return f"rootless {name}"


def holder_subjects(path: str) -> list[str]:
    """The same by the path of the namespace, where it is one of these."""
    name = holder_of(path)
    return [holder_subject(name)] if name else []


def observe_claim(path: str, state: State, reader: Reader) -> None:
    """What the module netns remembers of a namespace."""
    found = reader.records.get("netns", path)
    if found is not None:
        state.records.setdefault(("netns", path), found.value)
