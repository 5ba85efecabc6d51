# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Whether the links are wired or let go as they should be, asked of iproute2."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from typing import Any

from verify import ask

from endpoints.devices import ADDRESSES, BRIDGE, INTERFACE, MTU, SYNTHETIC_MAC, TAP, Endpoint

Links = Mapping[str, Mapping[str, Any]]


def bad_attached(model: str, endpoints: Sequence[Endpoint]) -> list[str]:
    """The namespaces whose link is not wired by that model."""
    return [one.netns for one in endpoints if not RIGHT[model](one, _links(one))] + _bad_host(endpoints)


def bad_detached(endpoints: Sequence[Endpoint]) -> list[str]:
    """The namespaces whose link is not what it was."""
    return [one.netns for one in endpoints if not _is_free(one, _links(one))] + _bad_host(endpoints)


def _is_free(one: Endpoint, links: Links) -> bool:
    qdiscs = {qdisc["kind"] for qdisc in _tc(one, "qdisc", "show", "dev", INTERFACE)}
    return _are_up(links, INTERFACE) and _keeps(one, links[INTERFACE]) and "ingress" not in qdiscs


def _is_redirected(one: Endpoint, links: Links) -> bool:
    return (
        _are_up(links, INTERFACE, TAP)
        and _keeps(one, links[INTERFACE])
        and _kind(links[TAP]) == "tun"
        and _redirects(one, INTERFACE) == [TAP]
        and _redirects(one, TAP) == [INTERFACE]
    )


def _is_macvtap(one: Endpoint, links: Links) -> bool:
    return (
        _are_up(links, INTERFACE, TAP)
        and _is_stripped(links[INTERFACE])
        and (_kind(links[TAP]), links[TAP]["link"], links[TAP]["address"]) == ("macvtap", INTERFACE, one.mac)
    )


def _is_bridged(_one: Endpoint, links: Links) -> bool:
    return (
        _are_up(links, INTERFACE, TAP, BRIDGE)
        and _is_stripped(links[INTERFACE])
        and (_kind(links[TAP]), _kind(links[BRIDGE])) == ("tun", "bridge")
        and all(links[port].get("master") == BRIDGE for port in (INTERFACE, TAP))
    )


RIGHT = {"tcfilter": _is_redirected, "macvtap": _is_macvtap, "bridged": _is_bridged}


def _are_up(links: Links, *names: str) -> bool:
    """These and no others, up and with the same MTU."""
    return set(links) == {"lo", *names} and all(
        "UP" in links[name]["flags"] and links[name]["mtu"] == MTU for name in names
    )


def _keeps(one: Endpoint, link: Mapping[str, Any]) -> bool:
    return link["address"] == one.mac and _addresses(link) == {str(address) for address in ADDRESSES}


def _is_stripped(link: Mapping[str, Any]) -> bool:
    return link["address"] == SYNTHETIC_MAC and not link["addr_info"]


def _addresses(link: Mapping[str, Any]) -> set[str]:
    """Link-local ones, too: there is to be none."""
    return {f"{one['local']}/{one['prefixlen']}" for one in link["addr_info"] if not one.get("tentative")}


def _kind(link: Mapping[str, Any]) -> str | None:
    kind: str | None = link.get("linkinfo", {}).get("info_kind")
    return kind


def _redirects(one: Endpoint, name: str) -> list[str]:
    """Where the filters of a link send what arrives."""
    filters = _tc(one, "filter", "show", "dev", name, "ingress")
    actions = [action for found in filters for action in found.get("options", {}).get("actions", ())]
    return [action["to_dev"] for action in actions if action["mirred_action"] == "redirect"]


def _bad_host(endpoints: Sequence[Endpoint]) -> list[str]:
    """The other ends must be up, and beside them there is nothing."""
    up = {link["ifname"] for link in ask("link") if "UP" in link["flags"]}
    return sorted(up ^ {"lo", *(one.peer for one in endpoints)})


def _links(one: Endpoint) -> dict[str, dict[str, Any]]:
    return {link["ifname"]: link for link in ask("-details", "-netns", one.netns, "address")}


def _tc(one: Endpoint, *question: str) -> list[dict[str, Any]]:
    answer: list[dict[str, Any]] = json.loads(
        subprocess.check_output(["tc", "-json", "-netns", one.netns, *question]) or "[]"
    )
    return answer
