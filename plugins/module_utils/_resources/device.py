# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The resource device: network devices moved into namespaces, and back as they were."""

from __future__ import annotations

import itertools
import time
from collections.abc import Sequence
from typing import Any

from .._engine.draft import Draft
from .._engine.errors import InvalidOption
from .._engine.operation import Operation
from .._engine.resource import Reader
from .._engine.state import NamespaceState, Netns, State
from .._engine.subjects import link_subject
from .._kernel.addressing import ipv6_enabled
from .._kernel.links import Link
from .._kernel.namespaces import own_identity
from .device_observing import names_by_mac, observe_devices, observe_namespace, observe_records
from .device_options import WantedDevice, parse_device
from .device_planning import find_device, plan_absent, plan_present
from .device_record import Remembered, is_given_to_vm, moved_link, of_the_same_name, remembered_in, remembered_of
from .device_settling import skipped_addresses, skipped_routes
from .link_observing import refuse_same_namespace
from .link_planning import refuse_missing_namespaces
from .netns import namespace_subjects


class DeviceResource:
    """Observe and plan the moves of network devices."""

    def __init__(self) -> None:
        self._origins: set[Netns] = set()
        """Where devices came from: once they are back, nothing tells."""
        self._wanted: Sequence[WantedDevice] = ()
        """All devices of the task: what cannot be put back depends on what comes back with it."""
        self._left_out: tuple[State, dict[str, list[str]]] | None = None
        """What cannot be put back from a state, by the key of the record: one plan tells of all devices."""

    def parse(self, options: dict[str, Any]) -> WantedDevice:
        """One device as wanted. Raises InvalidOption."""
        return parse_device(options)

    def check(self, wanted: Sequence[WantedDevice]) -> None:
        """Refuse a device, or a new name, that is given twice."""
        devices: set[tuple[Netns, str | None, str | None, str]] = set()
        names: set[tuple[str, str]] = set()
        for one in wanted:
            key = (one.from_netns, one.name, one.mac, one.netns if one.is_any else "")
            if key in devices:
                raise InvalidOption("mac" if one.mac else "device", one.name or one.mac, "is given twice")
            devices.add(key)
            if one.present and one.new_name and not one.template:
                if (one.netns, one.new_name) in names:
                    raise InvalidOption("new_name", one.new_name, f"is given twice for {one.netns}")
                names.add((one.netns, one.new_name))

    def subjects(self, wanted: Sequence[WantedDevice]) -> frozenset[str]:
        """The sandbox that a device goes to, and the device where it comes from."""
        own = own_identity()[1]
        by_mac = names_by_mac() if any(one.mac and one.from_netns is None for one in wanted) else {}
        subjects: set[str] = set()
        for one in wanted:
            subjects.update(namespace_subjects(one.netns))
            if one.from_netns is not None:
                subjects.update(namespace_subjects(one.from_netns))
            else:
                names = [one.name] if one.name else by_mac.get(one.mac or "", [])
                subjects.update(link_subject(name, own) for name in names)
        return frozenset(subjects)

    def observe(self, wanted: Sequence[WantedDevice], reader: Reader) -> State:
        """Both ends of each way, and what is remembered of the devices."""
        self._wanted = wanted
        state = State(ipv6=ipv6_enabled(), now=int(time.clock_gettime(time.CLOCK_BOOTTIME)))
        observe_records(wanted, state, reader)
        remembered = [record for one in wanted for _key, record in remembered_in(one, state)]
        self._origins.update(record["origin"]["netns"] for record in remembered)
        # of a namespace that nothing is to come back from there is nothing to know
        asked = [one for one in wanted if not one.is_any or remembered_in(one, state)]
        named = [path for one in asked for path in (None, one.netns, one.from_netns)]
        named += [record["netns"] for one in asked for record in of_the_same_name(one, state)]
        for path in dict.fromkeys([*named, *sorted(self._origins, key=str)]):
            observe_namespace(path, state, reader)
        refuse_same_namespace(state)
        observe_devices(wanted, state, reader)
        return state

    def plan(self, wanted: Sequence[WantedDevice], state: State) -> list[Operation]:
        """Device by device on a working copy: names that one takes are taken for the next."""
        paths = [path for one in wanted if one.present for path in (one.netns, one.from_netns)]
        refuse_missing_namespaces(paths, state)
        draft = Draft(state.copy(), state)
        for present, run in itertools.groupby(wanted, lambda one: one.present):
            if present:
                for one in run:
                    plan_present(one, draft)
            else:
                plan_absent([*run], draft)
        return draft.operations

    def describe(self, wanted: WantedDevice, before: State, after: State) -> dict[str, Any]:
        """The device for the result: where it is now, and where it came from."""
        if wanted.is_any:
            origins = [record["origin"] for _key, record in remembered_in(wanted, before)]
            return {
                "name": None,
                "netns": wanted.netns,
                "state": "absent",
                "brought_back": [{"name": origin["name"], "netns": origin["netns"]} for origin in origins],
                "not_restored": self._not_restored(wanted, before),
            }
        found = remembered_of(wanted, after)
        link = moved_link(found[1], after) if found else None
        if found is not None and link is not None:
            return _describe_moved(wanted, found[1], link, after)
        if found is not None and is_given_to_vm(found[1], after):
            gone = Link(0, found[1]["name"], mac=found[1]["mac"])
            return _describe_moved(wanted, found[1], gone, after)
        former = remembered_of(wanted, before)
        origin = former[1]["origin"] if former else {"netns": wanted.from_netns, "name": wanted.name}
        namespace = after.at(origin["netns"])
        at_home = namespace.link(origin["name"]) if namespace and origin["name"] else None
        if at_home is None and namespace is not None and wanted.mac:
            at_home = find_device(wanted, after)
        return {
            "name": at_home.name if at_home else origin["name"],
            "netns": origin["netns"],
            "state": "absent",
            **_describe_link(at_home, namespace),
            "origin": None,
            "skipped": [],
            "skipped_routes": [],
            "not_restored": [] if wanted.present else self._not_restored(wanted, before),
        }

    def _not_restored(self, wanted: WantedDevice, before: State) -> list[str]:
        """What of devices that come back their origins take no more."""
        if self._left_out is None or self._left_out[0] is not before:
            absent = [one for one in self._wanted or [wanted] if not one.present]
            self._left_out = before, plan_absent(absent, Draft(before.copy(), before))
        left_out = self._left_out[1]
        return [reason for key, _record in remembered_in(wanted, before) for reason in left_out.get(key, ())]


def _describe_moved(wanted: WantedDevice, record: Remembered, link: Link, state: State) -> dict[str, Any]:
    origin = record["origin"]
    return {
        "name": link.name,
        "netns": record["netns"],
        "state": "present",
        **_describe_link(link, state.at(record["netns"])),
        "origin": {"name": origin["name"], "netns": origin["netns"]},
        "skipped": skipped_addresses(wanted, record, link),
        "skipped_routes": skipped_routes(wanted, record, link),
        "not_restored": [],
    }


def _describe_link(link: Link | None, namespace: NamespaceState | None) -> dict[str, Any]:
    if link is None or namespace is None:
        return {"ifindex": None, "mac": None, "mtu": None, "up": None, "addresses": []}
    return {
        "ifindex": link.known_index,
        "mac": link.mac or None,
        "mtu": link.mtu or None,
        "up": link.up,
        "addresses": sorted(
            f"{one.local}/{one.prefix}"
            for one in namespace.addresses.get(link.ifindex, ())
            if one.scope not in ("host", "link")
        ),
    }
