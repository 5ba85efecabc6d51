# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Links as rtnetlink shows them: one dump of a namespace, or one link.

Attribute numbers are those of ``include/uapi/linux/if_link.h``.
"""

from __future__ import annotations

import errno
import ipaddress
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Callable

from .errors import KernelError
from .netlink import Attributes, NetlinkSocket, attributes, decoder, nested_list, number_of, text_of

RTM_GETLINK = 18
LINK_HEADER = struct.Struct("=BxHiII")  # family, type, index, flags, change

IFF_UP = 0x1
IFF_LOOPBACK = 0x8
IFF_RUNNING = 0x40
FLAGS = {"promisc": 0x100, "allmulti": 0x200}
"""The flags that an administrator sets, by the names of iproute2."""

IFLA_ADDRESS = 1
IFLA_IFNAME = 3
IFLA_MTU = 4
IFLA_LINK = 5
IFLA_MASTER = 10
IFLA_TXQLEN = 13
IFLA_LINKINFO = 18
IFLA_IFALIAS = 20
IFLA_STATS64 = 23
IFLA_AF_SPEC = 26
IFLA_GROUP = 27
IFLA_EXT_MASK = 29
IFLA_NUM_TX_QUEUES = 31
IFLA_LINK_NETNSID = 37
IFLA_MAX_MTU = 51
IFLA_PROP_LIST = 52
IFLA_ALT_IFNAME = 53
IFLA_PERM_ADDRESS = 54
IFLA_PARENT_DEV_NAME = 56
IFLA_PARENT_DEV_BUS_NAME = 57
IFLA_NETNS_IMMUTABLE = 67

IFLA_INFO_KIND = 1
IFLA_INFO_DATA = 2
IFLA_INFO_SLAVE_KIND = 4
IFLA_INFO_SLAVE_DATA = 5
IFLA_BR_VLAN_FILTERING = 7
IFLA_BR_MULTI_BOOLOPT = 46
NO_LINK_LOCAL_LEARN = 1 << 0  # include/uapi/linux/if_bridge.h, BR_BOOLOPT_NO_LL_LEARN
IFLA_BRPORT_NO = 18
# what can be set on a port of a bridge, and what it is on a new port
PORT_SETTINGS: dict[str, tuple[int, int, int | None]] = {
    "priority": (2, 2, 32),
    "cost": (3, 4, None),
    "hairpin": (4, 1, 0),
    "guard": (5, 1, 0),
    "root_block": (6, 1, 0),
    "fastleave": (7, 1, 0),
    "learning": (8, 1, 1),
    "flood": (9, 1, 1),
    "proxy_arp": (10, 1, 0),
    "proxy_arp_wifi": (12, 1, 0),
    "mcast_router": (25, 1, 1),
    "mcast_flood": (27, 1, 1),
    "mcast_to_unicast": (28, 1, 0),
    "vlan_tunnel": (29, 1, 0),
    "bcast_flood": (30, 1, 1),
    "group_fwd_mask": (31, 2, 0),
    "neigh_suppress": (32, 1, 0),
    "isolated": (33, 1, 0),
    "locked": (39, 1, 0),
}
"""Settings of a bridge's port: attribute number, size in bytes, the kernel's default (None: by speed)."""
COSTS_OF_SPEEDS = (2, 4, 19, 100)  # 10 Gbit/s, 1 Gbit/s, 100 Mbit/s, less (port_cost)
AF_INET6 = 10
IFLA_INET6_CONF = 2
IFLA_INET6_ADDR_GEN_MODE = 8
DEVCONF_ACCEPT_RA = 3
DEVCONF_DISABLE_IPV6 = 26
# how a link comes by its link-local address: in the words of iproute2, or whether it does
LINK_LOCAL_MODES: dict[int, bool | str] = {0: True, 1: False, 2: "stable_secret", 3: "random"}
RTEXT_FILTER_SKIP_STATS = 1 << 3

TUNTAP_DATA = {
    "owner": None,
    "group": None,
    "vnet_hdr": False,
    "persist": True,
    "multi_queue": False,
}
MACVLAN_MODES = {1: "private", 2: "vepa", 4: "bridge", 8: "passthru", 16: "source"}
IPVLAN_MODES = {0: "l2", 1: "l3", 2: "l3s"}

# what decode_link gives for each kind, with what the kernel chooses where that is certain
DATA_OF_KIND: dict[str, dict[str, Any]] = {
    "bridge": {"multicast_snooping": True},
    "vlan": {"vlan_id": None},
    "vxlan": {"vni": None, "remote": "", "local": "", "dst_port": None},
    "macvlan": {"mode": None},
    "macvtap": {"mode": None},
    "ipvlan": {"mode": None},
    "tap": dict(TUNTAP_DATA),
    "tun": dict(TUNTAP_DATA),
}

# order of struct rtnl_link_stats64
STATISTICS = (
    "rx_packets",
    "tx_packets",
    "rx_bytes",
    "tx_bytes",
    "rx_errors",
    "tx_errors",
    "rx_dropped",
    "tx_dropped",
)


@dataclass(frozen=True)
class Link:
    """A network device. ``master``, ``parent`` are interface indexes, 0 for none.

    ``parent`` is the peer of a veth and the lower device of a macvlan; it lives in
    the namespace ``parent_nsid`` (seen from this one), or here when that is None.
    ``data`` holds the attributes of the kind under the names of our options.
    ``ipv6_link_local`` is False, True, or the name of another way than the usual one.
    ``largest_mtu`` is 0 where the kernel names no limit, ``port`` the number that the
    bridge counts the link by, 0 for none, ``port_settings`` those of PORT_SETTINGS that are
    not the default. ``learns_from_own`` is whether a bridge learns from frames that it keeps to
    itself, None for other links. ``device`` is a physical device by bus and place, such as
    ``pci/0000:01:00.0``, and ``permanent_mac`` what is burnt into it.
    """

    ifindex: int
    name: str
    kind: str = ""
    mac: str = ""
    mtu: int = 0
    largest_mtu: int = 0
    txqlen: int = 0
    up: bool = False
    running: bool = False
    loopback: bool = False
    flags: int = 0
    master: int = 0
    port: int = 0
    port_settings: tuple[tuple[str, int], ...] = ()
    filters_vlans: bool = False
    learns_from_own: bool | None = None
    parent: int = 0
    parent_nsid: int | None = None
    group: int = 0
    alias: str = ""
    altnames: tuple[str, ...] = ()
    accept_ra: int | None = None
    ipv6_link_local: bool | str | None = None
    ipv6_disabled: bool = False
    tx_queues: int = 1
    device: str = ""
    permanent_mac: str = ""
    immovable: bool = False
    data: Mapping[str, Any] = field(default_factory=dict)
    statistics: Mapping[str, int] = field(default_factory=dict)

    @property
    def known_index(self) -> int | None:
        """The index of a link that there is; None for a foretold one, which gets its own later."""
        return self.ifindex if self.ifindex > 0 else None

    @property
    def promisc(self) -> bool:
        """Whether an administrator made the link take every packet."""
        return bool(self.flags & FLAGS["promisc"])

    @property
    def allmulti(self) -> bool:
        """Whether an administrator made the link take every multicast packet."""
        return bool(self.flags & FLAGS["allmulti"])


def read_links(netlink: NetlinkSocket, *, statistics: bool = False) -> list[Link]:
    """Every link of the namespace. Raises KernelError, UnstableRead."""
    mask = 0 if statistics else RTEXT_FILTER_SKIP_STATS
    query = LINK_HEADER.pack(0, 0, 0, 0, 0) + struct.pack("=HHI", 8, IFLA_EXT_MASK, mask)
    return [decode_link(payload) for payload in netlink.dump(RTM_GETLINK, query)]


def find_link(netlink: NetlinkSocket, name: str) -> Link | None:
    """The link of that name, or None."""
    text = name.encode() + b"\0"
    attribute = struct.pack("=HH", 4 + len(text), IFLA_IFNAME) + text
    query = LINK_HEADER.pack(0, 0, 0, 0, 0) + attribute + b"\0" * (-len(text) % 4)
    return _get(netlink, query)


def find_link_by_index(netlink: NetlinkSocket, ifindex: int) -> Link | None:
    """The link of that index, or None."""
    return _get(netlink, LINK_HEADER.pack(0, 0, ifindex, 0, 0))


def kernel_knows_kind(netlink: NetlinkSocket, kind: str) -> bool:
    """Whether a link kind is registered now; a question, nothing is created.

    A dump filtered by a kind that the kernel does not know comes back unfiltered:
    then the loopback device, which has no kind, is in it.
    """
    text = kind.encode() + b"\0"
    info = struct.pack("=HH", 4 + len(text), IFLA_INFO_KIND) + text + b"\0" * (-len(text) % 4)
    query = LINK_HEADER.pack(0, 0, 0, 0, 0)
    query += struct.pack("=HH", 4 + len(info), IFLA_LINKINFO | 0x8000) + info
    return not any(decode_link(answer).loopback for answer in netlink.dump(RTM_GETLINK, query))


def _get(netlink: NetlinkSocket, query: bytes) -> Link | None:
    try:
        return decode_link(netlink.get(RTM_GETLINK, query))
    except KernelError as error:
        if error.errno == errno.ENODEV:
            return None
        raise


@decoder
def decode_link(payload: bytes) -> Link:
    """A Link from the payload of an RTM_NEWLINK message."""
    _family, _type, ifindex, flags, _change = LINK_HEADER.unpack_from(payload)
    found = attributes(payload, LINK_HEADER.size)
    info = attributes(found.get(IFLA_LINKINFO, b""))
    kind, data = decode_kind(info)
    of_bridge = text_of(info.get(IFLA_INFO_SLAVE_KIND)) == "bridge"
    port = attributes(info.get(IFLA_INFO_SLAVE_DATA, b"")) if of_bridge else {}
    ipv6 = attributes(attributes(found.get(IFLA_AF_SPEC, b"")).get(AF_INET6, b""))
    nsid = found.get(IFLA_LINK_NETNSID)
    parent = number_of(found.get(IFLA_LINK))
    return Link(
        ifindex=ifindex,
        name=text_of(found.get(IFLA_IFNAME)),
        kind=kind,
        mac=_mac(found.get(IFLA_ADDRESS)),
        mtu=number_of(found.get(IFLA_MTU)),
        largest_mtu=number_of(found.get(IFLA_MAX_MTU)),
        txqlen=number_of(found.get(IFLA_TXQLEN)),
        up=bool(flags & IFF_UP),
        running=bool(flags & IFF_RUNNING),
        loopback=bool(flags & IFF_LOOPBACK),
        flags=flags,
        master=number_of(found.get(IFLA_MASTER)),
        port=number_of(port.get(IFLA_BRPORT_NO)),
        port_settings=_port_settings(port),
        filters_vlans=bool(number_of(attributes(info.get(IFLA_INFO_DATA, b"")).get(IFLA_BR_VLAN_FILTERING)))
        if kind == "bridge"
        else False,
        learns_from_own=_learns_from_own(info) if kind == "bridge" else None,
        # a device that stands on nothing names itself, or a VXLAN its lower device in its data
        parent=0 if parent == ifindex and nsid is None else parent,
        parent_nsid=None if nsid is None else struct.unpack("=i", nsid)[0],
        group=number_of(found.get(IFLA_GROUP)),
        alias=text_of(found.get(IFLA_IFALIAS)),
        altnames=_altnames(found),
        accept_ra=_setting(ipv6, DEVCONF_ACCEPT_RA),
        ipv6_link_local=_link_local(ipv6),
        ipv6_disabled=bool(_setting(ipv6, DEVCONF_DISABLE_IPV6)),
        tx_queues=number_of(found.get(IFLA_NUM_TX_QUEUES), 1),
        device="/".join(text_of(found.get(part)) for part in (IFLA_PARENT_DEV_BUS_NAME, IFLA_PARENT_DEV_NAME)).strip(
            "/"
        ),
        permanent_mac=_mac(found.get(IFLA_PERM_ADDRESS)),
        immovable=bool(number_of(found.get(IFLA_NETNS_IMMUTABLE))),
        data=data,
        statistics=_statistics(found),
    )


def _mac(raw: bytes | None) -> str:
    return (raw or b"").hex(":")


def _port_settings(found: Attributes) -> tuple[tuple[str, int], ...]:
    values = {
        name: (number_of(found[number]), default)
        for name, (number, _size, default) in PORT_SETTINGS.items()
        if number in found
    }
    return tuple(
        (name, value)
        for name, (value, default) in values.items()
        if value != default and not (default is None and value in COSTS_OF_SPEEDS)
    )


def _learns_from_own(info: Attributes) -> bool | None:
    options = attributes(info.get(IFLA_INFO_DATA, b"")).get(IFLA_BR_MULTI_BOOLOPT)
    if options is None:  # before Linux 5.0
        return None
    (values,) = struct.unpack_from("=I", options)
    return not values & NO_LINK_LOCAL_LEARN


def _altnames(found: Attributes) -> tuple[str, ...]:
    properties = nested_list(found.get(IFLA_PROP_LIST, b""))
    return tuple(text_of(value) for kind, value in properties if kind == IFLA_ALT_IFNAME)


def _setting(ipv6: Attributes, number: int) -> int | None:
    """A kernel setting of the link below net.ipv6.conf, by its place in the kernel's list."""
    conf = ipv6.get(IFLA_INET6_CONF, b"")
    if len(conf) < 4 * (number + 1):
        return None
    value: int = struct.unpack_from("=i", conf, 4 * number)[0]
    return value


