# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The options of netmon_service, parsed into the watching of one sandbox that is wanted."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from .._engine.errors import InvalidOption
from .._engine.form import Form
from .._programs.processes import clock_ticks_now
from . import values

LEVELS = ("debug", "info", "warn", "error")
UPDATES = ("update-iface", "add-iface", "replace", "ignore")
LONGEST_ID = 128

OPTIONS: dict[str, Any] = {
    "sandbox_id": {"type": "str"},
    "netns": {"type": "str"},
    "runtime_path": {"type": "path"},
    "state": {
        "type": "str",
        "choices": ["started", "present", "stopped", "restarted", "absent"],
        "default": "started",
    },
    "enabled": {"type": "bool", "default": False},
    "log_level": {"type": "str", "choices": list(LEVELS), "default": "warn"},
    "debug": {"type": "bool", "default": False},
    "ignore": {"type": "str", "default": "*kata*"},
    "update": {"type": "str", "choices": list(UPDATES), "default": "update-iface"},
    "announce_existing": {"type": "bool", "default": False},
    "debounce": {"type": "float", "default": 0.2},
    "command_timeout": {"type": "float", "default": 30.0},
    "retries": {"type": "int", "default": 0},
    "storage_dir": {"type": "path", "default": "/run/kata-containers/netmon/sbs"},
    "metrics_file": {"type": "path"},
    "service_manager": {"type": "str", "choices": ["auto", "systemd", "process"], "default": "auto"},
}
FORM = Form(options=OPTIONS, single="netmon", plural="sandboxes", constraints={})


@dataclass(frozen=True)
class WantedMonitor:
    """One sandbox as it is to be watched. ``settings`` is what its configuration file says, empty for one
    that is not to be known any more. ``since``: a monitor that was started before, in clock ticks since the
    boot, is to be started again.
    """

    sandbox: str
    settings: dict[str, Any] = field(default_factory=dict, hash=False)
    enabled: bool = False
    since: int = 0
    metrics_file: str | None = None
    manager: str = "auto"

    @property
    def watched(self) -> bool:
        """Whether the monitor is to watch it."""
        return bool(self.settings.get("watched"))


def parse_monitor(options: dict[str, Any]) -> WantedMonitor:
    """One sandbox. Raises InvalidOption."""
    sandbox = values.file_name("sandbox_id", values.required("sandbox_id", options["sandbox_id"]), new=True)
    if sandbox.startswith(("-", ".")) or len(sandbox) > LONGEST_ID:
        raise InvalidOption("sandbox_id", sandbox, f"begins with a dash or a dot, or is longer than {LONGEST_ID}")
    manager, metrics = options["service_manager"], options["metrics_file"]
    metrics = metrics and values.absolute_path("metrics_file", metrics)
    if options["state"] == "absent":
        return WantedMonitor(sandbox, metrics_file=metrics, manager=manager)
    netns = values.namespace_path("netns", options["netns"] or sandbox)
    runtime = values.absolute_path("runtime_path", values.required("runtime_path", options["runtime_path"]))
    for option, lowest, highest in (("debounce", 0, 60), ("command_timeout", 0.1, 3600), ("retries", 0, 1000)):
        if not lowest <= options[option] <= highest:
            raise InvalidOption(option, options[option], f"is not between {lowest} and {highest}")
    settings = {
        "id": sandbox,
        "netns": netns,
        "runtime_path": runtime,
        "storage_dir": values.directory("storage_dir", options["storage_dir"]),
        "ignore": options["ignore"],
        "update": options["update"],
        "announce_existing": options["announce_existing"],
        "debounce": options["debounce"],
        "command_timeout": options["command_timeout"],
        "retries": options["retries"],
        "log_level": "debug" if options["debug"] else options["log_level"],
        "watched": options["state"] != "stopped",
    }
    since = clock_ticks_now() if options["state"] == "restarted" else 0
    return WantedMonitor(sandbox, settings, options["enabled"], since, metrics, manager)
