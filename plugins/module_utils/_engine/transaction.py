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
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Callable, NamedTuple

from .._kernel.errors import KernelError, NoSuchNamespace, NotANamespace, UnstableRead
from .._kernel.namespaces import fingerprint_of
from .._programs.errors import ProgramError
from .._store.errors import StoreError
from .._store.journals import Journals
from .errors import Interrupted, TaskError
from .identity import bind
from .kinds.contract import Context
from .kinds.registry import apply, inverse
from .operation import Operation
from .state import Netns
from .subjects import touched

# What an undo may meet where nothing is left to undo: in the kernel, and of a helper that has ended.
PEER_GONE = {errno.ENOENT, errno.ECONNREFUSED, errno.ECONNRESET, errno.EPIPE}
GONE = {errno.ENODEV, errno.ENXIO, errno.ESRCH, errno.ENOENT, errno.EADDRNOTAVAIL}
FAILURES = (KernelError, StoreError, ProgramError, OSError, NoSuchNamespace, NotANamespace, UnstableRead)


class Trouble(NamedTuple):
    """What went wrong in undoing: the kind of operation, in words, the errno where there is one, and in
    which namespace.
    """

    kind: str
    text: str
    errno: int | None
    netns: Netns


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
    verify_undone: Callable[[Sequence[Operation]], None],
) -> list[Operation]:
    """Carry a plan out; returns its operations with their identities.

    ``verify`` raises NotVerified when the host is not as wanted, ``verify_undone``, which is
    told what had been done, when after an undo it is not as it was. Raises TransactionFailed.
    """
    done: list[Operation] = []
    journal = ""
    try:
        with _interruptible():
            bound = bind(operations, context)
            journal = journals.path_for(subjects)
            _write_journal(journal, bound, context, journals, subjects)
            for position, operation in enumerate(bound):
                begun = _begun_with(position, bound)
                done += bound[len(done) : begun]
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


def _begun_with(position: int, operations: Sequence[Operation]) -> int:
    """Up to where operations may have been done once the one at a position was begun: links
    of one group are deleted together."""
    group = operations[position].args.get("group") if operations[position].kind == "link.delete" else None
    end = position + 1
    while group and end < len(operations) and operations[end].args.get("group") == group:
        end += 1
    return end


def _write_journal(
    path: str, operations: Sequence[Operation], context: Context, journals: Journals, subjects: frozenset[str]
) -> None:
    own = context.host.at(None).fingerprint
    unborn = {future: fingerprint_of(descriptor) for future, descriptor in context.unborn.items()}
    journals.write(
        path,
        subjects | touched(operations, own[1]),
        [operation.as_dict() for operation in operations],
        {**context.host.fingerprints(), **unborn},
    )


def _undo(
    done: Sequence[Operation],
    context: Context,
    journals: Journals,
    journal: str,
    verify_undone: Callable[[Sequence[Operation]], None],
) -> str:
    """Undo in reverse order, all that can be; the text of what went wrong, empty for nothing.

    What counts is how the host is found afterwards: only that ends the journal.
    """
    with _uninterruptible():
        troubles = [trouble.text for trouble in undo(done[::-1], context)]
        try:
            if done:
                verify_undone(done)
            if journal:
                journals.remove(journal)
        except (*FAILURES, TaskError) as error:
            return "; ".join([*troubles, str(error)])
    return ""


def undo(operations: Sequence[Operation], context: Context) -> list[Trouble]:
    """Undo operations, last first as given, as far as that goes; returns what went wrong."""
    troubles: list[Trouble] = []
    for operation in operations:
        path = operation.args.get("path")
        # the namespace of a process would live on, and nobody could find it to try again
        borrowed = operation.kind == "netns.create" and operation.args.get("pid") is not None
        if not (borrowed and any(trouble.netns == path for trouble in troubles)):
            troubles += _undo_one(operation, context)
    return troubles


def _undo_one(operation: Operation, context: Context) -> Iterator[Trouble]:
    for step in inverse(operation):
        netns = step.args.get("netns")
        try:
            apply(step, context)
        except KernelError as error:
            if error.errno not in GONE:
                yield Trouble(step.kind, f"{step.kind}: {error}", error.errno, netns)
        except (NoSuchNamespace, NotANamespace):
            continue
        except (OSError, StoreError, ProgramError) as error:
            if step.kind.startswith("forward.") and error.errno in PEER_GONE:
                continue  # with whoever had it
            yield Trouble(step.kind, f"{step.kind}: {error}", error.errno, netns)


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
