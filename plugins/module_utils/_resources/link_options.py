# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The options of the resource link, and a link as wanted."""

from __future__ import annotations

import grp
import pwd
import re
from dataclasses import dataclass, field
from typing import Any

from .._engine.errors import InvalidOption
from .._engine.form import Form
from .._engine.state import Netns
from .._kernel.addressing import (
    AF_INET,
    AF_INET6,
    IFA_F_NODAD,
    IFA_F_NOPREFIXROUTE,
    IFA_F_PERMANENT,
    IPV6_DEFAULT_METRIC,
    TABLE_LOCAL,
    TABLE_MAIN,
    Address,
    Route,
)
from .._kernel.links import IPVLAN_MODES, MACVLAN_MODES
from .._kernel.requests import PROTOCOL_STATIC
from . import values

KINDS = (
    "veth",
    "bridge",
    "macvlan",
    "macvtap",
    "ipvlan",
    "vlan",
    "vxlan",
    "dummy",
    "ifb",
    "tap",
    "tun",
)
ON_A_PARENT = ("macvlan", "macvtap", "ipvlan", "vlan")
MAY_HAVE_PARENT = (*ON_A_PARENT, "vxlan")
# what changes in place, under the names of the options
CHANGEABLE = ("mtu", "mac", "txqlen", "alias")
CHANGEABLE_OF_KIND = ("multicast_snooping", "mode")
SMALLEST_MTU, LARGEST_MTU, LARGEST_NEW_MTU = 68, 65536, 65535  # lo alone has more than the rest
SMALLEST_FOR_IPV6 = 1280  # RFC 8200, section 5
SLOWEST, FASTEST = 8_000, 1 << 40  # bit/s
TABLES = {"main": TABLE_MAIN, "local": TABLE_LOCAL, "default": 253}
# which attributes belong to which kinds
OF_KINDS = {
    "mode": ("macvlan", "macvtap", "ipvlan"),
    "vni": ("vxlan",),
    "remote": ("vxlan",),
    "local": ("vxlan",),
    "dst_port": ("vxlan",),
    "vlan_id": ("vlan",),
    "multicast_snooping": ("bridge",),
    "queues": ("veth", "tap", "tun"),
    "vnet_hdr": ("tap", "tun"),
    "owner": ("tap", "tun"),
    "group": ("tap", "tun"),
    "parent": MAY_HAVE_PARENT,
    "parent_netns": MAY_HAVE_PARENT,
    "peer": ("veth",),
}

ADDRESS_OPTIONS: dict[str, Any] = {
    "address": {"type": "str", "required": True},
    "peer": {"type": "str"},
    "label": {"type": "str"},
    "scope": {"type": "str", "choices": ["global", "site", "link", "host"]},
    "broadcast": {"type": "str"},
    "noprefixroute": {"type": "bool"},
    "nodad": {"type": "bool"},
}
ROUTE_OPTIONS: dict[str, Any] = {
    "dst": {"type": "str", "required": True},
    "gateway": {"type": "str"},
    "metric": {"type": "int"},
    "src": {"type": "str"},
    "scope": {"type": "str", "choices": ["global", "site", "link", "host"]},
    "table": {"type": "str"},
    "onlink": {"type": "bool"},
}
END_OPTIONS: dict[str, Any] = {
    "name": {"type": "str"},
    "netns": {"type": "str"},
    "master": {"type": "str"},
    "mtu": {"type": "int"},
    "mac": {"type": "str"},
    "txqlen": {"type": "int"},
    "up": {"type": "bool", "default": True},
    "addresses": {"type": "list", "elements": "raw"},
    "purge_addresses": {"type": "bool", "default": False},
    "routes": {"type": "list", "elements": "dict", "options": ROUTE_OPTIONS},
    "purge_routes": {"type": "bool", "default": False},
    "alias": {"type": "str"},
    "altnames": {"type": "list", "elements": "str"},
    "accept_ra": {"type": "bool"},
    "ipv6_link_local": {"type": "bool"},
    "tx_rate": {"type": "int"},
    "rx_ifb": {"type": "str"},
}
OPTIONS: dict[str, Any] = {
    **END_OPTIONS,
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "kind": {"type": "str", "choices": list(KINDS)},
    "peer": {"type": "dict", "options": END_OPTIONS},
    "parent": {"type": "str"},
    "parent_netns": {"type": "str"},
    "mode": {"type": "str"},
    "vni": {"type": "int"},
    "remote": {"type": "str"},
    "local": {"type": "str"},
    "dst_port": {"type": "int"},
    "vlan_id": {"type": "int"},
    "multicast_snooping": {"type": "bool"},
    "queues": {"type": "int"},
    "vnet_hdr": {"type": "bool"},
    "owner": {"type": "str"},
    "group": {"type": "str"},
    "recreate": {"type": "bool", "default": False},
}
FORM = Form(options=OPTIONS, single="link", plural="links", constraints={})


