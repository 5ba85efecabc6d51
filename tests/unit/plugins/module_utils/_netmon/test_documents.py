# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Documents in the form of the Kata agent."""

from __future__ import annotations

from ansible_collections.sandbox.network.plugins.module_utils._kernel.addressing import (
    AF_INET,
    AF_INET6,
    Address,
    NextHop,
    Route,
)
from ansible_collections.sandbox.network.plugins.module_utils._kernel.links import Link
from ansible_collections.sandbox.network.plugins.module_utils._netmon.documents import (
    interface_document,
    is_ready,
    is_told,
    route_documents,
)

LINK = Link(7, "eth0", "veth", "02:00:00:00:00:01", mtu=1450, up=True, running=True, flags=0x11043)
DOWN = Link(7, "eth0", "", "02:00:00:00:00:01", mtu=1450, flags=0x1002)


def test_an_interface() -> None:
    addresses = [Address(7, AF_INET, "10.0.0.2", 24), Address(7, AF_INET6, "fd00::2", 64, peer="fd00::3")]
    assert interface_document(LINK, addresses) == {
        "Device": "eth0",
        "Name": "eth0",
        "IPAddresses": [
            {"Family": 2, "Address": "10.0.0.2", "Mask": "24"},
            {"Family": 10, "Address": "fd00::2", "Mask": "64"},
        ],
        "Mtu": 1450,
        "RawFlags": 0,
        "HwAddr": "02:00:00:00:00:01",
        "PciPath": {},
        "LinkType": "veth",
    }
    assert (interface_document(DOWN, [])["RawFlags"], interface_document(DOWN, [])["LinkType"]) == (0x1002, "device")


def test_what_is_told() -> None:
    assert is_told(LINK, "*kata*")
    assert not is_told(LINK, "eth[0-9]")
    assert not is_told(Link(1, "lo", mac="00:00:00:00:00:00", loopback=True), "*kata*")
    assert not is_told(Link(9, "tun0", "tun"), "*kata*")
    for name in ("tap0_kata", "kata0", "xkatax", "kata"):
        assert not is_told(Link(9, name, mac="02:00:00:00:00:01"), "*kata*")
    assert is_ready(LINK)
    assert not is_ready(DOWN)
    assert not is_ready(Link(7, "eth0", up=True))


def test_routes() -> None:
    default = Route(AF_INET, "0.0.0.0/0", 254, 0, 7, gateway="10.0.0.1", src="10.0.0.2", protocol=4)
    hops = (NextHop(7, "10.0.0.1"), NextHop(8, "10.0.0.9"))
    several = Route(AF_INET, "10.1.0.0/16", 254, 0, 0, hops=hops)
    on_link = Route(AF_INET, "10.2.0.0/16", 254, 0, 9, scope="link")
    kernel = Route(AF_INET, "10.0.0.0/24", 254, 0, 7, protocol=2)
    elsewhere = Route(AF_INET, "10.3.0.0/24", 100, 0, 7)
    found = route_documents([default, several, on_link, kernel, elsewhere], {7: "eth0", 8: "eth1"})
    assert [(one["Dest"], one["Gateway"], one["Device"], one["Source"], one["Scope"]) for one in found] == [
        ("", "10.0.0.1", "eth0", "10.0.0.2", 0),
        ("10.1.0.0/16", "10.0.0.1", "eth0", "", 0),
        ("10.1.0.0/16", "10.0.0.9", "eth1", "", 0),
        ("10.2.0.0/16", "", "", "", 253),
    ]
    assert found == route_documents([on_link, several, default], {8: "eth1", 7: "eth0"})  # in an order of its own
