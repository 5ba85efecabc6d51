# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Planning one endpoint: a link of a sandbox wired to a tap or a macvtap, or let go again."""

from __future__ import annotations

import hashlib
import os
from typing import Any

from .._engine.draft import Draft
from .._engine.errors import InvalidOption
from .._engine.operation import Operation
from .._engine.state import NamespaceState
from .._kernel.links import Link
from . import values
from .device_baggage import Place, baggage_of, elsewhere
from .endpoint_options import WantedEndpoint, bridge_mac, synthetic_mac
from .endpoint_rates import plan_end_of_rates, plan_rates
from .endpoint_record import Remembered, is_about, made_link, record_key, removal_of_node, stripped
from .endpoint_redirects import plan_end_of_redirect, plan_redirect
from .endpoint_refusals import refuse_impossible, refuse_taken
from .endpoint_wiring import Wiring
from .link_removal import plan_deletion

DEFAULT_TXQLEN = 1000
PROFILE = ("model", "tap", "bridge", "queues", "vnet_hdr", "owner", "group")
"""What makes an endpoint another one when it changes."""


def plan_present(one: WantedEndpoint, interface: str, position: int, draft: Draft) -> None:
    """Wire a link, or mend what is not as wanted. Raises TaskError."""
    namespace = draft.state.existing(one.netns)
    link = namespace.link(interface)
    if link is None:
        raise InvalidOption("interface", interface, f"is no link of {one.netns}")
    key = record_key(one.netns, interface)
    before = draft.state.record("endpoint", key)
    record = before
    wish = _profile(one, interface, position)
    if record is not None and (not is_about(record, link, namespace) or _is_another(record, wish)):
        plan_absent(record, draft)
        record = before = None
        link = namespace.existing(interface)
    refuse_impossible(one, link, wish, draft.state)
    if record is None:
        record = _remember(one, link, wish, namespace)
        refuse_taken(one, wish, namespace)
    wiring = Wiring(one, draft, {**record, "made": dict(record["made"])})
    PLANS[one.model](wiring)
    plan_rates(wiring)
    if wiring.record != before:
        draft.add(
            [Operation("record.put", {"kind": "endpoint", "name": key, "value": wiring.record, "before": before})]
        )


def plan_absent(record: Remembered, draft: Draft, *, ours: bool = True) -> None:
    """Let a link go, and make of it what it was; what is gone already is no obstacle. Raises TaskError.

    ``ours``: whether the record is one of ours, and not from a file.
    """
    netns, state = record["netns"], draft.state
    namespace = state.at(netns)
    draft.add(removal_of_node(record))
    if namespace is not None and record["fingerprint"] == list(namespace.fingerprint):
        link = namespace.link(record["interface"])
        link = link if is_about(record, link, namespace) else None
        _plan_unwiring(record, link, namespace, draft)
    key = record_key(netns, record["interface"])
    if ours:
        draft.add([Operation("record.drop", {"kind": "endpoint", "name": key, "before": record})])


def _profile(one: WantedEndpoint, interface: str, position: int) -> dict[str, Any]:
    index = one.index_of(interface, position)
    return {
        "index": index,
        "model": one.model,
        "tap": one.tap or f"tap{index}_kata",
        "bridge": (one.bridge or f"br{index}_kata") if one.model == "bridged" else None,
        "queues": one.queues,
        "vnet_hdr": one.vnet_hdr,
        "owner": one.owner,
        "group": one.group,
    }


def _is_another(record: Remembered, wish: dict[str, Any]) -> bool:
    return any(record[name] != wish[name] for name in PROFILE)


def _remember(one: WantedEndpoint, link: Link, wish: dict[str, Any], namespace: NamespaceState) -> Remembered:
    return {
        **wish,
        "netns": one.netns,
        "fingerprint": list(namespace.fingerprint),
        "interface": link.name,
        "ifindex": link.known_index,
        "type": "virtual",
        "made": {},
        "node": None,
        "qdisc": False,
        "rates": {},
        "mac": link.mac,
        "up": link.up,
        "master": namespace.name_of(link.master),
        "ipv6_disabled": link.ipv6_disabled,
        "baggage": [],
    }


# ---------------------------------------------------------------- the models


def _plan_none(wiring: Wiring) -> None:
    """A tap, and nothing else: what it is wired to is somebody else's business."""
    _plan_tap(wiring)


def _plan_tcfilter(wiring: Wiring) -> None:
    """Each redirected to the other. The VM has the address of the link, which keeps it."""
    _plan_tap(wiring)
    wiring.ensure("interface", up=True)
    for role, other in (("tap", "interface"), ("interface", "tap")):
        plan_redirect(wiring, role, other)


def _plan_macvtap(wiring: Wiring) -> None:
    """A macvtap that takes over the address of the link, which gets another one."""
    _plan_stripping(wiring)
    wiring.ensure("interface", up=True)  # first: a link that is down keeps the filter of a macvtap that goes
    _plan_link(wiring, "tap", "macvtap", parent=wiring.record["interface"], mac=wiring.record["mac"])
    # The kernel cannot know which groups the VM is a member of: neighbour discovery of IPv6 needs some.
    wiring.ensure("tap", mtu=wiring.link("interface").mtu, allmulti=True, ipv6_link_local=False, up=True)
    _plan_node(wiring)


def _plan_bridged(wiring: Wiring) -> None:
    """The link and a tap as ports of a bridge of their own; the VM takes over the address of the link."""
    _plan_stripping(wiring)
    mac = bridge_mac(wiring.record["index"])  # without one of its own it takes that of a port, and changes with them
    _plan_link(wiring, "bridge", "bridge", mac=mac, data={"multicast_snooping": False})
    wiring.ensure("bridge", ipv6_link_local=False)
    _plan_tap(wiring, master=wiring.record["bridge"])
    wiring.ensure("interface", master=wiring.record["bridge"], up=True)
    wiring.ensure("bridge", up=True)


