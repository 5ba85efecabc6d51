# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""How a task flows: locks, recovery, observe, plan, and then foretell or carry out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any, Generic

from .._kernel.host import Host, wait_until_gone
from .._kernel.requests import load_library
from .._store.files import check_directory, remove_dead_temporaries
from .._store.journals import Journal, Journals
from .._store.locks import Locks, is_held
from .._store.records import Records
from .errors import NotThereYet, NotVerified, TaskError
from .kinds.contract import Context
from .kinds.registry import LASTING, diff, foretell, inverse
from .operation import Operation
from .recovery import recover, to_undo
from .resource import Reader, Resource, Wanted
from .state import State
from .transaction import carry_out
from .undone import LIFETIMES, left_behind, not_as_before

# what asks nothing of the kernel's network
WITHOUT_LIBRARY = (
    "file.",
    "record.",
    "process.",
    "forward.",
    "program.",
    "unit.",
    "monitor.",
    "cni.",
    "leases.",
    "firewall.",
    "conntrack.",
)


@dataclass
class Outcome:
    """What a task did, or in check mode would do."""

    operations: list[Operation]
    subjects: list[dict[str, Any]]
    recovered: list[Operation] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    @property
    def changed(self) -> bool:
        """Whether anything is different afterwards."""
        return bool(self.operations or self.recovered)

    @property
    def diff(self) -> dict[str, Any]:
        """Before and after of what changes."""
        return diff(self.operations)


