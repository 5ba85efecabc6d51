# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Where a sandbox meets the host: its ports here, and the addresses that it has."""

from __future__ import annotations

import os
from dataclasses import dataclass

from .._engine.errors import InvalidOption, NotThereYet, TaskError
from .._engine.nft_tables import SAFE
from .._engine.resource import Reader
from .._engine.state import NamespaceState, State
from .._kernel.addressing import read_addresses
from .._kernel.errors import NoSuchNamespace, NotANamespace
from .._kernel.links import Link, read_links
from .firewall_options import Firewall


@dataclass(frozen=True)
class Port:
    """A link of the host that leads to a sandbox, and the MAC address that the sandbox has there."""

    interface: str
    mac: str


@dataclass(frozen=True)
class Place:
    """The ports of a sandbox, and its addresses as CIDR."""

    ports: tuple[Port, ...]
    addresses: tuple[str, ...]


def observe_place(one: Firewall, state: State, reader: Reader) -> None:
    """The links and addresses in the namespace of a sandbox, where it has one."""
    if one.netns in state.namespaces:
        return
    state.namespaces[one.netns] = None
    try:
        handle = reader.host.at(one.netns)
    except NoSuchNamespace:
        return
    except NotANamespace:
        if os.path.basename(one.netns) == one.sandbox:  # nobody asked for it
            return
        raise
    own = state.existing(None)
    if handle.identity == own.identity:
        raise InvalidOption("netns", one.netns, "is the namespace Ansible itself runs in")
    namespace = NamespaceState(identity=handle.identity, cookie=handle.fingerprint[2])
    for link in read_links(handle.netlink):
        namespace.put(link)
    for address in read_addresses(handle.netlink):
        namespace.addresses.setdefault(address.ifindex, []).append(address)
    state.namespaces[one.netns] = namespace
    state.learn_nsid(None, one.netns, reader.host.nsid(one.netns))


def place_of(one: Firewall, state: State) -> Place:
    """Where a sandbox is. Raises NotThereYet for what an earlier task of the play would make, TaskError."""
    if one.sandbox in state.assumed:
        return Place((), one.addresses or ())
    namespace = state.at(one.netns)
    if one.interfaces:
        ports = [_given_port(name, mac, one, namespace, state) for name, mac in sorted(one.interfaces)]
    elif namespace is not None:
        ports = _ports_of(one, namespace, state)
    elif one.antispoof:
        raise _missing(one, state, f"netns: there is no {one.netns}; antispoof needs that, or interface and mac")
    else:
        ports = []
    for port in ports:
        if not SAFE.fullmatch(port.interface):
            raise InvalidOption(
                "interface", port.interface, "cannot be named in rules: letters, digits, '_', '.', ':' and '-' only"
            )
    if one.addresses is not None:
        return Place(tuple(ports), one.addresses)
    if namespace is None:
        raise _missing(one, state, f"addresses is required: there is no {one.netns} that could have some")
    addresses = _addresses_in(namespace)
    if not addresses:
        raise _missing(one, state, f"addresses is required: the links of {one.netns} have none")
    return Place(tuple(ports), addresses)


def _given_port(name: str, mac: str, one: Firewall, namespace: NamespaceState | None, state: State) -> Port:
    link = state.link(None, name)
    if link is None:
        raise _missing(one, state, f"interface: there is no link {name}")
    if mac:
        return Port(name, mac)
    inside = _other_end(link, one, namespace, state)
    if inside is None and one.antispoof:
        raise InvalidOption("mac", None, f"is required: the other end of {name} is not in {one.netns}")
    return Port(name, inside.mac if inside else "")


def _ports_of(one: Firewall, namespace: NamespaceState, state: State) -> list[Port]:
    ports, own = [], state.existing(None)
    for ifindex, link in namespace.links.items():
        outside = own.links.get(link.parent)
        if outside is not None and _other_end(outside, one, namespace, state) is link:
            ports.append(Port(outside.name, link.mac))
            continue
        addressed = any(address.scope == "global" for address in namespace.addresses.get(ifindex, ()))
        if one.antispoof and addressed and not link.loopback:
            raise InvalidOption(
                "antispoof",
                True,
                f"cannot be had for {link.name} of {one.netns}: it is no veth with an end on this host",
            )
    if one.antispoof and not ports:
        raise _missing(one, state, f"antispoof: no veth leads from this host to {one.netns}")
    return sorted(ports, key=lambda port: port.interface)


def _other_end(link: Link, one: Firewall, namespace: NamespaceState | None, state: State) -> Link | None:
    """The end of a veth that is in the namespace of a sandbox."""
    if namespace is None or link.kind != "veth" or link.parent_nsid is None:
        return None
    if link.parent_nsid != state.nsids.get((None, one.netns)):
        return None
    return namespace.links.get(link.parent)


def _addresses_in(namespace: NamespaceState) -> tuple[str, ...]:
    return tuple(
        f"{address.local}/{address.prefix}"
        for ifindex, link in sorted(namespace.links.items())
        if not link.loopback
        for address in namespace.addresses.get(ifindex, ())
        if address.scope == "global"
    )


def _missing(one: Firewall, state: State, text: str) -> TaskError:
    return NotThereYet(text, lambda: state.assumed.add(one.sandbox))
