# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Addresses, routes and neighbours of a namespace, each from one stable read.

Attribute numbers are those of ``if_addr.h``, ``rtnetlink.h`` and ``neighbour.h``
in the kernel's ``include/uapi/linux``.
"""

from __future__ import annotations

import errno
import socket
import struct
import time
from dataclasses import dataclass

from .errors import KernelError
from .links import find_link
from .netlink import Attributes, NetlinkSocket, attributes, decoder, number_of, text_of

RTM_GETADDR = 22
RTM_GETROUTE = 26
RTM_GETNEIGH = 30

AF_INET = int(socket.AF_INET)
AF_INET6 = int(socket.AF_INET6)

ADDRESS_HEADER = struct.Struct("=BBBBi")  # family, prefix length, flags, scope, index
IFA_ADDRESS = 1
IFA_LOCAL = 2
IFA_LABEL = 3
IFA_BROADCAST = 4
IFA_CACHEINFO = 6
IFA_FLAGS = 8
IFA_RT_PRIORITY = 9
IFA_PROTO = 11

IFA_F_SECONDARY = 0x01
IFA_F_NODAD = 0x02
IFA_F_DADFAILED = 0x08
IFA_F_TENTATIVE = 0x40
IFA_F_PERMANENT = 0x80
IFA_F_TEMPORARY = 0x01
IFA_F_MANAGETEMPADDR = 0x100  # temporary ones come from it
IFA_F_NOPREFIXROUTE = 0x200
IFA_F_KEPT = 0x10 | IFA_F_MANAGETEMPADDR | 0x400  # home address; multicast is joined for it
IFAPROT_KERNEL_LO, IFAPROT_KERNEL_RA, IFAPROT_KERNEL_LL = 1, 2, 3
FOREVER = 0xFFFFFFFF

ROUTE_HEADER = struct.Struct("=BBBBBBBBI")  # family, dst, src, tos, table, proto, scope, type
RTA_DST = 1
RTA_OIF = 4
RTA_GATEWAY = 5
RTA_PRIORITY = 6
RTA_PREFSRC = 7
RTA_METRICS = 8
RTA_MULTIPATH = 9
RTA_CACHEINFO = 12
RTA_TABLE = 15
RTA_VIA = 18
RTA_PREF = 20
# a route with anything else is one that we could not make again
RTA_UNDERSTOOD = {
    RTA_DST,
    RTA_MULTIPATH,
    RTA_OIF,
    RTA_GATEWAY,
    RTA_PRIORITY,
    RTA_PREFSRC,
    RTA_METRICS,
    RTA_CACHEINFO,
    RTA_TABLE,
    RTA_VIA,
    RTA_PREF,
}
# include/uapi/linux/rtnetlink.h, RTAX_*
ROUTE_METRICS = {
    1: "lock",
    2: "mtu",
    3: "window",
    4: "rtt",
    5: "rttvar",
    6: "ssthresh",
    7: "cwnd",
    8: "advmss",
    9: "reordering",
    10: "hoplimit",
    11: "initcwnd",
    12: "features",
    13: "rto_min",
    14: "initrwnd",
    15: "quickack",
}
NEXT_HOP = struct.Struct("=HBBi")  # length, flags, hops, index
RTM_F_CLONED = 0x200
RTNH_F_ONLINK = 4
RTNH_UNDERSTOOD = {RTA_GATEWAY, RTA_VIA}
RTPROT_KERNEL = 2
RTPROT_BOOT = 3
RTN_UNICAST = 1
RTN_LOCAL = 2
RTN_OF_ADDRESSES = (RTN_LOCAL, 3, 4, 5)  # and broadcast, anycast, multicast
TABLE_MAIN = 254
TABLE_LOCAL = 255
IPV6_DEFAULT_METRIC = 1024

NEIGHBOUR_HEADER = struct.Struct("=BxxxiHBB")  # family, index, state, flags, type
NDA_DST = 1
NDA_LLADDR = 2
NDA_PROTOCOL = 12
NTF_PROXY = 0x08
NTF_KEPT = 0x80 | NTF_PROXY  # of a router; answered for others
NUD_STATES = {
    0x01: "incomplete",
    0x02: "reachable",
    0x04: "stale",
    0x08: "delay",
    0x10: "probe",
    0x20: "failed",
    0x40: "noarp",
    0x80: "permanent",
}

SCOPES = {0: "global", 200: "site", 253: "link", 254: "host", 255: "nowhere"}


@dataclass(frozen=True)
class Address:
    """One address of a link. ``local`` and ``peer`` are texts, peer empty when equal to local.

    Lifetimes are seconds, None for ever.
    """

    ifindex: int
    family: int
    local: str
    prefix: int
    peer: str = ""
    label: str = ""
    broadcast: str = ""
    scope: str = "global"
    flags: int = 0
    metric: int = 0
    protocol: int = 0
    valid: int | None = None
    preferred: int | None = None

    @property
    def noprefixroute(self) -> bool:
        """Whether the kernel makes no route for the address's prefix."""
        return bool(self.flags & IFA_F_NOPREFIXROUTE)

    @property
    def permanent(self) -> bool:
        """Whether the address has no lifetime that runs out."""
        return bool(self.flags & IFA_F_PERMANENT)

    @property
    def from_router(self) -> bool:
        """Whether a router advertisement brought it; the next one brings it back."""
        if self.family != AF_INET6:  # of IPv4 the same number means secondary
            return False
        managed = bool(self.flags & IFA_F_MANAGETEMPADDR) and not self.permanent  # who says so permanently is no router
        return self.protocol == IFAPROT_KERNEL_RA or bool(self.flags & IFA_F_TEMPORARY) or managed

    @property
    def nodad(self) -> bool:
        """Whether duplicate address detection is off for the address."""
        return bool(self.flags & IFA_F_NODAD)


