# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The resource firewall: the rules for sandboxes, in nftables tables of our own.

What the tables should hold follows from the records of all sandboxes. So one lock is for all of them,
and one transaction leads from what is there to what should be, whoever changed it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from typing import Any

from .._engine.errors import InvalidOption, TaskError
from .._engine.kinds.firewall import reading_tables
from .._engine.nft_tables import FAMILIES
from .._engine.operation import Operation
from .._engine.resource import Reader
from .._engine.state import NamespaceState, State
from .._kernel.links import read_links
from .._kernel.listening import problem_with_listening
from .._kernel.namespaces import own_identity
from .._kernel.sysctl import read_sysctl
from .._programs.errors import ProgramError
from .._store.records import Records
from . import values
from .firewall_elements import (
    BRIDGE_NETFILTER,
    VERSIONS,
    elements_for,
    is_local,
    ports_of,
    recorded_link,
)
from .firewall_forwarding import FORWARDING_KIND, observe_forwarding, plan_forwarding
from .firewall_guard import guard_of, observe_guard, plan_guard
from .firewall_hairpin import PORT_KIND, plan_hairpins
from .firewall_learning import BRIDGE_KIND, plan_learning
from .firewall_links import observe_place, place_of
from .firewall_local_route import LOCAL_ROUTE_KIND, observe_local_routes, plan_local_routes
from .firewall_localnet import LINK_KIND, observe_localnet, plan_localnet
from .firewall_options import FORM, Firewall, parse_firewall
from .firewall_planning import as_recorded, plan_forgetting, plan_tables, refuse_clashes
from .firewall_record import KIND, describe_rules
from .forwards import host_side, is_loopback
from .slirp_forwards import warn_of_wildcards

OUTDATED = "firewall of another boot"
__all__ = ["FORM", "KIND", "FirewallResource"]


class FirewallResource:
    """Observe and plan the rules of sandboxes, and their guard unless it is the guard that asks."""

    def __init__(self, *, guards: bool = True) -> None:
        self._guards = guards

    def parse(self, options: dict[str, Any]) -> Firewall:
        """The rules of one sandbox as wanted. Raises InvalidOption."""
        return parse_firewall(options)

    def check(self, wanted: Sequence[Firewall]) -> None:
        """Refuse a sandbox that is given twice."""
        values.no_duplicates("sandbox", [one.sandbox for one in wanted])

    def subjects(self, wanted: Sequence[Firewall]) -> frozenset[str]:
        """All rules of one namespace together."""
        return frozenset({f"the firewall in the namespace with inode {own_identity()[1]}"})

    def observe(self, wanted: Sequence[Firewall], reader: Reader) -> State:
        """Our tables, the links of the host, where the sandboxes are, and what is remembered of all."""
        with reading_tables() as read:  # nft takes its time
            state = self._observe(wanted, reader)
            remembers = any(kind != OUTDATED for kind, _name in state.records)
            try:
                state.firewall = read()
            except ProgramError:  # where nothing is to be there, a host without nft is one without tables
                if remembers or any(one.present for one in wanted):
                    raise
                state.firewall = dict.fromkeys(FAMILIES)
        return state

    def _observe(self, wanted: Sequence[Firewall], reader: Reader) -> State:
        state = State(state_dir=reader.records.state_dir)
        handle = reader.host.at(None)
        own = NamespaceState(identity=handle.identity, cookie=handle.fingerprint[2])
        for link in read_links(handle.netlink):
            own.put(link)
        state.namespaces[None] = own
        state.records.update(remembered(reader.records, own))
        for one in wanted:
            name = _name(one, own)
            outdated = None if (KIND, name) in state.records else reader.records.get(KIND, name)
            if outdated is not None:
                state.records[OUTDATED, name] = outdated.value
            if one.present:
                observe_place(one, state, reader)
                self._observe_busy(one, state)
                warn_of_wildcards(one.ports, state)
        records = {name: record for (kind, name), record in state.records.items() if kind == KIND and record}
        with contextlib.suppress(TaskError):  # which the plan tells
            of_links = [one for one in wanted if one.present and _sets_up_the_host(one)]
            records.update({_name(one, own): _record(one, state) for one in of_links})
        own.sysctls.update({key: read_sysctl(handle, key) for key in BRIDGE_NETFILTER})
        if self._guards:
            observe_guard({*_guards(records), *(one.guard for one in wanted if one.present)}, state)
        observe_localnet(records.values(), state, handle)
        observe_local_routes(records.values(), state, handle)
        leaving = {_name(one, own) for one in wanted if not one.present}
        observe_forwarding([record for name, record in records.items() if name not in leaving], state, handle)
        return state

    @staticmethod
    def _observe_busy(one: Firewall, state: State) -> None:
        """Who listens where ports are to be published that were not so far."""
        own = state.existing(None)
        published = {port.host_side for port in ports_of(state.record(KIND, _name(one, own)))}
        for port in one.ports:
            if port.host_side not in published:
                state.busy[port.host_side] = problem_with_listening(*port.host_side, only_ipv6=True)

    def plan(self, wanted: Sequence[Firewall], state: State) -> list[Operation]:
        """What protects settings before them, and after them on the way back; records, then the guard, last."""
        own = state.existing(None)
        before = {name: record for (kind, name), record in state.records.items() if kind == KIND and record}
        after = dict(before)
        for one in wanted:
            name = _name(one, own)
            if one.present:
                after[name] = _record(one, state)
                self._refuse(one, after[name], state)
            else:
                after.pop(name, None)
        refuse_clashes({_name(one, own): one for one in wanted if one.present}, after)
        sandboxes = {name.partition(":")[2]: record for name, record in after.items()}
        tables = plan_tables(elements_for(sandboxes, own), state)
        restored: list[Operation] = []
        set_up: list[Operation] = []
        for aspect in (plan_forwarding, plan_localnet, plan_local_routes, plan_hairpins, plan_learning):
            before_rules, after_rules = aspect(after.values(), state)
            restored += before_rules
            set_up += after_rules
        rebuilt = any(change["before"] != "ours" for one in tables for change in one.args["tables"].values())
        end, start = plan_guard(_guards(after), state) if self._guards else ([], [])
        return [
            *end,
            *restored,
            *tables,
            *set_up,
            *plan_forgetting(before, after, rebuilt=rebuilt),
            *_plan_records(before, after),
            *(
                _drop(name, value)
                for (kind, name), value in state.records.items()
                if kind == OUTDATED and name not in after
            ),
            *start,
        ]

    @staticmethod
    def _refuse(one: Firewall, record: Mapping[str, Any], state: State) -> None:
        assumed = one.sandbox in state.assumed
        doubtful = one.optional - {port.host_side for port in ports_of(record)}
        if assumed:  # perhaps it will have an IPv4 address, as most do
            doubtful = frozenset(place for place in doubtful if ":" in place[1])
        published = [port for port in one.ports if port.host_side not in doubtful]
        for port in published:
            problem = state.busy.get(port.host_side)
            if problem:
                raise InvalidOption("ports", host_side(port), f"cannot be published: {problem}")
        local = [port for port in published if is_loopback(port.host_addr)]
        if local and not record["links"] and not assumed:
            raise InvalidOption(
                "ports", host_side(local[0]), "needs the link that leads to the sandbox: give netns or interface"
            )

    def describe(self, wanted: Firewall, before: State, after: State) -> dict[str, Any]:
        """The rules of a sandbox for the result."""
        record = after.record(KIND, _name(wanted, after.existing(None)))
        if record is None:
            return {"sandbox": wanted.sandbox, "state": "absent"}
        guard = guard_of(after)
        told = {"state": "present", **describe_rules(wanted.sandbox, record)}
        return {**told, "guarded": bool(guard and guard.alive)}


