# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Operations on permanent entries of the neighbour tables."""

from __future__ import annotations

import errno
from collections.abc import Mapping, Sequence
from typing import Any

from ..._kernel import requests
from ..._kernel.addressing import AF_INET, AF_INET6, NTF_KEPT, Neighbour, read_neighbours, read_proxies
from ..._kernel.errors import KernelError
from ..._kernel.netlink import NetlinkSocket
from ..operation import Operation, without_empty
from ..state import Netns, State
from .contract import Args, Context, place, section


class NeighbourAdd:
    """Add a permanent neighbour of a link, or an address that is answered for in its place."""

    def apply(self, args: Args, context: Context) -> None:
        neighbour = neighbour_of(args, args["ifindex"])
        try:
            context.host.at(args["netns"]).netlink.change(requests.add_neighbour(neighbour))
        except KernelError as error:
            where = place(args["netns"], args["link"])
            raise error.while_doing(f"adding neighbour {args['address']} to {where}") from None

    def inverse(self, args: Args) -> Sequence[Operation]:
        return [Operation("neighbour.delete", args)]

    def foretell(self, args: Args, state: State) -> None:
        namespace = state.at(args["netns"])
        link = namespace.link(args["link"]) if namespace else None
        if namespace and link:
            neighbour = neighbour_of(args, link.ifindex)
            others = [one for one in namespace.neighbours if neighbour_key(one) != neighbour_key(neighbour)]
            namespace.neighbours = [*others, neighbour]

    def show(self, args: Args, before: dict[str, Any], after: dict[str, Any]) -> None:
        where = place(args["netns"], args["link"])
        section(before, "links", where).setdefault("neighbours", [])
        section(after, "links", where).setdefault("neighbours", []).append(_shown(args))


class NeighbourDelete:
    """Delete a neighbour of a link; the arguments are those that add it again."""

    def apply(self, args: Args, context: Context) -> None:
        neighbour = neighbour_of(args, args["ifindex"])
        netlink = context.host.at(args["netns"]).netlink
        try:
            netlink.change(requests.delete_neighbour(neighbour))
        except KernelError as error:
            if error.errno in (errno.ENOENT, errno.ENODEV) and not _is_there(neighbour, netlink):
                return
            where = place(args["netns"], args["link"])
            raise error.while_doing(f"deleting neighbour {args['address']} of {where}") from None

    def inverse(self, args: Args) -> Sequence[Operation]:
        return [Operation("neighbour.add", args)]

    def foretell(self, args: Args, state: State) -> None:
        namespace = state.at(args["netns"])
        link = namespace.link(args["link"]) if namespace else None
        if namespace and link:
            gone = neighbour_key(neighbour_of(args, link.ifindex))
            namespace.neighbours = [one for one in namespace.neighbours if neighbour_key(one) != gone]

    def show(self, args: Args, before: dict[str, Any], after: dict[str, Any]) -> None:
        where = place(args["netns"], args["link"])
        section(before, "links", where).setdefault("neighbours", []).append(_shown(args))
        section(after, "links", where).setdefault("neighbours", [])


def neighbour_args(neighbour: Neighbour, netns: Netns, link: str) -> dict[str, Any]:
    """A neighbour as the arguments of an operation."""
    details = {
        "mac": neighbour.mac,
        "flags": neighbour.flags & NTF_KEPT or None,
        "protocol": neighbour.protocol or None,
    }
    return {
        "netns": netns,
        "link": link,
        "ifindex": neighbour.ifindex if neighbour.ifindex > 0 else None,
        "address": neighbour.address,
        **without_empty(details),
    }


def neighbour_of(args: Mapping[str, Any], ifindex: int) -> Neighbour:
    """The opposite of neighbour_args."""
    return Neighbour(
        ifindex=ifindex,
        family=AF_INET6 if ":" in args["address"] else AF_INET,
        address=args["address"],
        mac=args.get("mac", ""),
        state="permanent",
        flags=args.get("flags", 0),
        protocol=args.get("protocol", 0),
    )


def neighbour_key(neighbour: Neighbour) -> tuple[int, str, bool]:
    """What makes an entry distinct in a namespace."""
    return neighbour.ifindex, neighbour.address, neighbour.proxy


def _is_there(neighbour: Neighbour, netlink: NetlinkSocket) -> bool:
    """Look: what the kernel answered is no proof of what there is."""
    found = read_proxies(netlink) if neighbour.proxy else read_neighbours(netlink)
    return any(neighbour_key(one) == neighbour_key(neighbour) for one in found)


def _shown(args: Mapping[str, Any]) -> str:
    return f"{args['address']} {args.get('mac', 'proxy')}"