class Task(Generic[Wanted]):
    """One run of a module: a resource and the objects wanted of it."""

    def __init__(
        self,
        resource: Resource[Wanted],
        wanted: Sequence[Wanted],
        *,
        state_dir: str,
        lock_timeout: float,
    ) -> None:
        self._resource = resource
        self._wanted = wanted
        self._state_dir = state_dir
        self._lock_timeout = lock_timeout
        self._subjects = resource.subjects(wanted)
        self._records = Records(state_dir)
        self._journals = Journals(state_dir)
        self.recovered: list[Operation] = []
        """What was undone first, because an earlier task had been killed half way."""
        self._warnings: list[str] = []

    def foretell(self) -> Outcome:
        """What the task would do. Nothing is written, not even a lock."""
        check_directory(self._state_dir)
        with closing(Host()) as host:
            reader = Reader(host, self._records)
            before = self._resource.observe(self._wanted, reader)
            journals = self._journals.touching(self._subjects)
            pending = [one for one in journals if not self._under_way(one)]
            warnings: list[str] = []
            undone: list[Operation] = []
            for journal in pending:
                operations, lost = to_undo(journal, host)
                undone += operations
                warnings += lost
            steps = [step for operation in undone for step in inverse(operation)]
            before = foretell(steps, before) if steps else before
            if pending:
                warnings.append("An earlier task was killed half way; what it left is foretold as undone.")
            warnings += before.warnings
            operations = self._plan_with_assumptions(before, warnings)
            after = foretell(operations, before) if operations else before
            return Outcome(operations, self._describe(before, after), undone, warnings)

    def _plan_with_assumptions(self, state: State, warnings: list[str]) -> list[Operation]:
        """A plan that takes for made what an earlier task of the play would make."""
        while True:
            try:
                return self._resource.plan(self._wanted, state)
            except NotThereYet as missing:
                warnings.append(f"{missing}; foretold as if an earlier task had seen to it.")
                missing.assume()

    def _under_way(self, journal: Journal) -> bool:
        """Whether a journal is that of a task that runs right now."""
        return any(is_held(self._state_dir, subject) for subject in journal.subjects)

    def run(self) -> Outcome:
        """Do it. Raises TaskError, TransactionFailed, StoreError, KernelError."""
        with closing(Locks(self._state_dir, self._lock_timeout)) as locks:
            return self._run_with(locks)

    def _run_with(self, locks: Locks) -> Outcome:
        subjects = self._subjects
        while True:
            with locks.hold(subjects):
                pending = self._journals.touching(subjects)
                needed = subjects.union(*(journal.subjects for journal in pending))
                if needed == subjects:
                    return self._run_locked(pending)
            subjects = needed  # a killed task reached further: hold what it held, too

    def _run_locked(self, pending: Sequence[Journal]) -> Outcome:
        remove_dead_temporaries(self._state_dir)
        with closing(Host()) as host:
            context = Context(host, self._records)
            for journal in pending:
                operations, lost = recover(journal, context, self._journals)
                self.recovered += operations
                self._warnings += lost
        with closing(Host()) as host:
            context = Context(host, self._records)
            reader = Reader(host, self._records)
            before = self._resource.observe(self._wanted, reader)
            self._warnings += before.warnings
            operations = self._resource.plan(self._wanted, before)
            after = before
            if operations:
                if any(map(_needs_library, operations)):
                    load_library()
                verified: list[State] = []

                def verify() -> None:
                    verified.append(self._verify(reader))

                def verify_undone(done: Sequence[Operation], planned: Sequence[Operation] = tuple(operations)) -> None:
                    self._verify_undone(done, planned, before, reader)

                operations = carry_out(
                    operations,
                    context,
                    self._journals,
                    self._subjects,
                    verify,
                    verify_undone,
                )
                after = verified[0]
            subjects = self._describe(before, after)
        if context.dying:
            wait_until_gone(context.dying)
        return Outcome(operations, subjects, self.recovered, self._warnings)

    def _verify(self, reader: Reader) -> State:
        replaced = reader.host.replaced()
        if replaced:
            raise NotVerified(f"{', '.join(replaced)} was replaced while the task ran")
        state = self._resource.observe(self._wanted, reader)
        missing = self._resource.plan(self._wanted, state)
        if missing:
            what = "; ".join(str(operation.told()) for operation in missing[:5])
            raise NotVerified(
                "every operation succeeded, yet the host is not as asked for:"
                f" something else interferes, or the kernel refused silently. Missing: {what}"
            )
        return state

    def _verify_undone(
        self, done: Sequence[Operation], planned: Sequence[Operation], before: State, reader: Reader
    ) -> None:
        """Where the host is as it was, the same plan leads from it to what is wanted."""
        after = self._resource.observe(self._wanted, reader)
        different = list(not_as_before(planned, before, after))
        if different:
            raise NotVerified(f"the host is not as it was; {'; '.join(different[:5])}")
        try:
            found, expected = _comparable(self._resource.plan(self._wanted, after)), _comparable(planned)
        except TaskError as impossible:  # because of what is left, or because somebody else took a name meanwhile
            left = list(left_behind(done, before, after))
            if left:
                raise NotVerified(f"the host is not as it was; {'; '.join(left[:5])} ({impossible})") from None
            return
        if found != expected:
            surprising = [one for one in found if one not in expected] or found
            what = "; ".join(str(operation.told()) for operation in surprising[:5])
            raise NotVerified(f"the host is not as it was; a new run would have to do: {what}")

    def _describe(self, before: State, after: State) -> list[dict[str, Any]]:
        return [self._resource.describe(wanted, before, after) for wanted in self._wanted]


def _needs_library(operation: Operation) -> bool:
    """Whether an operation, or its inverse, is encoded by pyroute2; taking a link up or down is not."""
    if operation.kind == "link.set" and not operation.args.get("keep"):
        return {*operation.args["set"], *operation.args["before"]} != {"up"}
    return not operation.kind.startswith(WITHOUT_LIBRARY)


def _comparable(operations: Sequence[Operation]) -> list[Operation]:
    """Operations without what runs down by itself, and without those that nothing undoes."""
    return [Operation(one.kind, _without_lifetimes(one.args)) for one in operations if one.kind not in LASTING]


def _without_lifetimes(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _without_lifetimes(item) for name, item in value.items() if name not in LIFETIMES}
    if isinstance(value, (list, tuple)):
        return [_without_lifetimes(item) for item in value]
    return value
