# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Operations on links: make, delete, change."""

from __future__ import annotations

import errno
import itertools
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from ..._kernel import requests
from ..._kernel.errors import KernelError
from ..._kernel.features import may_bring_links
from ..._kernel.links import DATA_OF_KIND, FLAGS, Link, find_link, find_link_by_index
from ..._kernel.netlink import NetlinkSocket
from ..._kernel.tuntap import MODES, create_tuntap
from ..operation import Operation
from ..state import Netns, State
from .address import address_of, is_there
from .contract import Args, Context, place, section

PLAIN = ("mtu", "mac", "txqlen", "alias", "group")
OF_KIND = ("multicast_snooping", "mode")
NEEDS = {"veth": "peer", **dict.fromkeys(("macvlan", "macvtap", "ipvlan", "vlan"), "parent")}
SMALLEST_MTU = 68
TAKEN = (errno.EEXIST, errno.EBUSY)  # the name, the index
COME_ALONG = ("dummy", "ifb")  # their modules make dummy0, ifb0 and ifb1 when they are loaded
BORN_WITH = ("mac", "mtu", "txqlen")


class LinkAdd:
    """Make a link, a veth with its peer in place; it is down until ``link.set`` ups it.

    ``ifindex`` is chosen before: whoever finds the link knows that it is ours.
    """

    def apply(self, args: Args, context: Context) -> None:
        try:
            if args["kind"] in MODES:
                self._make_tuntap(args, context)
            else:
                self._make(args, context)
        except KernelError as error:
            where = place(args["netns"], args["name"])
            master = f" as a port of {args['master']}" if args.get("master") else ""
            raise error.while_doing(f"making {args['kind']} {where}{master}") from None

    def _make(self, args: Args, context: Context) -> None:
        side, other = args, args.get("peer")
        if other and other.get("master") and not args.get("master"):
            side, other = other, args  # the master can be given to the creating side only
        data = dict(args.get("data", {}))
        parent, birthplace = 0, side["netns"]
        if args.get("parent"):
            birthplace = args["parent_netns"]
            parent = index_of(context, birthplace, args["parent"])
            if args["kind"] == "vxlan":
                data["parent"], parent = parent, 0
        peer = None
        if other:
            peer = {
                "name": other["name"],
                "ifindex": other["ifindex"],
                "descriptor": context.host.at(other["netns"]).descriptor,
                "values": _born_with(other),
                "queues": other.get("queues", 0),
            }
        values = _born_with(side)
        pinned = values.get("mtu") if args["kind"] == "bridge" else None
        if pinned:  # a bridge keeps its MTU over ports only when that was changed after its birth
            values["mtu"] = pinned - 1 if pinned > SMALLEST_MTU else pinned + 1
        elsewhere = birthplace != side["netns"]
        if side.get("master") and not elsewhere:
            values["master"] = index_of(context, side["netns"], side["master"])
        request = requests.create_link(
            side["name"],
            args["kind"],
            side["ifindex"],
            values=values,
            data=data,
            parent=parent,
            queues=side.get("queues", 0),
            peer=peer,
            descriptor=context.host.at(side["netns"]).descriptor if elsewhere else None,
        )
        with _unless_there(args, context):
            _create(context.host.at(birthplace).netlink, request, args)
        if pinned:
            context.host.at(birthplace).netlink.change(requests.set_link(side["ifindex"], {"mtu": pinned}))
        for end in (side if elsewhere else None, other):
            if end and end.get("master"):
                master = index_of(context, end["netns"], end["master"])
                set_master = requests.set_link(end["ifindex"], {"master": master})
                context.host.at(end["netns"]).netlink.change(set_master)

    def _make_tuntap(self, args: Args, context: Context) -> None:
        namespace = context.host.at(args["netns"])
        data = args.get("data", {})
        with _unless_there(args, context):
            create_tuntap(
                namespace,
                args["name"],
                args["kind"],
                ifindex=args["ifindex"],
                multi_queue=data.get("multi_queue", False),
                vnet_hdr=data.get("vnet_hdr", False),
                owner=data.get("owner"),
                group=data.get("group"),
            )
        values = _born_with(args)
        if args.get("master"):
            values["master"] = index_of(context, args["netns"], args["master"])
        if values:
            namespace.netlink.change(requests.set_link(args["ifindex"], values))

    def inverse(self, args: Args) -> Sequence[Operation]:
        return [Operation("link.delete", args)]

    def foretell(self, args: Args, state: State) -> None:
        peer = args.get("peer")
        first = state.foretold_index()
        second = state.foretold_index() if peer else 0
        _foretell_link(args, state, args["kind"], first, second)
        if peer:
            _foretell_link(peer, state, args["kind"], second, first)

    def show(self, args: Args, before: dict[str, Any], after: dict[str, Any]) -> None:
        for end in filter(None, (args, args.get("peer"))):
            where = place(end["netns"], end["name"])
            section(before, "links", where)["state"] = "absent"
            shown = {"state": "present", "kind": args["kind"], **args.get("data", {})}
            for name in (*BORN_WITH, "master", "parent"):
                if end.get(name) is not None:
                    shown[name] = end[name]
            section(after, "links", where).update(shown)


