# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""How much may leave by a link, and how much may arrive: HTB at the link, and at an ifb that what arrives passes first.

The kernel queues what leaves only. An ifb is a link by which what has arrived leaves once more, and so is queued.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from .._engine.draft import Draft
from .._engine.errors import InvalidOption, TaskError
from .._engine.kinds.contract import place
from .._engine.kinds.traffic import class_args, control_args
from .._engine.operation import Operation
from .._engine.resource import Reader
from .._engine.state import NamespaceState, Netns, State
from .._kernel.links import Link
from .._kernel.traffic import (
    INGRESS_HANDLE,
    TC_H_INGRESS,
    Control,
    Qdisc,
    is_redirection,
    limiter,
    rate_of,
    read_qdiscs,
    redirects_to,
)
from .link_options import End, WantedLink

INGRESS, CLSACT = "ffff:0", "ffff:fff2"
USUAL_MTU = 1500


def observe_traffic(wanted: Iterable[WantedLink], state: State, reader: Reader) -> None:
    """The qdiscs where some are asked for, or go with a link."""
    for one in wanted:
        for end in one.ends:
            asked_for = end.tx_rate is not None or end.rx_ifb is not None
            namespace = state.at(end.netns)
            if namespace is not None and not namespace.qdiscs and (asked_for or one.recreate or not one.present):
                namespace.qdiscs = read_qdiscs(reader.host.at(end.netns).netlink)
                namespace.redirects = redirects_in(namespace)


def redirects_in(namespace: NamespaceState) -> dict[str, str]:
    """The links that are wired by us; two filters of ours on one, or one that leads nowhere, count as none."""
    found: dict[str, str] = {}
    for ifindex, qdiscs in namespace.qdiscs.items():
        ours = [one for qdisc in qdiscs for one in qdisc.filters if is_redirection(one)]
        if ours:
            targets = {namespace.name_of(index) for one in ours for index in redirects_to(one)}
            found[namespace.name_of(ifindex)] = targets.pop() if len(ours) == len(targets) == 1 else ""
    return found


def way_in(qdiscs: Sequence[Qdisc]) -> str | None:
    """Where a filter for what arrives goes: into the qdisc that is there, whoever's it is."""
    kinds = {one.control.kind for one in qdiscs}
    return INGRESS if "ingress" in kinds else CLSACT if "clsact" in kinds else None


def plan_traffic(end: End, draft: Draft, *, deletable: bool) -> None:
    """The limits that are wanted. Raises InvalidOption, TaskError."""
    namespace = draft.state.existing(end.netns)
    link = namespace.existing(end.name)
    for option, value in (("tx_rate", end.tx_rate), ("rx_ifb", end.rx_ifb)):
        if value and not deletable:
            raise InvalidOption(option, value, f"is for virtual links; {place(end.netns, end.name)} is none")
    if end.tx_rate is not None:
        draft.add(_plan_rate(end, link, namespace))
    if end.rx_ifb is not None:
        draft.add(_plan_ifb(end, link, namespace))


def traffic_of(end: End, link: Link, namespace: NamespaceState) -> dict[str, Any]:
    """The limits for the result: those that were asked about."""
    found: dict[str, Any] = {}
    if end.tx_rate is not None:
        rates = [rate_of(one) for one in namespace.qdiscs.get(link.ifindex, ())]
        found["tx_rate"] = next((rate for rate in rates if rate is not None), 0)
    if end.rx_ifb is not None:
        found["rx_ifb"] = namespace.redirects.get(link.name, "")
    return found


def restoring_traffic(link: Link, netns: Netns, namespace: NamespaceState) -> Iterator[Operation]:
    """What limits a link, for whoever makes it again. Qdiscs of others are theirs."""
    qdiscs = namespace.qdiscs.get(link.ifindex, ())
    for one in qdiscs:
        if rate_of(one) is not None:
            yield _qdisc("qdisc.add", netns, link, one)
    target = namespace.link(namespace.redirects.get(link.name, ""))
    if target is not None and way_in(qdiscs) == INGRESS:
        yield _qdisc("qdisc.add", netns, link, _ingress(link))
        yield _redirect("redirect.add", netns, link, INGRESS, target)


