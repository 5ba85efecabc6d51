# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The monitor of one item of the role's sandbox_list: which runtime is told what changes in the sandbox.

This file is private to the collection: it may change without notice.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from ansible_collections.sandbox.network.plugins.plugin_utils import _sandbox_values as values

UPDATES = ("update-iface", "add-iface", "replace", "ignore")
LEVELS = ("debug", "info", "warn", "error")
LONGEST_DEBOUNCE, LONGEST_COMMAND, MOST_RETRIES = 60, 3600, 1000


PARSERS: dict[str, Any] = {
    "runtime_path": values.absolute_path,
    "enabled": values.boolean,
    "ignore": values.text,
    "update": partial(values.one_of, UPDATES),
    "announce_existing": values.boolean,
    "debounce": partial(values.seconds, longest=LONGEST_DEBOUNCE),
    "command_timeout": partial(values.seconds, longest=LONGEST_COMMAND),
    "retries": lambda value: values.number(value, 0, MOST_RETRIES),
    "storage_dir": values.absolute_path,
    "log_level": partial(values.one_of, LEVELS),
}


def parse_monitor(element: object) -> tuple[Mapping[str, Any] | None, list[str]]:
    """The monitor as netmon_service takes it, but for its place, and what is wrong with it.

    None: nothing is said about a monitor.
    """
    if element is None:
        return None, []
    if not isinstance(element, Mapping):
        try:
            unwanted = not values.boolean(element)
        except ValueError:
            unwanted = False
        if unwanted:
            return {"state": "absent"}, []
        return None, [f"monitor: {element!r} is neither a dictionary nor false"]
    options, problems = values.parse_options(element, PARSERS)
    if "runtime_path" not in element:
        problems.append("runtime_path is missing")
    return {"state": "started", **options}, [f"monitor: {text}" for text in problems]
