# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Endpoints that cannot be, found out before anything is touched."""

from __future__ import annotations

from typing import Any

from .._engine.errors import InvalidOption, TaskError
from .._engine.kinds.contract import place
from .._engine.state import NamespaceState, State
from .._kernel.links import Link
from .device_baggage import routes_lost
from .endpoint_options import WantedEndpoint

SERVED = ("veth", "macvlan", "ipvlan", "vlan", "dummy", "ifb", "vxlan", "tap")
"""Kinds of links that have a network on their other side, or may have."""
OF_TCFILTER_ONLY = ("ipvlan", "vlan", "macvlan")
NEEDS = {"none": ("tap",), "tcfilter": ("tap",), "macvtap": ("macvtap",), "bridged": ("tap", "bridge")}
MODULES = {"tap": "tun"}


def reason_against(link: Link) -> str:
    """Why a link can have no endpoint; empty when it can."""
    if link.loopback:
        return "the loopback device"
    if not link.kind:
        return "a physical device; it is not wired, but given to the VM as a whole (type: physical)"
    if link.kind not in SERVED:
        return f"of kind {link.kind}"
    return ""


def refuse_impossible(one: WantedEndpoint, link: Link, wish: dict[str, Any], state: State) -> None:
    """What the kernel or the kind of the link does not allow. Raises TaskError."""
    where = place(one.netns, link.name)
    reason = reason_against(link)
    if reason:
        raise InvalidOption("interface", link.name, f"cannot have an endpoint: {where} is {reason}")
    if one.model in ("macvtap", "bridged") and link.kind in OF_TCFILTER_ONLY:
        raise InvalidOption("model", one.model, f"is not possible for {where} of kind {link.kind}; use tcfilter")
    for kind in NEEDS[one.model]:
        if not state.kinds.get(kind, True):
            module = MODULES.get(kind, kind)
            raise TaskError(
                f"model: this kernel cannot make links of kind {kind!r} (CONFIG_{module.upper()}, module {module})"
            )
    if one.vhost == "required" and not state.kinds.get("vhost-net", True):
        raise InvalidOption("vhost", "required", "needs /dev/vhost-net, which is not there (module vhost_net)")
    namespace = state.existing(one.netns)
    for qdisc in namespace.qdiscs.get(link.ifindex, ()):
        if qdisc.control.shared and one.model == "tcfilter":
            raise TaskError(f"model: {where} shares the filters of other links (tc block); tcfilter cannot add its own")
    master = namespace.name_of(link.master)
    if master and master != wish["bridge"]:
        raise TaskError(
            f"interface: {where} is a port of {master}; an endpoint takes what arrives before it gets there"
        )
    if one.model in ("macvtap", "bridged"):
        for route in routes_lost(link, namespace):
            if route.opaque:
                raise TaskError(f"interface: the route {route.dst} would go from {where}, and could not be put back")


def refuse_wiring_of_tap(one: WantedEndpoint) -> None:
    """A tap is what a VMM opens: it is wired to nothing else. Raises InvalidOption."""
    if one.model in ("macvtap", "bridged"):
        raise InvalidOption("model", one.model, f"is not possible for {one.interface}, which is a tap already")
    for name in ("tap", "bridge", "rx_rate", "tx_rate"):
        if getattr(one, name) is not None:
            raise InvalidOption(name, getattr(one, name), "is not for a link that is a tap already")


def refuse_taken(one: WantedEndpoint, wish: dict[str, Any], namespace: NamespaceState) -> None:
    """Names that other links have. Raises InvalidOption."""
    for role in ("tap", "bridge"):
        name = wish[role]
        other = namespace.holder_of(name) if name else None
        if other is not None:
            raise InvalidOption(role, name, f"is a name of another link in {one.netns}")
    if wish["tap"] == wish["bridge"]:
        raise InvalidOption("bridge", wish["bridge"], "is the name of the tap")