PLANS = {"none": _plan_none, "tcfilter": _plan_tcfilter, "macvtap": _plan_macvtap, "bridged": _plan_bridged}


# ---------------------------------------------------------------- their parts


def _plan_tap(wiring: Wiring, master: str | None = None) -> None:
    record = wiring.record
    data = {"multi_queue": record["queues"] > 1, "vnet_hdr": record["vnet_hdr"]}
    data.update({name: record[name] for name in ("owner", "group") if record[name] is not None})
    _plan_link(wiring, "tap", "tap", data=data)
    interface = wiring.link("interface")
    wanted: dict[str, Any] = {"mtu": interface.mtu} if interface.mtu else {}
    if master is not None:
        wanted["master"] = master
    wiring.ensure("tap", **wanted, ipv6_link_local=False, up=True)


def _plan_link(wiring: Wiring, role: str, kind: str, *, parent: str = "", **details: Any) -> None:
    """The tap, macvtap or bridge, made unless it is there and ours."""
    name, namespace = wiring.record[role], wiring.namespace
    if made_link(wiring.record, role, namespace) is not None and name in wiring.record["made"]:
        return
    interface = wiring.link("interface")
    args: dict[str, Any] = {"netns": wiring.one.netns, "name": name, "ifindex": None, "kind": kind}
    args.update(mtu=interface.mtu or None, txqlen=interface.txqlen or DEFAULT_TXQLEN)
    if parent:
        args.update(parent=parent, parent_netns=wiring.one.netns, data={"mode": "bridge"})
    args.update(details)
    wiring.draft.add(
        [Operation("link.add", {key: value for key, value in args.items() if value is not None or key == "ifindex"})]
    )
    wiring.record["made"][name] = None


def _plan_stripping(wiring: Wiring) -> None:
    """The address of the link goes to the VM: the host must not answer for it any more."""
    link, netns = wiring.link("interface"), wiring.one.netns
    leaving = stripped(baggage_of(link, netns, wiring.namespace))
    for step in reversed(leaving):
        area = step.kind.partition(".")[0]
        wiring.draft.add([Operation(f"{area}.delete", step.args)])
    wiring.record["baggage"] = [*wiring.record["baggage"], *(step.as_dict() for step in leaving)]
    if not wiring.link("interface").ipv6_disabled and wiring.draft.state.ipv6:
        wiring.draft.add([_ipv6(wiring, off=True)])
    wanted: str | None = wiring.one.mac or synthetic_mac(wiring.record["index"])
    if wanted == "random":
        wanted = None if link.mac == wiring.record["mac"] else link.mac
    wiring.ensure("interface", mac=wanted)


def _ipv6(wiring: Wiring, *, off: bool) -> Operation:
    link = wiring.link("interface")
    key = f"net/ipv6/conf/{link.name}/disable_ipv6"
    return wiring.operation("sysctl.set", link, key=key, value=str(int(off)), before=str(int(not off)))


def _plan_node(wiring: Wiring) -> None:
    tap = wiring.link("tap")
    path = wiring.record["node"] or node_path(wiring.one.netns, wiring.record["interface"])
    if wiring.record["node"] is None or not wiring.draft.state.nodes.get(path) or tap.ifindex < 0:
        owner = [wiring.record["owner"] or 0, wiring.record["group"] or 0]
        wiring.draft.add([wiring.operation("node.create", tap, path=path, owner=owner)])
    wiring.record["node"] = path


def node_path(netns: str, interface: str) -> str:
    """The device node of a macvtap: that of the kernel may be another one's. /run takes no nodes (nodev)."""
    directory, name = os.path.split(netns)
    if directory != values.NETNS_DIR:
        name = hashlib.sha256(netns.encode("utf-8", "surrogateescape")).hexdigest()[:16]
    return f"/dev/sandbox-network/{name}-{interface}"


# ---------------------------------------------------------------- back


def _plan_unwiring(record: Remembered, link: Link | None, namespace: NamespaceState, draft: Draft) -> None:
    one = WantedEndpoint(record["netns"], present=False, interface=record["interface"], model=record["model"])
    wiring = Wiring(one, draft, record)
    tap, bridge = made_link(record, "tap", namespace), made_link(record, "bridge", namespace)
    for end in filter(None, (link, tap)):
        plan_end_of_rates(wiring, end)
        if end.name in namespace.redirects:
            plan_end_of_redirect(wiring, end)
    if link is not None and record["bridge"] and namespace.name_of(link.master) == record["bridge"]:
        wiring.ensure("interface", master="")
    for made in filter(None, (tap, bridge)):
        draft.add(plan_deletion(namespace.existing(made.name), one.netns, draft.state))
    if link is not None:
        _plan_link_back(wiring, record)


def _plan_link_back(wiring: Wiring, record: Remembered) -> None:
    if record["model"] in ("macvtap", "bridged"):
        wiring.ensure("interface", mac=record["mac"])
        if wiring.link("interface").ipv6_disabled and not record["ipv6_disabled"] and wiring.draft.state.ipv6:
            wiring.draft.add([_ipv6(wiring, off=False)])
    link = wiring.link("interface")
    here = Place(record["netns"], link.name, link.known_index)
    if not record["up"] and record["model"] != "none":
        wiring.ensure("interface", up=False)
    wiring.draft.add(elsewhere(step, here, here) for step in record["baggage"])