@dataclass(frozen=True)
class WantedAddress:
    """An address as wanted; ``given`` names the details that were asked for."""

    address: Address
    given: frozenset[str] = frozenset()


@dataclass(frozen=True)
class WantedRoute:
    """A route as wanted; ``given`` names the details that were asked for."""

    route: Route
    given: frozenset[str] = frozenset()


@dataclass(frozen=True)
class End:
    """One end of a link: a plain link has one, a veth two. None means: leave as it is."""

    netns: Netns
    name: str
    master: str | None = None
    mtu: int | None = None
    mac: str | None = None
    txqlen: int | None = None
    up: bool = True
    addresses: tuple[WantedAddress, ...] = ()
    purge_addresses: bool = False
    routes: tuple[WantedRoute, ...] = ()
    purge_routes: bool = False
    alias: str | None = None
    altnames: tuple[str, ...] = ()
    accept_ra: bool | None = None
    ipv6_link_local: bool | None = None
    tx_rate: int | None = None
    rx_ifb: str | None = None

    @property
    def key(self) -> tuple[Netns, str]:
        """Where the end is and how it is called."""
        return self.netns, self.name


@dataclass(frozen=True)
class WantedLink:
    """A link as wanted. ``data`` holds the attributes of the kind that were given."""

    end: End
    present: bool
    kind: str | None = None
    peer: End | None = None
    parent: str | None = None
    parent_netns: Netns = None
    queues: int | None = None
    data: dict[str, Any] = field(default_factory=dict)
    recreate: bool = False

    @property
    def netnses(self) -> tuple[Netns, ...]:
        """The namespaces that the options name."""
        below = (self.parent_netns,) if self.parent_netns else ()
        return (*(end.netns for end in self.ends), *below)

    @property
    def ends(self) -> tuple[End, ...]:
        """The end, and the peer if there is one."""
        return (self.end, self.peer) if self.peer else (self.end,)


def parse_link(options: dict[str, Any]) -> WantedLink:
    """A link as wanted, from the options of the module. Raises InvalidOption."""
    present = options["state"] == "present"
    kind = options["kind"]
    end = _parse_end(options, new=present and kind is not None)
    if not present:
        return WantedLink(end, present=False)
    _refuse_foreign_attributes(options, kind)
    _refuse_useless_mac(options, kind)
    peer = _parse_peer(options, end)
    parent = options["parent"]
    if kind in ON_A_PARENT and not parent:
        raise InvalidOption("parent", parent, f"is required for kind {kind}")
    if parent is not None:
        parent = values.link_name("parent", parent, new=False)
    return WantedLink(
        end=end,
        present=True,
        kind=kind,
        peer=peer,
        parent=parent,
        parent_netns=values.namespace_path("parent_netns", options["parent_netns"]),
        queues=values.number("queues", options["queues"], 1, 256),
        data=_parse_data(options, kind),
        recreate=options["recreate"],
    )


def _refuse_foreign_attributes(options: dict[str, Any], kind: str | None) -> None:
    for name, kinds in OF_KINDS.items():
        if options[name] is not None and kind not in kinds:
            value = options[name]["name"] if name == "peer" else options[name]
            given = f"kind is {kind}" if kind else "give kind"
            raise InvalidOption(name, value, f"is for kind {', '.join(kinds)}; {given}")


