# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Whether the links that operations touched are, after an undo, as they were before."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from .._kernel.addressing import RTPROT_KERNEL, Address, Neighbour
from .._kernel.links import Link
from .._kernel.traffic import Qdisc, is_redirection
from .kinds.address import address_args
from .kinds.cni import called, key_of
from .kinds.contract import place
from .kinds.neighbour import neighbour_args
from .kinds.route import route_args
from .operation import Operation
from .state import NamespaceState, Netns, State

COMPARED = (
    *("kind", "mac", "mtu", "txqlen", "up", "group", "alias", "accept_ra", "ipv6_link_local"),
    *("promisc", "allmulti", "port_settings", "learns_from_own"),
)
LIFETIMES = ("valid", "preferred")
KNOWN_BY_LINK = ("link", "address", "route", "neighbour", "qdisc", "filter", "redirect", "sysctl")
"""Operations whose effects are compared link by link."""


def not_as_before(operations: Sequence[Operation], before: State, after: State) -> Iterator[str]:
    """What differs, in words. Links that there were none of before do not count: planning
    the same again tells of them.
    """
    for netns, name in dict.fromkeys(_touched(operations)):
        namespace, now = before.at(netns), after.at(netns)
        if namespace is None or namespace.link(name) is None:
            continue
        where = place(netns, name)
        if now is None or now.link(name) is None:
            yield f"{where} is gone"
            continue
        was, found = _essence(namespace, netns, name), _essence(now, netns, name)
        for aspect, value in was.items():
            if found.get(aspect) != value:  # a link of another kind has other aspects
                yield f"{aspect} of {where}: {value} was, {found.get(aspect)} is"


def left_behind(done: Sequence[Operation], before: State, after: State) -> Iterator[str]:
    """What operations that were undone have left, in words: links that they made or moved, known by
    the index that was promised to them, helpers, forwards, and records. What else they may leave is told as unknown.
    """
    for operation in done:
        args, area = operation.args, operation.kind.partition(".")[0]
        if operation.kind in ("link.add", "link.move"):
            ends = [args, args.get("peer")] if operation.kind == "link.add" else [args["to"]]
            for end in filter(None, ends):
                now, was = after.at(end["netns"]), before.at(end["netns"])
                if now and end["ifindex"] in now.links and not (was and end["ifindex"] in was.links):
                    yield f"{place(end['netns'], now.name_of(end['ifindex']))} is still there"
        elif area == "record":
            key = (args["kind"], args["name"])
            if after.records.get(key) != before.records.get(key):
                yield f"the record of {args['name']} is another one"
        elif area == "forward":
            socket = args["api_socket"]
            had, has = ({one.essence for one in state.forwards.get(socket, ())} for state in (before, after))
            if had != has:
                yield f"the forwards of {socket} are others"
        elif area == "firewall":
            if before.firewall != after.firewall:
                yield "the nftables tables of sandboxes are not as they were"
        elif area == "conntrack":
            continue
        elif area == "process":
            if _life_of(args["directory"], before) != _life_of(args["directory"], after):
                yield f"{args['name']} is not as it was"
        elif area == "cni":
            if before.attachments.get(key_of(args)) != after.attachments.get(key_of(args)):
                yield f"{called(args)} is not as it was"
        elif area == "leases":
            if before.host_local.get(args["directory"]) != after.host_local.get(args["directory"]):
                yield f"the leases in {args['directory']} are others"
        elif area not in KNOWN_BY_LINK or (area == "sysctl" and "link" not in args):
            yield f"nobody can tell whether {operation.kind} was undone"


def _life_of(directory: str, state: State) -> tuple[Any, ...]:
    helper = state.helpers.get(directory)
    return (helper.alive, helper.spec) if helper else ()


def _touched(operations: Sequence[Operation]) -> Iterator[tuple[Netns, str]]:
    for operation in operations:
        area, _dot, _verb = operation.kind.partition(".")
        if area in KNOWN_BY_LINK and "link" in operation.args:
            yield operation.args["netns"], operation.args["link"]
        elif area == "pci" and "netns" in operation.args:
            yield operation.args["netns"], operation.args["name"]
        elif area == "link":
            for end in filter(None, (operation.args, operation.args.get("peer"), operation.args.get("to"))):
                yield end["netns"], end["name"]


def _essence(namespace: NamespaceState, netns: Netns, name: str) -> dict[str, Any]:
    link = namespace.existing(name)
    addresses = [one for one in namespace.addresses.get(link.ifindex, ()) if not _comes_and_goes(one)]
    routes = [one for one in namespace.routes.get(link.ifindex, ()) if one.protocol != RTPROT_KERNEL]
    routes += [one for one in namespace.routes.get(0, ()) if one.leads_through(link.ifindex)]
    return {
        **{aspect: getattr(link, aspect) for aspect in COMPARED},
        "master": namespace.name_of(link.master),
        "altnames": sorted(link.altnames),
        **link.data,
        "addresses": _sorted(address_args(one, netns, name) for one in addresses),
        "routes": _sorted(route_args(one, netns, name) for one in routes),
        "neighbours": _sorted(neighbour_args(one, netns, name) for one in _neighbours(namespace, link)),
        "qdiscs": [_without_wiring(one) for one in namespace.qdiscs.get(link.ifindex, ())],
        "settings": namespace.settings.get(link.ifindex, {}),
        "wired to": namespace.redirects.get(name),
    }


def _without_wiring(qdisc: Qdisc) -> Qdisc:
    """The kernel chooses the handles of the filters that wire a link to another one."""
    return replace(qdisc, filters=tuple(one for one in qdisc.filters if not is_redirection(one)))


def _neighbours(namespace: NamespaceState, link: Link) -> Iterator[Neighbour]:
    """Those that somebody entered, where they were read."""
    for one in namespace.neighbours:
        if one.ifindex == link.ifindex and one.lasting:
            yield one


def _comes_and_goes(address: Address) -> bool:
    """Whether the kernel or a router makes an address whenever the link is up."""
    return address.from_router or (address.scope == "link" and ":" in address.local)


def _sorted(found: Iterator[dict[str, Any]]) -> list[str]:
    """Comparable texts, without what runs down by itself."""
    return sorted(str({name: value for name, value in args.items() if name not in LIFETIMES}) for args in found)
