# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Operations on the traffic control of links: qdiscs with their classes, and filters."""

from __future__ import annotations

import errno
from collections.abc import Mapping, Sequence
from typing import Any, Callable

from ..._kernel.errors import KernelError
from ..._kernel.netlink import NetlinkSocket
from ..._kernel.traffic import (
    RTM_DELQDISC,
    RTM_DELTFILTER,
    RTM_NEWQDISC,
    RTM_NEWTCLASS,
    RTM_NEWTFILTER,
    Control,
    Qdisc,
    make,
    rate_of,
    read_filters,
    read_qdiscs,
    remove,
)
from ..operation import Operation
from ..state import Netns, State
from .contract import Args, Context, place, section

Present = Callable[[Control, NetlinkSocket], list[Control]]
MISSING = (errno.ENOENT, errno.EINVAL, errno.ENODEV)


class QdiscAdd:
    """Attach a qdisc to a link, with its ``classes``."""

    def apply(self, args: Args, context: Context) -> None:
        qdisc = control_of(args, args["ifindex"])
        netlink = context.host.at(args["netns"]).netlink
        try:
            _make(netlink, qdisc, RTM_NEWQDISC, _qdiscs)
            for one in args.get("classes", ()):
                _make(netlink, control_of(one, args["ifindex"]), RTM_NEWTCLASS, _classes)
        except KernelError as error:
            raise error.while_doing(f"adding {_shown(args)} to {place(args['netns'], args['link'])}") from None

    def inverse(self, args: Args) -> Sequence[Operation]:
        return [Operation("qdisc.delete", args)]

    def foretell(self, args: Args, state: State) -> None:
        namespace = state.at(args["netns"])
        link = namespace.link(args["link"]) if namespace else None
        if namespace and link:
            classes = tuple(control_of(one, link.ifindex) for one in args.get("classes", ()))
            qdisc = Qdisc(control_of(args, link.ifindex), classes)
            others = namespace.qdiscs.get(link.ifindex, [])
            if all(one.control.handle != qdisc.control.handle for one in others):
                namespace.qdiscs[link.ifindex] = [*others, qdisc]

    def show(self, args: Args, before: dict[str, Any], after: dict[str, Any]) -> None:
        _show_added("qdiscs", args, before, after)


class QdiscDelete:
    """Take a qdisc off a link, with all that is in it."""

    def apply(self, args: Args, context: Context) -> None:
        netlink = context.host.at(args["netns"]).netlink
        try:
            netlink.change(remove(RTM_DELQDISC, control_of(args, args["ifindex"])))
        except KernelError as error:
            if error.errno in MISSING and not _is_there(control_of(args, args["ifindex"]), _qdiscs, netlink):
                return
            raise error.while_doing(f"deleting {_shown(args)} of {place(args['netns'], args['link'])}") from None

    def inverse(self, args: Args) -> Sequence[Operation]:
        return [Operation("qdisc.add", args)]

    def foretell(self, args: Args, state: State) -> None:
        namespace = state.at(args["netns"])
        link = namespace.link(args["link"]) if namespace else None
        if namespace and link:
            handle = control_of(args, link.ifindex).handle
            found = namespace.qdiscs.get(link.ifindex, [])
            namespace.qdiscs[link.ifindex] = [one for one in found if one.control.handle != handle]

    def show(self, args: Args, before: dict[str, Any], after: dict[str, Any]) -> None:
        _show_added("qdiscs", args, after, before)


class FilterAdd:
    """Add a filter to a qdisc of a link. Its handle tells it from others: the kernel adds the same
    filter twice when it may choose the handle itself."""

    def apply(self, args: Args, context: Context) -> None:
        netlink = context.host.at(args["netns"]).netlink
        try:
            _make(netlink, control_of(args, args["ifindex"]), RTM_NEWTFILTER, _filters)
        except KernelError as error:
            raise error.while_doing(f"adding {_shown(args)} to {place(args['netns'], args['link'])}") from None

    def inverse(self, args: Args) -> Sequence[Operation]:
        return [Operation("filter.delete", args)]

    def foretell(self, args: Args, state: State) -> None:
        """Nothing that a plan leans on."""

    def show(self, args: Args, before: dict[str, Any], after: dict[str, Any]) -> None:
        _show_added("filters", args, before, after)