def refuse_in_use(link: Link, netns: Netns, namespace: NamespaceState) -> None:
    """An ifb that others send to would take what they send with it. Raises TaskError."""
    for name, target in namespace.redirects.items():
        if link.kind == "ifb" and target == link.name and namespace.link(name) is not None:
            raise TaskError(
                f"{place(netns, link.name)} is the rx_ifb of {name}, which would lose all that arrives;"
                " take it off first (rx_ifb: '')"
            )


def _plan_rate(end: End, link: Link, namespace: NamespaceState) -> Iterator[Operation]:
    found = namespace.qdiscs.get(link.ifindex, ())
    roots = [one for one in found if one.control.kind not in ("ingress", "clsact")]
    ours = [one for one in roots if rate_of(one) is not None]
    if roots and not ours and end.tx_rate:
        kind = roots[0].control.kind
        raise TaskError(f"tx_rate: {place(end.netns, end.name)} has a qdisc of kind {kind} already")
    wanted = limiter(link.ifindex, end.tx_rate, link.mtu or USUAL_MTU) if end.tx_rate else None
    if wanted is not None and any(rate_of(one) == rate_of(wanted) for one in ours):
        return
    for one in ours:
        yield _qdisc("qdisc.delete", end.netns, link, one)
    if wanted is not None:
        yield _qdisc("qdisc.add", end.netns, link, wanted)


def _plan_ifb(end: End, link: Link, namespace: NamespaceState) -> Iterator[Operation]:
    qdiscs = namespace.qdiscs.get(link.ifindex, ())
    found = namespace.redirects.get(link.name)
    former = namespace.link(found) if found else None
    if found == end.rx_ifb or (found is None and not end.rx_ifb):
        return
    if former is not None and former.kind != "ifb":
        where = place(end.netns, end.name)
        raise InvalidOption("rx_ifb", end.rx_ifb, f"cannot be had: what arrives at {where} goes to {former.name}")
    parent = way_in(qdiscs)
    if not end.rx_ifb:
        gone = former or Link(0, found or "")
        yield _redirect("redirect.delete", end.netns, link, parent or INGRESS, gone)
        filters = [one for qdisc in qdiscs for one in qdisc.filters]
        if parent == INGRESS and len(filters) <= 1:
            yield _qdisc("qdisc.delete", end.netns, link, _ingress(link))
        return
    target = namespace.link(end.rx_ifb)
    if target is None or target.kind != "ifb":
        problem = "does not exist" if target is None else f"is of kind {target.kind or 'physical'}, not ifb"
        raise InvalidOption("rx_ifb", end.rx_ifb, f"{problem}, where {place(end.netns, end.name)} is")
    if parent is None:
        yield _qdisc("qdisc.add", end.netns, link, _ingress(link))
    elif found is not None:
        yield _redirect("redirect.delete", end.netns, link, parent, former or Link(0, found))
    yield _redirect("redirect.add", end.netns, link, parent or INGRESS, target)


def _ingress(link: Link) -> Qdisc:
    return Qdisc(Control(link.ifindex, "ingress", INGRESS_HANDLE, TC_H_INGRESS))


def _qdisc(kind: str, netns: Netns, link: Link, qdisc: Qdisc) -> Operation:
    args = {**control_args(qdisc.control, netns, link.name), "ifindex": link.known_index}
    if qdisc.classes:
        args["classes"] = [class_args(one) for one in qdisc.classes]
    return Operation(kind, args)


def _redirect(kind: str, netns: Netns, link: Link, parent: str, target: Link) -> Operation:
    index = None if target.ifindex < 0 else target.ifindex  # 0: it has gone
    args = {"netns": netns, "link": link.name, "ifindex": link.known_index, "parent": parent}
    return Operation(kind, {**args, "target": target.name, "target_ifindex": index})
