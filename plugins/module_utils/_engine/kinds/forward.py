# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Operations on port forwards of a running slirp4netns, by its API socket."""

from __future__ import annotations

import errno
from collections.abc import Mapping, Sequence
from typing import Any

from ..._programs.errors import ProgramError
from ..._programs.slirp4netns import Forward, add_forward, remove_forward
from ..operation import Operation
from ..state import State
from .contract import Args, Context, section

DETAILS = ("proto", "host_addr", "host_port", "guest_addr", "guest_port")
ENDED = (errno.ENOENT, errno.ECONNREFUSED)  # a socket that nobody listens at


def forward_args(forward: Forward, socket: str, timeout: float) -> dict[str, Any]:
    """The arguments for an operation on a forward; ``timeout`` in seconds for each answer."""
    return {"api_socket": socket, "timeout": timeout, **dict(zip(DETAILS, forward.essence))}


def forward_of(args: Mapping[str, Any]) -> Forward:
    """The opposite of forward_args."""
    return Forward(*(args[name] for name in DETAILS))


class ForwardAdd:
    """Enter a forward."""

    def apply(self, args: Args, context: Context) -> None:
        add_forward(args["api_socket"], forward_of(args), args["timeout"])

    def inverse(self, args: Args) -> Sequence[Operation]:
        return [Operation("forward.remove", args)]

    def foretell(self, args: Args, state: State) -> None:
        state.forwards.setdefault(args["api_socket"], []).append(forward_of(args))

    def show(self, args: Args, before: dict[str, Any], after: dict[str, Any]) -> None:
        section(before, "forwards").setdefault(_host_side(args), None)
        section(after, "forwards")[_host_side(args)] = _guest_side(args)


class ForwardRemove:
    """Remove a forward. With its slirp4netns it has gone already."""

    def apply(self, args: Args, context: Context) -> None:
        try:
            remove_forward(args["api_socket"], forward_of(args), args["timeout"])
        except ProgramError as error:
            if error.errno not in ENDED:
                raise

    def inverse(self, args: Args) -> Sequence[Operation]:
        return [Operation("forward.add", args)]

    def foretell(self, args: Args, state: State) -> None:
        gone = forward_of(args).essence
        left = [one for one in state.forwards.get(args["api_socket"], ()) if one.essence != gone]
        state.forwards[args["api_socket"]] = left

    def show(self, args: Args, before: dict[str, Any], after: dict[str, Any]) -> None:
        section(before, "forwards")[_host_side(args)] = _guest_side(args)
        section(after, "forwards").setdefault(_host_side(args), None)


def _host_side(args: Args) -> str:
    return f"{_address(args['host_addr'])}:{args['host_port']}/{args['proto']}"


def _guest_side(args: Args) -> str:
    return f"{_address(args['guest_addr'])}:{args['guest_port']}"


def _address(text: str) -> str:
    return f"[{text}]" if ":" in text else text
