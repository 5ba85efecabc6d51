# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""A sandbox given to a virtual machine: it has the sandbox's network, by every model."""

from __future__ import annotations

import pytest
from box import only
from sandbox_for_vm import ADDRESSES, BEYOND, MTU, Sandbox

# vhost would be for a processor that is not emulated.
ENDPOINT = {"netns": "box", "interface": "eth0", "vhost": "never"}


@pytest.mark.parametrize("queues", [1, 2])
@pytest.mark.parametrize("model", ["tcfilter", "macvtap", "bridged"])
def test_a_machine_takes_the_sandboxs_place(box: Sandbox, model: str, queues: int) -> None:
    before, wanted = box.snapshot(), {**ENDPOINT, "model": model, "queues": queues}
    endpoint = only(box.change("vm_endpoint", wanted)["endpoints"])
    box.start_machine(endpoint, processors=queues)

    told = box.fetch("addresses")
    assert endpoint["hard_addr"] in told and f"mtu {MTU}" in told
    assert box.fetch("queues", family=6).split() == [f"{way}-{n}" for way in ("rx", "tx") for n in range(queues)]
    for family in (4, 6):
        box.in_client("ping", "-q", "-c3", "-i0.2", "-w10", ADDRESSES[family])
        # It answers to where it has only a route to.
        box.sh(f"ping -q -c3 -i0.2 -w10 -I {BEYOND[family]} {ADDRESSES[family]}")
    box.nothing_to_do("vm_endpoint", wanted)

    box.end_machine()
    box.change("vm_endpoint", {"netns": "box", "interface": "eth0", "state": "absent"})
    assert box.unlike(before) == []
    box.in_client("ping", "-q", "-c1", "-w10", ADDRESSES[4])


@pytest.mark.parametrize("model", ["tcfilter", "bridged", "macvtap"])
def test_rates_hold(box: Sandbox, model: str) -> None:
    before, wanted = box.snapshot(), {**ENDPOINT, "model": model}
    box.start_machine(only(box.done("vm_endpoint", wanted)["endpoints"]))
    both_ways = model != "macvtap"  # which queues nothing on the way to the machine
    for receiving, sending in ((20, 40), (40, 20)) if both_ways else ((0, 40),):
        rates = {"rx_rate": receiving * 1_000_000} if both_ways else {}
        box.change("vm_endpoint", {**wanted, **rates, "tx_rate": sending * 1_000_000})  # while the machine runs
        # Headers count for the limit and not for what is measured: 66 of 1414 octets.
        assert measured(box, "receive", sending) == pytest.approx(sending, rel=0.1)
        assert not both_ways or measured(box, "send", receiving) == pytest.approx(receiving, rel=0.1)
    assert "htb" in qdiscs(box)

    box.end_machine()
    box.change("vm_endpoint", {"netns": "box", "interface": "eth0", "state": "absent"})
    assert not {"htb", "ingress"} & qdiscs(box)
    assert box.unlike(before) == []


def measured(box: Sandbox, direction: str, rate: float) -> float:
    """The rate, measured again when a busy machine has kept the emulated one from reaching it; a limit
    that does not hold shows each time.
    """
    rates = []
    while len(rates) < 4 and not any(one > 0.9 * rate for one in rates):
        rates.append(box.measure(direction))
    return max(rates)


def qdiscs(box: Sandbox) -> set[str]:
    """The kinds of queueing disciplines in the sandbox."""
    return {*box.sh("tc -n box -j qdisc show | jq -r '.[].kind'").split()}