def _link_local(ipv6: Attributes) -> bool | str | None:
    mode = ipv6.get(IFLA_INET6_ADDR_GEN_MODE)
    return None if mode is None else LINK_LOCAL_MODES.get(number_of(mode), True)


def _statistics(found: Attributes) -> dict[str, int]:
    raw = found.get(IFLA_STATS64, b"")
    if len(raw) < 8 * len(STATISTICS):
        return {}
    return dict(zip(STATISTICS, struct.unpack_from(f"={len(STATISTICS)}Q", raw)))


def decode_kind(info: Attributes) -> tuple[str, dict[str, Any]]:
    """The kind of a link and the attributes of that kind, by the names of our options."""
    kind = text_of(info.get(IFLA_INFO_KIND))
    data = attributes(info.get(IFLA_INFO_DATA, b""))
    if kind == "tun":
        return ("tap" if number_of(data.get(3)) == 2 else "tun"), _decode_tun(data)
    decode = DECODERS.get(kind)
    return kind, decode(data) if decode else {}


def _decode_bridge(data: Attributes) -> dict[str, Any]:
    return {"multicast_snooping": bool(number_of(data.get(23), 1))}


def _decode_vlan(data: Attributes) -> dict[str, Any]:
    return {"vlan_id": number_of(data.get(1))}