def remembered(records: Records, own: NamespaceState) -> dict[tuple[str, str], dict[str, Any] | None]:
    """What is remembered of the sandboxes of one namespace, the one Ansible runs in."""
    found: dict[tuple[str, str], dict[str, Any] | None] = {}
    for kind in (KIND, LINK_KIND, LOCAL_ROUTE_KIND, PORT_KIND, BRIDGE_KIND, FORWARDING_KIND):
        for name, record in records.all(kind).items():
            if record.this_boot and record.value["identity"] == list(own.fingerprint):
                found[kind, name] = record.value
    return found


def _name(one: Firewall, own: NamespaceState) -> str:
    """How the record of a sandbox is called: each namespace has tables of its own."""
    return f"{own.fingerprint[1]}:{one.sandbox}"


def _sets_up_the_host(one: Firewall) -> bool:
    """Whether settings of the host, and not only rules, follow from it."""
    return one.forwarding or any(is_local(one.ports, version) for version in VERSIONS)


def _record(one: Firewall, state: State) -> dict[str, Any]:
    own = state.existing(None)
    place = place_of(one, state)
    links = [recorded_link(port.interface, port.mac, own) for port in place.ports]
    assumed = one.sandbox in state.assumed
    return as_recorded(one, place.addresses, links, own, assumed=assumed)


def _guards(records: Mapping[str, Mapping[str, Any]]) -> set[str]:
    """What the sandboxes say of a guard."""
    return {record.get("guard", "never") for record in records.values()}


def _plan_records(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Operation]:
    operations = []
    for name in sorted({*before, *after}):
        if name not in after:
            operations.append(_drop(name, before[name]))
        elif after[name] != before.get(name):
            memory = {"kind": KIND, "name": name, "value": after[name], "before": before.get(name)}
            operations.append(Operation("record.put", memory))
    return operations


def _drop(name: str, before: Any) -> Operation:
    return Operation("record.drop", {"kind": KIND, "name": name, "before": before})
