# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Which links of a namespace get endpoints, and of which type."""

from __future__ import annotations

from collections.abc import Iterator

from .._engine.state import State
from .._kernel.links import Link
from .endpoint_observing import socket_of
from .endpoint_options import WantedEndpoint
from .endpoint_physical import is_lent, is_physical, reason_against_lending
from .endpoint_record import made_link, record_key, recorded
from .endpoint_refusals import reason_against


def interfaces_of(one: WantedEndpoint, state: State) -> list[str]:
    """The links that get endpoints: the one that is named, or all that can, in the order of their names."""
    if one.interface is not None:
        return [one.interface]
    lent = [name for name, record in recorded(one.netns, state).items() if is_lent(record, state)]
    here = [link.name for link in _foreign(one, state) if not _reason_against(one, link, state)]
    return sorted({*here, *lent} if one.type in ("auto", "physical") else here)


def unsupported(one: WantedEndpoint, state: State) -> list[dict[str, str]]:
    """The links that a scan passes over, each with the reason."""
    if one.interface is not None:
        return []
    links = sorted(_foreign(one, state), key=lambda link: link.name)
    reasons = ((link.name, _reason_against(one, link, state)) for link in links)
    return [{"interface": name, "reason": reason} for name, reason in reasons if reason]


def type_of(one: WantedEndpoint, interface: str, state: State) -> str:
    """``physical``, ``vhost-user`` or ``virtual``: as wanted, or as the link and the sockets tell."""
    if one.type != "auto":
        return one.type
    link, record = state.link(one.netns, interface), state.record("endpoint", record_key(one.netns, interface))
    if is_physical(link) if link is not None else record is not None and record["type"] == "physical":
        return "physical"
    return "vhost-user" if one.socket or found_socket(one, interface, state) else "virtual"


def is_tap(one: WantedEndpoint, name: str, state: State) -> bool:
    """Whether a link is a tap that somebody made for a VM: there is nothing to wire."""
    link = state.link(one.netns, name)
    return link is not None and link.kind == "tap"


def found_socket(one: WantedEndpoint, interface: str, state: State) -> str | None:
    """The socket of a vhost-user back end that an address of the link leads to."""
    namespace = state.existing(one.netns)
    link = namespace.link(interface)
    paths = [socket_of(one, found.local) for found in namespace.addresses.get(link.ifindex, ())] if link else []
    return next((path for path in paths if state.sockets.get(path) is not None), None)


def _reason_against(one: WantedEndpoint, link: Link, state: State) -> str:
    kind = type_of(one, link.name, state)
    return reason_against_lending(one, link, state) if kind == "physical" else reason_against(link)


def _foreign(one: WantedEndpoint, state: State) -> Iterator[Link]:
    """The links of a namespace, without the taps and bridges of endpoints."""
    namespace = state.existing(one.netns)
    ours = [
        made_link(record, role, namespace)
        for record in recorded(one.netns, state).values()
        for role in ("tap", "bridge")
    ]
    yield from (link for link in namespace.links.values() if link not in ours and not link.loopback)
