# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Results of CNI plugins (its specification 1.1.0, section 5): what is of the interface inside."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


def addresses_of(result: Mapping[str, Any], name: str) -> list[str]:
    """The addresses of an interface of the container, as CIDRs. Those of no interface are of the only one."""
    return [str(one.get("address")) for one in result.get("ips") or [] if belongs_to(one, result, name)]


def belongs_to(ip: Mapping[str, Any], result: Mapping[str, Any], name: str) -> bool:
    """Whether an address of a result is of an interface of the container."""
    interfaces, number = result.get("interfaces") or [], ip.get("interface")
    owner = interfaces[number] if isinstance(number, int) and 0 <= number < len(interfaces) else None
    return owner is None or bool(owner.get("name") == name and owner.get("sandbox"))


def mac_of(result: Mapping[str, Any], name: str) -> str | None:
    """The MAC address of an interface of the container, as its result tells it."""
    macs: Iterator[str | None] = (
        one.get("mac") for one in result.get("interfaces") or [] if one.get("name") == name and one.get("sandbox")
    )
    return next(macs, None)
