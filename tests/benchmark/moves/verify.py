# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Whether the devices are where they should be, as they should be, asked of iproute2."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from verify import ask

from moves.devices import NAMESPACE, Device

Links = Mapping[str, Mapping[str, Any]]


def bad_inside(devices: Sequence[Device]) -> list[str]:
    """What is not right while the devices are in the namespace."""
    inside, host = _links("-netns", NAMESPACE), _links()
    bad = [device.inside for device in devices if not _is_right(inside, device.inside, device)]
    return bad + _strangers(inside, {device.inside for device in devices}) + _bad_host(host, devices, set())


def bad_outside(devices: Sequence[Device]) -> list[str]:
    """What is not right while they are on the host."""
    inside, host = _links("-netns", NAMESPACE), _links()
    bad = [device.name for device in devices if not _is_right(host, device.name, device)]
    return bad + _strangers(inside, set()) + _bad_host(host, devices, {device.name for device in devices})


def _is_right(links: Links, name: str, device: Device) -> bool:
    found = links.get(name, {})
    return "UP" in found.get("flags", ()) and _addresses(found) == {str(one) for one in device.addresses}


def _bad_host(host: Links, devices: Sequence[Device], names: set[str]) -> list[str]:
    """The ends that stay must be up, and beside them and those names there is nothing."""
    peers = {device.peer for device in devices}
    down = [peer for peer in sorted(peers) if "UP" not in host.get(peer, {}).get("flags", ())]
    return down + _strangers(host, peers | names)


def _strangers(links: Links, names: set[str]) -> list[str]:
    return sorted(set(links) - names - {"lo"})


def _links(*where: str) -> dict[str, dict[str, Any]]:
    return {link["ifname"]: link for link in ask(*where, "address")}


def _addresses(link: Mapping[str, Any]) -> set[str]:
    return {
        f"{one['local']}/{one['prefixlen']}"
        for one in link.get("addr_info", ())
        if one["scope"] == "global" and not one.get("tentative")
    }
