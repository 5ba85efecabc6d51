# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Operations that wire one link to another: all that arrives at it leaves by the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ..._kernel.errors import KernelError
from ..._kernel.netlink import NetlinkSocket
from ..._kernel.traffic import (
    RTM_DELTFILTER,
    RTM_NEWTFILTER,
    Control,
    is_redirection,
    make,
    read_filters,
    redirection,
    redirects_to,
    remove,
)
from ..operation import Operation
from ..state import State
from .contract import Args, Context, place, section
from .traffic import MISSING, handle_of


class RedirectAdd:
    """Send all that arrives at a link out of ``target``, by a filter at ``parent``.

    The kernel adds an equal filter a second time, and keeps one whose target has gone: what
    is there is looked at first, and a filter of ours that leads elsewhere goes.
    """

    def apply(self, args: Args, context: Context) -> None:
        netlink = context.host.at(args["netns"]).netlink
        wanted = redirection(args["ifindex"], handle_of(args["parent"]), args["target_ifindex"])
        try:
            present = _ours(wanted, netlink)
            right = [one for one in present if redirects_to(one) == redirects_to(wanted)]
            for one in present:
                if one not in right[:1]:
                    netlink.change(remove(RTM_DELTFILTER, one))
            if not right:
                netlink.change(make(RTM_NEWTFILTER, wanted))
        except KernelError as error:
            where = place(args["netns"], args["link"])
            raise error.while_doing(f"redirecting {where} to {args['target']}") from None

    def inverse(self, args: Args) -> Sequence[Operation]:
        return [Operation("redirect.delete", args)]

    def foretell(self, args: Args, state: State) -> None:
        namespace = state.at(args["netns"])
        if namespace is not None:
            namespace.redirects[args["link"]] = args["target"]

    def show(self, args: Args, before: dict[str, Any], after: dict[str, Any]) -> None:
        where = place(args["netns"], args["link"])
        section(before, "links", where).setdefault("redirected_to", None)
        section(after, "links", where)["redirected_to"] = args["target"]


class RedirectDelete:
    """Let a link keep what arrives at it again; the arguments are those that redirect it."""

    def apply(self, args: Args, context: Context) -> None:
        netlink = context.host.at(args["netns"]).netlink
        wanted = redirection(args["ifindex"], handle_of(args["parent"]), args["target_ifindex"] or 0)
        try:
            ours = _ours(wanted, netlink)
            if ours and len(ours) == len(_of_our_priority(wanted, netlink)):
                ours = [replace(wanted, handle=0)]  # the whole priority, with the table that u32 begins it with
            for one in ours:
                netlink.change(remove(RTM_DELTFILTER, one))
        except KernelError as error:
            where = place(args["netns"], args["link"])
            raise error.while_doing(f"ending the redirection of {where} to {args['target']}") from None

    def inverse(self, args: Args) -> Sequence[Operation]:
        return [Operation("redirect.add", args)] if args["target_ifindex"] else []

    def foretell(self, args: Args, state: State) -> None:
        namespace = state.at(args["netns"])
        if namespace is not None:
            namespace.redirects.pop(args["link"], None)

    def show(self, args: Args, before: dict[str, Any], after: dict[str, Any]) -> None:
        where = place(args["netns"], args["link"])
        section(before, "links", where)["redirected_to"] = args["target"]
        section(after, "links", where)["redirected_to"] = None


def _ours(wanted: Control, netlink: NetlinkSocket) -> list[Control]:
    return [one for one in _of_our_priority(wanted, netlink) if is_redirection(one)]


def _of_our_priority(wanted: Control, netlink: NetlinkSocket) -> list[Control]:
    try:
        found = read_filters(netlink, wanted.ifindex, wanted.parent)
    except KernelError as error:
        if error.errno in MISSING:  # no link, or no qdisc for filters on it
            return []
        raise
    return [one for one in found if one.info >> 16 == wanted.info >> 16]
