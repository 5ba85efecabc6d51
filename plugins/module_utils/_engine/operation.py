# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""An operation: one reversible change to the host, as plain data.

It can be printed, stored as JSON and compared. What a kind means (how it is
applied, undone, foretold and shown) is one class in ``kinds/``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

UNTOLD = ("config",)
"""Arguments that somebody else wrote down for programs, with whatever these need to know."""


@dataclass(frozen=True)
class Operation:
    """``kind`` such as ``link.add``, and its arguments: JSON values only."""

    kind: str
    args: Mapping[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """For journals: ``{"op": kind, ...}``."""
        return {"op": self.kind, **self.args}

    def told(self) -> dict[str, Any]:
        """For results and messages: the same, without what may hold secrets, and of many files the names."""
        shown = {name: value for name, value in self.as_dict().items() if name not in UNTOLD}
        return {name: sorted(value) if name == "files" else value for name, value in shown.items()}

    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> Operation:
        """The opposite of as_dict."""
        args = dict(data)
        return Operation(args.pop("op"), args)

    def replace(self, **changes: Any) -> Operation:
        """The same with some arguments changed."""
        return Operation(self.kind, {**self.args, **changes})


def without_empty(args: Mapping[str, Any]) -> dict[str, Any]:
    """Drop what says nothing, so that an operation shows only what matters."""
    return {
        key: value
        for key, value in args.items()
        if value is not None and value is not False and value not in ("", [], {}, ())
    }
