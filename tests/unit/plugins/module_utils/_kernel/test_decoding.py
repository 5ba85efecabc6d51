# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""What the kernel says about links, addresses, routes and neighbours; also when it is garbage."""

from __future__ import annotations

import ipaddress
import socket
import struct
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.sandbox.network.plugins.module_utils._kernel import addressing, links
from ansible_collections.sandbox.network.plugins.module_utils._kernel.errors import KernelError
from ansible_collections.sandbox.network.plugins.module_utils._kernel.netlink import NetlinkSocket

AF_INET, AF_INET6 = int(socket.AF_INET), int(socket.AF_INET6)


def attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("=HH", 4 + len(value), kind) + value + b"\0" * (-len(value) % 4)


def nested(kind: int, *inner: bytes) -> bytes:
    return attribute(kind | 0x8000, b"".join(inner))


def number(value: int) -> bytes:
    return struct.pack("=I", value)


def link(*attributes: bytes, ifindex: int = 7, flags: int = links.IFF_UP) -> bytes:
    return links.LINK_HEADER.pack(0, 1, ifindex, flags, 0) + b"".join(attributes)


VETH = link(
    attribute(3, b"eth0\0"),
    attribute(4, number(1400)),
    attribute(13, number(1000)),
    attribute(1, bytes.fromhex("020000000007")),
    attribute(5, number(9)),
    attribute(37, struct.pack("=i", 3)),
    attribute(20, b"an alias\0"),
    nested(18, attribute(1, b"veth\0")),
    nested(52, attribute(53, b"one\0"), attribute(53, b"two\0")),
    nested(26, nested(AF_INET6, attribute(2, struct.pack("=5i", 0, 64, 1500, 1, 1)), attribute(8, b"\1"))),
)
VXLAN = link(
    attribute(3, b"vx0\0"),
    nested(
        18,
        attribute(1, b"vxlan\0"),
        nested(
            2,
            attribute(1, number(42)),
            attribute(16, ipaddress.ip_address("fd00::1").packed),
            attribute(15, b"\x12\xb5"),
            attribute(3, number(2)),
        ),
    ),
)
TAP = link(
    attribute(3, b"tap0\0"),
    nested(
        18,
        attribute(1, b"tun\0"),
        nested(
            2,
            attribute(1, number(1000)),
            attribute(3, b"\2"),
            attribute(5, b"\1"),
            attribute(6, b"\1"),
            attribute(7, b"\0"),
        ),
    ),
)
ADDRESS4 = addressing.ADDRESS_HEADER.pack(AF_INET, 24, 0x80, 0, 7) + b"".join(
    [
        attribute(1, bytes([10, 0, 0, 9])),
        attribute(2, bytes([10, 0, 0, 2])),
        attribute(3, b"eth0:1\0"),
        attribute(8, number(0x280)),
        attribute(6, struct.pack("=IIII", 30, 60, 0, 0)),
    ]
)
ADDRESS6 = addressing.ADDRESS_HEADER.pack(AF_INET6, 64, 0x80, 253, 7) + attribute(
    1, ipaddress.ip_address("fe80::1").packed
)
ROUTE4 = addressing.ROUTE_HEADER.pack(AF_INET, 0, 0, 0, 254, 4, 0, 1, 4) + b"".join(
    [
        attribute(5, bytes([10, 0, 0, 1])),
        attribute(4, number(7)),
        attribute(6, number(5)),
        attribute(15, number(1000)),
        nested(8, attribute(2, number(1300))),
    ]
)
ROUTE_VIA = (
    addressing.ROUTE_HEADER.pack(AF_INET, 24, 0, 0, 254, 4, 0, 1, 0)
    + attribute(1, bytes([10, 9, 0, 0]))
    + attribute(18, struct.pack("=H", AF_INET6) + ipaddress.ip_address("fe80::1").packed)
)
NEIGHBOUR = (
    addressing.NEIGHBOUR_HEADER.pack(AF_INET, 7, 0x80, 0, 1)
    + attribute(1, bytes([10, 0, 0, 1]))
    + attribute(2, bytes(6))
)
SAMPLES: list[tuple[Callable[[bytes], Any], bytes]] = [
    (links.decode_link, VETH),
    (links.decode_link, VXLAN),
    (links.decode_link, TAP),
    (addressing.decode_address, ADDRESS4),
    (addressing.decode_address, ADDRESS6),
    (addressing.decode_route, ROUTE4),
    (addressing.decode_route, ROUTE_VIA),
    (addressing.decode_neighbour, NEIGHBOUR),
]
IDS = ["veth", "vxlan", "tap", "address4", "address6", "route4", "route via", "neighbour"]


def test_a_veth() -> None:
    found = links.decode_link(VETH)
    assert (found.name, found.kind, found.mac, found.mtu, found.txqlen) == (
        "eth0",
        "veth",
        "02:00:00:00:00:07",
        1400,
        1000,
    )
    assert (found.ifindex, found.parent, found.parent_nsid, found.up) == (7, 9, 3, True)
    assert (found.alias, found.altnames) == ("an alias", ("one", "two"))
    assert (found.accept_ra, found.ipv6_link_local) == (True, False)


def test_a_vxlan() -> None:
    data = links.decode_link(VXLAN).data
    assert data == {"vni": 42, "remote": "fd00::1", "local": "", "dst_port": 4789, "parent": 2}


def test_a_tap() -> None:
    found = links.decode_link(TAP)
    assert found.kind == "tap"
    assert found.data == {"owner": 1000, "group": None, "vnet_hdr": True, "persist": True, "multi_queue": False}


