# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""A plan in the making: each operation is foretold at once, so that the next may lean on it."""

from __future__ import annotations

from collections.abc import Iterable

from .kinds.registry import KINDS
from .operation import Operation
from .state import State


class Draft:
    """``state`` is as the operations so far would leave it, ``observed`` as it was read."""

    def __init__(self, working: State, observed: State) -> None:
        self.state = working
        self.observed = observed
        self.operations: list[Operation] = []

    def add(self, operations: Iterable[Operation]) -> None:
        """Enter operations, in order."""
        for operation in list(operations):
            self.operations.append(operation)
            KINDS[operation.kind].foretell(operation.args, self.state)
