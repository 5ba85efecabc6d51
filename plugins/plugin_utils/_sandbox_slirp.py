# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The user-mode network of one item of the role's sandbox_list.

This file is private to the collection: it may change without notice.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.sandbox.network.plugins.plugin_utils import _sandbox_values as values
from ansible_collections.sandbox.network.plugins.plugin_utils._user_mode import PARSERS, contradictions, ports

OF_OTHER_DRIVERS = ("addresses", "subnet", "gateway", "bridge", "mac")
"""What a sandbox with a user-mode network has no use for."""


def parse_slirp(
    item: Mapping[str, Any], driver: str, interface: str, mtu: int | None, defaults: Mapping[str, Any]
) -> tuple[Mapping[str, Any] | None, list[str]]:
    """The network as slirp_network takes it, but for its namespace, and what is wrong with it.

    None: the sandbox has another driver.
    """
    if driver != "slirp":
        wrong = ["slirp: needs driver: slirp"] if item.get("slirp") is not None else []
        if item.get("ports") is not None and driver == "none":
            wrong.insert(0, "ports: is not possible with driver: none")
        return None, wrong
    problems = [
        f"{key}: is not possible with driver: slirp, whose addresses follow from slirp.cidr"
        for key in OF_OTHER_DRIVERS
        if item.get(key) is not None
    ]
    given = item.get("slirp")
    if not isinstance(given, (Mapping, type(None))):
        return {}, [*problems, f"slirp: {given!r} is not a dictionary"]
    common = defaults.get("slirp") or {}
    options, wrong = values.parse_options({"mtu": mtu, **common, **(given or {})}, PARSERS)
    problems += [f"slirp: {problem}" for problem in wrong or contradictions(options)]
    found = {"interface": interface, **options}
    if item.get("ports") is not None:
        try:
            # Those of the list and no others. Where nothing is said, those that there are stay.
            found.update(forwards=ports(item["ports"]), purge=True)
        except ValueError as problem:
            problems.append(f"ports: {problem}")
    return found, problems
