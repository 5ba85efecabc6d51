# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The changing requests, encoded by pyroute2; the only file that imports it.

Each function returns (message type, flags, payload) for ``NetlinkSocket.change``.
The library is loaded with the first request: a task that changes nothing does not
pay for it.
"""

from __future__ import annotations

import functools
import importlib.util
import socket
import struct
import sys
import types
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from .addressing import (
    AF_INET6,
    FOREVER,
    IFA_F_KEPT,
    IFA_F_NODAD,
    IFA_F_NOPREFIXROUTE,
    IFA_PROTO,
    IFA_RT_PRIORITY,
    NDA_PROTOCOL,
    NEXT_HOP,
    NTF_KEPT,
    NTF_PROXY,
    NUD_STATES,
    RTA_GATEWAY,
    RTA_MULTIPATH,
    RTA_VIA,
    RTNH_F_ONLINK,
    SCOPES,
    Address,
    Neighbour,
    NextHop,
    Route,
)
from .links import (
    FLAGS,
    IFF_UP,
    IFLA_BR_MULTI_BOOLOPT,
    IFLA_INFO_DATA,
    IFLA_INFO_KIND,
    IFLA_INFO_SLAVE_DATA,
    IFLA_INFO_SLAVE_KIND,
    IFLA_LINKINFO,
    IPVLAN_MODES,
    LINK_HEADER,
    LINK_LOCAL_MODES,
    MACVLAN_MODES,
    NO_LINK_LOCAL_LEARN,
    PORT_SETTINGS,
)
from .netlink import pack_attribute

Request = tuple[int, int, bytes]

# Namespaces that are alike are asked for the same: the library encodes it once.
alike_once = functools.lru_cache(maxsize=4096)

RTM_NEWLINK = 16
RTM_DELLINK = 17
RTM_SETLINK = 19
RTM_NEWADDR = 20
RTM_DELADDR = 21
RTM_NEWROUTE = 24
RTM_DELROUTE = 25
RTM_NEWNEIGH = 28
RTM_DELNEIGH = 29
RTM_NEWNSID = 88
RTM_NEWLINKPROP = 108
RTM_DELLINKPROP = 109
NLM_F_REPLACE = 0x100
NLM_F_EXCL = 0x200
NLM_F_CREATE = 0x400
NLM_F_APPEND = 0x800
IFLA_NEW_IFINDEX = 49
HEADER_LENGTH = 16
PROTOCOL_STATIC = 4
SCOPE_NUMBERS = {name: number for number, name in SCOPES.items()}
ATTRIBUTES = {
    "mac": "IFLA_ADDRESS",
    "mtu": "IFLA_MTU",
    "txqlen": "IFLA_TXQLEN",
    "alias": "IFLA_IFALIAS",
    "group": "IFLA_GROUP",
    "master": "IFLA_MASTER",
}


@functools.cache
def _message_class(name: str) -> Any:
    with _bare_package("pyroute2"):
        from pyroute2.netlink.rtnl.ifaddrmsg import ifaddrmsg
        from pyroute2.netlink.rtnl.ifinfmsg import ifinfmsg
        from pyroute2.netlink.rtnl.ndmsg import ndmsg
        from pyroute2.netlink.rtnl.nsidmsg import nsidmsg
        from pyroute2.netlink.rtnl.rtmsg import rtmsg

    classes = {"link": ifinfmsg, "address": ifaddrmsg, "route": rtmsg, "neighbour": ndmsg, "nsid": nsidmsg}
    return classes[name]


@contextmanager
def _bare_package(name: str) -> Iterator[None]:
    """Let the submodules of a package be imported without what the package itself imports.

    That is all of the library with pyroute2, and takes as long as a hundred changes.
    """
    spec = importlib.util.find_spec(name) if name not in sys.modules else None
    if spec is None or spec.submodule_search_locations is None:  # loaded, or not there: as usual
        yield
        return
    bare = types.ModuleType(name)
    bare.__path__ = list(spec.submodule_search_locations)
    sys.modules[name] = bare
    try:
        yield
    finally:
        del sys.modules[name]


def load_library() -> None:
    """Load the classes of pyroute2 that are needed. Raises ImportError when it is missing."""
    _message_class("link")


def _encode(name: str, fields: Mapping[str, Any], attributes: list[tuple[str, Any]]) -> bytes:
    message = _message_class(name)()
    for field, value in fields.items():
        message[field] = value
    message["attrs"] = attributes
    message.encode()
    return bytes(message.data)[HEADER_LENGTH:]


def create_link(
    name: str,
    kind: str,
    ifindex: int,
    *,
    values: Mapping[str, Any],
    data: Mapping[str, Any],
    parent: int = 0,
    queues: int = 0,
    peer: Mapping[str, Any] | None = None,
    descriptor: int | None = None,
) -> Request:
    """Make a link with the index ``ifindex``.

    ``values``: ``mac``, ``mtu``, ``txqlen``, ``master`` (an index); ``data``: the
    attributes of the kind by our option names; ``peer``: ``name``, ``ifindex``,
    ``descriptor`` of its namespace, ``values``, ``queues``; ``descriptor``: the
    namespace that the link is born in, where it is not the one of the socket.
    """
    attributes: list[tuple[str, Any]] = [("IFLA_IFNAME", name), *_values(values), *_queues(queues)]
    if parent:
        attributes.append(("IFLA_LINK", parent))
    if descriptor is not None:
        attributes.append(("IFLA_NET_NS_FD", descriptor))
    info: list[tuple[str, Any]] = [("IFLA_INFO_KIND", kind)]
    details = _kind_data(kind, data, peer)
    if details:
        info.append(("IFLA_INFO_DATA", {"attrs": details}))
    attributes.append(("IFLA_LINKINFO", {"attrs": info}))
    payload = _encode("link", {"index": ifindex}, attributes)
    return RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, payload


def set_link(
    ifindex: int,
    values: Mapping[str, Any],
    *,
    up: bool | None = None,
    ipv6_link_local: bool | str | None = None,
    kind: str = "",
    data: Mapping[str, Any] | None = None,
) -> Request:
    """Change a link in place: ``values`` as in create_link, and attributes of its kind."""
    return _set_link(ifindex, tuple(values.items()), up, ipv6_link_local, kind, tuple((data or {}).items()))


def set_flags(ifindex: int, flags: Mapping[str, bool]) -> Request:
    """Set or clear flags of a link, those of FLAGS by name."""
    fields = {
        "index": ifindex,
        "flags": sum(FLAGS[name] for name, wanted in flags.items() if wanted),
        "change": sum(FLAGS[name] for name in flags),
    }
    return RTM_SETLINK, 0, _encode("link", fields, [])


def set_port(ifindex: int, settings: Mapping[str, int]) -> Request:
    """Change what a link is as the port of a bridge, settings of PORT_SETTINGS by name."""
    data = b"".join(_packed(PORT_SETTINGS[name][0], PORT_SETTINGS[name][1], value) for name, value in settings.items())
    info = pack_attribute(IFLA_INFO_SLAVE_KIND, b"bridge\0") + pack_attribute(IFLA_INFO_SLAVE_DATA, data)
    # the library does not know half of them
    return RTM_NEWLINK, 0, _encode("link", {"index": ifindex}, []) + pack_attribute(IFLA_LINKINFO, info)


def set_learning_from_own(ifindex: int, *, wanted: bool) -> Request:
    """Say whether a bridge learns from frames that it keeps to itself, such as those of LLDP."""
    option = struct.pack("=II", 0 if wanted else NO_LINK_LOCAL_LEARN, NO_LINK_LOCAL_LEARN)  # struct br_boolopt_multi
    info = pack_attribute(IFLA_INFO_KIND, b"bridge\0")
    info += pack_attribute(IFLA_INFO_DATA, pack_attribute(IFLA_BR_MULTI_BOOLOPT, option))
    # the library does not know it
    return RTM_NEWLINK, 0, _encode("link", {"index": ifindex}, []) + pack_attribute(IFLA_LINKINFO, info)


def rename_link(ifindex: int, name: str) -> Request:
    """Give a link another name."""
    return RTM_SETLINK, 0, _encode("link", {"index": ifindex}, [("IFLA_IFNAME", name)])


def move_link(ifindex: int, descriptor: int, name: str, new_ifindex: int) -> Request:
    """Move a link into another namespace, under a name and an index there.

    Refused with EEXIST because of the name, it may have been moved under its old one.
    """
    attributes: list[tuple[str, Any]] = [("IFLA_NET_NS_FD", descriptor), ("IFLA_IFNAME", name)]
    # older releases of the library do not know the index
    return RTM_SETLINK, 0, _encode("link", {"index": ifindex}, attributes) + _packed(IFLA_NEW_IFINDEX, 4, new_ifindex)


@alike_once
def _set_link(
    ifindex: int,
    values: tuple[tuple[str, Any], ...],
    up: bool | None,
    ipv6_link_local: bool | str | None,
    kind: str,
    data: tuple[tuple[str, Any], ...],
) -> Request:
    if up is not None and not values and ipv6_link_local is None and not data:
        # what needs no library does not wait for it to be loaded
        return RTM_SETLINK, 0, LINK_HEADER.pack(0, 0, ifindex, IFF_UP if up else 0, IFF_UP)
    fields: dict[str, Any] = {"index": ifindex}
    if up is not None:
        fields.update(flags=IFF_UP if up else 0, change=IFF_UP)
    attributes = _values(dict(values))
    if ipv6_link_local is not None:
        mode = _number(LINK_LOCAL_MODES, ipv6_link_local)
        inner = {"attrs": [("IFLA_INET6_ADDR_GEN_MODE", mode)]}
        attributes.append(("IFLA_AF_SPEC", {"attrs": [("AF_INET6", inner)]}))
    if data:
        info = [("IFLA_INFO_KIND", kind), ("IFLA_INFO_DATA", {"attrs": _kind_data(kind, dict(data))})]
        attributes.append(("IFLA_LINKINFO", {"attrs": info}))
    # RTM_SETLINK ignores the attributes of the kind
    return (RTM_NEWLINK if data else RTM_SETLINK), 0, _encode("link", fields, attributes)


def rename_altnames(ifindex: int, names: Iterable[str], *, add: bool) -> Request:
    """Add or take away alternative names of a link."""
    properties = {"attrs": [("IFLA_ALT_IFNAME", name) for name in names]}
    payload = _encode("link", {"index": ifindex}, [("IFLA_PROP_LIST", properties)])
    if add:
        return RTM_NEWLINKPROP, NLM_F_CREATE | NLM_F_EXCL | NLM_F_APPEND, payload
    return RTM_DELLINKPROP, 0, payload


def delete_link(ifindex: int) -> Request:
    """Delete one link."""
    return RTM_DELLINK, 0, _encode("link", {"index": ifindex}, [])


def delete_link_group(group: int) -> Request:
    """Delete all links of a group at once: one wait of the kernel instead of one each."""
    return RTM_DELLINK, 0, _encode("link", {}, [("IFLA_GROUP", group)])


@alike_once
def add_address(address: Address) -> Request:
    """Add an address; an existing one is EEXIST."""
    return RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, _address(address, removing=False)


@alike_once
def delete_address(address: Address) -> Request:
    """Delete an address."""
    return RTM_DELADDR, 0, _address(address, removing=True)


@alike_once
def add_route(route: Route) -> Request:
    """Add a route; an existing one with the same key is EEXIST."""
    return RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, _route(route)


@alike_once
def delete_route(route: Route) -> Request:
    """Delete a route."""
    return RTM_DELROUTE, 0, _route(route)


def add_neighbour(neighbour: Neighbour) -> Request:
    """Put an entry into the neighbour table, also in the place of one that was learned."""
    return RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, _neighbour(neighbour)


def delete_neighbour(neighbour: Neighbour) -> Request:
    """Delete an entry of the neighbour table."""
    return RTM_DELNEIGH, 0, _neighbour(neighbour)


def set_nsid(descriptor: int, nsid: int) -> Request:
    """Give a namespace its id in the namespace of the socket."""
    payload = _encode("nsid", {}, [("NETNSA_NSID", nsid), ("NETNSA_FD", descriptor)])
    return RTM_NEWNSID, 0, payload


def _values(values: Mapping[str, Any]) -> list[tuple[str, Any]]:
    return [(ATTRIBUTES[name], value) for name, value in values.items()]


def _queues(queues: int) -> list[tuple[str, Any]]:
    if not queues:
        return []
    return [("IFLA_NUM_TX_QUEUES", queues), ("IFLA_NUM_RX_QUEUES", queues)]


def _kind_data(kind: str, data: Mapping[str, Any], peer: Mapping[str, Any] | None = None) -> list[tuple[str, Any]]:
    if kind == "veth" and peer is not None:
        attributes = [
            ("IFLA_IFNAME", peer["name"]),
            *_values(peer["values"]),
            *_queues(peer["queues"]),
            ("IFLA_NET_NS_FD", peer["descriptor"]),
        ]
        return [("VETH_INFO_PEER", {"index": peer["ifindex"], "attrs": attributes})]
    if kind == "bridge" and "multicast_snooping" in data:
        return [("IFLA_BR_MCAST_SNOOPING", int(data["multicast_snooping"]))]
    if kind == "vlan" and "vlan_id" in data:
        return [("IFLA_VLAN_ID", data["vlan_id"])]
    if kind in ("macvlan", "macvtap") and data.get("mode"):
        return [(f"IFLA_{kind.upper()}_MODE", _number(MACVLAN_MODES, data["mode"]))]
    if kind == "ipvlan" and data.get("mode"):
        return [("IFLA_IPVLAN_MODE", _number(IPVLAN_MODES, data["mode"]))]
    if kind == "vxlan":
        return _vxlan_data(data)
    return []


def _vxlan_data(data: Mapping[str, Any]) -> list[tuple[str, Any]]:
    attributes: list[tuple[str, Any]] = [("IFLA_VXLAN_ID", data["vni"])]
    for option, attribute in (("remote", "IFLA_VXLAN_GROUP"), ("local", "IFLA_VXLAN_LOCAL")):
        address = data.get(option)
        if address:
            attributes.append((attribute + ("6" if ":" in address else ""), address))
    if data.get("dst_port"):
        attributes.append(("IFLA_VXLAN_PORT", data["dst_port"]))
    if data.get("parent"):
        attributes.append(("IFLA_VXLAN_LINK", data["parent"]))
    return attributes


def _number(names: Mapping[int, Any], wanted: Any) -> int:
    return next(number for number, name in names.items() if name == wanted)


def _address(address: Address, *, removing: bool) -> bytes:
    fields = {
        "family": address.family,
        "prefixlen": address.prefix,
        "index": address.ifindex,
        "scope": _scope(address.scope),
    }
    attributes: list[tuple[str, Any]] = [
        ("IFA_LOCAL", address.local),
        ("IFA_ADDRESS", address.peer or address.local),
    ]
    if removing:
        return _encode("address", fields, attributes)
    if address.broadcast:
        attributes.append(("IFA_BROADCAST", address.broadcast))
    if address.label:
        attributes.append(("IFA_LABEL", address.label))
    flags = address.flags & (IFA_F_NODAD | IFA_F_NOPREFIXROUTE | IFA_F_KEPT)
    if flags:
        attributes.append(("IFA_FLAGS", flags))
    if (address.valid, address.preferred) != (None, None):
        lifetimes = {
            "ifa_valid": FOREVER if address.valid is None else address.valid,
            "ifa_preferred": FOREVER if address.preferred is None else address.preferred,
        }
        attributes.append(("IFA_CACHEINFO", lifetimes))
    return _encode("address", fields, attributes) + _newer_attributes(address)


def _newer_attributes(address: Address) -> bytes:
    """Attributes that older releases of the library do not know."""
    metric = _packed(IFA_RT_PRIORITY, 4, address.metric) if address.metric else b""
    protocol = _packed(IFA_PROTO, 1, address.protocol) if address.protocol else b""
    return metric + protocol


def _scope(name: str) -> int:
    """The number of a scope; one without a name is its number as text."""
    return SCOPE_NUMBERS[name] if name in SCOPE_NUMBERS else int(name)


def _route(route: Route) -> bytes:
    destination, _slash, length = route.dst.rpartition("/")
    fields = {
        "family": route.family,
        "dst_len": int(length),
        "table": route.table if route.table < 256 else 0,
        "proto": route.protocol,
        "scope": _scope(route.scope),
        "type": route.type,
        "tos": route.tos,
        "flags": RTNH_F_ONLINK if route.onlink else 0,
    }
    attributes: list[tuple[str, Any]] = [("RTA_TABLE", route.table)]
    if int(length):
        attributes.append(("RTA_DST", destination))
    if route.gateway:
        if route.family != AF_INET6 and ":" in route.gateway:
            attributes.append(("RTA_VIA", {"family": AF_INET6, "addr": route.gateway}))
        else:
            attributes.append(("RTA_GATEWAY", route.gateway))
    if route.ifindex:
        attributes.append(("RTA_OIF", route.ifindex))
    if route.metric:
        attributes.append(("RTA_PRIORITY", route.metric))
    if route.src:
        attributes.append(("RTA_PREFSRC", route.src))
    if route.metrics:
        metrics = [(f"RTAX_{name.upper()}", value) for name, value in route.metrics]
        attributes.append(("RTA_METRICS", {"attrs": metrics}))
    hops = b"".join(_hop(hop, route.family) for hop in route.hops)
    return _encode("route", fields, attributes) + (pack_attribute(RTA_MULTIPATH, hops) if hops else b"")


def _hop(hop: NextHop, family: int) -> bytes:
    """``struct rtnexthop`` with its attributes, which older releases of the library make badly."""
    gateway = b""
    if hop.gateway and family != AF_INET6 and ":" in hop.gateway:
        gateway = pack_attribute(RTA_VIA, struct.pack("=H", AF_INET6) + socket.inet_pton(socket.AF_INET6, hop.gateway))
    elif hop.gateway:
        gateway = pack_attribute(RTA_GATEWAY, socket.inet_pton(socket.AddressFamily(family), hop.gateway))
    flags = RTNH_F_ONLINK if hop.onlink else 0
    return NEXT_HOP.pack(NEXT_HOP.size + len(gateway), flags, hop.weight - 1, hop.ifindex) + gateway


def _neighbour(neighbour: Neighbour) -> bytes:
    flags = neighbour.flags & NTF_KEPT
    fields = {
        "family": neighbour.family,
        "ifindex": neighbour.ifindex,
        "state": 0 if flags & NTF_PROXY else _number(NUD_STATES, neighbour.state),
        "flags": flags,
    }
    attributes: list[tuple[str, Any]] = [("NDA_DST", neighbour.address)]
    if neighbour.mac:
        attributes.append(("NDA_LLADDR", neighbour.mac))
    protocol = _packed(NDA_PROTOCOL, 1, neighbour.protocol) if neighbour.protocol else b""
    return _encode("neighbour", fields, attributes) + protocol


def _packed(number: int, size: int, value: int) -> bytes:
    return pack_attribute(number, value.to_bytes(size, sys.byteorder))
