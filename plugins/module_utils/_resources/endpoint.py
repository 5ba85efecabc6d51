# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The resource endpoint: how the links of a sandbox reach a virtual machine."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from .._engine.draft import Draft
from .._engine.errors import InvalidOption, TaskError
from .._engine.operation import Operation
from .._engine.resource import Reader
from .._engine.state import FileState, State
from .._kernel.addressing import ipv6_enabled
from .endpoint_description import describe_endpoint
from .endpoint_exchange import exported, imported
from .endpoint_observing import observe_endpoints
from .endpoint_options import WantedEndpoint, parse_endpoint
from .endpoint_physical import plan_lending, plan_taking_back, refuse_options_of_virtual
from .endpoint_planning import plan_absent, plan_present
from .endpoint_record import Remembered, record_key, recorded
from .endpoint_refusals import refuse_wiring_of_tap
from .endpoint_selection import found_socket, interfaces_of, is_tap, type_of, unsupported
from .link_observing import refuse_same_namespace
from .link_planning import refuse_missing_namespaces
from .netns import namespace_subjects

MODE_OF_FILE = 0o600


class EndpointResource:
    """Observe and plan endpoints."""

    def parse(self, options: dict[str, Any]) -> WantedEndpoint:
        """One endpoint as wanted, or those of all links. Raises InvalidOption."""
        return parse_endpoint(options)

    def check(self, wanted: Sequence[WantedEndpoint]) -> None:
        """Refuse a link that is given twice."""
        seen: set[tuple[str, str | None]] = set()
        for one in wanted:
            if (one.netns, one.interface) in seen or (one.netns, None) in seen:
                raise InvalidOption(
                    "interface" if one.interface else "netns", one.interface or one.netns, "is given twice"
                )
            seen.add((one.netns, one.interface))

    def subjects(self, wanted: Sequence[WantedEndpoint]) -> frozenset[str]:
        """The sandboxes as a whole."""
        return frozenset(subject for one in wanted for subject in namespace_subjects(one.netns))

    def observe(self, wanted: Sequence[WantedEndpoint], reader: Reader) -> State:
        """The sandboxes with all that is on their links, and what is remembered."""
        state = State(ipv6=ipv6_enabled())
        observe_endpoints(wanted, state, reader)
        refuse_same_namespace(state)
        return state

    def plan(self, wanted: Sequence[WantedEndpoint], state: State) -> list[Operation]:
        """Endpoint by endpoint, the links of a namespace in the order of their names."""
        refuse_missing_namespaces((one.netns for one in wanted if one.present), state)
        draft = Draft(state.copy(), state)
        for one in wanted:
            if not one.present:
                _plan_leaving(one, draft)
                continue
            for position, name in enumerate(interfaces_of(one, state)):
                _plan_present(one, name, position, draft)
            _plan_export(one, draft)
        return draft.operations

    def describe(self, wanted: WantedEndpoint, before: State, after: State) -> dict[str, Any]:
        """``endpoints``, ``unsupported`` and ``not_restored`` for the result."""
        if not wanted.present:
            unknown = _from_file(wanted, before)[1]
            return {"endpoints": [], "unsupported": unknown, "not_restored": _not_restored(wanted, before)}
        found = [
            describe_endpoint(wanted, name, position, after)
            for position, name in enumerate(interfaces_of(wanted, after))
        ]
        return {
            "endpoints": [one for one in found if one is not None],
            "unsupported": unsupported(wanted, after),
            "not_restored": [],
        }


def _plan_present(one: WantedEndpoint, name: str, position: int, draft: Draft) -> None:
    kind = type_of(one, name, draft.observed)
    record = draft.state.record("endpoint", record_key(one.netns, name))
    if record is not None and record["type"] != kind:
        _plan_absent(record, draft)
    if kind == "vhost-user":
        _refuse_socket(one, name, draft.state)
    elif kind == "physical":
        refuse_options_of_virtual(one)
        plan_lending(one, name, position, draft)
    elif is_tap(one, name, draft.observed):
        refuse_wiring_of_tap(one)
    else:
        plan_present(one, name, position, draft)


def _plan_absent(record: Remembered, draft: Draft, *, ours: bool = True) -> list[str]:
    """Let a link go, or take a card back; returns what cannot be put back any more, and why."""
    if record["type"] == "physical":
        return plan_taking_back(record, draft)
    plan_absent(record, draft, ours=ours)
    return []


def _plan_leaving(one: WantedEndpoint, draft: Draft) -> list[str]:
    """Those that we remember, and those that a file tells of; returns what cannot be put back any more."""
    lost = [
        reason for record, ours in _leaving(one, draft.observed) for reason in _plan_absent(record, draft, ours=ours)
    ]
    _plan_export(one, draft)
    return lost


def _not_restored(one: WantedEndpoint, before: State) -> list[str]:
    """What cannot be put back any more, and why; of links that were wired that is nothing."""
    if all(record["type"] != "physical" for record, _ours in _leaving(one, before)):
        return []
    return _plan_leaving(one, Draft(before.copy(), before))


def _leaving(one: WantedEndpoint, state: State) -> list[tuple[Remembered, bool]]:
    """The endpoints that are to go, and whether they are ours: what we remember, then what only a file tells of."""
    records = _meant(one, state)
    known = {record["interface"] for record in records}
    told = [
        record
        for record in _from_file(one, state)[0]
        if record["interface"] not in known and one.interface in (None, record["interface"])
    ]
    return [*((record, True) for record in records), *((record, False) for record in told)]


def _from_file(one: WantedEndpoint, state: State) -> tuple[list[Remembered], list[dict[str, str]]]:
    """What a file says of the endpoints of a namespace, also when it is another program's."""
    found = state.files.get(one.network_json) if one.network_json else None
    if found is None or one.network_json is None:
        return [], []
    records, unknown = imported(found.content, one.network_json, state.at(one.netns))
    return [record for record in records if record["netns"] == one.netns], unknown


def _plan_export(one: WantedEndpoint, draft: Draft) -> None:
    """The file holds the endpoints of the namespace, and goes with the last of them."""
    path = one.network_json
    if path is None:
        return
    found, records = draft.state.files.get(path), recorded(one.netns, draft.state)
    before = found.as_dict() if found else None
    if not records:
        if found is not None and not one.present:
            draft.add([Operation("file.remove", {"path": path, "before": before, "directories": []})])
        return
    owner = found.owner if found else (os.geteuid(), os.getegid())
    wanted = FileState(exported(one.netns, records.values()), MODE_OF_FILE, owner)
    if found != wanted:
        draft.add(
            [Operation("file.write", {"path": path, "file": wanted.as_dict(), "before": before, "directories": []})]
        )


def _meant(one: WantedEndpoint, state: State) -> list[Remembered]:
    found = recorded(one.netns, state)
    if one.interface is None:
        return list(found.values())
    return [found[one.interface]] if one.interface in found else []


def _refuse_socket(one: WantedEndpoint, interface: str, state: State) -> None:
    path = one.socket or found_socket(one, interface, state)
    if path is None:
        raise TaskError(f"vhost_user_dir: no socket for {interface} in {one.socket_dir}/vhostuser_ADDRESS/vhu.sock")
    problem = state.sockets.get(path)
    if problem is None:
        raise InvalidOption("vhost_user_socket", path, "does not exist")
    if problem:
        raise InvalidOption("vhost_user_socket", path, problem)
    if state.link(one.netns, interface) is None:
        raise InvalidOption("interface", interface, f"is no link of {one.netns}")
