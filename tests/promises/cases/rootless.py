# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""rootless_netns: namespaces of users."""

from __future__ import annotations

from promises.cases.case import Case

ROOTLESS = [
    Case(
        "rootless-plain",
        "rootless_netns",
        present={"name": "web1"},
        update={"name": "web1", "dns": ["192.0.2.53", "2001:db8::53"]},
        absent={"name": "web1"},
    ),
    Case(
        "rootless-many",
        "rootless_netns",
        present={"namespaces": [{"name": "web1", "dns": ["10.0.2.3"]}, {"name": "web2"}]},
        update={"namespaces": [{"name": "web1", "dns": ["192.0.2.53"]}, {"name": "web2", "state": "absent"}]},
        absent={"namespaces": [{"name": "web1"}, {"name": "web2"}]},
        fresh=True,
    ),
]
