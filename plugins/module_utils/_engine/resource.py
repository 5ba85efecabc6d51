# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""What a resource is to the engine: options in, operations out. It never applies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from .._kernel.host import Host
from .._store.records import Records
from .errors import InvalidOption
from .operation import Operation
from .state import State

Wanted = TypeVar("Wanted")


@dataclass
class Reader:
    """What a resource may read with."""

    host: Host
    records: Records


class Resource(Protocol[Wanted]):
    """One resource of the collection."""

    def parse(self, options: dict[str, Any]) -> Wanted:
        """One object as wanted, from the options of a module. Raises InvalidOption."""

    def check(self, wanted: Sequence[Wanted]) -> None:
        """Refuse objects of one list that cannot be together. Raises InvalidOption."""

    def subjects(self, wanted: Sequence[Wanted]) -> frozenset[str]:
        """What is locked while the task runs."""

    def observe(self, wanted: Sequence[Wanted], reader: Reader) -> State:
        """Everything that the plan needs to know."""

    def plan(self, wanted: Sequence[Wanted], state: State) -> list[Operation]:
        """The operations that lead from the state to what is wanted; pure.

        Raises TaskError for what cannot be.
        """

    def describe(self, wanted: Wanted, before: State, after: State) -> dict[str, Any]:
        """The object for the result, JSON values only."""


def parse_items(resource: Resource[Any], items: Mapping[str, dict[str, Any]]) -> list[Any]:
    """Every object parsed; an error names the item that it is about."""
    wanted = []
    for label, item in items.items():
        try:
            wanted.append(resource.parse(item))
        except InvalidOption as error:
            raise (error.within(label) if label else error) from None
    resource.check(wanted)
    return wanted
