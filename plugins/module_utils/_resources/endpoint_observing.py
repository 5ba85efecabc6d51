# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Observing endpoints: their namespaces, what wires them, device nodes and sockets."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Sequence

from .._engine.errors import TaskError
from .._engine.resource import Reader
from .._engine.state import FileState, NamespaceState, State
from .._kernel.errors import KernelError
from .._kernel.features import can_make_kind
from .._kernel.files import NotAPlainFile, read_plain_file
from .._kernel.links import Link
from .._kernel.pci import place_of, problem_with_driver, read_device
from .._kernel.session import session_addresses
from .._kernel.sysfs import read_macvtap_number
from .device_observing import observe_namespace, observe_settings
from .endpoint_options import WantedEndpoint
from .endpoint_physical import is_physical
from .endpoint_record import believed, made_link, record_key, recorded
from .link_traffic import redirects_in

VHOST = "/dev/vhost-net"
SOCKET = "vhu.sock"


def observe_endpoints(wanted: Sequence[WantedEndpoint], state: State, reader: Reader) -> None:
    """The namespaces with all that is on their links, and the records of their endpoints."""
    state.now = int(time.clock_gettime(time.CLOCK_BOOTTIME))
    _observe_records(wanted, state, reader)
    for path in dict.fromkeys([None, *(one.netns for one in wanted)]):
        observe_namespace(path, state, reader)
        namespace = state.at(path)
        if namespace is not None:
            namespace.redirects = redirects_in(namespace)
    for one in wanted:
        namespace = state.at(one.netns)
        if namespace is not None:
            _observe_nodes(one, namespace, state, reader)
            _observe_sockets(one, namespace, state)
        if one.network_json is not None:
            _observe_file(one.network_json, state)
    _observe_cards(wanted, state, reader)
    netlink = reader.host.at(None).netlink
    for kind in ("tap", "macvtap", "bridge"):
        state.kinds[kind] = can_make_kind(netlink, kind)
    state.kinds["vhost-net"] = os.path.exists(VHOST)


def socket_of(one: WantedEndpoint, address: str) -> str:
    """Where the socket of a vhost-user back end is looked for: by an address of the link."""
    return f"{one.socket_dir}/vhostuser_{address}/{SOCKET}"


def _observe_records(wanted: Sequence[WantedEndpoint], state: State, reader: Reader) -> None:
    if any(one.interface is None or one.network_json for one in wanted):
        records = {key: believed(record) for key, record in reader.records.all("endpoint").items()}
    else:
        keys = [record_key(one.netns, one.interface or "") for one in wanted]
        records = {key: believed(reader.records.get("endpoint", key)) for key in keys}
    state.records.update({("endpoint", key): value for key, value in records.items()})


def _observe_file(path: str, state: State) -> None:
    directory = os.path.dirname(path)
    if not os.path.isdir(directory):
        raise TaskError(f"network_json: there is no directory {directory}")
    try:
        found = read_plain_file(path)
    except NotAPlainFile as error:
        raise TaskError(f"network_json: {error}") from None
    state.files[path] = FileState(*found) if found else None


def _observe_nodes(one: WantedEndpoint, namespace: NamespaceState, state: State, reader: Reader) -> None:
    for record in recorded(one.netns, state).values():
        tap, path = made_link(record, "tap", namespace), record["node"]
        if path:
            number = _number_of_node(path)
            wanted = _number_of(one.netns, tap, reader) if tap else None
            state.nodes[path] = wanted is not None and number == wanted
            if number is not None:
                state.node_numbers[path] = number


def _number_of_node(path: str) -> tuple[int, int] | None:
    """Major and minor number of a device node; None for anything else."""
    try:
        status = os.lstat(path)
    except OSError:
        return None
    return (os.major(status.st_rdev), os.minor(status.st_rdev)) if stat.S_ISCHR(status.st_mode) else None


def _number_of(netns: str, tap: Link, reader: Reader) -> tuple[int, int] | None:
    try:
        return read_macvtap_number(reader.host.at(netns), tap.name, tap.ifindex)
    except KernelError:
        return None


def _observe_sockets(one: WantedEndpoint, namespace: NamespaceState, state: State) -> None:
    addresses = [address.local for found in namespace.addresses.values() for address in found]
    paths = [one.socket] if one.socket else [socket_of(one, address) for address in addresses]
    for path in paths:
        state.sockets[path] = _problem_with_socket(path)


def _observe_cards(wanted: Sequence[WantedEndpoint], state: State, reader: Reader) -> None:
    """The PCI devices that were given to VMs, and those that may be."""
    leaving = []
    for one in wanted:
        namespace = state.at(one.netns)
        links = namespace.links.values() if namespace and one.present and one.type in ("auto", "physical") else ()
        leaving += [(one.netns, link) for link in links if one.interface in (None, link.name) and is_physical(link)]
    observe_settings(leaving, state, reader)
    lent = [record["pci"]["bdf"] for record in state.records.values() if record and record.get("pci")]
    for bdf in dict.fromkeys([*lent, *(place_of(link.device) for _netns, link in leaving)]):
        state.pci[bdf] = read_device(bdf)
    if leaving:
        state.session = session_addresses()
        state.pci_drivers = {one.vfio_driver: problem_with_driver(one.vfio_driver) for one in wanted}


def _problem_with_socket(path: str) -> str | None:
    """What is wrong with the socket of a back end: whoever can replace it reads what the VM sends.

    Empty for nothing, None where there is no such file.
    """
    try:
        status = os.lstat(path)
    except OSError:
        return None
    if not stat.S_ISSOCK(status.st_mode):
        return "is not a socket"
    directory = os.path.dirname(path)
    while True:
        status = os.lstat(directory)
        if stat.S_ISLNK(status.st_mode):
            return f"is reached through the symbolic link {directory}"
        if status.st_mode & stat.S_IWOTH:
            return f"is in {directory}, which everybody can write to"
        if directory == "/":
            return ""
        directory = os.path.dirname(directory)
