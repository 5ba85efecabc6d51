# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Operations on device nodes: the way of a VM to a macvtap."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Sequence
from typing import Any

from ..._kernel.errors import KernelError
from ..._kernel.links import find_link_by_index
from ..._kernel.sysfs import read_macvtap_number
from ..operation import Operation
from ..state import State
from .contract import Args, Context, section

MODE = 0o600


class NodeCreate:
    """Make the device node of a macvtap at ``path``, for ``owner`` alone.

    That of the kernel, /dev/tapN, may belong to a macvtap of another namespace.
    """

    def apply(self, args: Args, context: Context) -> None:
        path = args["path"]
        try:
            namespace = context.host.at(args["netns"])
            link = find_link_by_index(namespace.netlink, args["ifindex"]) if args["ifindex"] else None
            if link is None:  # undoing, and it has gone
                return
            number = os.makedev(*read_macvtap_number(namespace, link.name, args["ifindex"]))
            os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)
            os.mknod(path, stat.S_IFCHR | MODE, number)
            os.chown(path, args["owner"][0], args["owner"][1])
        except OSError as error:
            raise KernelError(error.errno or 0, f"making device node {path}") from None

    def inverse(self, args: Args) -> Sequence[Operation]:
        return [Operation("node.remove", args)]

    def foretell(self, args: Args, state: State) -> None:
        state.nodes[args["path"]] = True
        state.node_numbers.pop(args["path"], None)  # only a real run knows

    def show(self, args: Args, before: dict[str, Any], after: dict[str, Any]) -> None:
        section(before, "nodes")[args["path"]] = None
        section(after, "nodes")[args["path"]] = f"of {args['link']}"


class NodeRemove:
    """Remove a device node, and its directory with the last one; the arguments make it again."""

    def apply(self, args: Args, context: Context) -> None:
        path = args["path"]
        try:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)
        except OSError as error:
            raise KernelError(error.errno or 0, f"removing device node {path}") from None
        with contextlib.suppress(OSError):  # others are in it, or it is not there
            os.rmdir(os.path.dirname(path))

    def inverse(self, args: Args) -> Sequence[Operation]:
        return [Operation("node.create", args)]

    def foretell(self, args: Args, state: State) -> None:
        state.nodes[args["path"]] = False
        state.node_numbers.pop(args["path"], None)

    def show(self, args: Args, before: dict[str, Any], after: dict[str, Any]) -> None:
        section(before, "nodes")[args["path"]] = f"of {args['link']}"
        section(after, "nodes")[args["path"]] = None
