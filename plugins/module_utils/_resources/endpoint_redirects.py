# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Planning the redirections of an endpoint: all that arrives at one side leaves by the other."""

from __future__ import annotations

from .._engine.operation import Operation
from .._kernel.links import Link
from .._kernel.traffic import INGRESS_HANDLE, TC_H_INGRESS, Control, Qdisc
from .endpoint_wiring import Wiring
from .link_traffic import INGRESS, way_in


def plan_redirect(wiring: Wiring, role: str, other: str) -> None:
    """Send what arrives at one side out of the other one."""
    link, target = wiring.link(role), wiring.link(other)
    parent = way_in(wiring.namespace.qdiscs.get(link.ifindex, ()))
    if parent is None:
        qdisc = Qdisc(Control(link.ifindex, "ingress", INGRESS_HANDLE, TC_H_INGRESS))
        wiring.draft.add([wiring.qdisc("qdisc.add", link, qdisc)])
        parent = INGRESS
        if role == "interface":
            wiring.record["qdisc"] = True
    if wiring.namespace.redirects.get(link.name) != target.name:
        wiring.draft.add([_redirect(wiring, "redirect.add", link, parent, target)])


def plan_end_of_redirect(wiring: Wiring, end: Link) -> None:
    """Let a link keep what arrives at it; the qdisc goes, too, if it is ours and holds nothing else."""
    namespace = wiring.namespace
    qdiscs = namespace.qdiscs.get(end.ifindex, ())
    parent = way_in(qdiscs) or INGRESS
    target = namespace.link(namespace.redirects[end.name]) or Link(0, wiring.record["tap"])
    wiring.draft.add([_redirect(wiring, "redirect.delete", end, parent, target)])
    ours = wiring.record["qdisc"] or end.name == wiring.record["tap"]
    foreign = [filter_ for one in qdiscs for filter_ in one.filters]
    if ours and len(foreign) <= 1 and parent == INGRESS:
        for one in qdiscs:
            if one.control.kind == "ingress":
                wiring.draft.add([wiring.qdisc("qdisc.delete", end, Qdisc(one.control))])


def _redirect(wiring: Wiring, kind: str, link: Link, parent: str, target: Link) -> Operation:
    index = None if target.ifindex < 0 else target.ifindex  # 0: it has gone
    return wiring.operation(kind, link, parent=parent, target=target.name, target_ifindex=index)
