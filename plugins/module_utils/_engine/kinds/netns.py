# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Operations on network namespaces and the kernel settings inside them."""

from __future__ import annotations

import errno
import os
import re
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ..._kernel import requests
from ..._kernel.errors import KernelError, NotANamespace
from ..._kernel.host import Ending
from ..._kernel.links import Link, find_link_by_index
from ..._kernel.namespaces import (
    Namespace,
    identify,
    is_leftover,
    name_namespace,
    prepare_directory,
    unname_namespace,
)
from ..._kernel.sysctl import changed_along, read_sysctl, same_value, write_sysctl
from ..operation import Operation
from ..state import NamespaceState, State
from .contract import Args, Context, section

FREEING_SECONDS = 1.0
DISABLE_IPV6 = re.compile(r"net/ipv6/conf/([^/]+)/disable_ipv6")
ACCEPT_RA = re.compile(r"net/ipv6/conf/([^/]+)/accept_ra")


class NetnsCreate:
    """Name a namespace: a new one, or that of a process (``pid``).

    ``directory`` is the directory of names, made ready as iproute2 makes it. A name that is
    ``generated`` is another one in each run.

    ``identity`` is known before: a new namespace is made without a name first, and
    is gone with this process until it has one.
    """

    def apply(self, args: Args, context: Context) -> None:
        path, identity = args["path"], tuple(args["identity"])
        try:
            found = identify(path)
        except NotANamespace:
            found = None
            if is_leftover(path):  # of a killed run; undoing must end with the name
                os.unlink(path)
        if found == identity:
            return
        descriptor = context.unborn.pop(path, None)
        held = context.host.retired(identity)
        if descriptor is None and held is not None:
            descriptor = os.dup(held.descriptor)
        if descriptor is None:
            return  # undoing, and the namespace ended with its last user: nothing to name
        try:
            if args.get("directory"):
                prepare_directory(args["directory"])
            name_namespace(descriptor, path)
            context.host.adopt(path, descriptor)
        except OSError as error:
            raise KernelError(error.errno or 0, f"naming namespace {path}") from None
        finally:
            os.close(descriptor)

    def inverse(self, args: Args) -> Sequence[Operation]:
        return [Operation("netns.delete", args)]

    def foretell(self, args: Args, state: State) -> None:
        process = state.at(f"/proc/{args['pid']}/ns/net") if args.get("pid") else None
        if process is not None:
            state.namespaces[args["path"]] = process.copy()
        else:
            lo = Link(ifindex=1, name="lo", loopback=True, mtu=65536, up=False)
            namespace = state.namespaces[args["path"]] = NamespaceState()
            namespace.put(lo)
        state.leftovers.discard(args["path"])

    def show(self, args: Args, before: dict[str, Any], after: dict[str, Any]) -> None:
        section(before, "namespaces", args["path"])["state"] = "absent"
        section(after, "namespaces", args["path"])["state"] = "present"


class NetnsDelete:
    """Take the name of a namespace away. It is held open until the task has ended."""

    def apply(self, args: Args, context: Context) -> None:
        path, identity = args["path"], tuple(args["identity"] or ())
        leftover = is_leftover(path)  # a creation that was killed before the mount
        found = identity if leftover else identify(path)
        if found is None or found != identity:
            return
        try:
            if not leftover:
                context.host.at(path)  # held open until the task has ended
                nsid = context.host.nsid(path)
                if nsid is not None and not args.get("pids"):
                    context.dying.add(Ending(nsid, identity[1]))
            context.host.retire(path)  # still open: it can be named again
            unname_namespace(path)
        except OSError as error:
            raise KernelError(error.errno or 0, f"removing namespace {path}") from None

    def inverse(self, args: Args) -> Sequence[Operation]:
        return [Operation("netns.create", args)]

    def foretell(self, args: Args, state: State) -> None:
        state.namespaces[args["path"]] = None

    def show(self, args: Args, before: dict[str, Any], after: dict[str, Any]) -> None:
        section(before, "namespaces", args["path"])["state"] = "present"
        section(after, "namespaces", args["path"])["state"] = "absent"