@dataclass(frozen=True)
class NextHop:
    """One of several ways that a route leads. ``weight`` counts from 1."""

    ifindex: int
    gateway: str = ""
    weight: int = 1
    onlink: bool = False


@dataclass(frozen=True)
class Route:
    """One route. ``dst`` is a CIDR; ``gateway`` and ``src`` empty when there is none.

    ``metrics`` are those of ROUTE_METRICS by name; ``hops`` the ways of a multipath route,
    which has no ``ifindex`` and no ``gateway`` itself. ``opaque`` has details that are not
    here: we could not make it again.
    """

    family: int
    dst: str
    table: int
    metric: int
    ifindex: int
    gateway: str = ""
    src: str = ""
    scope: str = "global"
    protocol: int = RTPROT_BOOT
    type: int = RTN_UNICAST
    onlink: bool = False
    tos: int = 0
    metrics: tuple[tuple[str, int], ...] = ()
    opaque: bool = False
    hops: tuple[NextHop, ...] = ()

    def leads_through(self, ifindex: int) -> bool:
        """Whether the route, or one of its next hops, leaves by a link."""
        return ifindex in (self.ifindex, *(hop.ifindex for hop in self.hops))


@dataclass(frozen=True)
class Neighbour:
    """One entry of the neighbour (ARP or ND) table. ``proxy``: answered for in its place."""

    ifindex: int
    family: int
    address: str
    mac: str
    state: str
    flags: int = 0
    protocol: int = 0

    @property
    def proxy(self) -> bool:
        """Whether questions for the address are answered in its owner's place."""
        return bool(self.flags & NTF_PROXY)

    @property
    def lasting(self) -> bool:
        """Whether somebody entered it for good: what was learned comes and goes."""
        return self.state == "permanent" or self.proxy


def read_addresses(netlink: NetlinkSocket) -> list[Address]:
    """Every address of the namespace, in the kernel's order (an interface's primary first)."""
    payloads = netlink.dump(RTM_GETADDR, ADDRESS_HEADER.pack(0, 0, 0, 0, 0))
    return [decode_address(payload) for payload in payloads]


