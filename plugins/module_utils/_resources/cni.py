# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The resource cni: interfaces that CNI plugins attach to networks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from .._engine.errors import InvalidOption
from .._engine.operation import Operation
from .._engine.resource import Reader
from .._engine.state import State
from .._store.attachments import ATTACHED, Attachment, Attachments, Key
from . import values
from .cni_gc import (
    collection_subjects,
    container_subject,
    describe_collection,
    network_subject,
    observe_left_over,
    plan_collection,
)
from .cni_observing import observe_attachments
from .cni_options import WantedCni, parse_cni
from .cni_planning import plan_attachments
from .forwards import refuse_overlaps
from .netns import namespace_subjects


class CniResource:
    """Observe and plan attachments."""

    def parse(self, options: dict[str, Any]) -> WantedCni:
        """One attachment as wanted. Raises InvalidOption."""
        return parse_cni(options)

    def check(self, wanted: Sequence[WantedCni]) -> None:
        """Refuse what cannot be together: an interface twice, a port twice, gc beside others."""
        if len(wanted) > 1 and any(one.gc for one in wanted):
            raise InvalidOption("gc", True, "is for a task of its own")
        values.no_duplicates("interface", [one.key for one in wanted])
        present = [one for one in wanted if one.present]
        values.no_duplicates("interface", [f"{one.interface} in {one.netns}" for one in present])
        refuse_overlaps("ports", [port for one in present for port in one.ports])

    def subjects(self, wanted: Sequence[WantedCni]) -> frozenset[str]:
        """Namespaces with everything in them, containers, and networks."""
        return frozenset(name for one in wanted for name in _subjects(one))

    def observe(self, wanted: Sequence[WantedCni], reader: Reader) -> State:
        """What is attached, and whether it is well."""
        state = State()
        observe_attachments([one for one in wanted if not one.gc], state, reader)
        for one in wanted:
            if one.gc:
                observe_left_over(one, state, reader)
        return state

    def plan(self, wanted: Sequence[WantedCni], state: State) -> list[Operation]:
        """DEL and ADD; what is attached as wanted, and well, stays."""
        operations = [operation for one in wanted if one.gc for operation in plan_collection(one, state)]
        return operations + list(plan_attachments([one for one in wanted if not one.gc], state))

    def describe(self, wanted: WantedCni, before: State, after: State) -> dict[str, Any]:
        """The attachment for the result; or what was collected."""
        if wanted.gc:
            return describe_collection(before, after)
        return describe_attachment(wanted.key, after.attachments.get(wanted.key), wanted.netns)


def describe_attachment(key: Key, attachment: Attachment | None, netns: str) -> dict[str, Any]:
    """An attachment for results. What only a real ADD tells is None before it."""
    attached = attachment is not None and attachment.phase == ATTACHED
    result: Mapping[str, Any] | None = attachment.result if attachment and attached else None
    told = {name: (result.get(name) or empty) if result else None for name, empty in _PARTS.items()}
    if not attached:
        told = dict(_PARTS)
    return {
        "network": key.network,
        "container_id": key.container,
        "interface": key.interface,
        "netns": (attachment.netns if attachment else "") or netns or None,
        "state": "present" if attached else "absent",
        "cni_version": attachment.config.get("cniVersion") if attachment and attached else None,
        **told,
        "unchecked": (dict(attachment.expected) if result else None) if attachment and attached else {},
    }


_PARTS: dict[str, Any] = {"interfaces": [], "ips": [], "routes": [], "dns": {}}


def _subjects(one: WantedCni) -> Iterator[str]:
    if one.gc:
        yield from collection_subjects(one)
        return
    yield network_subject(one.network)
    yield container_subject(one.container)
    if one.netns:
        yield from namespace_subjects(one.netns)
    found = Attachments(one.cache_dir).read(one.key)
    if found is not None and found.netns not in ("", one.netns):
        yield from namespace_subjects(found.netns)
