# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Operations on the addresses of links."""

from __future__ import annotations

import errno
import functools
from collections.abc import Mapping, Sequence
from ipaddress import ip_network
from typing import Any

from ..._kernel import requests
from ..._kernel.addressing import (
    AF_INET,
    AF_INET6,
    IFA_F_KEPT,
    IFA_F_NODAD,
    IFA_F_NOPREFIXROUTE,
    IFA_F_PERMANENT,
    Address,
    read_addresses,
)
from ..._kernel.errors import KernelError
from ..._kernel.netlink import NetlinkSocket
from ..operation import Operation, without_empty
from ..state import Netns, State
from .contract import Args, Context, place, section


class AddressAdd:
    """Add an address to a link.

    ``keep`` holds, as operations, the routes that the kernel takes away when the address
    goes again, as the last one of IPv4.
    """

    def apply(self, args: Args, context: Context) -> None:
        address, netlink = address_of(args, args["ifindex"]), context.host.at(args["netns"]).netlink
        try:
            netlink.change(requests.add_address(address))
        except KernelError as error:
            if error.errno == errno.EEXIST and is_there(address, netlink):
                return
            where = place(args["netns"], args["link"])
            raise error.while_doing(f"adding address {args['address']} to {where}") from None

    def inverse(self, args: Args) -> Sequence[Operation]:
        plain = {name: value for name, value in args.items() if name != "keep"}
        kept = [Operation.from_dict(data) for data in args.get("keep", ())]
        return [Operation("address.delete", plain), *kept]

    def foretell(self, args: Args, state: State) -> None:
        namespace = state.at(args["netns"])
        link = namespace.link(args["link"]) if namespace else None
        if namespace and link:
            address = address_of(args, link.ifindex)
            found = namespace.addresses.setdefault(link.ifindex, [])
            if address_key(address) not in map(address_key, found):
                found.append(address)

    def show(self, args: Args, before: dict[str, Any], after: dict[str, Any]) -> None:
        where = place(args["netns"], args["link"])
        section(before, "links", where).setdefault("addresses", [])
        section(after, "links", where).setdefault("addresses", []).append(shown_address(args))


class AddressDelete:
    """Delete an address of a link; the arguments are those that add it again."""

    def apply(self, args: Args, context: Context) -> None:
        address, netlink = address_of(args, args["ifindex"]), context.host.at(args["netns"]).netlink
        try:
            netlink.change(requests.delete_address(address))
        except KernelError as error:
            if error.errno in (errno.EADDRNOTAVAIL, errno.ENODEV) and not is_there(address, netlink):
                return
            where = place(args["netns"], args["link"])
            raise error.while_doing(f"deleting address {args['address']} of {where}") from None

    def inverse(self, args: Args) -> Sequence[Operation]:
        return [Operation("address.add", args)]

    def foretell(self, args: Args, state: State) -> None:
        namespace = state.at(args["netns"])
        link = namespace.link(args["link"]) if namespace else None
        if namespace and link:
            gone = address_of(args, link.ifindex)
            namespace.addresses[link.ifindex] = [
                one for one in namespace.addresses.get(link.ifindex, ()) if address_key(one) != address_key(gone)
            ]

    def show(self, args: Args, before: dict[str, Any], after: dict[str, Any]) -> None:
        where = place(args["netns"], args["link"])
        section(before, "links", where).setdefault("addresses", []).append(shown_address(args))
        section(after, "links", where).setdefault("addresses", [])


def is_there(address: Address, netlink: NetlinkSocket) -> bool:
    """Look: what the kernel answered is no proof of what there is."""
    wanted = address_key(address)
    return any(one.ifindex == address.ifindex and address_key(one) == wanted for one in read_addresses(netlink))


def address_args(address: Address, netns: Netns, link: str) -> dict[str, Any]:
    """An address as the arguments of an operation; the index is given later."""
    details = {
        "peer": address.peer,
        # the kernel labels every IPv4 address with the name of its link
        "label": "" if address.label == link else address.label,
        "broadcast": address.broadcast,
        "scope": "" if address.scope == "global" else address.scope,
        "noprefixroute": address.noprefixroute,
        "nodad": address.nodad,
        "flags": address.flags & IFA_F_KEPT or None,
        "metric": address.metric or None,
        "protocol": address.protocol or None,
        "valid": address.valid,
        "preferred": address.preferred,
    }
    return {
        "netns": netns,
        "link": link,
        "ifindex": address.ifindex if address.ifindex > 0 else None,
        "address": f"{address.local}/{address.prefix}",
        **without_empty(details),
    }


def address_of(args: Mapping[str, Any], ifindex: int) -> Address:
    """The opposite of address_args."""
    local, _slash, prefix = args["address"].rpartition("/")
    flags: int = args.get("flags", 0)
    flags |= IFA_F_NODAD if args.get("nodad") else 0
    flags |= IFA_F_NOPREFIXROUTE if args.get("noprefixroute") else 0
    flags |= 0 if args.get("valid") is not None else IFA_F_PERMANENT
    return Address(
        ifindex=ifindex,
        family=AF_INET6 if ":" in local else AF_INET,
        local=local,
        prefix=int(prefix),
        peer=args.get("peer", ""),
        label=args.get("label", ""),
        broadcast=args.get("broadcast", ""),
        scope=args.get("scope", "global"),
        flags=flags,
        metric=args.get("metric", 0),
        protocol=args.get("protocol", 0),
        valid=args.get("valid"),
        preferred=args.get("preferred"),
    )


def address_key(address: Address) -> tuple[str, str]:
    """What makes an address of a link distinct for the kernel.

    Of IPv6 the address alone; of IPv4 also its subnet, which is that of the peer where
    there is one (``__inet_insert_ifa``).
    """
    if address.family == AF_INET6:
        return address.local, ""
    return address.local, subnet_of(address)


def subnet_of(address: Address) -> str:
    """The subnet that an address makes its link reach, as a CIDR."""
    return _network(f"{address.peer or address.local}/{address.prefix}")


@functools.lru_cache(maxsize=8192)  # asked again for each address whenever it is planned for
def _network(cidr: str) -> str:
    return str(ip_network(cidr, strict=False))


def shown_address(args: Mapping[str, Any]) -> str:
    """An address for a diff, with what is special about it."""
    special = [
        name if value is True else f"{name} {value}"
        for name, value in sorted(args.items())
        if name not in ("netns", "link", "ifindex", "address", "broadcast", "keep")
    ]
    return " ".join([args["address"], *special])
