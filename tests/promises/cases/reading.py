# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Modules that only read."""

from __future__ import annotations

from promises.cases.case import Case
from promises.cases.link import BOX, BRIDGE, PARENT

READING = [
    Case(
        "info-all",
        "netns_info",
        prepare=(BRIDGE, BOX, PARENT, "touch /run/netns/no-namespace"),
        present={},
        absent={},
        reads=True,
    ),
    Case(
        "info-missing",
        "netns_info",
        present={"name": ["foreign", "nobody"]},
        absent={},
        foreign=False,
        reads=True,
    ),
]
