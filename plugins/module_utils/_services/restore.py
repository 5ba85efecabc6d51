# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""sandbox-network-restore: makes the sandboxes again that are to outlive a reboot.

The tasks of all sandboxes are run side by side, the first of each together, then the second, and so on:
each module is asked once for many objects. Where that fails, each sandbox is on its own.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence

from .._engine.errors import TaskError
from .._engine.known_errors import KNOWN_ERRORS
from .._engine.resource import parse_items
from .._engine.task import Outcome, Task
from .._kernel.files import NotAPlainFile, read_plain_file
from .._programs.restore import DOCUMENTS, document_files
from .._resources.restorable import MODULES, Document, Step, read_document
from . import firewall_guard

CARRIES = (firewall_guard.main,)  # the program that rules are guarded by, as a task installs it

USAGE = f"usage: sandbox-network-restore\nMakes the sandboxes again that {DOCUMENTS} describes.\n"
LOCK_SECONDS = 60.0


def main(words: Sequence[str]) -> int:
    """The program; its exit status: 1 when a sandbox could not be made again."""
    if words:
        sys.stderr.write(USAGE)
        return 0 if list(words) in (["-h"], ["--help"]) else 2
    documents, failed = _read()
    restoration = Restoration(documents)
    restoration.run()
    failed += len(restoration.failed)
    sys.stdout.write(f"as described: {len(documents) - len(restoration.failed)}, not: {failed}\n")
    return 1 if failed else 0


class Restoration:
    """The tasks of many sandboxes. ``failed`` are the sandboxes of which one has failed: the rest is not tried."""

    def __init__(self, documents: Sequence[Document]) -> None:
        self._documents = documents
        self.failed: set[str] = set()

    def run(self) -> None:
        """Make everything again."""
        for number in range(max((len(one.steps) for one in self._documents), default=0)):
            for module, state_dir in self._kinds(number):
                self._run_together(number, module, state_dir)

    def _kinds(self, number: int) -> Iterable[tuple[str, str]]:
        """The modules of the tasks of that number, each with a state directory, once."""
        return dict.fromkeys((one.steps[number].module, one.state_dir) for one in self._left(number))

    def _left(self, number: int) -> Iterable[Document]:
        return (one for one in self._documents if one.sandbox not in self.failed and len(one.steps) > number)

    def _run_together(self, number: int, module: str, state_dir: str) -> None:
        meant = [one for one in self._left(number) if (one.steps[number].module, one.state_dir) == (module, state_dir)]
        steps = [one.steps[number] for one in meant]
        # a bridge, for one, is described with each sandbox that is on it
        items = {json.dumps(item, sort_keys=True): item for step in steps for item in step.items}
        try:
            _run(Step(module, list(items.values())), state_dir)
            return
        except KNOWN_ERRORS as error:
            if len(meant) == 1:
                self._fail(meant[0], module, error)
                return
        for one in meant:
            try:
                _run(one.steps[number], state_dir)
            except KNOWN_ERRORS as error:
                self._fail(one, module, error)

    def _fail(self, document: Document, module: str, error: Exception) -> None:
        self.failed.add(document.sandbox)
        sys.stderr.write(f"{document.sandbox}: {module}: {error}\n")


def _run(step: Step, state_dir: str) -> Outcome:
    resource = MODULES[step.module].resource
    wanted = parse_items(resource, {f"[{number}]": item for number, item in enumerate(step.items)})
    outcome = Task(resource, wanted, state_dir=state_dir, lock_timeout=LOCK_SECONDS).run()
    for warning in outcome.warnings:
        sys.stderr.write(f"{step.module}: {warning}\n")
    return outcome


def _read() -> tuple[list[Document], int]:
    """What is described, and how many descriptions could not be read."""
    documents, failed = [], 0
    for path in document_files():
        try:
            found = read_plain_file(path)
            if found is not None:
                documents.append(read_document(path, found[0]))
        except (NotAPlainFile, OSError, TaskError) as error:
            sys.stderr.write(f"{error}\n")
            failed += 1
    return documents, failed
