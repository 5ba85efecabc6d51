# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""What netns_info tells of the networks that CNI plugins attached a namespace to, every one of them."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Mapping
from ipaddress import ip_address, ip_interface
from typing import Any

from .._kernel.namespaces import Fingerprint, Identity
from .._programs.cni_result import addresses_of, belongs_to, mac_of
from .._programs.slirp4netns import Forward
from .._store.attachments import ATTACHED, Attachment, Attachments
from .cni import describe_attachment
from .forwards import WILDCARDS

SUMMARY = ("ip_address", "ip_prefix_len", "gateway", "global_ipv6_address", "global_ipv6_prefix_len", "ipv6_gateway")


class Attached:
    """What is attached anywhere, by the namespace that it is attached to."""

    def __init__(self, found: Iterable[Attachment]) -> None:
        self._ours: dict[tuple[int, ...], list[Attachment]] = {}
        self._others: dict[Identity, list[Attachment]] = {}
        for one in found:
            if one.phase == ATTACHED and one.fingerprint is not None:
                self._ours.setdefault(one.fingerprint, []).append(one)
            elif one.phase == ATTACHED and not one.ours:
                with contextlib.suppress(OSError, ValueError):  # ValueError: a path that cannot be one
                    status = os.stat(one.netns)
                    self._others.setdefault((status.st_dev, status.st_ino), []).append(one)

    @staticmethod
    def read(cache_dir: str) -> Attached:
        """What the results in a directory tell; what cannot be read there is left out."""
        return Attached(Attachments(cache_dir).all())

    def to(self, fingerprint: Fingerprint) -> list[Attachment]:
        """The attachments of a namespace, by whatever name they were made."""
        own = [*self._ours.get(fingerprint, ()), *self._others.get(fingerprint[:2], ())]
        return sorted(own, key=lambda one: (one.key.interface, one.key.network, one.key.container))


def describe_attached(one: Attachment) -> dict[str, Any]:
    """An attachment in full and in short."""
    return {**describe_attachment(one.key, one, one.netns), **_summary(one.result or {}, one.key.interface)}


def ports_of(one: Attachment) -> list[Forward]:
    """The ports of the host that plugins were told to lead to a container."""
    guests = [text.partition("/")[0] for text in addresses_of(one.result or {}, one.key.interface)]
    found = []
    for told in one.capabilities.get("portMappings") or ():
        with contextlib.suppress(AttributeError, KeyError, TypeError, ValueError):  # somebody else's, and strange
            proto = str(told.get("protocol") or "tcp").lower()
            host_port, guest_port = int(told["hostPort"]), int(told["containerPort"])
            for host in [str(ip_address(told["hostIP"]))] if told.get("hostIP") else WILDCARDS:
                same = [guest for guest in guests if (":" in guest) == (":" in host)]
                found += [Forward(proto, host, host_port, guest, guest_port) for guest in same[:1]]
    return found


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
