# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Operations on our nftables tables, and on the connections that the kernel tracks."""

from __future__ import annotations

import errno
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Callable

from ..._kernel.conntrack import forget_connections
from ..._kernel.errors import KernelError
from ..._programs import nft
from ..._programs.errors import ProgramError
from ..nft_tables import FAMILIES, TABLE, Elements, Table, element_commands, is_intact, read_elements, skeleton
from ..operation import Operation
from ..state import State
from .contract import Args, Context, section

OURS = "ours"
UNEXPECTED = (errno.ENOENT, errno.EEXIST)


@contextmanager
def reading_tables() -> Iterator[Callable[[], dict[str, Table | None]]]:
    """Let nft list our tables while something else is read. What is yielded waits for them, and has them by
    family, None for none. Raises ProgramError then.
    """
    with nft.Listing(FAMILIES, TABLE) as listing:
        yield lambda: {family: _table(family, listing.table(family)) for family in FAMILIES}


def read_table(family: str) -> Table | None:
    """One of our tables as it is, None for none. Raises ProgramError."""
    return _table(family, nft.list_table(family, TABLE))


def _table(family: str, listed: list[dict[str, Any]] | None) -> Table | None:
    if listed is None:
        return None
    if is_intact(family, listed):
        return Table(read_elements(family, listed))
    return Table(text=nft.list_text(family, TABLE) or " ")


class FirewallChange:
    """Change our tables, all in one transaction.

    ``tables`` has for each family that changes what the table was and will be, ``before`` and ``after``: None
    for no table, ``ours``, or the text of one whose rules somebody changed; and the elements that ``remove`` and
    ``add`` name by their set. A table that is made gets all its elements by ``add``.
    """

    def apply(self, args: Args, context: Context) -> None:
        try:
            self._run(line for family, change in args["tables"].items() for line in _expected(family, change))
        except KernelError as error:
            if error.errno not in UNEXPECTED:
                raise
            # it is done already, or was never done, or somebody else was here: look, and do what is left
            self._run(line for family, change in args["tables"].items() for line in _missing(family, change))

    @staticmethod
    def _run(commands: Iterable[str]) -> None:
        lines = list(commands)
        try:
            if lines:
                nft.run_batch("\n".join([*lines, ""]))
        except ProgramError as error:
            raise (KernelError(error.errno, str(error)) if error.errno else error) from None

    def inverse(self, args: Args) -> Sequence[Operation]:
        opposite = {
            family: {
                "before": change["after"],
                "after": change["before"],
                "remove": change["add"],
                "add": change["remove"],
            }
            for family, change in reversed(list(args["tables"].items()))
        }
        return [Operation("firewall.change", {"tables": opposite})]

    def foretell(self, args: Args, state: State) -> None:
        for family, change in args["tables"].items():
            found = state.firewall.get(family)
            if change["after"] is None:
                state.firewall[family] = None
            elif change["after"] != OURS:
                state.firewall[family] = Table(text=change["after"])
            else:
                kept = found.elements if found and found.intact and change["before"] == OURS else {}
                state.firewall[family] = Table(_changed(kept, change))

    def show(self, args: Args, before: dict[str, Any], after: dict[str, Any]) -> None:
        for family, change in args["tables"].items():
            if change["before"] != change["after"]:
                section(before, "nftables", f"{family} {TABLE}")["rules"] = _told(change["before"])
                section(after, "nftables", f"{family} {TABLE}")["rules"] = _told(change["after"])
            for side, elements in ((before, change["remove"]), (after, change["add"])):
                for name in sorted({*change["remove"], *change["add"]}):
                    section(side, "nftables", f"{family} {TABLE}")[name] = sorted(elements.get(name, {}))


class ConntrackForget:
    """Forget the connections of ``addresses``, those that began towards ``inbound`` addresses, and those to
    ``places`` of the host: protocol, address and port.
    """

    def apply(self, args: Args, context: Context) -> None:
        try:
            places = set(map(tuple, args["places"]))
            forget_connections(set(args["addresses"]), set(args["inbound"]), places)
        except KernelError as error:
            raise error.while_doing("forgetting tracked connections of sandboxes") from None

    def inverse(self, args: Args) -> Sequence[Operation]:
        return []

    def foretell(self, args: Args, state: State) -> None:
        """Which connections there are is no part of the state."""

    def show(self, args: Args, before: dict[str, Any], after: dict[str, Any]) -> None:
        """Nothing that a user asked for."""


def _told(table: str | None) -> str:
    return {None: "none", OURS: OURS}.get(table, "changed by somebody")


def _expected(family: str, change: Mapping[str, Any]) -> Iterator[str]:
    """What leads from one table to the other, if it is as expected. Tables go and come whatever was there."""
    if change["before"] != OURS or change["after"] != OURS:
        yield f"add table {family} {TABLE}"
        yield f"delete table {family} {TABLE}"
    if change["after"] is None:
        return
    if change["after"] != OURS:
        yield change["after"]
        return
    if change["before"] == OURS:
        yield from element_commands("delete", family, change["remove"])
    else:
        yield skeleton(family)
    yield from element_commands("add", family, change["add"])


def _missing(family: str, change: Mapping[str, Any]) -> Iterator[str]:
    """What leads from the table as it is now to what it is to be: nothing where that is so already."""
    if change["before"] != OURS or change["after"] != OURS:
        yield from _expected(family, change)
        return
    found = read_table(family)
    if found is None or not found.intact:
        raise KernelError(errno.ENOENT, f"changing the table {family} {TABLE}", "its rules are not ours any more")
    going, coming = change["remove"], change["add"]
    yield from element_commands("delete", family, _those(going, found, there=True))
    left = Table(_changed(found.elements, {"remove": going, "add": {}}))
    yield from element_commands("add", family, _those(coming, left, there=False))


def _those(elements: Elements, table: Table, *, there: bool) -> Elements:
    """Those elements that are in a table, or are not."""
    return {
        name: {
            text: owner for text, owner in found.items() if (table.elements.get(name, {}).get(text) == owner) is there
        }
        for name, found in elements.items()
    }


def _changed(elements: Elements, change: Mapping[str, Any]) -> Elements:
    result = {}
    for name in {*elements, *change["add"]}:
        going = change["remove"].get(name, {})
        kept = {text: owner for text, owner in elements.get(name, {}).items() if going.get(text) != owner}
        result[name] = {**kept, **change["add"].get(name, {})}
    return {name: found for name, found in result.items() if found}