def read_routes(netlink: NetlinkSocket, table: int = 0) -> list[Route]:
    """Every route of both families and all tables, or of one, without cached ones.

    IPv6 dumps lose and repeat routes without a flag, hence are read until two agree.
    """
    query = (0, 0, 0, table, 0, 0, 0, 0)
    payloads = []
    for family, dump in ((AF_INET, netlink.dump), (AF_INET6, netlink.dump_twice)):
        try:
            if family == AF_INET or ipv6_enabled():
                payloads += dump(RTM_GETROUTE, ROUTE_HEADER.pack(family, *query))
        except KernelError as error:
            if not table or error.errno != errno.ENOENT:  # a table that has never had a route
                raise
    routes = (decode_route(payload) for payload in payloads)
    return [route for route in routes if route is not None]


def read_neighbours(netlink: NetlinkSocket) -> list[Neighbour]:
    """Every entry of the neighbour tables of both families."""
    payloads = netlink.dump(RTM_GETNEIGH, NEIGHBOUR_HEADER.pack(0, 0, 0, 0, 0))
    neighbours = (decode_neighbour(payload) for payload in payloads)
    return [neighbour for neighbour in neighbours if neighbour is not None]


def read_proxies(netlink: NetlinkSocket) -> list[Neighbour]:
    """The addresses of both families that are answered for in their owners' place."""
    payloads = netlink.dump(RTM_GETNEIGH, NEIGHBOUR_HEADER.pack(0, 0, 0, NTF_PROXY, 0))
    neighbours = (decode_neighbour(payload) for payload in payloads)
    return [neighbour for neighbour in neighbours if neighbour is not None]


def wait_until_usable(netlink: NetlinkSocket, address: str, seconds: float = 5.0) -> None:
    """Wait for duplicate address detection: a tentative address is no source of a route.

    Raises KernelError for a duplicate, and for an address that stays tentative.
    """
    deadline = time.monotonic() + seconds
    while True:
        found = [one for one in read_addresses(netlink) if one.local == address]
        if any(one.flags & IFA_F_DADFAILED for one in found):
            raise KernelError(errno.EADDRNOTAVAIL, "", f"{address} is in use elsewhere (dadfailed)")
        if not any(one.flags & IFA_F_TENTATIVE for one in found):
            return
        if time.monotonic() > deadline:
            raise KernelError(errno.EADDRNOTAVAIL, "", f"{address} stays tentative: has its link a carrier?")
        time.sleep(0.02)


