# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""From what a runtime knows to what is there: the commands that are missing. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import NamedTuple

from .documents import Document
from .view import View

ADD, UPDATE, DELETE, ROUTES = "add-iface", "update-iface", "del-iface", "update-routes"
WAYS = (UPDATE, ADD, "replace", "ignore")
"""What an interface that has changed is told by: a verb, deletion and addition, or not at all."""
ROUTES_INDEX = 0
"""Where an interface has its index; no interface has this one."""


class Step(NamedTuple):
    """One command: its verb, the document handed over, and what is known when it has succeeded."""

    verb: str
    document: Document | list[Document]
    ifindex: int = ROUTES_INDEX
    then: Document | None = None


def steps(
    told: Mapping[int, Document],
    routes: list[Document],
    view: View,
    way: str,
    unsure: Mapping[int, Document | None] = MappingProxyType({}),
) -> Iterator[Step]:
    """All that a runtime has to be told, in this order; nothing when it knows everything.

    ``unsure``: what it may have been told besides, by index, 0 for the routes. It is told again.
    """
    for ifindex, document in told.items():
        found = view.interfaces.get(ifindex)
        if found is None or _is_another(document, found.document):
            yield Step(DELETE, document, ifindex)
        elif (found.document != document or ifindex in unsure) and way != "ignore":
            if way == "replace":
                yield Step(DELETE, document, ifindex)
            else:
                yield Step(way, found.document, ifindex, found.document)
    for ifindex, perhaps in unsure.items():
        if perhaps is not None and ifindex not in told and ifindex not in view.interfaces:
            yield Step(DELETE, perhaps, ifindex)
    for ifindex, interface in view.interfaces.items():
        if ifindex not in told and interface.ready:
            yield Step(ADD, interface.document, ifindex, interface.document)
    if view.routes != routes or ROUTES_INDEX in unsure:
        yield Step(ROUTES, view.routes)


def _is_another(former: Document, found: Document) -> bool:
    """An index that was given anew: a link does not change its kind. Nor could a runtime find one again
    whose name and MAC address have both changed.
    """
    renamed = former["Name"] != found["Name"] and former["HwAddr"] != found["HwAddr"]
    return bool(former["LinkType"] != found["LinkType"] or renamed)
