# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Reading the options of one dictionary in the role's sandbox_list, and collecting what is wrong with them.

This file is private to the collection: it may change without notice.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.sandbox.network.plugins.plugin_utils import _sandbox_values as values


class Options:
    """The options of one dictionary. ``where`` is its place in the list, ``defaults`` holds where it says nothing."""

    def __init__(self, item: Mapping[str, Any], where: str, defaults: Mapping[str, Any]) -> None:
        self.item = item
        self.where = where
        self.defaults = defaults
        self.problems: list[str] = []

    def complain(self, text: str) -> None:
        """Note what is wrong."""
        self.problems.append(f"{self.where}: {text}")

    def option(self, option: str, parse: Any) -> Any:
        """One parsed value; None when it is not given or wrong."""
        value = self.item.get(option)
        value = self.defaults.get(option) if value is None else value
        if value is None and option != "name":
            return None
        return self.checked(option, parse, value)

    def each(self, option: str, parse: Any, given: object = None) -> tuple[Any, ...]:
        """The parsed elements of a list (or of the one value that stands for it)."""
        wanted = values.as_list(self.item.get(option) if given is None else given)
        parsed = [self.checked(option, parse, value) for value in wanted]
        found = [value for value in parsed if value is not None]
        twice = {value for value in found if found.count(value) > 1}
        for value in sorted(map(str, twice)):
            self.complain(f"{option}: {value} is given twice")
        return tuple(dict.fromkeys(found))

    def checked(self, option: str, parse: Any, value: object) -> Any:
        """The parsed value, or None and a problem noted."""
        try:
            return parse(value)
        except ValueError as problem:
            self.complain(f"{option}: {problem}")
            return None