def _refuse_useless_mac(options: dict[str, Any], kind: str | None) -> None:
    """Where the kernel ignores a MAC address, or gives it to another link too."""
    if options["mac"] is not None and kind == "tun":
        raise InvalidOption("mac", options["mac"], "is nothing that a link of kind tun has")
    if options["mac"] is not None and options["mode"] == "passthru":
        raise InvalidOption("mac", options["mac"], "is that of the parent in mode passthru: set it there")


def _parse_end(options: dict[str, Any], *, new: bool) -> End:
    name = values.link_name("name", options["name"], new=new)
    master = options["master"]
    if master:
        master = values.link_name("master", master, new=False)
        if master == name:
            raise InvalidOption("master", master, "is the link itself")
    alias = options["alias"]
    if alias is not None and (len(alias.encode()) > values.LONGEST_ALIAS or "\0" in alias):
        raise InvalidOption("alias", alias, f"is longer than {values.LONGEST_ALIAS} bytes, or has a zero byte")
    altnames = tuple(values.altname("altnames", one) for one in options["altnames"] or ())
    values.no_duplicates("altnames", (name, *altnames))
    addresses = tuple(_parse_address(one, name) for one in options["addresses"] or ())
    values.no_duplicates("addresses", [_address_name(one.address) for one in addresses])
    routes = tuple(_parse_route(one) for one in options["routes"] or ())
    values.no_duplicates("routes", [(one.route.dst, one.route.table, one.route.metric) for one in routes])
    if routes and not options["up"]:
        raise InvalidOption("routes", routes[0].route.dst, "needs up: true")
    rx_ifb = options["rx_ifb"]
    if rx_ifb:
        rx_ifb = values.link_name("rx_ifb", rx_ifb, new=False)
    mtu = values.number("mtu", options["mtu"], SMALLEST_MTU, LARGEST_NEW_MTU if new else LARGEST_MTU)
    of_ipv6 = [name for name in ("accept_ra", "ipv6_link_local") if options[name] is not None]
    of_ipv6 += ["addresses" for one in addresses if one.address.family == AF_INET6]
    if mtu is not None and mtu < SMALLEST_FOR_IPV6 and of_ipv6:
        raise InvalidOption("mtu", mtu, f"is too small for {of_ipv6[0]} of IPv6: {SMALLEST_FOR_IPV6} at least")
    return End(
        netns=values.namespace_path("netns", options["netns"]),
        name=name,
        master=master,
        mtu=mtu,
        mac=values.mac_address("mac", options["mac"]),
        txqlen=values.number("txqlen", options["txqlen"], 0, 1 << 30),
        up=options["up"],
        addresses=addresses,
        purge_addresses=options["purge_addresses"],
        routes=routes,
        purge_routes=options["purge_routes"],
        alias=alias,
        altnames=altnames,
        accept_ra=options["accept_ra"],
        ipv6_link_local=options["ipv6_link_local"],
        tx_rate=_parse_rate(options["tx_rate"]),
        rx_ifb=rx_ifb,
    )


def _parse_rate(value: int | None) -> int | None:
    """A rate in bit/s; 0 stands for none."""
    return 0 if value == 0 else values.number("tx_rate", value, SLOWEST, FASTEST)


def _address_name(address: Address) -> str:
    """What may occur once: IPv4 with its prefix length, IPv6 whatever the prefix length."""
    return address.local if address.family == AF_INET6 else f"{address.local}/{address.prefix}"


def _parse_peer(options: dict[str, Any], end: End) -> End | None:
    if options["peer"] is None:
        return None
    try:
        peer = _parse_end(options["peer"], new=True)
    except InvalidOption as error:
        raise error.within("peer") from None
    if peer.key == end.key:
        raise InvalidOption("peer.name", peer.name, "is the link itself")
    return peer


