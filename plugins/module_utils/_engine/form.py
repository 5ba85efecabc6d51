# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""How a module is called. It stands alone: programs on the host have no Ansible."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable


def _nothing(_key: str, _value: Any) -> dict[str, Any]:
    return {}


@dataclass(frozen=True)
class Form:
    """How a module is called: its options, and the names of one object and of many (``plural`` empty:
    there is only the single form).

    ``mapping`` is another option for many objects, a dict: ``of_entry`` makes the options of
    one object from a key and its value. The other options then hold for all of them.

    ``merged``: each object is described by lists under these names, which are joined.
    """

    options: dict[str, Any]
    single: str
    plural: str
    constraints: dict[str, Any]
    mapping: str = ""
    merged: tuple[str, ...] = ()
    of_entry: Callable[[str, Any], dict[str, Any]] = _nothing
