# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The resolv.conf that a named namespace has for itself, below /etc/netns, and what was there before."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

from .._engine.errors import TaskError
from .._engine.operation import Operation
from .._engine.resource import Reader
from .._engine.state import FileState, State
from .._kernel.files import NotAPlainFile, read_host_file, read_plain_file
from . import values

ETC_NETNS = "/etc/netns"
HOST_RESOLV_CONF = "/etc/resolv.conf"
MARK = "# Of this namespace alone, made by sandbox.network.\n"
"""The first line of a file of ours. Records end with the boot, and files in /etc do not."""
MODE = 0o644
OF_THE_FILE = ("resolv_conf", "directories")
"""What a record says about the file: the former one, and the directories that were made for it."""
WRITERS = ("netns", "slirp")
"""The kinds of records that may say so."""


def resolv_conf_path(namespace: str) -> str:
    """The file that ``ip netns exec`` and the connection plugin show inside, by the path of the namespace."""
    return f"{ETC_NETNS}/{os.path.basename(namespace)}/resolv.conf"


def is_looked_up(namespace: str) -> bool:
    """Whether programs look for the files of a namespace by its name. Elsewhere the same name
    may be that of another namespace."""
    return os.path.dirname(namespace) == os.path.realpath(values.NETNS_DIR)


def observe_file(path: str, state: State) -> None:
    """A plain file and its directories. Raises TaskError for something else that is there."""
    own = os.path.dirname(path)
    if os.path.islink(own):  # whose files these are is nobody's to guess
        raise TaskError(f"{own} is a link to {os.readlink(own)}, not a directory; it is left alone")
    for directory in (os.path.dirname(own), own):
        state.directories[directory] = os.path.isdir(directory)
    try:
        found = read_plain_file(path)
    except NotAPlainFile as error:
        raise TaskError(f"{error}; it is left alone") from None
    state.files[path] = FileState(*found) if found else None


def observe_directory_records(state: State, reader: Reader) -> None:
    """Which directories exist because of other namespaces: the last one to go removes them."""
    if state.directories.get(ETC_NETNS):
        for kind in WRITERS:
            for name, record in reader.records.all(kind).items():
                state.records.setdefault((kind, name), record.value)


def host_name_servers() -> list[str]:
    """The name servers that programs of the host ask (resolv.conf(5)), in their order."""
    lines = [line.split() for line in read_host_file(HOST_RESOLV_CONF).splitlines()]
    return [words[1] for words in lines if words[:1] == ["nameserver"] and len(words) > 1]


def wrote_resolv_conf(record: dict[str, Any] | None) -> bool:
    """Whether a record tells of a file of ours."""
    return record is not None and "resolv_conf" in record


def is_left_over(path: str, state: State, record: dict[str, Any] | None = None) -> bool:
    """Whether a file is ours, from an earlier boot: nothing is remembered of it."""
    found = state.files.get(path)
    return found is not None and found.content.startswith(MARK) and not wrote_resolv_conf(record)


def as_left_over(path: str) -> dict[str, Any]:
    """What a record would say of such a file: it goes with its directories, unless others are in them."""
    return {"resolv_conf": None, "directories": [ETC_NETNS, os.path.dirname(path)]}


def plan_resolv_conf(
    path: str, lines: str, state: State, originals: dict[str, Any], former: dict[str, Any] | None = None
) -> Iterator[Operation]:
    """Write the file where it differs, and remember what was there. ``former`` is the record of whoever
    wrote it before us, who leaves it to us.
    """
    found, content = state.files.get(path), MARK + lines
    if not wrote_resolv_conf(former) and is_left_over(path, state, originals):
        originals.update(as_left_over(path))
    if found and found.content == content:
        return
    missing = [directory for directory, exists in _directories(path, state) if not exists]
    if not wrote_resolv_conf(originals):
        if former is not None and wrote_resolv_conf(former):
            originals.update({name: former[name] for name in OF_THE_FILE})
        else:
            originals["resolv_conf"] = found.as_dict() if found else None
            originals["directories"] = [*_made_for_others(state), *missing]
    wanted = FileState(content, found.mode, found.owner) if found else None
    wanted = wanted or FileState(content, MODE, (os.geteuid(), os.getegid()))
    yield _write_file(path, wanted, found, missing)


def restore_resolv_conf(path: str, state: State, record: dict[str, Any]) -> Iterator[Operation]:
    """Put back what a record says was there."""
    if not wrote_resolv_conf(record):
        return
    found, original = state.files.get(path), record["resolv_conf"]
    if original is not None:
        former = FileState.from_dict(original)
        if found != former:
            missing = [directory for directory, exists in _directories(path, state) if not exists]
            yield _write_file(path, former, found, missing)
    elif found is not None or any(state.directories.get(one) for one in record["directories"]):
        removal = {
            "path": path,
            "before": found.as_dict() if found else None,
            "directories": record["directories"],
        }
        yield Operation("file.remove", removal)


def _made_for_others(state: State) -> list[str]:
    """The directory that all files of this kind share, if it is there because of such files."""
    made = any(
        ETC_NETNS in record.get("directories", ())
        for (kind, _name), record in state.records.items()
        if kind in WRITERS and record
    )
    return [ETC_NETNS] if made and state.directories[ETC_NETNS] else []


def _directories(path: str, state: State) -> list[tuple[str, bool]]:
    parents = (os.path.dirname(os.path.dirname(path)), os.path.dirname(path))
    return [(directory, state.directories.get(directory, False)) for directory in parents]


def _write_file(path: str, wanted: FileState, found: FileState | None, missing: list[str]) -> Operation:
    args = {
        "path": path,
        "file": wanted.as_dict(),
        "before": found.as_dict() if found else None,
        "directories": missing,
    }
    return Operation("file.write", args)
