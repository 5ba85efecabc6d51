# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Operations on helper processes, such as slirp4netns: each has a directory, a supervisor and a life."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..._kernel.addressing import wait_until_settled
from ..._programs.supervised import start_supervised, stop_supervised
from ..operation import Operation
from ..state import HelperState, State
from .contract import Args, Context, section


class ProcessStart:
    """Start the helper that ``spec`` describes, with ``directory`` for its files; ``name`` says what it
    is. Done when the helper is ready.
    """

    def apply(self, args: Args, context: Context) -> None:
        spec = args["spec"]
        context.forward_ids.clear()
        start_supervised(args["directory"], spec)
        if spec.get("settles"):  # an address that is looked for duplicates of serves nobody yet
            netlink = context.host.at(spec["netns"]["path"]).netlink
            wait_until_settled(netlink, spec["settles"])

    def inverse(self, args: Args) -> Sequence[Operation]:
        return [Operation("process.stop", args)]

    def foretell(self, args: Args, state: State) -> None:
        state.helpers[args["directory"]] = HelperState(args["spec"], alive=True)

    def show(self, args: Args, before: dict[str, Any], after: dict[str, Any]) -> None:
        section(before, "processes").setdefault(args["name"], None)
        section(after, "processes")[args["name"]] = args["spec"]["argv"]


class ProcessStop:
    """End the helper of a directory, and remove what it leaves; ``alive`` tells whether it lived.
    The arguments start it again, and ``forwards`` are the operations that it gets its forwards back by.
    """

    def apply(self, args: Args, context: Context) -> None:
        context.forward_ids.clear()
        stop_supervised(args["directory"])

    def inverse(self, args: Args) -> Sequence[Operation]:
        if not args.get("alive", True):
            return []
        return [Operation("process.start", args), *map(Operation.from_dict, args.get("forwards", ()))]

    def foretell(self, args: Args, state: State) -> None:
        state.helpers[args["directory"]] = None
        state.forwards.pop(args["spec"].get("socket") or "", None)

    def show(self, args: Args, before: dict[str, Any], after: dict[str, Any]) -> None:
        section(before, "processes")[args["name"]] = args["spec"]["argv"] if args.get("alive", True) else "dead"
        section(after, "processes")[args["name"]] = None