class NetnsSet:
    """Give a namespace its id (nsid). The kernel has no way to take an id back."""

    def apply(self, args: Args, context: Context) -> None:
        handle = context.host.at(args["path"])
        if context.host.nsid(args["path"]) == args["nsid"]:
            return
        try:
            set_nsid(context, handle.descriptor, args["nsid"])
        except KernelError as error:
            raise error.while_doing(f"giving {args['path']} the nsid {args['nsid']}") from None

    def inverse(self, args: Args) -> Sequence[Operation]:
        return []

    def foretell(self, args: Args, state: State) -> None:
        namespace = state.at(args["path"])
        if namespace is not None:
            namespace.nsid = args["nsid"]

    def show(self, args: Args, before: dict[str, Any], after: dict[str, Any]) -> None:
        section(before, "namespaces", args["path"])["nsid"] = None
        section(after, "namespaces", args["path"])["nsid"] = args["nsid"]


def set_nsid(context: Context, descriptor: int, nsid: int) -> None:
    """Give an id; for a moment it may still be that of a namespace that was just removed."""
    deadline = time.monotonic() + FREEING_SECONDS
    while True:
        try:
            context.host.at(None).netlink.change(requests.set_nsid(descriptor, nsid))
            return
        except KernelError as error:
            if error.errno != errno.EEXIST or time.monotonic() > deadline:
                raise
        time.sleep(0.02)


class SysctlSet:
    """Set a kernel setting of a namespace; one of a link (``link``, ``ifindex``) under
    whatever name the link has by then.

    ``along`` are other settings that the kernel changes with it, and that have to be put
    back by name: setting this one back gives them another value than they had.
    """

    def apply(self, args: Args, context: Context) -> None:
        try:
            namespace = context.host.at(args["netns"])
            key = self._key(args, namespace)
            # what is right is not written: the file may be read-only
            if key and not self._is_right(read_sysctl(namespace, key), args):
                write_sysctl(namespace, key, args["value"])
        except KernelError as error:
            where = f" in {args['netns']}" if args["netns"] else ""
            raise error.while_doing(f"setting {args['key']} to {args['value']}{where}") from None

    @staticmethod
    def _is_right(found: str | None, args: Args) -> bool:
        return found is not None and same_value(found, args["value"])

    @staticmethod
    def _key(args: Args, namespace: Namespace) -> str:
        """The key; empty for a setting of a link that is gone."""
        key: str = args["key"]
        if "link" not in args:
            return key
        link = find_link_by_index(namespace.netlink, args["ifindex"])
        return key.replace(f"/{args['link']}/", f"/{link.name}/") if link else ""

    def inverse(self, args: Args) -> Sequence[Operation]:
        if args["before"] is None:  # of a link that did not exist
            return []
        return [_swapped(args), *(_put_back(args, other, former) for other, former in args.get("along", {}).items())]

    def foretell(self, args: Args, state: State) -> None:
        namespace = state.at(args["netns"])
        if namespace is None:
            return
        namespace.sysctls[args["key"]] = args["value"]
        namespace.sysctls.update(changed_along(args["key"], args["value"], namespace.sysctls))
        of_link = ACCEPT_RA.fullmatch(args["key"])
        link = namespace.link(of_link[1]) if of_link else None
        if link is not None:
            namespace.put(replace(link, accept_ra=int(args["value"])))
        off = DISABLE_IPV6.fullmatch(args["key"])
        link = namespace.link(off[1]) if off else None
        if link is not None:
            namespace.put(replace(link, ipv6_disabled=args["value"] == "1"))

    def show(self, args: Args, before: dict[str, Any], after: dict[str, Any]) -> None:
        where = args["netns"] or "host"
        section(before, "sysctls", where)[args["key"]] = args["before"]
        section(after, "sysctls", where)[args["key"]] = args["value"]


def _swapped(args: Args) -> Operation:
    swapped = {**args, "value": args["before"], "before": args["value"]}
    swapped.pop("along", None)
    return Operation("sysctl.set", swapped)


def _put_back(args: Args, other: str, former: str) -> Operation:
    by_then = changed_along(args["key"], args["before"], [other])[other]
    return Operation("sysctl.set", {"netns": args["netns"], "key": other, "value": former, "before": by_then})