class FilterDelete:
    """Delete a filter of a link."""

    def apply(self, args: Args, context: Context) -> None:
        netlink = context.host.at(args["netns"]).netlink
        control = control_of(args, args["ifindex"])
        try:
            netlink.change(remove(RTM_DELTFILTER, control))
        except KernelError as error:
            if error.errno in MISSING and not _is_there(control, _filters, netlink):
                return
            raise error.while_doing(f"deleting {_shown(args)} of {place(args['netns'], args['link'])}") from None

    def inverse(self, args: Args) -> Sequence[Operation]:
        return [Operation("filter.add", args)]

    def foretell(self, args: Args, state: State) -> None:
        """Nothing that a plan leans on."""

    def show(self, args: Args, before: dict[str, Any], after: dict[str, Any]) -> None:
        _show_added("filters", args, after, before)


def control_args(control: Control, netns: Netns, link: str) -> dict[str, Any]:
    """A qdisc, class or filter as the arguments of an operation."""
    return {"netns": netns, "link": link, "ifindex": control.ifindex, **_details(control)}


def class_args(control: Control) -> dict[str, Any]:
    """A class as it stands in the arguments of its qdisc."""
    return _details(control)


def control_of(args: Mapping[str, Any], ifindex: int) -> Control:
    """The opposite of control_args."""
    return Control(
        ifindex=ifindex,
        kind=args["kind"],
        handle=handle_of(args["handle"]),
        parent=handle_of(args["parent"]),
        info=args.get("info", 0),
        options=bytes.fromhex(args.get("options", "")),
    )


def _details(control: Control) -> dict[str, Any]:
    details: dict[str, Any] = {"kind": control.kind, "handle": _text(control.handle), "parent": _text(control.parent)}
    if control.info:
        details["info"] = control.info
    if control.options:
        details["options"] = control.options.hex()
    return details


def _text(number: int) -> str:
    """A handle as tc writes it: two numbers of 16 bits, hexadecimal."""
    return f"{number >> 16:x}:{number & 0xFFFF:x}"


def handle_of(text: str) -> int:
    """The opposite: the number of a handle that is written as tc does."""
    major, _colon, minor = text.partition(":")
    return int(major, 16) << 16 | int(minor, 16)


def _make(netlink: NetlinkSocket, control: Control, request: int, present: Present) -> None:
    try:
        netlink.change(make(request, control))
    except KernelError as error:
        if error.errno != errno.EEXIST or not _is_there(control, present, netlink):
            raise


def _is_there(control: Control, present: Present, netlink: NetlinkSocket) -> bool:
    """Look: what the kernel answered is no proof of what there is."""
    try:
        found = present(control, netlink)
    except KernelError as error:
        if error.errno in MISSING:  # no such place on the link
            return False
        raise
    return any((one.kind, one.handle, one.parent) == (control.kind, control.handle, control.parent) for one in found)


def _qdiscs(control: Control, netlink: NetlinkSocket) -> list[Control]:
    return [one.control for one in read_qdiscs(netlink).get(control.ifindex, ())]


def _classes(control: Control, netlink: NetlinkSocket) -> list[Control]:
    return [inner for one in read_qdiscs(netlink).get(control.ifindex, ()) for inner in one.classes]


def _filters(control: Control, netlink: NetlinkSocket) -> list[Control]:
    return [one for one in read_filters(netlink, control.ifindex, control.parent) if one.info == control.info]


def _show_added(what: str, args: Args, without: dict[str, Any], having: dict[str, Any]) -> None:
    where = place(args["netns"], args["link"])
    section(without, "links", where).setdefault(what, [])
    section(having, "links", where).setdefault(what, []).append(_shown(args))


def _shown(args: Mapping[str, Any]) -> str:
    rate = rate_of(Qdisc(control_of(args, 0), tuple(control_of(one, 0) for one in args.get("classes", ()))))
    limit = f" {rate} bit/s" if rate is not None else ""
    return f"{args['kind']} {args['handle']} parent {args['parent']}{limit}"