def _decode_vxlan(data: Attributes) -> dict[str, Any]:
    port = data.get(15)
    return {
        "vni": number_of(data.get(1)),
        "remote": _address(data.get(2) or data.get(16)),
        "local": _address(data.get(4) or data.get(17)),
        "dst_port": int.from_bytes(port, "big") if port else 0,
        "parent": number_of(data.get(3)),
    }


def _decode_macvlan(data: Attributes) -> dict[str, Any]:
    return {"mode": MACVLAN_MODES.get(number_of(data.get(1)), "")}


def _decode_ipvlan(data: Attributes) -> dict[str, Any]:
    return {"mode": IPVLAN_MODES.get(number_of(data.get(1)), "")}


def _decode_tun(data: Attributes) -> dict[str, Any]:
    return {
        "owner": number_of(data.get(1)) if 1 in data else None,
        "group": number_of(data.get(2)) if 2 in data else None,
        "vnet_hdr": bool(number_of(data.get(5))),
        "persist": bool(number_of(data.get(6))),
        "multi_queue": bool(number_of(data.get(7))),
    }


def _address(raw: bytes | None) -> str:
    """Text of 4 or 16 address bytes; empty for none and for the unspecified address."""
    return str(ipaddress.ip_address(raw)) if raw and any(raw) else ""


DECODERS: dict[str, Callable[[Attributes], dict[str, Any]]] = {
    "bridge": _decode_bridge,
    "vlan": _decode_vlan,
    "vxlan": _decode_vxlan,
    "macvlan": _decode_macvlan,
    "macvtap": _decode_macvlan,
    "ipvlan": _decode_ipvlan,
}