def test_addresses() -> None:
    found = addressing.decode_address(ADDRESS4)
    assert (found.local, found.peer, found.prefix, found.label) == ("10.0.0.2", "10.0.0.9", 24, "eth0:1")
    assert found.noprefixroute and found.permanent and not found.nodad
    assert (found.preferred, found.valid) == (30, 60)
    found = addressing.decode_address(ADDRESS6)
    assert (found.local, found.peer, found.scope, found.valid) == ("fe80::1", "", "link", None)


def test_routes() -> None:
    found = addressing.decode_route(ROUTE4)
    assert found is not None
    assert (found.dst, found.gateway, found.metric, found.table) == ("0.0.0.0/0", "10.0.0.1", 5, 1000)
    assert found.metrics == (("mtu", 1300),)
    assert not found.opaque
    assert found.onlink
    found = addressing.decode_route(ROUTE_VIA)
    assert found is not None
    assert (found.dst, found.gateway) == ("10.9.0.0/24", "fe80::1")


@pytest.mark.parametrize(("protocol", "seen"), [(addressing.RTPROT_KERNEL, False), (4, True)])
def test_local_routes_that_come_with_an_address_are_left_out(protocol: int, seen: bool) -> None:
    header = addressing.ROUTE_HEADER.pack(AF_INET6, 0, 0, 0, 255, protocol, 0, addressing.RTN_LOCAL, 0)
    assert (addressing.decode_route(header) is not None) is seen


def test_a_neighbour() -> None:
    found = addressing.decode_neighbour(NEIGHBOUR)
    assert found is not None
    assert (found.address, found.mac, found.state) == ("10.0.0.1", "00:00:00:00:00:00", "permanent")


def test_cached_routes_and_other_families_are_left_out() -> None:
    cached = addressing.ROUTE_HEADER.pack(AF_INET6, 128, 0, 0, 254, 2, 0, 1, 0x200)
    assert addressing.decode_route(cached) is None
    assert addressing.decode_route(addressing.ROUTE_HEADER.pack(128, 0, 0, 0, 0, 0, 0, 0, 0)) is None
    assert addressing.decode_neighbour(addressing.NEIGHBOUR_HEADER.pack(7, 1, 0, 0, 0)) is None


@pytest.mark.parametrize(("decode", "payload"), SAMPLES, ids=IDS)
def test_a_message_cut_off_anywhere(decode: Callable[[bytes], Any], payload: bytes) -> None:
    for length in range(len(payload)):
        with only_our_errors():
            decode(payload[:length])


@settings(max_examples=600, deadline=None)
@given(data=st.data())
def test_mutated_messages_raise_nothing_but_our_errors(data: st.DataObject) -> None:
    decode, payload = data.draw(st.sampled_from(SAMPLES))
    changed = bytearray(payload)
    for _time in range(data.draw(st.integers(1, 5))):
        place = data.draw(st.integers(0, len(changed) - 1))
        changed[place] = data.draw(st.one_of(st.sampled_from([0, 1, 4, 5, 8, 255]), st.integers(0, 255)))
    with only_our_errors():
        decode(bytes(changed))


@settings(max_examples=300)
@given(st.sampled_from([decode for decode, _payload in SAMPLES]), st.binary(max_size=300))
def test_garbage_raises_nothing_but_our_errors(decode: Callable[[bytes], Any], data: bytes) -> None:
    with only_our_errors():
        decode(data)


@given(st.ip_addresses(v=6).filter(lambda address: address.ipv4_mapped is None and int(address)))
def test_every_reader_writes_an_address_alike(address: ipaddress.IPv6Address) -> None:
    payload = addressing.ADDRESS_HEADER.pack(AF_INET6, 64, 0x80, 0, 7) + attribute(1, address.packed)
    data = nested(2, attribute(1, number(1)), attribute(16, address.packed))
    vxlan = link(attribute(3, b"vx0\0"), nested(18, attribute(1, b"vxlan\0"), data))
    assert links.decode_link(vxlan).data["remote"] == addressing.decode_address(payload).local


class only_our_errors:  # noqa: N801
    """Errors that the front door reports are fine, any other is a traceback for the user."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: Any, error: Any, _traceback: Any) -> bool:
        return isinstance(error, (KernelError, OSError))


@pytest.fixture
def real() -> Iterator[NetlinkSocket]:
    netlink = NetlinkSocket()
    yield netlink
    netlink.close()


def test_everything_of_this_machine_can_be_read(real: NetlinkSocket) -> None:
    found = links.read_links(real, statistics=True)
    assert any(one.loopback and one.statistics for one in found)
    assert links.find_link(real, found[0].name) is not None
    assert links.find_link(real, "no-such-link") is None
    assert links.find_link_by_index(real, 0x7FFFFFF0) is None
    indexes = {one.ifindex for one in found}
    assert {one.ifindex for one in addressing.read_addresses(real)} <= indexes
    addressing.read_routes(real)
    addressing.read_neighbours(real)


def test_a_kernel_without_ipv6_is_not_asked_for_its_routes(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_arguments: Any) -> Any:
        raise OSError(97, "Address family not supported by protocol")

    asked = []

    class Recorder:
        def dump(self, _kind: int, payload: bytes) -> list[bytes]:
            asked.append(payload[0])
            return []

        dump_twice = dump

    monkeypatch.setattr(addressing.socket, "socket", refuse)
    assert not addressing.ipv6_enabled()
    assert addressing.read_routes(Recorder()) == []  # type: ignore[arg-type]
    assert asked == [AF_INET]
