# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""A transaction: journal, apply, verify, commit; or undo.

On return everything was done and found to be so. On an exception everything was put
back, or the journal still stands and the next task mends it.
"""

from __future__ import annotations

import errno
import os
import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Callable

from .._kernel.errors import KernelError, NoSuchNamespace, NotANamespace, UnstableRead
from .._kernel.host import Host
from .._kernel.namespaces import Identity
from .._store.errors import StoreError
from .._store.journals import Journal, Journals
from .errors import Interrupted, RecoveryFailed, TaskError
from .identity import bind
from .kinds.contract import Context
from .kinds.registry import apply, inverse
from .operation import Operation

# What an undo may meet where nothing is left to undo.
GONE = {errno.ENODEV, errno.ENXIO, errno.ESRCH, errno.ENOENT, errno.EADDRNOTAVAIL}
FAILURES = (KernelError, StoreError, OSError, NoSuchNamespace, NotANamespace, UnstableRead)
OF_ANY_BOOT = ("file.", "record.")


class TransactionFailed(TaskError):
    """A transaction that was undone, or could not be (``left`` says why)."""

    def __init__(self, cause: Exception, done: Sequence[Operation], left: str) -> None:
        known = isinstance(cause, (*FAILURES, TaskError))
        super().__init__(str(cause) if known else f"unexpected {type(cause).__name__}: {cause}")
        self.cause = cause
        self.done = list(done)
        self.left = left

    @property
    def rolled_back(self) -> bool:
        """Whether everything stands as it stood before."""
        return not self.left


def carry_out(
    operations: Sequence[Operation],
    context: Context,
    journals: Journals,
    subjects: frozenset[str],
    verify: Callable[[], None],
    verify_undone: Callable[[], None],
) -> list[Operation]:
    """Carry a plan out; returns its operations with their identities.

    ``verify`` raises NotVerified when the host is not as wanted, ``verify_undone``
    when after an undo it is not as it was. Raises TransactionFailed.
    """
    done: list[Operation] = []
    journal = ""
    try:
        with _interruptible():
            bound = bind(operations, context)
            journal = journals.path_for(subjects)
            _write_journal(bound, context.host, journals, subjects)
            for operation in bound:
                done.append(operation)
                apply(operation, context)
            verify()
        journals.remove(journal)
    except BaseException as cause:
        left = _undo(done, context, journals, journal, verify_undone)
        if not isinstance(cause, Exception):
            raise
        raise TransactionFailed(cause, done, left) from cause
    finally:
        _close_unborn(context)
    return bound


def recover(journal: Journal, context: Context, journals: Journals) -> list[Operation]:
    """Undo what a killed task left half done; returns the operations undone, last first.

    Raises TaskError when something cannot be undone; the journal stays then.
    """
    operations = to_undo(journal, context.host)
    for operation in operations:
        problem = _undo_one(operation, context)
        if problem:
            raise RecoveryFailed(f"cannot undo the killed task of {journal.path}: {problem}")
    journals.remove(journal.path)
    return operations


def to_undo(journal: Journal, host: Host) -> list[Operation]:
    """The operations of a killed task that have to be undone, last first.

    Raises RecoveryFailed for a task of another network namespace.
    """
    own = journal.identities.get("")
    if journal.this_boot and own is not None and own != host.at(None).identity:
        raise RecoveryFailed(
            f"the task of {journal.path} was killed in another network namespace"
            f" (inode {own[1]}); run this task there once, to undo it"
        )
    operations = _left_by(journal)
    identities = {**journal.identities, **_created(operations)}
    return [one for one in reversed(operations) if not _foreign(one, identities, host)]


def _left_by(journal: Journal) -> list[Operation]:
    """The operations of a journal whose effects may still be there.

    What a task of another boot did to the kernel ended with that boot.
    """
    operations = [Operation.from_dict(data) for data in journal.operations]
    return [one for one in operations if journal.this_boot or one.kind.startswith(OF_ANY_BOOT)]


def _write_journal(operations: Sequence[Operation], host: Host, journals: Journals, subjects: frozenset[str]) -> None:
    host.at(None)
    journals.write(subjects, [operation.as_dict() for operation in operations], host.identities())


def _undo(
    done: Sequence[Operation],
    context: Context,
    journals: Journals,
    journal: str,
    verify_undone: Callable[[], None],
) -> str:
    """Undo in reverse order; the text of the first problem, empty when there was none.

    Only an undo that is verified ends the journal.
    """
    with _uninterruptible():
        for operation in reversed(done):
            problem = _undo_one(operation, context)
            if problem:
                return problem
        try:
            if done:
                verify_undone()
            if journal:
                journals.remove(journal)
        except (*FAILURES, TaskError) as error:
            return str(error)
    return ""


def _undo_one(operation: Operation, context: Context) -> str:
    for step in inverse(operation):
        try:
            apply(step, context)
        except KernelError as error:
            if error.errno not in GONE:
                return f"{step.kind}: {error}"
        except (NoSuchNamespace, NotANamespace):
            continue
        except (OSError, StoreError) as error:
            return f"{step.kind}: {error}"
    return ""


def _created(operations: Sequence[Operation]) -> dict[str, Identity]:
    """The namespaces that a task made, by path."""
    return {
        one.args["path"]: (one.args["identity"][0], one.args["identity"][1])
        for one in operations
        if one.kind == "netns.create"
    }


def _foreign(operation: Operation, identities: Mapping[str, Identity], host: Host) -> bool:
    """Whether an operation was done in a namespace that no longer bears its name."""
    path = operation.args.get("netns")
    if path is None or path not in identities:
        return False
    try:
        return host.at(path).identity != identities[path]
    except (NoSuchNamespace, NotANamespace):
        return True


def _close_unborn(context: Context) -> None:
    for descriptor in context.unborn.values():
        os.close(descriptor)
    context.unborn.clear()


@contextmanager
def _interruptible() -> Iterator[None]:
    """Let the signals that end a process end the transaction instead, with an undo."""

    def interrupt(number: int, _frame: FrameType | None) -> None:
        raise Interrupted(f"ended by {signal.Signals(number).name}")

    with _handling(interrupt):
        yield


@contextmanager
def _uninterruptible() -> Iterator[None]:
    with _handling(signal.SIG_IGN):
        yield


@contextmanager
def _handling(
    handler: Callable[[int, FrameType | None], None] | signal.Handlers,
) -> Iterator[None]:
    numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    former = [signal.signal(number, handler) for number in numbers]
    try:
        yield
    finally:
        for number, old in zip(numbers, former):
            signal.signal(number, old)
