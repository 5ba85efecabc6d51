# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""restore_service: sandboxes that are made again after a boot."""

from __future__ import annotations

from typing import Any

from promises.cases.case import Case


def tasks(**netns: Any) -> list[dict[str, Any]]:
    """What makes a sandbox."""
    return [{"netns": {"name": "web1", **netns}}, {"link": {"name": "d0", "netns": "web1", "kind": "dummy"}}]


THINGS = ("web1", "web2", "sandbox-network-restore", "/usr/local/", "/var/lib/sandbox-network")

RESTORE = [
    Case(
        "restore-first",
        "restore_service",
        present={"sandbox": "web1", "tasks": tasks()},
        update={"sandbox": "web1", "tasks": tasks(loopback=False)},
        absent={"sandbox": "web1"},
        things=THINGS,
        fresh=True,
        foreign=False,
    ),
    Case(
        "restore-another",
        "restore_service",
        prepare=(("restore_service", {"sandbox": "web1", "tasks": tasks()}),),
        present={"sandbox": "web2", "tasks": tasks()},
        absent={"sandbox": "web2"},
        things=THINGS,
    ),
    Case(
        "restore-bad-task",
        "restore_service",
        present={"sandbox": "web1", "tasks": [{"netns": {"name": "a/b"}}]},
        absent={"sandbox": "web1"},
        refused="tasks\\[0\\].netns.name: 'a/b' is not a name",
    ),
]
