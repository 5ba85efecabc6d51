# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Planning the rate limits of an endpoint: HTB where packets leave for the VM, and where they leave it."""

from __future__ import annotations

from .._engine.errors import TaskError
from .._engine.kinds.contract import place
from .._kernel.links import Link
from .._kernel.traffic import limiter, rate_of
from .endpoint_wiring import Wiring


def plan_rates(wiring: Wiring) -> None:
    """The limits that are wanted, and no others. A macvtap queues one way only. Raises TaskError."""
    one = wiring.one
    if one.model == "macvtap":
        _plan_rate(wiring, "tap", one.tx_rate)
    else:
        _plan_rate(wiring, "tap", one.rx_rate)
        _plan_rate(wiring, "interface", one.tx_rate)


def plan_end_of_rates(wiring: Wiring, end: Link) -> None:
    """Take the limit off a link that is ours to take off."""
    role = "tap" if end.name == wiring.record["tap"] else "interface"
    if role in wiring.record["rates"]:
        for one in wiring.namespace.qdiscs.get(end.ifindex, ()):
            if rate_of(one) is not None:
                wiring.draft.add([wiring.qdisc("qdisc.delete", end, one)])


def _plan_rate(wiring: Wiring, role: str, rate: int | None) -> None:
    link = wiring.link(role)
    had = wiring.record["rates"].get(role)
    roots = [
        one for one in wiring.namespace.qdiscs.get(link.ifindex, ()) if one.control.kind not in ("ingress", "clsact")
    ]
    ours = [one for one in roots if rate_of(one) is not None] if had else []
    if roots and not ours and rate is not None:
        raise TaskError(
            f"{'rx_rate' if role == 'tap' else 'tx_rate'}: {place(wiring.one.netns, link.name)} has a qdisc of kind"
            f" {roots[0].control.kind} already"
        )
    wanted = limiter(link.ifindex, rate, link.mtu or 1500) if rate is not None else None
    if wanted is not None and any(rate_of(one) == rate_of(wanted) for one in ours):
        return
    for one in ours:
        wiring.draft.add([wiring.qdisc("qdisc.delete", link, one)])
    if wanted is not None:
        wiring.draft.add([wiring.qdisc("qdisc.add", link, wanted)])
    rates = {name: value for name, value in wiring.record["rates"].items() if name != role}
    wiring.record["rates"] = {**rates, role: rate} if rate is not None else rates
