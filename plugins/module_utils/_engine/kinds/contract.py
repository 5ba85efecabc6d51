# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The contract of a kind of operation, and what it works with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from ..._kernel.host import Ending, Host
from ..._store.records import Records
from ..operation import Operation
from ..state import Netns, State

Args = Any


@dataclass
class Context:
    """What operations are carried out with, for the time of one transaction."""

    host: Host
    records: Records
    unborn: dict[str, int] = field(default_factory=dict)
    """Descriptors of namespaces that were made and are not named yet, by their future path."""
    dying: set[Ending] = field(default_factory=set)
    """The namespaces that end with this task; their veth peers here go with them."""
    indexes: dict[tuple[Netns, str], int] = field(default_factory=dict)
    """Indexes of links by namespace and name, looked up once."""
    forward_ids: dict[str, dict[tuple[Any, ...], int | None]] = field(default_factory=dict)
    """The ids of forwards by API socket, asked for once: with every question the answer is as long as the list."""


class Kind(Protocol):
    """One kind of operation. All four are safe to repeat."""

    def apply(self, args: Args, context: Context) -> None:
        """Do it. Raises KernelError, OSError, StoreError, NoSuchNamespace."""

    def inverse(self, args: Args) -> Sequence[Operation]:
        """What undoes it, in order."""

    def foretell(self, args: Args, state: State) -> None:
        """Change the state as applying would change the host."""

    def show(self, args: Args, before: dict[str, Any], after: dict[str, Any]) -> None:
        """Enter what changes into both sides of a diff."""


def place(netns: Netns, name: str) -> str:
    """How a link is called in diffs and messages: its name, and where it is."""
    return f"{name} in {netns}" if netns else name


def section(side: dict[str, Any], *path: str) -> dict[str, Any]:
    """The nested dict at a path, made when missing."""
    for step in path:
        side = side.setdefault(step, {})
    return side
