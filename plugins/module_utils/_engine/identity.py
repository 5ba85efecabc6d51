# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Giving identities to what a plan will make, before any of it is made.

A new namespace is made without a name, a new link is promised an index: both stand
in the journal before the deed, so that the next task can tell what is ours from what
somebody else made under the same name meanwhile.
"""

from __future__ import annotations

import os
import random
import time
from collections import Counter
from collections.abc import Sequence
from typing import Any

from .._kernel.errors import KernelError
from .._kernel.namespaces import Fingerprint, fingerprint_of, new_namespace, open_namespace
from .kinds.contract import Context
from .operation import Operation
from .state import Netns

# Indexes far above those that kernels hand out by themselves, below 2**31.
FIRST_INDEX, LAST_INDEX = 1 << 20, 1 << 30
FIRST_GROUP, LAST_GROUP = 1 << 16, 1 << 31


class _Binder:
    def __init__(self, context: Context) -> None:
        self._context = context
        self._before_first = random.SystemRandom().randrange(FIRST_INDEX, LAST_INDEX)
        self._promised: Counter[Netns] = Counter()
        self._condemned = random.SystemRandom().randrange(FIRST_GROUP, LAST_GROUP)
        self._indexes: dict[tuple[Netns, str], int] = {}
        self._fingerprints: dict[str, Fingerprint] = {}

    def bind(self, operation: Operation) -> Operation:
        args = dict(operation.args)
        if operation.kind == "netns.create":
            args["identity"] = self._identity(args["path"], args.get("pid"))
        elif operation.kind == "record.put":
            args["value"] = self._remembered(args["name"], args["value"])
        elif operation.kind == "link.move":
            if args["to"]["ifindex"] is None:
                args["to"] = {**args["to"], "ifindex": self._promise(args["to"])}
        elif operation.kind.startswith("pci."):
            if args.get("ifindex", 0) is None:
                args["ifindex"] = self._promise(args)
        elif operation.kind == "link.add":
            args["ifindex"] = self._promise(args)
            if args.get("peer"):
                args["peer"] = {**args["peer"], "ifindex": self._promise(args["peer"])}
        elif operation.kind.startswith("redirect.") and args.get("target_ifindex", 0) is None:
            args["target_ifindex"] = self._indexes[args["netns"], args["target"]]
            if args["ifindex"] is None:
                args["ifindex"] = self._indexes[args["netns"], args["link"]]
        elif args.get("ifindex", 0) is None:
            args["ifindex"] = self._indexes[args["netns"], args.get("link") or args["name"]]
        if "hops" in args:
            args["hops"] = [
                hop if hop["ifindex"] is not None else {**hop, "ifindex": args["ifindex"]} for hop in args["hops"]
            ]
        if operation.kind == "link.delete" and "group" in args:
            args["group"] = self._condemned
        if operation.kind == "link.set" and args["set"].get("mac", 0) is None:
            args["set"] = {**args["set"], "mac": _random_mac()}
        if operation.kind == "link.set" and args["set"].get("group", 0) is None:
            args["set"] = {**args["set"], "group": self._condemned}
        return Operation(operation.kind, args)

    def _remembered(self, name: str, value: dict[str, Any]) -> dict[str, Any]:
        """What a record says, with what is known only now: which namespace, which link, when."""
        if "identity" in value:
            return {**value, "identity": list(self._fingerprints.get(name) or value["identity"])}
        if value.get("made"):
            made = {name: self._indexes.get((value["netns"], name), index) for name, index in value["made"].items()}
            return {**value, "made": made}
        if value.get("ifindex", 0) is None:
            index = self._indexes[value["netns"], value["name"]]
            return {**value, "ifindex": index, "since": int(time.clock_gettime(time.CLOCK_BOOTTIME))}
        if value.get("since", 0) is None:
            return {**value, "since": int(time.clock_gettime(time.CLOCK_BOOTTIME))}
        return value

    def _promise(self, end: dict[str, Any]) -> int:
        # counted in each namespace: what is asked for in many alike is encoded once
        netns, birthplace = end["netns"], end["parent_netns"] if end.get("parent") else end["netns"]
        # Linux before 6.15 looks for the index beside the parent too, and refuses one that is there
        count = max(self._promised[netns], self._promised[birthplace]) + 1
        self._promised[netns] = self._promised[birthplace] = count
        index = self._before_first + count
        self._indexes[end["netns"], end["name"]] = index
        return index

    def _identity(self, path: str, pid: int | None) -> list[int]:
        if pid is None:
            try:
                descriptor = new_namespace()
            except OSError as error:
                raise KernelError(error.errno or 0, f"making the namespace {path}") from None
        else:
            namespace = open_namespace(f"/proc/{pid}/ns/net")
            descriptor = os.dup(namespace.descriptor)
            namespace.close()
        self._context.unborn[path] = descriptor
        device, inode, _cookie = self._fingerprints[path] = fingerprint_of(descriptor)
        return [device, inode]


def _random_mac() -> str:
    """A MAC address that is locally administered, of one station."""
    first, *rest = os.urandom(6)
    return ":".join(f"{one:02x}" for one in (first & 0xFE | 0x02, *rest))


def bind(operations: Sequence[Operation], context: Context) -> list[Operation]:
    """The operations with every index and identity filled in.

    The descriptors of the new namespaces go into ``context.unborn``.
    Raises OSError, NoSuchNamespace for a process that ended.
    """
    binder = _Binder(context)
    return [binder.bind(operation) for operation in operations]
