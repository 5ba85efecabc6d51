# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""What netns_info tells of the networks that CNI plugins attached a namespace to, every one of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from ipaddress import ip_interface
from typing import Any

from .._kernel.namespaces import Fingerprint
from .._programs.cni_result import belongs_to, mac_of
from .._store.attachments import ATTACHED, Attachment, Attachments
from .cni import describe_attachment

SUMMARY = ("ip_address", "ip_prefix_len", "gateway", "global_ipv6_address", "global_ipv6_prefix_len", "ipv6_gateway")


def read_attachments(cache_dir: str) -> list[Attachment]:
    """What is attached anywhere, as the results in a directory tell it; what cannot be read there is left out."""
    return [one for one in Attachments(cache_dir).all() if one.phase == ATTACHED]


def attachments_of(path: str, fingerprint: Fingerprint, found: Sequence[Attachment]) -> list[dict[str, Any]]:
    """The attachments of a namespace that is still the same one, each in full and in short."""
    own = [
        one
        for one in found
        if one.netns == path and (one.fingerprint == fingerprint if one.ours else one.fingerprint is None)
    ]
    return [
        {**describe_attachment(one.key, one, path), **_summary(one.result or {}, one.key.interface)}
        for one in sorted(own, key=lambda one: (one.key.interface, one.key.network))
    ]


def _summary(result: Mapping[str, Any], name: str) -> dict[str, Any]:
    """What container inspection gives for each network: the first address of each family."""
    summary: dict[str, Any] = dict.fromkeys(SUMMARY)
    summary["mac_address"] = mac_of(result, name)
    for one in result.get("ips") or []:
        if not belongs_to(one, result, name):
            continue
        try:
            address = ip_interface(str(one.get("address")))
        except ValueError:
            continue
        version6 = address.version == 6
        prefix = "global_ipv6" if version6 else "ip"
        if summary[f"{prefix}_address"] is None:
            summary[f"{prefix}_address"] = str(address.ip)
            summary[f"{prefix}_prefix_len"] = address.network.prefixlen
            summary["ipv6_gateway" if version6 else "gateway"] = one.get("gateway")
    return summary
