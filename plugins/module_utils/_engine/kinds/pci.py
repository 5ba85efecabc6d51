# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Operations that lend a network card to another driver, such as vfio-pci, and take it back.

``bdf``, of a ``make`` and in an IOMMU ``group``, is lent to ``driver``; ``before`` holds the driver
and the override that it had. ``netns``, ``name`` and ``ifindex`` are those of its link, which goes
with the first driver and comes with it: the kernel makes it in the initial namespace, under a name
and with an index of its own choice. It is known by its device, and brought to its place with the
index that it had.

Without a namespace (it has ended) the link stays where the kernel makes it.
"""

from __future__ import annotations

import errno
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ..._kernel import requests
from ..._kernel.errors import KernelError
from ..._kernel.links import Link, find_link_by_index, read_links
from ..._kernel.namespaces import Namespace
from ..._kernel.pci import PciDevice, bind_back, bind_by_override
from ..operation import Operation
from ..state import State
from .contract import Args, Context, place, section
from .move import leave, rename

FRESH_MTU, FRESH_TXQLEN = 1500, 1000
APPEARING_SECONDS = 10.0


class PciBind:
    """Lend it. ``restore`` holds, as operations, what goes with the link."""

    def apply(self, args: Args, context: Context) -> None:
        bind_by_override(args["bdf"], args["driver"])
        context.indexes.clear()

    def inverse(self, args: Args) -> Sequence[Operation]:
        restore = [Operation.from_dict(data) for data in args.get("restore", ())]
        return [Operation("pci.release", _without_restore(args)), *restore]

    def foretell(self, args: Args, state: State) -> None:
        found = state.pci.get(args["bdf"])
        if found is not None:
            state.pci[args["bdf"]] = replace(found, driver=args["driver"], override=args["driver"])
        namespace = state.at(args["netns"]) if "netns" in args else None
        link = namespace.link(args["name"]) if namespace else None
        if namespace is not None and link is not None:
            leave(link, namespace)

    def show(self, args: Args, before: dict[str, Any], after: dict[str, Any]) -> None:
        section(before, "pci", args["bdf"])["driver"] = args["before"]["driver"]
        section(after, "pci", args["bdf"])["driver"] = args["driver"]
        if "netns" in args:
            section(before, "links", place(args["netns"], args["name"]))["state"] = "present"
            section(after, "links", place(args["netns"], args["name"]))["state"] = "absent"


class PciRelease:
    """Take it back, and bring its link to its place, where it arrives down and bare."""

    def apply(self, args: Args, context: Context) -> None:
        bind_back(args["bdf"], args["driver"], args["before"]["driver"], args["before"]["override"])
        context.indexes.clear()
        if "netns" not in args:
            return
        try:
            _bring(args, context)
        except KernelError as error:
            where = place(args["netns"], args["name"])
            raise error.while_doing(f"bringing the link of {args['bdf']} back as {where}") from None

    def inverse(self, args: Args) -> Sequence[Operation]:
        return [Operation("pci.bind", args)]

    def foretell(self, args: Args, state: State) -> None:
        vendor, _space, device = args["make"].partition(" ")
        unread = PciDevice(args["bdf"], vendor=vendor, device=device, group=args["group"])
        state.pci[args["bdf"]] = replace(state.pci.get(args["bdf"]) or unread, **args["before"])
        namespace = state.at(args["netns"]) if "netns" in args else None
        if namespace is not None and namespace.link(args["name"]) is None:
            link = Link(args["ifindex"] or state.foretold_index(), args["name"], mac=args["mac"])
            link = replace(link, mtu=FRESH_MTU, txqlen=FRESH_TXQLEN, ipv6_disabled=namespace.ipv6_disabled)
            namespace.put(replace(link, device=f"pci/{args['bdf']}", permanent_mac=args["mac"]))

    def show(self, args: Args, before: dict[str, Any], after: dict[str, Any]) -> None:
        PciBind().show(args, before=after, after=before)


def _without_restore(args: Args) -> dict[str, Any]:
    return {name: value for name, value in args.items() if name != "restore"}


def _bring(args: Args, context: Context) -> None:
    device, target = f"pci/{args['bdf']}", context.host.at(args["netns"])
    link = find_link_by_index(target.netlink, args["ifindex"])
    if link is not None and link.device == device:
        if link.name != args["name"]:
            rename(link, args["name"], target)
        return
    made = _wait_for(device, context.host.at(None))
    request = requests.move_link(made.ifindex, target.descriptor, args["name"], args["ifindex"])
    context.host.at(None).netlink.change(request)


def _wait_for(device: str, namespace: Namespace) -> Link:
    """The link of a device once it is there: a driver may make it in the background."""
    deadline = time.monotonic() + APPEARING_SECONDS
    while True:
        for link in read_links(namespace.netlink):
            if link.device == device and not link.kind:
                return link
        if time.monotonic() > deadline:
            raise KernelError(errno.ETIMEDOUT, text="its driver has made no link in the initial namespace")
        time.sleep(0.02)