class LinkDelete:
    """Delete a link, a veth with its peer. The arguments are those that make it again;
    ``restore`` holds what was on it, as further operations.

    Links with the same ``group`` go in one request: each request costs a wait of the
    kernel for all processors, some 17 ms, however many links it names.
    """

    def apply(self, args: Args, context: Context) -> None:
        namespace = context.host.at(args["netns"])
        link = find_link_by_index(namespace.netlink, args["ifindex"])
        if link is None:
            return
        condemned = args.get("group")
        try:
            if condemned and link.group == condemned:
                namespace.netlink.change(requests.delete_link_group(condemned))
            else:
                namespace.netlink.change(requests.delete_link(args["ifindex"]))
        except KernelError as error:
            if error.errno != errno.ENODEV or find_link_by_index(namespace.netlink, args["ifindex"]):
                where = place(args["netns"], args["name"])
                raise error.while_doing(f"deleting link {where}") from None
        context.indexes.clear()

    def inverse(self, args: Args) -> Sequence[Operation]:
        if args["kind"] in NEEDS and not args.get(NEEDS[args["kind"]]):
            return []  # the other half is in a namespace that nobody could tell
        making = {key: value for key, value in args.items() if key not in ("restore", "group")}
        restore = [Operation.from_dict(data) for data in args.get("restore", ())]
        return [Operation("link.add", making), *restore]

    def foretell(self, args: Args, state: State) -> None:
        for end in filter(None, (args, args.get("peer"))):
            namespace = state.at(end["netns"])
            link = namespace.link(end["name"]) if namespace else None
            if namespace and link:
                namespace.drop(link)

    def show(self, args: Args, before: dict[str, Any], after: dict[str, Any]) -> None:
        for end in filter(None, (args, args.get("peer"))):
            where = place(end["netns"], end["name"])
            section(before, "links", where).update(state="present", kind=args["kind"])
            section(after, "links", where)["state"] = "absent"


class LinkSet:
    """Change a link in place: ``set`` holds the new values, ``before`` the old ones.

    ``keep`` lists IPv6 addresses that must survive: the kernel removes them from a
    link that goes down.
    """

    def apply(self, args: Args, context: Context) -> None:
        netlink = context.host.at(args["netns"]).netlink
        wanted, ifindex = args["set"], args["ifindex"]
        try:
            self._change(netlink, wanted, ifindex, args, context)
        except KernelError as error:
            where = place(args["netns"], args["name"])
            values = ", ".join(f"{key}={value}" for key, value in wanted.items())
            raise error.while_doing(f"setting {values} of link {where}") from None

    def _change(
        self,
        netlink: NetlinkSocket,
        wanted: Mapping[str, Any],
        ifindex: int,
        args: Args,
        context: Context,
    ) -> None:
        if wanted.get("up") is False:
            netlink.change(requests.set_link(ifindex, {}, up=False))
        values = {name: wanted[name] for name in PLAIN if wanted.get(name) is not None}
        if "master" in wanted:
            name = wanted["master"]
            values["master"] = index_of(context, args["netns"], name) if name else 0
        link_local = wanted.get("ipv6_link_local")
        if values or link_local is not None:
            netlink.change(requests.set_link(ifindex, values, ipv6_link_local=link_local))
        flags = {name: wanted[name] for name in FLAGS if wanted.get(name) is not None}
        if flags:
            netlink.change(requests.set_flags(ifindex, flags))
        if wanted.get("port_settings"):
            netlink.change(requests.set_port(ifindex, wanted["port_settings"]))
        if wanted.get("learns_from_own") is not None:
            netlink.change(requests.set_learning_from_own(ifindex, wanted=wanted["learns_from_own"]))
        data = {name: wanted[name] for name in OF_KIND if wanted.get(name) is not None}
        if data:
            netlink.change(requests.set_link(ifindex, {}, kind=args["kind"], data=data))
        if "altnames" in wanted:
            _set_altnames(netlink, ifindex, wanted["altnames"])
        if wanted.get("up"):
            netlink.change(requests.set_link(ifindex, {}, up=True))
        for data in args.get("keep", ()):
            _keep_address(netlink, ifindex, data, anew=bool(wanted.get("up")) and "valid" in data)

    def inverse(self, args: Args) -> Sequence[Operation]:
        return [Operation("link.set", {**args, "set": args["before"], "before": args["set"]})]

    def foretell(self, args: Args, state: State) -> None:
        namespace = state.at(args["netns"])
        link = namespace.link(args["name"]) if namespace else None
        if namespace is None or link is None:
            return
        wanted = dict(args["set"])
        if "master" in wanted:
            master = namespace.link(wanted["master"]) if wanted["master"] else None
            wanted["master"] = master.ifindex if master else 0
        if "altnames" in wanted:
            wanted["altnames"] = tuple(wanted["altnames"])
        if "port_settings" in wanted:
            wanted["port_settings"] = tuple(wanted["port_settings"].items())
        for name in FLAGS.keys() & wanted.keys():
            wanted["flags"] = wanted.get("flags", link.flags) & ~FLAGS[name] | (FLAGS[name] if wanted.pop(name) else 0)
        data = {**link.data, **{name: wanted.pop(name) for name in OF_KIND if name in wanted}}
        namespace.put(replace(link, data=data, **wanted))
        if wanted.get("up") is False:
            namespace.routes.pop(link.ifindex, None)

    def show(self, args: Args, before: dict[str, Any], after: dict[str, Any]) -> None:
        where = place(args["netns"], args["name"])
        for name, value in args["set"].items():
            if name == "group":
                continue
            if section(before, "links", where).get("state") != "absent":
                before["links"][where].setdefault(name, args["before"].get(name))
            section(after, "links", where)[name] = value


