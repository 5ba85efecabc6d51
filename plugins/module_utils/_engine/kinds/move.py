# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The operation that moves a link from one namespace into another, or renames it."""

from __future__ import annotations

import errno
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ..._kernel import requests
from ..._kernel.addressing import AF_INET
from ..._kernel.errors import KernelError
from ..._kernel.links import Link, find_link_by_index
from ..._kernel.namespaces import Namespace
from ..operation import Operation
from ..state import NamespaceState, State
from .contract import Args, Context, place, section


class LinkMove:
    """Move a link: ``to`` holds its namespace, name and index there. It arrives down.

    ``restore`` holds, as operations, what the kernel takes off a link that leaves. Whatever a
    request left half done, the link is found by its index: ``to`` has one that was promised
    to it alone. Within one namespace the link is renamed.
    """

    def apply(self, args: Args, context: Context) -> None:
        to = args["to"]
        try:
            source, target = context.host.at(args["netns"]), context.host.at(to["netns"])
            link = find_link_by_index(target.netlink, to["ifindex"])
            if link is None:
                request = requests.move_link(args["ifindex"], target.descriptor, to["name"], to["ifindex"])
                source.netlink.change(request)
            elif link.name != to["name"]:
                rename(link, to["name"], target)
        except KernelError as error:
            where = to["netns"] or "the namespace Ansible runs in"
            raise error.while_doing(f"moving {place(args['netns'], args['name'])} to {where} as {to['name']}") from None
        finally:
            context.indexes.clear()

    def inverse(self, args: Args) -> Sequence[Operation]:
        here = {name: args[name] for name in ("netns", "name", "ifindex")}
        back = Operation("link.move", {**args["to"], "to": here})
        return [back, *(Operation.from_dict(data) for data in args.get("restore", ()))]

    def foretell(self, args: Args, state: State) -> None:
        to = args["to"]
        source, target = state.at(args["netns"]), state.at(to["netns"])
        link = source.link(args["name"]) if source else None
        if source is None or target is None or link is None:
            return
        if source is target:
            source.put(replace(link, name=to["name"], up=False))
            source.routes.pop(link.ifindex, None)
            stay = [one for one in source.addresses.get(link.ifindex, ()) if one.family == AF_INET]
            source.addresses[link.ifindex] = stay
            return
        leave(link, source)
        index = to["ifindex"] or state.foretold_index()
        moved = replace(link, name=to["name"], ifindex=index, up=False, running=False, master=0, port=0)
        target.put(replace(moved, port_settings=(), ipv6_disabled=target.ipv6_disabled))

    def show(self, args: Args, before: dict[str, Any], after: dict[str, Any]) -> None:
        here, there = place(args["netns"], args["name"]), place(args["to"]["netns"], args["to"]["name"])
        section(before, "links", here)["state"] = "present"
        section(before, "links", there)["state"] = "absent"
        section(after, "links", here)["state"] = "absent"
        section(after, "links", there)["state"] = "present"


def leave(link: Link, namespace: NamespaceState) -> None:
    """Foretell that a link goes from a namespace, with the routes that only lean on an address of it, too."""
    sources = {one.local for one in namespace.addresses.get(link.ifindex, ())}
    for index, routes in namespace.routes.items():
        namespace.routes[index] = [one for one in routes if not (one.src in sources or one.leads_through(link.ifindex))]
    namespace.drop(link)


def rename(link: Link, name: str, namespace: Namespace) -> None:
    """Rename a link. Before Linux 6.2 only a link that is down can be renamed."""
    try:
        namespace.netlink.change(requests.rename_link(link.ifindex, name))
    except KernelError as error:
        if error.errno != errno.EBUSY or not link.up:
            raise
        namespace.netlink.change(requests.set_link(link.ifindex, {}, up=False))
        namespace.netlink.change(requests.rename_link(link.ifindex, name))
