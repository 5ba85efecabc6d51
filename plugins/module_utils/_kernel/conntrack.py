# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Tracked connections of the namespace Ansible runs in: found, and forgotten.

The kernel translates the packets of a tracked connection as it did the first one, whatever the rules say
by then. Numbers are those of include/uapi/linux/netfilter/nfnetlink_conntrack.h.
"""

from __future__ import annotations

import errno
import socket
import struct
from collections.abc import Collection, Iterator
from contextlib import closing
from dataclasses import dataclass

from .errors import KernelError
from .netlink import NetlinkSocket, attributes, decoder, pack_attribute

NETLINK_NETFILTER = 12
CTNETLINK = 1 << 8
CT_GET, CT_DELETE = CTNETLINK | 1, CTNETLINK | 2
HEADER = struct.Struct("!BBH")  # family, version, resource
TUPLE_ORIGINAL, TUPLE_REPLY, ID, ZONE = 1, 2, 12, 18
OF_TUPLE_ADDRESSES, OF_TUPLE_PROTOCOL = 1, 2
ADDRESSES = {1: socket.AF_INET, 2: socket.AF_INET, 3: socket.AF_INET6, 4: socket.AF_INET6}
DESTINATIONS = (2, 4)
PROTOCOLS = {6: "tcp", 17: "udp", 132: "sctp"}
NESTED = 0x8000


@dataclass(frozen=True)
class Connection:
    """A tracked connection: all its addresses, and where its first packet was sent."""

    family: int
    addresses: frozenset[str]
    proto: str
    destination: str
    port: int
    identity: bytes
    """The attributes that it is deleted by."""


def forget_connections(
    addresses: Collection[str], inbound: Collection[str], places: Collection[tuple[str, str, int]]
) -> None:
    """Forget the connections that have one of the addresses, whose first packet was sent to an ``inbound`` one,
    or to one of the places: protocol, address and port. Raises KernelError, UnstableRead.
    """
    with closing(NetlinkSocket(NETLINK_NETFILTER)) as netlink:
        for one in read_connections(netlink):
            hit = not one.addresses.isdisjoint(addresses) or one.destination in inbound or _is_sent_to(one, places)
            if not hit:
                continue
            try:
                netlink.change((CT_DELETE, 0, HEADER.pack(one.family, 0, 0) + one.identity))
            except KernelError as error:
                if error.errno != errno.ENOENT:  # it ended meanwhile
                    raise


def read_connections(netlink: NetlinkSocket) -> Iterator[Connection]:
    """Every tracked connection of IPv4 and IPv6. Raises KernelError."""
    for payload in netlink.dump(CT_GET, HEADER.pack(socket.AF_UNSPEC, 0, 0)):
        yield decode_connection(payload)


@decoder
def decode_connection(payload: bytes) -> Connection:
    """A Connection from the payload of an answer."""
    try:
        return _decode(payload)
    except (KeyError, StopIteration):
        raise ValueError("a tracked connection without addresses") from None


def _decode(payload: bytes) -> Connection:
    family = payload[0]
    found = attributes(payload, HEADER.size)
    original = attributes(found[TUPLE_ORIGINAL])
    both = [_addresses(attributes(one)) for one in (found[TUPLE_ORIGINAL], found[TUPLE_REPLY])]
    protocol = attributes(original[OF_TUPLE_PROTOCOL])
    identity = pack_attribute(TUPLE_ORIGINAL | NESTED, found[TUPLE_ORIGINAL])
    for kind in (ID, ZONE):
        if kind in found:
            identity += pack_attribute(kind, found[kind])
    return Connection(
        family=family,
        addresses=frozenset(address for addresses in both for address in addresses.values()),
        proto=PROTOCOLS.get(protocol[1][0], str(protocol[1][0])),
        destination=next(address for kind, address in both[0].items() if kind in DESTINATIONS),
        port=int.from_bytes(protocol.get(3, b""), "big"),
        identity=identity,
    )


def _addresses(of_tuple: dict[int, bytes]) -> dict[int, str]:
    found = attributes(of_tuple[OF_TUPLE_ADDRESSES])
    return {kind: socket.inet_ntop(ADDRESSES[kind], value) for kind, value in found.items() if kind in ADDRESSES}


def _is_sent_to(one: Connection, places: Collection[tuple[str, str, int]]) -> bool:
    wildcard = "::" if one.family == socket.AF_INET6 else "0.0.0.0"
    return any((one.proto, address, one.port) in places for address in (one.destination, wildcard))
