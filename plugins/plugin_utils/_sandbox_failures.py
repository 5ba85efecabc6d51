# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""What could not be taken away, from the results of tasks that did not stop for it.

This file is private to the collection: it may change without notice.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from os.path import basename
from typing import Any

NAMES = ("netns", "name", "sandbox", "sandbox_id", "owner")
MOST_NAMES = 5


def failures(steps: Iterable[Mapping[str, Any]], busy: Iterable[Mapping[str, Any]] = ()) -> list[str]:
    """One text for everything that went wrong. A step has the name of its task (``task``), its result for ``all``
    sandboxes at once and, where it was repeated one by one, that of ``each``. ``busy`` are namespaces with processes.
    """
    found = [
        f"See that no process is inside: {one['path']} has processes inside: {', '.join(map(str, one['pids']))};"
        " end them, or set sandbox_force"
        for one in busy
    ]
    for step in steps:
        if step["all"].get("failed"):
            found += _of_step(step)
    return found


def _of_step(step: Mapping[str, Any]) -> list[str]:
    repeated = step.get("each", {}).get("results", ())
    if not repeated:
        return [f"{step['task']}: {_message(step['all'])}"]
    names: dict[str, list[str]] = {}
    for one in repeated:
        if one.get("failed"):
            names.setdefault(_message(one), []).append(_name(one.get("item")))
    return [f"{step['task']}: {_joined(called)}: {message}" for message, called in names.items()]


def _message(result: Mapping[str, Any]) -> str:
    told = (result.get("msg"), result.get("stderr"))
    return ": ".join(str(one).strip() for one in told if one) or "it failed and said nothing"


def _name(item: object) -> str:
    if isinstance(item, Mapping):
        item = next((item[key] for key in NAMES if item.get(key)), "")
    return basename(str(item))


def _joined(names: list[str]) -> str:
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    return ", ".join(names[:MOST_NAMES]) + more
