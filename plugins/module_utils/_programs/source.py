# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The text of our own modules, from which programs on the host are made."""

from __future__ import annotations

import importlib.util
from functools import lru_cache
from typing import Any

from .errors import ProgramError

_spec = lru_cache(maxsize=None)(importlib.util.find_spec)  # it looks on the disk each time


def is_package(name: str) -> bool:
    """Whether a module, by its whole name, is a package. False also for one that is missing."""
    found = _spec(name)
    return found is not None and found.submodule_search_locations is not None


def source_of(name: str) -> str:
    """The text of a module, wherever this package is: in a directory or in an archive. Raises ProgramError."""
    found = _spec(name)
    loader: Any = found.loader if found else None
    source = loader.get_source(name) if loader else None
    if source is None:
        raise ProgramError(f"{name} is missing from the collection")
    return str(source)
