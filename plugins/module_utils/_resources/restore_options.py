# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The options of restore_service: the tasks of a sandbox, each checked as its module would check it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .._engine.checking import checked_options
from .._engine.errors import InvalidOption
from .._engine.form import Form
from .._engine.front import COMMON, given_items
from .._engine.resource import parse_items
from . import values
from .restorable import MODULES, Document, Step, essential

LONGEST_NAME = 200
MAKING = ("present", "started")

OPTIONS: dict[str, Any] = {
    "sandbox": {"type": "str"},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "tasks": {"type": "list", "elements": "dict"},
    "tasks_state_dir": {"type": "path", "default": COMMON["state_dir"]["default"]},
}
FORM = Form(options=OPTIONS, single="restore", plural="sandboxes", constraints={})


@dataclass(frozen=True)
class WantedRestore:
    """A sandbox that is to be made again after a boot; without a ``document``, one that is not."""

    sandbox: str
    document: Document | None = None


def parse_restore(options: dict[str, Any]) -> WantedRestore:
    """One sandbox as wanted. Raises InvalidOption."""
    sandbox = values.file_name("sandbox", values.required("sandbox", options["sandbox"]), new=True)
    if sandbox.startswith(".") or len(sandbox) > LONGEST_NAME:
        raise InvalidOption("sandbox", sandbox, f"begins with a dot, or is longer than {LONGEST_NAME}")
    if options["state"] == "absent":
        return WantedRestore(sandbox)
    if not options["tasks"]:
        raise InvalidOption("tasks", options["tasks"], "has to be given: what is to be done at boot")
    state_dir = values.absolute_path("tasks_state_dir", options["tasks_state_dir"])
    steps = tuple(_step(f"tasks[{number}]", task) for number, task in enumerate(options["tasks"]))
    return WantedRestore(sandbox, Document(sandbox, state_dir, steps))


def _step(place: str, task: Mapping[str, Any]) -> Step:
    if len(task) != 1:
        raise InvalidOption(place, dict(task), "is not one module with its options")
    ((name, options),) = task.items()
    module = str(name).rpartition(".")[2] if str(name).startswith("sandbox.network.") else str(name)
    if module not in MODULES:
        raise InvalidOption(place, name, f"is not a module that is run at boot: {', '.join(MODULES)}")
    if not isinstance(options, Mapping):
        raise InvalidOption(f"{place}.{module}", options, "is not a dictionary of options")
    resource, form = MODULES[module]
    try:
        items = given_items(form, checked_options(form, dict(options)))
        parse_items(resource, items)
        for label, item in items.items():
            _refuse(label, item)
    except InvalidOption as error:
        raise error.within(f"{place}.{module}") from None
    return Step(module, [essential(form.options, item) for item in items.values()])


def _refuse(label: str, item: Mapping[str, Any]) -> None:
    """What is no use at the next boot."""
    where = f"{label}." if label else ""
    if item["state"] not in MAKING:
        raise InvalidOption(f"{where}state", item["state"], "makes nothing; leave the task out")
    for option in ("pid", "netns", "from_netns"):
        value = item.get(option)
        if value is not None and (option == "pid" or str(value).startswith("pid:")):
            raise InvalidOption(f"{where}{option}", value, "is of a process, which does not outlive a reboot")
