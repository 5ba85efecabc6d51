# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""How much a network may carry to a sandbox and from it: parsed, and given to whoever limits it.

This file is private to the collection: it may change without notice.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.sandbox.network.plugins.plugin_utils import _sandbox_values as values
from ansible_collections.sandbox.network.plugins.plugin_utils._sandbox_endpoint import FASTEST, SLOWEST

RATES = ("rx_rate", "tx_rate")
BURSTS_A_SECOND, SMALLEST_BURST = 10, 1_000_000
"""Of the plugin of CNI, whose bursts are in bits."""


def rate(value: object) -> int:
    """A rate in bit/s; 0 for none."""
    found = values.number(value, 0, FASTEST)
    if 0 < found < SLOWEST:
        raise ValueError(f"{found} is neither 0 nor between {SLOWEST} and {FASTEST}")
    return found


def bandwidth(value: object) -> dict[str, int]:
    """The rates, as the sandbox sees them."""
    options, problems = values.parse_options(values.dictionary(value), dict.fromkeys(RATES, rate))
    if problems:
        raise ValueError("; ".join(problems))
    if not options:
        raise ValueError("rx_rate or tx_rate is missing")
    return options


def of_endpoint(endpoint: Mapping[str, Any], rates: Mapping[str, int]) -> tuple[dict[str, Any], list[str]]:
    """The endpoint with the rates, and what is wrong with it: they are given twice, or cannot be had."""
    problems = [f"bandwidth: {one} is also given for the endpoint" for one in rates if one in endpoint]
    if endpoint.get("model") == "macvtap" and rates.get("rx_rate"):
        problems.append("bandwidth: rx_rate is not possible with an endpoint of the model macvtap")
    if endpoint.get("model") == "none" and any(rates.values()):
        problems.append("bandwidth: is not possible with an endpoint of the model none, which is not wired")
    return {**endpoint, **{name: value for name, value in rates.items() if value}}, problems


def of_attachment(attachment: Mapping[str, Any], rates: Mapping[str, int]) -> tuple[dict[str, Any], list[str]]:
    """The attachment to a network of CNI with the rates, which its plugin bandwidth is told."""
    capabilities = attachment.get("capabilities") or {}
    problems = ["bandwidth: is also given in the capabilities of networks[0]"] if "bandwidth" in capabilities else []
    told: dict[str, int] = {}
    for name, side in zip(RATES, ("ingress", "egress")):
        if rates.get(name):
            burst = max(rates[name] // BURSTS_A_SECOND, SMALLEST_BURST)
            told.update({f"{side}Rate": rates[name], f"{side}Burst": burst})
    return {**attachment, "capabilities": {**capabilities, "bandwidth": told}}, problems
