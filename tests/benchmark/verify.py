# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Whether the sandboxes are as they should be, asked of iproute2."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from typing import Any

from scenario import INTERFACE, Sandbox, bridges, sandboxes


def bad_sandboxes(number: int) -> list[str]:
    """The names of sandboxes and bridges that are missing, or not as they should be."""
    masters = _masters()
    bad = [one.name for one in sandboxes(number) if not _is_right(one, masters)]
    host = {link["ifname"]: link for link in ask("address")}
    for bridge in bridges(number):
        found = host.get(bridge.name, {})
        if _addresses(found) != set(bridge.addresses()) or found.get("address") != bridge.mac:
            bad.append(bridge.name)
    return bad


def left_behind() -> list[str]:
    """What is there although everything should be gone."""
    links = [link["ifname"] for link in ask("link") if link["ifname"] != "lo"]
    return links + os.listdir("/run/netns")


def _is_right(sandbox: Sandbox, masters: Mapping[str, str]) -> bool:
    if not os.path.exists(sandbox.path):
        return False
    inside = ("-netns", sandbox.name)
    links = ask(*inside, "address")
    routes = ask(*inside, "route") + ask(*inside, "-6", "route")
    found = {link["ifname"]: link for link in links}
    if set(found) != {"lo", INTERFACE}:
        return False
    gateways = {route["gateway"] for route in routes if route["dst"] == "default" and route["dev"] == INTERFACE}
    return (
        all("UP" in link["flags"] for link in links)
        and _addresses(found[INTERFACE]) == set(sandbox.addresses)
        and gateways == set(sandbox.bridge.addresses())
        and masters.get(sandbox.port) == sandbox.bridge.name
    )


def _masters() -> dict[str, str]:
    return {link["ifname"]: link.get("master", "") for link in ask("link") if "UP" in link["flags"]}


def _addresses(link: Mapping[str, Any]) -> set[str]:
    return {one["local"] for one in link.get("addr_info", ()) if one["scope"] == "global" and not one.get("tentative")}


def ask(*question: str) -> list[dict[str, Any]]:
    """What iproute2 answers."""
    answer: list[dict[str, Any]] = json.loads(subprocess.check_output(["ip", "-json", *question]) or "[]")
    return answer
