# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Endpoints of links of kinds that kernels for small machines lack."""

from __future__ import annotations

import pytest
from guest import Guest


@pytest.mark.parametrize("making", ["type vlan id 7", "type ipvlan mode l2", "type macvlan mode bridge"])
def test_wired_and_let_go(guest: Guest, making: str) -> None:
    nic = guest.nic(0)
    guest.sh(
        "modprobe tun",
        "ip netns add box",
        f"ip link set {nic} up",
        f"ip link add link {nic} name l4 netns box {making}",
    )
    # the kernel makes a link-local address some time later
    guest.sh(
        "ip -n box link set l4 addrgenmode none", "ip -n box link set l4 up", "ip -n box addr add 10.9.0.2/24 dev l4"
    )
    before = guest.snapshot()
    (endpoint,) = guest.change("vm_endpoint", {"netns": "box", "interface": "l4"})["endpoints"]
    assert (endpoint["model"], endpoint["tap"]["name"]) == ("tcfilter", "tap4_kata")
    for link, target in (("l4", "tap4_kata"), ("tap4_kata", "l4")):
        assert f"Egress Redirect to device {target}" in guest.sh(f"tc -n box filter show dev {link} ingress")
    for model in ("macvtap", "bridged"):
        guest.refused("vm_endpoint", {"netns": "box", "interface": "l4", "model": model}, "model", model, "tcfilter")
    guest.change("vm_endpoint", {"netns": "box", "interface": "l4", "state": "absent"})
    assert guest.unlike(before) == []
    guest.sh("ip netns del box", f"ip link set {nic} down")
