# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The resource endpoint: how the links of a sandbox reach a virtual machine."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import Any

from .._engine.draft import Draft
from .._engine.errors import InvalidOption, TaskError
from .._engine.operation import Operation, without_empty
from .._engine.resource import Reader
from .._engine.state import FileState, State
from .._kernel.addressing import ipv6_enabled
from .._kernel.links import Link
from .endpoint_exchange import exported, imported
from .endpoint_hypervisor import arguments, descriptors
from .endpoint_observing import observe_endpoints, socket_of
from .endpoint_options import WantedEndpoint, index_of_name, parse_endpoint, synthetic_mac
from .endpoint_physical import (
    describe_physical,
    is_lent,
    is_physical,
    plan_lending,
    plan_taking_back,
    reason_against_lending,
    refuse_options_of_virtual,
)
from .endpoint_planning import plan_absent, plan_present
from .endpoint_record import Remembered, made_link, record_key, recorded
from .endpoint_refusals import reason_against, refuse_wiring_of_tap
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
            for position, name in enumerate(_interfaces(one, state)):
                _plan_present(one, name, position, draft)
            _plan_export(one, draft)
        return draft.operations

    def describe(self, wanted: WantedEndpoint, before: State, after: State) -> dict[str, Any]:
        """``endpoints``, ``unsupported`` and ``not_restored`` for the result."""
        if not wanted.present:
            lost = _plan_leaving(wanted, Draft(before.copy(), before))
            return {"endpoints": [], "unsupported": _from_file(wanted, before)[1], "not_restored": lost}
        endpoints = []
        for position, name in enumerate(_interfaces(wanted, after)):
            record = after.record("endpoint", record_key(wanted.netns, name))
            if _type_of(wanted, name, after) == "vhost-user":
                endpoints.append(_describe_vhost_user(wanted, name, position, after))
            elif record is not None and record["type"] == "physical":
                endpoints.append(_with_arguments(wanted, describe_physical(record), 1, after))
            elif record is not None:
                endpoints.append(_describe(wanted, record, after))
            elif _is_tap(wanted, name, after):
                endpoints.append(_describe_tap(wanted, name, position, after))
        return {"endpoints": endpoints, "unsupported": _unsupported(wanted, after), "not_restored": []}


def _plan_present(one: WantedEndpoint, name: str, position: int, draft: Draft) -> None:
    kind = _type_of(one, name, draft.observed)
    record = draft.state.record("endpoint", record_key(one.netns, name))
    if record is not None and record["type"] != kind:
        _plan_absent(record, draft)
    if kind == "vhost-user":
        _refuse_socket(one, name, draft.state)
    elif kind == "physical":
        refuse_options_of_virtual(one)
        plan_lending(one, name, position, draft)
    elif _is_tap(one, name, draft.observed):
        refuse_wiring_of_tap(one)
    else:
        plan_present(one, name, position, draft)


def _is_tap(one: WantedEndpoint, name: str, state: State) -> bool:
    """Whether a link is a tap that somebody made for a VM: there is nothing to wire."""
    link = state.link(one.netns, name)
    return link is not None and link.kind == "tap"


def _plan_absent(record: Remembered, draft: Draft, *, ours: bool = True) -> list[str]:
    """Let a link go, or take a card back; returns what cannot be put back any more, and why."""
    if record["type"] == "physical":
        return plan_taking_back(record, draft)
    plan_absent(record, draft, ours=ours)
    return []


def _plan_leaving(one: WantedEndpoint, draft: Draft) -> list[str]:
    """Those that we remember, and those that a file tells of; returns what cannot be put back any more."""
    records = _meant(one, draft.observed)
    lost = [reason for record in records for reason in _plan_absent(record, draft)]
    known = {record["interface"] for record in records}
    for record in _from_file(one, draft.observed)[0]:
        if record["interface"] not in known and one.interface in (None, record["interface"]):
            lost += _plan_absent(record, draft, ours=False)
    _plan_export(one, draft)
    return lost


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


def _interfaces(one: WantedEndpoint, state: State) -> list[str]:
    """The links that get endpoints: the one that is named, or all that can, in the order of their names."""
    if one.interface is not None:
        return [one.interface]
    lent = [name for name, record in recorded(one.netns, state).items() if is_lent(record, state)]
    here = [link.name for link in _foreign(one, state) if not _reason_against(one, link, state)]
    return sorted({*here, *lent} if one.type in ("auto", "physical") else here)


def _reason_against(one: WantedEndpoint, link: Link, state: State) -> str:
    kind = _type_of(one, link.name, state)
    return reason_against_lending(one, link, state) if kind == "physical" else reason_against(link)


def _foreign(one: WantedEndpoint, state: State) -> Iterator[Link]:
    """The links of a namespace, without the taps and bridges of endpoints."""
    namespace = state.existing(one.netns)
    ours = [
        made_link(record, role, namespace)
        for record in recorded(one.netns, state).values()
        for role in ("tap", "bridge")
    ]
    yield from (link for link in namespace.links.values() if link not in ours and not link.loopback)


def _unsupported(one: WantedEndpoint, state: State) -> list[dict[str, str]]:
    if one.interface is not None:
        return []
    links = sorted(_foreign(one, state), key=lambda link: link.name)
    reasons = ((link.name, _reason_against(one, link, state)) for link in links)
    return [{"interface": name, "reason": reason} for name, reason in reasons if reason]


