# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""From the forwards that are there to those that are wanted: what goes, what comes, what stays."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from .._engine.errors import InvalidOption
from .._engine.kinds.forward import forward_args
from .._engine.operation import Operation
from .._engine.state import State
from .._programs.slirp4netns import Forward
from .forwards import LOOPBACK, WILDCARDS, host_side, is_loopback, overlap
from .slirp_backends import GUEST6

LOST = "slirp4netns with host_loopback: false cannot answer UDP clients on 127.0.0.1; it answers those elsewhere."


def complete(forwards: Iterable[Forward], guest: str, *, spliced: bool = False) -> list[Forward]:
    """Forwards with the address of the sandbox where none was given. ``spliced``: what comes to a
    loopback address of the host goes to that of the sandbox, whatever is asked for.
    """
    return [
        one if one.guest_addr else one._replace(guest_addr=_guest_of(one.host_addr, guest, spliced)) for one in forwards
    ]


def _guest_of(host: str, guest: str, spliced: bool) -> str:
    if spliced and is_loopback(host):
        return "::1" if ":" in host else LOOPBACK
    return GUEST6 if ":" in host else guest


def merged(known: Sequence[Forward], wanted: Sequence[Forward], *, purge: bool) -> list[Forward]:
    """What is to be there: the wanted ones, and of the known ones those that they do not replace."""
    sides = {one.host_side for one in wanted}
    kept = [] if purge else [one._replace(id=None) for one in known if one.host_side not in sides]
    for one in wanted:
        for other in kept:
            alike = (one.proto, one.host_port) == (other.proto, other.host_port)
            if alike and overlap(one.host_addr, other.host_addr):
                raise InvalidOption("forwards", host_side(one), f"overlaps with {host_side(other)}, which is there")
    order = {one.host_side: position for position, one in enumerate(known)}
    both = [*kept, *(one._replace(id=None) for one in wanted)]
    return sorted(both, key=lambda one: order.get(one.host_side, len(order)))


def without(known: Sequence[Forward], unwanted: Sequence[Forward]) -> list[Forward]:
    """What is left of the known ones; one is unwanted by its host side."""
    sides = {one.host_side for one in unwanted}
    return [one._replace(id=None) for one in known if one.host_side not in sides]


def converge(
    live: Sequence[Forward],
    target: Sequence[Forward],
    socket: str,
    timeout: float,
    *,
    purge: Iterable[Forward] = (),
    program: str | None = None,
) -> Iterator[Operation]:
    """Remove what differs and what is in ``purge``, then enter what is missing; the rest keeps its id."""
    wanted = {one.host_side: one for one in target}
    unwanted = {one.host_side for one in purge}
    staying = set()
    for one in sorted(live):  # not in the order of the helper, which an undo changes
        asked = wanted.get(one.host_side)
        if asked is not None and asked.essence == one.essence:
            staying.add(one.host_side)
        elif asked is not None or one.host_side in unwanted:
            yield Operation("forward.remove", forward_args(one, socket, timeout, program))
    for one in target:
        if one.host_side not in staying:
            yield Operation("forward.add", forward_args(one, socket, timeout, program))


def refuse_busy(option: str, forwards: Iterable[Forward], state: State) -> None:
    """Host sides where nobody could listen. Raises InvalidOption."""
    for one in forwards:
        problem = state.busy.get(one.host_side)
        if problem:
            raise InvalidOption(option, host_side(one), f"cannot be listened at: {problem}")


def warn_of_wildcards(forwards: Iterable[Forward], state: State) -> None:
    """An open port is for everybody who can reach the host."""
    wide = [host_side(one) for one in forwards if one.host_addr in WILDCARDS]
    if wide:
        state.warnings.append(f"{', '.join(wide[:5])}: open to everybody who can reach this host.")


def warn_of_udp(argv: Sequence[str], forwards: Iterable[Forward], state: State) -> None:
    """What the command line of a slirp4netns means for clients on the loopback."""
    if "--disable-host-loopback" in argv and any(one.proto == "udp" and is_loopback(one.host_addr) for one in forwards):
        state.warnings.append(LOST)


def as_recorded(forwards: Iterable[Forward]) -> list[dict[str, Any]]:
    """For records, and for slirp4netns when it is restarted."""
    return [one.arguments for one in forwards]


def ids_from(forwards: Sequence[Forward], live: Sequence[Forward]) -> list[Forward]:
    """The forwards with the ids that the live ones have."""
    ids: Mapping[Any, int | None] = {one.essence: one.id for one in live}
    return [one._replace(id=ids.get(one.essence)) for one in forwards]
