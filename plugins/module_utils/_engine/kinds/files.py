# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Operations on files outside the state directory, and on records inside it."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Sequence
from typing import Any

from ..._kernel.errors import KernelError
from ..._kernel.namespaces import is_leftover
from ..operation import Operation
from ..state import FileState, State
from .contract import Args, Context, section


class FileWrite:
    """Make a file what it should be, as a whole; ``directories`` are made on the way.

    ``file`` holds ``content``, ``mode`` and ``owner`` (user and group id), ``before``
    the same of the former file, None for no file. A ``leftover`` is the empty file that
    stands where a namespace was.
    """

    def apply(self, args: Args, context: Context) -> None:
        try:
            if args.get("leftover"):
                self._leave_over(args)
            else:
                self._write(args)
        except OSError as error:
            raise KernelError(error.errno or 0, f"writing {args['path']}", error.strerror or "") from None

    def _write(self, args: Args) -> None:
        path, file = args["path"], args["file"]
        # one that was there may have been removed by another task, to which it seemed empty
        above = [os.path.dirname(os.path.dirname(path)), os.path.dirname(path)] if args["directories"] else []
        for directory in dict.fromkeys([*above, *args["directories"]]):
            with contextlib.suppress(FileExistsError):
                os.mkdir(directory, 0o755)
                os.chmod(directory, 0o755)  # whatever the umask
        temporary = temporary_name(path)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(temporary, flags, 0o600)
        with os.fdopen(descriptor, "wb") as target:
            target.write(file["content"].encode("utf-8", "surrogateescape"))
            os.fchown(target.fileno(), *file["owner"])
            os.fchmod(target.fileno(), file["mode"])
            target.flush()
            os.fsync(target.fileno())
        os.rename(temporary, path)

    def _leave_over(self, args: Args) -> None:
        path, file = args["path"], args["file"]
        with contextlib.suppress(FileExistsError):
            os.close(os.open(path, os.O_RDONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0))
        if is_leftover(path):  # and not what somebody else put there meanwhile
            os.chown(path, *file["owner"])
            os.chmod(path, file["mode"])

    def inverse(self, args: Args) -> Sequence[Operation]:
        if args["before"] is None:
            removal = {
                "path": args["path"],
                "before": args["file"],
                "directories": args["directories"],
                **_mark(args),
            }
            return [Operation("file.remove", removal)]
        return [Operation("file.write", {**args, "file": args["before"], "before": args["file"]})]

    def foretell(self, args: Args, state: State) -> None:
        state.files[args["path"]] = FileState.from_dict(args["file"])
        if args.get("leftover"):  # of a killed creation of a namespace
            state.leftovers.add(args["path"])
        for directory in args["directories"]:
            state.directories[directory] = True

    def show(self, args: Args, before: dict[str, Any], after: dict[str, Any]) -> None:
        section(before, "files")[args["path"]] = _lines(args["before"])
        section(after, "files")[args["path"]] = _lines(args["file"])


class FileRemove:
    """Remove a file, and ``directories`` (outermost first) when nothing else is in them."""

    def apply(self, args: Args, context: Context) -> None:
        path = args["path"]
        for name in (path,) if args.get("leftover") else (temporary_name(path), path):
            try:
                os.unlink(name)
            except (FileNotFoundError, NotADirectoryError):
                continue
            except OSError as error:
                raise KernelError(error.errno or 0, f"removing {name}", error.strerror or "") from None
        for directory in reversed(args["directories"]):
            with contextlib.suppress(OSError):  # somebody else's file is in it: it stays
                os.rmdir(directory)

    def inverse(self, args: Args) -> Sequence[Operation]:
        if args["before"] is None:
            return []
        writing = {
            "path": args["path"],
            "file": args["before"],
            "before": None,
            "directories": args["directories"],
            **_mark(args),
        }
        return [Operation("file.write", writing)]

    def foretell(self, args: Args, state: State) -> None:
        state.files[args["path"]] = None
        state.leftovers.discard(args["path"])

    def show(self, args: Args, before: dict[str, Any], after: dict[str, Any]) -> None:
        section(before, "files")[args["path"]] = _lines(args["before"])
        section(after, "files")[args["path"]] = None


class RecordPut:
    """Remember what is needed to undo a finished task."""

    def apply(self, args: Args, context: Context) -> None:
        context.records.put(args["kind"], args["name"], args["value"])

    def inverse(self, args: Args) -> Sequence[Operation]:
        if args["before"] is None:
            return [Operation("record.drop", {**args, "before": args["value"]})]
        return [Operation("record.put", {**args, "value": args["before"], "before": args["value"]})]

    def foretell(self, args: Args, state: State) -> None:
        state.records[args["kind"], args["name"]] = args["value"]

    def show(self, args: Args, before: dict[str, Any], after: dict[str, Any]) -> None:
        _show_record(args, args["before"], args["value"], before, after)


class RecordDrop:
    """Forget a record; ``before`` is what it said."""

    def apply(self, args: Args, context: Context) -> None:
        context.records.drop(args["kind"], args["name"])

    def inverse(self, args: Args) -> Sequence[Operation]:
        if args["before"] is None:
            return []
        return [Operation("record.put", {**args, "value": args["before"], "before": None})]

    def foretell(self, args: Args, state: State) -> None:
        state.records[args["kind"], args["name"]] = None

    def show(self, args: Args, before: dict[str, Any], after: dict[str, Any]) -> None:
        _show_record(args, args["before"], None, before, after)


def temporary_name(path: str) -> str:
    """Where a file is written before it is renamed: the same in each run, so that the next
    one finds what a killed one left; nobody else's, and short however long the name is."""
    digest = hashlib.sha256(path.encode("utf-8", "surrogateescape")).hexdigest()[:16]
    return os.path.join(os.path.dirname(path), f".sandbox-network-{digest}")


def _mark(args: Args) -> dict[str, Any]:
    """Whether a file is a left-over of a killed creation, for the opposite operation."""
    return {"leftover": True} if args.get("leftover") else {}


def _show_record(args: Args, old: Any, new: Any, before: dict[str, Any], after: dict[str, Any]) -> None:
    """Only what a user asked for is shown (``visible``), not our own bookkeeping."""
    if args.get("visible"):
        section(before, args["kind"])[args["name"]] = old
        section(after, args["kind"])[args["name"]] = new


def _lines(file: dict[str, Any] | None) -> list[str] | None:
    """File content for a diff: its lines, or None for no file."""
    if file is None:
        return None
    raw: bytes = file["content"].encode("utf-8", "surrogateescape")
    return raw.decode("utf-8", "backslashreplace").splitlines()
