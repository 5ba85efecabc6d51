# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Names that a run makes up: check mode makes up others, and must not tell them as a fact."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from .operation import Operation


def made_up_names(operations: Sequence[Operation]) -> dict[str, str]:
    """The made-up names of new namespaces, and what stands for them where there must be a name."""
    names = [
        os.path.basename(one.args["path"])
        for one in operations
        if one.kind == "netns.create" and one.args.get("generated")
    ]
    return {name: f"(generated {number})" for number, name in enumerate(names, start=1)}


def without_names(value: Any, names: Mapping[str, str]) -> Any:
    """A result in which every text with one of the names in it is None, every key a stand-in."""
    if isinstance(value, dict):
        return {_stand_in(key, names): without_names(item, names) for key, item in value.items()}
    if isinstance(value, list):
        return [without_names(item, names) for item in value]
    if isinstance(value, str) and any(name in value for name in names):
        return None
    return value


def _stand_in(key: str, names: Mapping[str, str]) -> str:
    for name, stand_in in names.items():
        key = key.replace(name, stand_in)
    return key
