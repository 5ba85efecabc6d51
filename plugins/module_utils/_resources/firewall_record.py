# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""What is remembered of the rules of sandboxes, and how results tell it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

KIND = "firewall"


def describe_rules(sandbox: str, record: Mapping[str, Any]) -> dict[str, Any]:
    """The rules of a sandbox for results."""
    kept = ("policy", "masquerade", "antispoof", "addresses", "allow", "deny")
    ports = ("proto", "host_addr", "host_port", "guest_addr", "guest_port")
    return {
        "sandbox": sandbox,
        **{name: record[name] for name in kept},
        "forwarding": record.get("forwarding", False),
        "ports": [dict(zip(ports, one)) for one in record["ports"]],
        "interfaces": [
            {"name": link["interface"], "mac": link["mac"] or None, "bridge": link["bridge"] or None}
            for link in record["links"]
        ],
    }