def wait_until_settled(netlink: NetlinkSocket, name: str, seconds: float = 3.0) -> None:
    """Wait until duplicate address detection has ended for all addresses of a link, but not for ever."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        link = find_link(netlink, name)
        found = [one for one in read_addresses(netlink) if link and one.ifindex == link.ifindex]
        if not any(one.flags & IFA_F_TENTATIVE for one in found):
            return
        time.sleep(0.02)


def ipv6_enabled() -> bool:
    """Whether this kernel has IPv6 at all."""
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM):
            return True
    except OSError:
        return False


@decoder
def decode_address(payload: bytes) -> Address:
    """An Address from the payload of an RTM_NEWADDR message."""
    family, prefix, flags, scope, ifindex = ADDRESS_HEADER.unpack_from(payload)
    found = attributes(payload, ADDRESS_HEADER.size)
    address = _text(family, found.get(IFA_ADDRESS))
    local = _text(family, found.get(IFA_LOCAL)) or address
    preferred, valid = struct.unpack_from("=II", found.get(IFA_CACHEINFO, b"\xff" * 8))
    return Address(
        ifindex=ifindex,
        family=family,
        local=local,
        prefix=prefix,
        peer=address if address != local else "",
        label=text_of(found.get(IFA_LABEL)),
        broadcast=_text(family, found.get(IFA_BROADCAST)),
        scope=scope_name(scope),
        flags=number_of(found.get(IFA_FLAGS), flags),
        metric=number_of(found.get(IFA_RT_PRIORITY)),
        protocol=number_of(found.get(IFA_PROTO)),
        valid=None if valid == FOREVER else valid,
        preferred=None if preferred == FOREVER else preferred,
    )


@decoder
def decode_route(payload: bytes) -> Route | None:
    """A Route from the payload of an RTM_NEWROUTE message.

    None for a cached one, and for those that come and go with an address.
    """
    family, dst_len, _src_len, tos, table, protocol, scope, kind, flags = ROUTE_HEADER.unpack_from(payload)
    if flags & RTM_F_CLONED or family not in (AF_INET, AF_INET6):
        return None
    if kind in RTN_OF_ADDRESSES and protocol == RTPROT_KERNEL:
        return None
    found = attributes(payload, ROUTE_HEADER.size)
    destination = _text(family, found.get(RTA_DST)) or ("0.0.0.0" if family == AF_INET else "::")
    return Route(
        family=family,
        dst=f"{destination}/{dst_len}",
        table=number_of(found.get(RTA_TABLE), table),
        metric=number_of(found.get(RTA_PRIORITY)),
        ifindex=number_of(found.get(RTA_OIF)),
        gateway=_text(family, found.get(RTA_GATEWAY)) or _via(found),
        src=_text(family, found.get(RTA_PREFSRC)),
        scope=scope_name(scope),
        protocol=protocol,
        type=kind,
        onlink=bool(flags & RTNH_F_ONLINK),
        tos=tos,
        metrics=_metrics(found),
        opaque=_is_opaque(family, found),
        hops=tuple(hop for hop, _details in _hops(family, found.get(RTA_MULTIPATH, b""))),
    )


@decoder
def decode_neighbour(payload: bytes) -> Neighbour | None:
    """A Neighbour from the payload of an RTM_NEWNEIGH message; None for other families."""
    family, ifindex, state, flags, _type = NEIGHBOUR_HEADER.unpack_from(payload)
    if family not in (AF_INET, AF_INET6):
        return None
    found = attributes(payload, NEIGHBOUR_HEADER.size)
    return Neighbour(
        ifindex=ifindex,
        family=family,
        address=_text(family, found.get(NDA_DST)),
        mac=":".join(f"{byte:02x}" for byte in found.get(NDA_LLADDR, b"")),
        state=NUD_STATES.get(state, "none"),
        flags=flags,
        protocol=number_of(found.get(NDA_PROTOCOL)),
    )


def _metrics(found: Attributes) -> tuple[tuple[str, int], ...]:
    raw = found.get(RTA_METRICS)
    if raw is None:
        return ()
    known = {name: number for number, name in ROUTE_METRICS.items()}
    values = attributes(raw)
    return tuple((name, number_of(values[known[name]])) for name in sorted(known) if known[name] in values)


def _is_opaque(family: int, found: Attributes) -> bool:
    metrics = attributes(found[RTA_METRICS]) if RTA_METRICS in found else ()
    preferred = number_of(found.get(RTA_PREF))  # of routers (RFC 4191), 0 is the ordinary one
    hops = _hops(family, found.get(RTA_MULTIPATH, b""))
    return not (
        found.keys() <= RTA_UNDERSTOOD
        and set(metrics) <= ROUTE_METRICS.keys()
        and preferred == 0
        and all(details <= RTNH_UNDERSTOOD for _hop, details in hops)
    )


def _hops(family: int, raw: bytes) -> list[tuple[NextHop, set[int]]]:
    """The ways of a multipath route (``struct rtnexthop``), and which attributes each has."""
    found = []
    offset = 0
    while offset + NEXT_HOP.size <= len(raw):
        length, flags, weight, ifindex = NEXT_HOP.unpack_from(raw, offset)
        if length < NEXT_HOP.size:
            break
        details = attributes(raw[: offset + length], offset + NEXT_HOP.size)
        gateway = _text(family, details.get(RTA_GATEWAY)) or _via(details)
        found.append((NextHop(ifindex, gateway, weight + 1, bool(flags & RTNH_F_ONLINK)), set(details)))
        offset += (length + 3) & ~3
    return found


def scope_name(scope: int) -> str:
    """``global``, ``site``, ``link``, ``host``, ``nowhere``, or the number as text."""
    return SCOPES.get(scope, str(scope))


def _text(family: int, raw: bytes | None) -> str:
    return socket.inet_ntop(family, raw) if raw else ""


def _via(found: Attributes) -> str:
    """An IPv6 gateway of an IPv4 route: family, then the address (RFC 5549)."""
    raw = found.get(RTA_VIA)
    return _text(number_of(raw[:2]), raw[2:]) if raw else ""
