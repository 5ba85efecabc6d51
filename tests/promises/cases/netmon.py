# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""netmon_service: sandboxes that are watched."""

from __future__ import annotations

from promises.cases.case import Case
from promises.cases.slirp import SB

RUNTIME = "/run/runtime/runtime"
CALLED = f"mkdir -p /run/runtime && printf '#!/bin/sh\\n' > {RUNTIME} && chmod 755 {RUNTIME}"
WATCHED = {"netns": "sb", "runtime_path": RUNTIME}

NETMON = [
    Case(
        "netmon-plain",
        "netmon_service",
        prepare=(SB, CALLED),
        present={"sandbox_id": "web1", **WATCHED},
        update={"sandbox_id": "web1", **WATCHED, "update": "replace", "debounce": 0.5},
        absent={"sandbox_id": "web1"},
        things=("web1", "sandbox-netmon", "/usr/local/"),
    ),
    Case(
        "netmon-another",
        "netmon_service",
        prepare=(SB, CALLED, ("netmon_service", {"sandbox_id": "web1", **WATCHED})),
        present={"sandbox_id": "web2", **WATCHED},
        update={"sandbox_id": "web2", **WATCHED, "state": "stopped"},
        absent={"sandbox_id": "web2"},
        things=("web2", "sandbox-netmon", "/usr/local/"),
    ),
    Case(
        "netmon-first-use",
        "netmon_service",
        prepare=(SB, CALLED),
        present={"sandboxes": [{"sandbox_id": "web1", **WATCHED}, {"sandbox_id": "web2", **WATCHED}]},
        absent={"sandboxes": [{"sandbox_id": "web1"}, {"sandbox_id": "web2"}]},
        things=("web1", "sandbox-netmon", "/usr/local/"),
        fresh=True,
        foreign=False,
    ),
    Case(
        "netmon-runtime",
        "netmon_service",
        prepare=(SB, CALLED, f"chmod 777 {RUNTIME}"),
        present={"sandbox_id": "web1", **WATCHED},
        absent={"sandbox_id": "web1"},
        refused="runtime_path: '/run/runtime/runtime' is not called as root: .* can be changed by others",
    ),
]