def _parse_data(options: dict[str, Any], kind: str | None) -> dict[str, Any]:
    """The attributes of the kind, normalised, only those that were given."""
    data: dict[str, Any] = {
        "mode": _parse_mode(options["mode"], kind),
        "vni": values.number("vni", options["vni"], 0, (1 << 24) - 1),
        "vlan_id": values.number("vlan_id", options["vlan_id"], 1, 4094),
        "dst_port": values.number("dst_port", options["dst_port"], 1, 65535),
        "multicast_snooping": options["multicast_snooping"],
        "vnet_hdr": options["vnet_hdr"],
        "owner": user_or_group("owner", options["owner"]),
        "group": user_or_group("group", options["group"]),
    }
    for name in ("remote", "local"):
        if options[name] is not None:
            data[name] = str(values.ip_address(name, options[name]))
    if data.get("remote") and data.get("local") and (":" in data["remote"]) != (":" in data["local"]):
        raise InvalidOption("local", data["local"], f"is not of the family of remote {data['remote']}")
    if kind == "vlan" and data["vlan_id"] is None:
        raise InvalidOption("vlan_id", None, "is required for kind vlan")
    if kind == "vxlan" and data["vni"] is None:
        raise InvalidOption("vni", None, "is required for kind vxlan")
    remote = data.get("remote")
    if remote and not options["parent"] and values.ip_address("remote", remote).is_multicast():
        raise InvalidOption("parent", None, f"is required for the multicast remote {remote}")
    if kind in ("tap", "tun") and options["queues"] is not None:
        data["multi_queue"] = options["queues"] > 1
    return {name: value for name, value in data.items() if value is not None}


def _parse_mode(mode: str | None, kind: str | None) -> str | None:
    if mode is None:
        return None
    modes = list((IPVLAN_MODES if kind == "ipvlan" else MACVLAN_MODES).values())
    if mode not in modes:
        raise InvalidOption("mode", mode, f"is not one of {', '.join(modes)}")
    return mode


def user_or_group(option: str, value: str | None) -> int | None:
    """A numeric user or group id, from a number or a name of this host."""
    if value is None:
        return None
    if re.fullmatch(r"[0-9]{1,10}", value):
        return values.number(option, int(value), 0, (1 << 32) - 2)
    try:
        return pwd.getpwnam(value).pw_uid if option == "owner" else grp.getgrnam(value).gr_gid
    except KeyError:
        kind = "user" if option == "owner" else "group"
        raise InvalidOption(option, value, f"is no {kind} of this host") from None


def _parse_address(given: Any, link: str) -> WantedAddress:
    if isinstance(given, str):
        given = {"address": given}
    if not isinstance(given, dict):
        raise InvalidOption("addresses", given, "is neither a CIDR nor a dict with address")
    unknown = sorted(set(given) - set(ADDRESS_OPTIONS))
    if unknown:
        raise InvalidOption(f"addresses.{unknown[0]}", given[unknown[0]], "is not an option")
    local, prefix = values.ip_interface("addresses", given.get("address"))
    family = AF_INET6 if ":" in local else AF_INET
    for name in ("peer", "label", "scope", "broadcast"):
        if not isinstance(given.get(name), (str, type(None))):
            raise InvalidOption(f"addresses.{name}", given[name], "is not a text")
    scope = given.get("scope") or "global"
    if family == AF_INET6 and given.get("scope"):
        raise InvalidOption("addresses.scope", scope, "is for IPv4; of IPv6 the kernel derives it")
    scopes = ADDRESS_OPTIONS["scope"]["choices"]
    if scope not in scopes:
        raise InvalidOption("addresses.scope", scope, f"is not one of {', '.join(scopes)}")
    label = given.get("label") or ""
    if label and (family == AF_INET6 or not label.startswith(link) or len(label.encode()) > 15):
        raise InvalidOption(
            "addresses.label",
            label,
            f"is for IPv4 only, begins with {link}, and has 15 bytes at most",
        )
    flags = IFA_F_PERMANENT
    for name, flag in (("nodad", IFA_F_NODAD), ("noprefixroute", IFA_F_NOPREFIXROUTE)):
        if not isinstance(given.get(name, False), (bool, type(None))):
            raise InvalidOption(f"addresses.{name}", given[name], "is not true or false")
        flags |= flag if given.get(name) else 0
    address = Address(
        ifindex=0,
        family=family,
        local=local,
        prefix=prefix,
        peer=_parse_peer_address(given.get("peer"), family),
        label=label,
        broadcast=_parse_broadcast(given.get("broadcast"), local, prefix, family),
        scope=scope,
        flags=flags,
    )
    return WantedAddress(address, frozenset(name for name in given if given[name] is not None))