def _type_of(one: WantedEndpoint, interface: str, state: State) -> str:
    if one.type != "auto":
        return one.type
    link, record = state.link(one.netns, interface), state.record("endpoint", record_key(one.netns, interface))
    if is_physical(link) if link is not None else record is not None and record["type"] == "physical":
        return "physical"
    return "vhost-user" if one.socket or _found_socket(one, interface, state) else "virtual"


def _found_socket(one: WantedEndpoint, interface: str, state: State) -> str | None:
    namespace = state.existing(one.netns)
    link = namespace.link(interface)
    paths = [socket_of(one, found.local) for found in namespace.addresses.get(link.ifindex, ())] if link else []
    return next((path for path in paths if state.sockets.get(path) is not None), None)


def _refuse_socket(one: WantedEndpoint, interface: str, state: State) -> None:
    path = one.socket or _found_socket(one, interface, state)
    if path is None:
        raise TaskError(f"vhost_user_dir: no socket for {interface} in {one.socket_dir}/vhostuser_ADDRESS/vhu.sock")
    problem = state.sockets.get(path)
    if problem is None:
        raise InvalidOption("vhost_user_socket", path, "does not exist")
    if problem:
        raise InvalidOption("vhost_user_socket", path, problem)
    if state.link(one.netns, interface) is None:
        raise InvalidOption("interface", interface, f"is no link of {one.netns}")


def _describe(one: WantedEndpoint, record: Remembered, state: State) -> dict[str, Any]:
    namespace = state.existing(one.netns)
    tap, link = made_link(record, "tap", namespace), namespace.link(record["interface"])
    node = record["node"]
    major, minor = state.node_numbers.get(node, (None, None))
    endpoint: dict[str, Any] = {
        "type": record["type"],
        "name": record["interface"],
        "netns": one.netns,
        "index": record["index"],
        "hard_addr": record["mac"],
        "model": record["model"],
        "tap": {
            "name": record["tap"],
            "ifindex": tap.ifindex if tap and tap.ifindex > 0 else None,
            "device": node,
            "major": major,
            "minor": minor,
        },
        "bridge": record["bridge"],
        "mtu": link.mtu or None if link else None,
        **_addressing(record, link, state),
        "pci": None,
        "socket_path": None,
    }
    return _with_arguments(one, endpoint, record["queues"], state)


def _addressing(record: Remembered, link: Link | None, state: State) -> dict[str, Any]:
    """What the VM is to have: what the link has, or had before it was taken off."""
    namespace = state.existing(record["netns"])
    if record["model"] in ("none", "tcfilter"):
        addresses = [
            f"{one.local}/{one.prefix}"
            for one in (namespace.addresses.get(link.ifindex, ()) if link else ())
            if one.scope == "global"
        ]
        routes = [
            {"dst": one.dst, "gateway": one.gateway}
            for one in (namespace.routes.get(link.ifindex, ()) if link else ())
            if one.gateway
        ]
    else:
        steps = record["baggage"]
        addresses = [step["address"] for step in steps if step["op"] == "address.add" and "scope" not in step]
        routes = [
            {"dst": step["dst"], "gateway": step.get("gateway", "")} for step in steps if step["op"] == "route.add"
        ]
    return {"addresses": addresses, "routes": [without_empty(one) for one in routes]}


def _describe_tap(one: WantedEndpoint, interface: str, position: int, state: State) -> dict[str, Any]:
    link = state.existing(one.netns).existing(interface)
    tap = dict.fromkeys(("ifindex", "device", "major", "minor"))
    tap.update(name=interface, ifindex=link.ifindex if link.ifindex > 0 else None)
    index = index_of_name(interface, position) if one.index is None else one.index
    endpoint: dict[str, Any] = {
        "type": "virtual",
        "name": interface,
        "netns": one.netns,
        "index": index,
        "hard_addr": one.mac if one.mac and one.mac != "random" else synthetic_mac(index),
        "model": "none",
        "tap": tap,
        "bridge": None,
        "mtu": link.mtu or None,
        "addresses": [],
        "routes": [],
        "pci": None,
        "socket_path": None,
    }
    return _with_arguments(one, endpoint, one.queues, state)


def _describe_vhost_user(one: WantedEndpoint, interface: str, position: int, state: State) -> dict[str, Any]:
    namespace = state.existing(one.netns)
    link = namespace.link(interface)
    addresses = namespace.addresses.get(link.ifindex, ()) if link else ()
    endpoint: dict[str, Any] = {
        "type": "vhost-user",
        "name": interface,
        "netns": one.netns,
        "index": index_of_name(interface, position) if one.index is None else one.index,
        "hard_addr": link.mac if link else None,
        "model": None,
        "tap": None,
        "bridge": None,
        "mtu": link.mtu if link else None,
        "addresses": [f"{found.local}/{found.prefix}" for found in addresses if found.scope == "global"],
        "routes": [],
        "pci": None,
        "socket_path": one.socket or _found_socket(one, interface, state),
    }
    return _with_arguments(one, endpoint, one.queues, state)


def _with_arguments(one: WantedEndpoint, endpoint: dict[str, Any], queues: int, state: State) -> dict[str, Any]:
    vhost = one.vhost != "never" and state.kinds.get("vhost-net", False)
    made = arguments(endpoint, queues=queues, queue_size=one.queue_size, vnet_hdr=one.vnet_hdr, vhost=vhost)
    return {**endpoint, "descriptors": descriptors(endpoint, queues), "hypervisor": made}
