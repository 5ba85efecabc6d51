# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Observing devices: the namespaces on both ends of their way, and what is remembered of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing

from .._engine.errors import TaskError
from .._engine.resource import Reader
from .._engine.state import Netns, State
from .._kernel.addressing import read_neighbours, read_proxies
from .._kernel.features import can_choose_index_of_move
from .._kernel.links import Link, read_links
from .._kernel.neighbour_tables import read_special_settings
from .._kernel.netlink import NetlinkSocket
from .._kernel.session import session_addresses
from .._kernel.sysctl import read_settings_of_link, read_sysctl
from .._kernel.traffic import read_qdiscs
from .device_options import WantedDevice
from .device_planning import find_device
from .device_record import believed, moved_link, record_key, remembered_in, returned_link
from .endpoint_record import believed as believed_endpoint
from .link_observing import read_if_there


def names_by_mac() -> dict[str, list[str]]:
    """The links where Ansible runs, by their MAC addresses."""
    found: dict[str, list[str]] = {}
    with closing(NetlinkSocket()) as netlink:
        for link in read_links(netlink):
            for mac in {link.mac, link.permanent_mac} - {""}:
                found.setdefault(mac, []).append(link.name)
    return found


def observe_records(wanted: Sequence[WantedDevice], state: State, reader: Reader) -> None:
    """What is remembered of the devices. Those not found by their key may be remembered with
    another origin, or of another sandbox: then all records are looked through, once."""
    unknown = []
    for one in wanted:
        key = record_key(one.netns, one.from_netns, one.name) if one.name else ""
        record = reader.records.get("device", key) if key else None
        if record is None:
            unknown.append(one)
        else:
            state.records["device", key] = believed(record)
    if unknown:
        for key, record in reader.records.all("device").items():
            state.records["device", key] = believed(record)


def observe_namespace(path: Netns, state: State, reader: Reader) -> None:
    """A namespace with all that a device may lose when it leaves it, but for settings below /proc."""
    namespace = state.namespaces[path] = read_if_there(path, reader)
    if namespace is not None:
        netlink = reader.host.at(path).netlink
        namespace.neighbours = [*read_neighbours(netlink), *read_proxies(netlink)]
        namespace.qdiscs = read_qdiscs(netlink)
        namespace.settings = read_special_settings(netlink)
        namespace.ipv6_disabled = read_sysctl(reader.host.at(path), "net.ipv6.conf.default.disable_ipv6") == "1"


def observe_devices(wanted: Sequence[WantedDevice], state: State, reader: Reader) -> None:
    """The settings of the devices that are to leave their namespaces, and through which the host is reached."""
    if any(one.present for one in wanted):
        state.session = session_addresses()
        if not can_choose_index_of_move():
            raise TaskError("moving devices needs Linux 5.12, which gives them an index that is known before")
    if any(_has_gone(one, state) for one in wanted):  # perhaps further: another record tells
        for key, record in reader.records.all("device").items():
            state.records.setdefault(("device", key), believed(record))
        for key, record in reader.records.all("endpoint").items():  # or to a VM
            state.records["endpoint", key] = believed_endpoint(record)
    observe_settings(_leaving(wanted, state), state, reader)


def observe_settings(leaving: Iterable[tuple[Netns, Link]], state: State, reader: Reader) -> None:
    """The settings of links that are to leave their namespaces, where they differ from those of new links."""
    of_new_links: dict[Netns, dict[str, str]] = {}
    for netns, link in leaving:
        if netns not in of_new_links:
            of_new_links[netns] = read_settings_of_link(reader.host.at(netns), "default")
        usual = of_new_links[netns]
        found = read_settings_of_link(reader.host.at(netns), link.name)
        special = {name: (value, usual[name]) for name, value in found.items() if usual.get(name, value) != value}
        of_neighbours = state.existing(netns).settings.get(link.ifindex, {})
        state.existing(netns).settings[link.ifindex] = {**of_neighbours, **special}


def _has_gone(one: WantedDevice, state: State) -> bool:
    return any(moved_link(record, state) is None for _key, record in remembered_in(one, state))


def _leaving(wanted: Sequence[WantedDevice], state: State) -> Iterator[tuple[Netns, Link]]:
    for one in wanted:
        at_origin = one.present and state.at(one.from_netns) is not None
        for _key, record in remembered_in(one, state):
            moved = moved_link(record, state)
            returned = returned_link(record, state) if moved is None else None
            if moved is not None and (not one.present or moved.name != (one.new_name or record["name"])):
                yield record["netns"], moved
            if returned is not None:
                yield returned
            at_origin = at_origin and moved is None and returned is None
        link = find_device(one, state) if at_origin else None
        if link is not None:
            yield one.from_netns, link