def index_of(context: Context, netns: Netns, name: str) -> int:
    """The index of a link by name, asked once in a transaction. Raises KernelError."""
    known = context.indexes.get((netns, name))
    if known is None:
        link = find_link(context.host.at(netns).netlink, name)
        if link is None:
            raise KernelError(errno.ENODEV, "", f"there is no link {place(netns, name)}")
        known = context.indexes[netns, name] = link.ifindex
    return known


def _create(netlink: NetlinkSocket, request: requests.Request, args: Args) -> None:
    """Make a link. One of its name that comes along with the module of its kind gives way: nobody
    has asked for it, and its index is not the promised one."""
    may_come_along = args["kind"] in COME_ALONG and may_bring_links(args["kind"])
    try:
        netlink.change(request)
    except KernelError as error:
        brought = find_link(netlink, args["name"]) if may_come_along and error.errno == errno.EEXIST else None
        if brought is None or brought.kind != args["kind"] or brought.up:
            raise
        netlink.change(requests.delete_link(brought.ifindex))
        netlink.change(request)


@contextmanager
def _unless_there(args: Args, context: Context) -> Iterator[None]:
    """Pass over the refusal to make a link that is there: its index was promised to it alone."""
    try:
        yield
    except KernelError as error:
        link = find_link_by_index(context.host.at(args["netns"]).netlink, args["ifindex"])
        if error.errno not in TAKEN or link is None or link.name != args["name"]:
            raise


def _born_with(end: Mapping[str, Any]) -> dict[str, Any]:
    return {name: end[name] for name in BORN_WITH if end.get(name) is not None}


def _set_altnames(netlink: NetlinkSocket, ifindex: int, wanted: Sequence[str]) -> None:
    link = find_link_by_index(netlink, ifindex)
    present = link.altnames if link else ()
    same = len([*itertools.takewhile(lambda pair: pair[0] == pair[1], zip(present, wanted))])
    surplus, missing = present[same:], wanted[same:]  # the kernel keeps them in the order of their coming
    if surplus:
        netlink.change(requests.rename_altnames(ifindex, surplus, add=False))
    if missing:
        netlink.change(requests.rename_altnames(ifindex, missing, add=True))


def _keep_address(netlink: NetlinkSocket, ifindex: int, data: Mapping[str, Any], *, anew: bool) -> None:
    """Add an address that may be there. ``anew``: one with a lifetime that was added while its
    link was down has no route for its prefix, and gets none when the link comes up."""
    address = address_of(data, ifindex)
    if anew:
        try:
            netlink.change(requests.delete_address(address))
        except KernelError as error:
            if error.errno != errno.EADDRNOTAVAIL:
                raise
    try:
        netlink.change(requests.add_address(address))
    except KernelError as error:
        if error.errno != errno.EEXIST or not is_there(address, netlink):
            raise


def _foretell_link(end: Mapping[str, Any], state: State, kind: str, ifindex: int, parent: int) -> None:
    namespace = state.at(end["netns"])
    if namespace is None:
        return
    master: Link | None = namespace.link(end["master"]) if end.get("master") else None
    below = state.at(end["parent_netns"]) if end.get("parent") else None
    lower = below.link(end["parent"]) if below else None
    link = Link(
        ifindex=ifindex,
        name=end["name"],
        kind=kind,
        mac=end.get("mac") or "",
        mtu=end.get("mtu") or 0,  # the kernel's choice is not known yet
        txqlen=end.get("txqlen") or 0,
        master=master.ifindex if master else 0,
        parent=lower.ifindex if lower else parent,
        tx_queues=end.get("queues") or 1,
        data={**DATA_OF_KIND.get(kind, {}), **end.get("data", {})},
    )
    namespace.put(link)