def _parse_peer_address(value: str | None, family: int) -> str:
    if value is None:
        return ""
    address = values.ip_address("addresses.peer", value.partition("/")[0])
    if (address.version == 6) != (family == AF_INET6):
        raise InvalidOption("addresses.peer", value, "is not of the address's family")
    return str(address)


def _parse_broadcast(value: str | None, local: str, prefix: int, family: int) -> str:
    if value is None:
        return ""
    if family == AF_INET6:
        raise InvalidOption("addresses.broadcast", value, "has no meaning for IPv6")
    if value == "+":
        host_bits = (1 << (32 - prefix)) - 1
        return str(values.ip_address("addresses.broadcast", local) | host_bits)
    address = values.ip_address("addresses.broadcast", value)
    if address.version != 4:
        raise InvalidOption("addresses.broadcast", value, "is not an IPv4 address")
    return str(address)


def _parse_route(given: dict[str, Any]) -> WantedRoute:
    gateway = values.ip_address("routes.gateway", given["gateway"]) if given["gateway"] else None
    if given["dst"] == "default":
        if gateway is None:
            raise InvalidOption("routes.dst", "default", "without a gateway needs its family: 0.0.0.0/0 or ::/0")
        dst = "0.0.0.0/0" if gateway.version == 4 else "::/0"
    else:
        dst = str(values.ip_network("routes.dst", given["dst"]).cidr)
    family = AF_INET6 if ":" in dst else AF_INET
    if gateway is not None and (gateway.version == 6) != (family == AF_INET6):
        raise InvalidOption("routes.gateway", given["gateway"], f"is not of the family of {dst}")
    if gateway is not None and given["scope"] in ("link", "host"):
        raise InvalidOption("routes.scope", given["scope"], "is for what is reached without a gateway")
    metric = values.number("routes.metric", given["metric"], 0, (1 << 32) - 1)
    route = Route(
        family=family,
        dst=dst,
        table=_parse_table(given["table"]),
        metric=metric or (IPV6_DEFAULT_METRIC if family == AF_INET6 else 0),
        ifindex=0,
        gateway=str(gateway) if gateway is not None else "",
        src=_parse_source(given["src"], family),
        scope=_parse_scope(given["scope"], family, direct=gateway is None),
        protocol=PROTOCOL_STATIC,
        onlink=bool(given["onlink"]),
    )
    return WantedRoute(route, frozenset(name for name in given if given[name] is not None))


def _parse_table(value: str | None) -> int:
    if value is None:
        return TABLE_MAIN
    if value in TABLES:
        return TABLES[value]
    if not re.fullmatch(r"[0-9]{1,10}", value) or not 1 <= int(value) < 1 << 32:
        raise InvalidOption("routes.table", value, "is not a table: a number, main, local or default")
    return int(value)


def _parse_source(value: str | None, family: int) -> str:
    if value is None:
        return ""
    source = values.ip_address("routes.src", value)
    if (source.version == 6) != (family == AF_INET6):
        raise InvalidOption("routes.src", value, "is not of the family of the destination")
    return str(source)


def _parse_scope(value: str | None, family: int, *, direct: bool) -> str:
    """IPv4: what is reached directly has scope link, as iproute2 sets it; IPv6 has none."""
    if family == AF_INET6:
        if value not in (None, "global"):
            raise InvalidOption("routes.scope", value, "has no meaning for IPv6")
        return "global"
    return value or ("link" if direct else "global")
