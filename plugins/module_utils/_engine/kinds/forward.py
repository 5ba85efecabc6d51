# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Operations on port forwards of a running helper: of slirp4netns by its API socket, of pasta by pesto."""

from __future__ import annotations

import errno
from collections.abc import Mapping, Sequence
from typing import Any

from ..._kernel.listening import problem_with_listening
from ..._programs import pesto, slirp4netns
from ..._programs.errors import ProgramError
from ..._programs.slirp4netns import Forward
from ..operation import Operation
from ..state import State
from .contract import Args, Context, section

DETAILS = ("proto", "host_addr", "host_port", "guest_addr", "guest_port")
ENDED = (errno.ENOENT, errno.ECONNREFUSED)  # a socket that nobody listens at


def forward_args(forward: Forward, socket: str, timeout: float, program: str | None = None) -> dict[str, Any]:
    """The arguments for an operation on a forward; ``timeout`` in seconds for each answer, ``program``
    the pesto that speaks for us, None for slirp4netns.
    """
    by = {"pesto": program} if program else {}
    return {"api_socket": socket, **by, "timeout": timeout, **dict(zip(DETAILS, forward.essence))}


def forward_of(args: Mapping[str, Any]) -> Forward:
    """The opposite of forward_args."""
    return Forward(*(args[name] for name in DETAILS))


class ForwardAdd:
    """Enter a forward."""

    def apply(self, args: Args, context: Context) -> None:
        socket, forward, timeout = args["api_socket"], forward_of(args), args["timeout"]
        if not args.get("pesto"):
            self._add(socket, forward, timeout, context)
            return
        pesto.add_forward(args["pesto"], socket, forward, timeout)
        if not problem_with_listening(*forward.host_side):  # it says nothing of a port that it cannot have
            pesto.remove_forward(args["pesto"], socket, forward, timeout)
            raise ProgramError(f"pasta does not listen at {_host_side(args)}")

    @staticmethod
    def _add(socket: str, forward: Forward, timeout: float, context: Context) -> None:
        ids = context.forward_ids.pop(socket, None)
        try:
            number = slirp4netns.add_forward(socket, forward, timeout)
            if ids is not None:
                ids[forward.essence] = number
                context.forward_ids[socket] = ids
        except ProgramError as refusal:  # which gives no reason
            problem = "" if refusal.errno else problem_with_listening(*forward.host_side)
            raise (ProgramError(f"{refusal}: {problem}") if problem else refusal) from None

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
            if args.get("pesto"):
                pesto.remove_forward(args["pesto"], args["api_socket"], forward_of(args), args["timeout"])
            else:
                self._remove(args["api_socket"], forward_of(args), args["timeout"], context)
        except ProgramError:
            if self._listens(args["api_socket"], args["timeout"]):
                raise

    @staticmethod
    def _listens(socket: str, timeout: float) -> bool:
        """Whether anybody is there to have forwards: a second look, for one refusal can mean anything."""
        try:
            slirp4netns.peer_arguments(socket, timeout)
        except ProgramError as error:
            return error.errno not in ENDED
        return True

    @staticmethod
    def _remove(socket: str, forward: Forward, timeout: float, context: Context) -> None:
        ids = context.forward_ids.pop(socket, None)
        if ids is None:
            ids = {one.essence: one.id for one in slirp4netns.list_forwards(socket, timeout)}
        number = ids.pop(forward.essence, None)
        if number is not None:
            slirp4netns.remove_forward(socket, forward, timeout, number)
        context.forward_ids[socket] = ids  # only where nothing went wrong

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
