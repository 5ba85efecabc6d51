# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""One item of the role's sandbox_list: parsed, checked, its defaults filled in.

This file is private to the collection: it may change without notice.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from ansible_collections.sandbox.network.plugins.plugin_utils import _sandbox_values as values
from ansible_collections.sandbox.network.plugins.plugin_utils._sandbox_cni import parse_cni
from ansible_collections.sandbox.network.plugins.plugin_utils._sandbox_devices import Device, parse_devices
from ansible_collections.sandbox.network.plugins.plugin_utils._sandbox_endpoint import parse_endpoint
from ansible_collections.sandbox.network.plugins.plugin_utils._sandbox_firewall import parse_firewall
from ansible_collections.sandbox.network.plugins.plugin_utils._sandbox_monitor import parse_monitor
from ansible_collections.sandbox.network.plugins.plugin_utils._sandbox_slirp import parse_slirp
from ansible_collections.sandbox.network.plugins.plugin_utils._sandbox_values import (
    MTU_SMALLEST_IPV6,
    Interface,
    Network,
)


class BadItemError(ValueError):
    """An item that cannot be carried out; ``problems`` says why, one text each."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


@dataclass(frozen=True)
class Sandbox:
    """One sandbox as wanted. ``gateways`` is what the router has, one address a network.
    ``endpoint`` is what vm_endpoint is asked for, or None when nothing is said about one;
    ``network`` what slirp_network is, or None with another driver; ``monitor`` what netmon_service is,
    or None when nothing is said about one; ``attachments`` what cni_network is;
    ``firewall`` what the module firewall is, or None when nothing is said about one."""

    name: str
    where: str
    driver: str
    interface: str
    bridge: str
    addresses: tuple[Interface, ...] = ()
    subnets: tuple[Network, ...] = ()
    gateways: tuple[Interface, ...] = ()
    mac: str | None = None
    mtu: int | None = None
    dns: Mapping[str, Any] = field(default_factory=dict)
    sysctl: Mapping[str, Any] = field(default_factory=dict)
    devices: tuple[Device, ...] = ()
    endpoint: Mapping[str, Any] | None = None
    network: Mapping[str, Any] | None = None
    monitor: Mapping[str, Any] | None = None
    attachments: tuple[Mapping[str, Any], ...] = ()
    firewall: Mapping[str, Any] | None = None

    @property
    def networks(self) -> tuple[Network, ...]:
        """The networks that the sandbox is in, each once."""
        return tuple(dict.fromkeys((*(address.network for address in self.addresses), *self.subnets)))


def parse_sandbox(item: object, position: int, defaults: Mapping[str, Any]) -> Sandbox:
    """The sandbox that an item describes. Raises BadItemError with everything wrong in it."""
    if not isinstance(item, Mapping):
        raise BadItemError([f'sandbox_list[{position}]: {item!r} is not a dictionary with a "name"'])
    return _Parser(item, position, defaults).sandbox()


@lru_cache(maxsize=4096)
def first_host(network: Network) -> Interface | None:
    """The first address of a network that a router can have, or None when it has none to spare."""
    if network.prefixlen == network.max_prefixlen or network.is_link_local:
        return None
    # The first of a larger network is its own name (IPv4) or every router's (IPv6).
    skipped = 0 if network.prefixlen == network.max_prefixlen - 1 else 1
    return ipaddress.ip_interface(f"{network[skipped]}/{network.prefixlen}")


class _Parser:
    """Reads the options of one item and collects what is wrong with them."""

    def __init__(self, item: Mapping[str, Any], position: int, defaults: Mapping[str, Any]) -> None:
        self.item = item
        self.defaults = defaults
        self.problems: list[str] = []
        name = item.get("name")
        self.where = f"sandbox_list[{position}] ({name})" if name else f"sandbox_list[{position}]"

    def sandbox(self) -> Sandbox:
        """The parsed item; everything is looked at before anything is complained about."""
        driver = self.option("driver", values.driver) or "bridge"
        found = {
            "name": self.option("name", values.namespace_name) or "",
            "driver": driver,
            "interface": self.option("interface", values.interface_name) or "",
            "bridge": self.option("bridge", values.link_name) or "",
            "mac": self.option("mac", values.mac),
            "mtu": self.option("mtu", values.mtu),
            "dns": self.option("dns", values.dictionary) or {},
            "sysctl": {
                **(self.defaults.get("sysctl") or {}),
                **(self.option("sysctl", values.dictionary) or {}),
            },
        }
        if driver == "bridge":
            found.update(self.addressing())
            self.check_ipv6_mtu(found)
        own_interface = None if driver == "none" else found["interface"]
        devices, wrong = parse_devices(values.as_list(self.item.get("devices")), found["name"], own_interface)
        endpoint, wrong_too = parse_endpoint(self.item.get("endpoint"), driver, own_interface)
        network, wrong_as_well = parse_slirp(self.item, driver, found["interface"], found["mtu"], self.defaults)
        monitor, wrong_at_last = parse_monitor(self.item.get("monitor"))
        attachments, wrong_of_cni = parse_cni(self.item, driver, found["interface"])
        firewall, wrong_of_firewall = parse_firewall(self.item, driver)
        wrong = [*wrong, *wrong_too, *wrong_as_well, *wrong_at_last, *wrong_of_cni, *wrong_of_firewall]
        self.problems += [f"{self.where}: {problem}" for problem in wrong]
        if self.problems:
            raise BadItemError(self.problems)
        found.update(devices=tuple(devices), endpoint=endpoint, network=network, monitor=monitor)
        found.update(attachments=tuple(attachments), firewall=firewall)
        return Sandbox(where=self.where, **found)

    def addressing(self) -> dict[str, Any]:
        """Addresses, subnets and gateways: they depend on each other."""
        addresses = self.each("addresses", values.address)
        named = self.item.get("subnet") is not None
        fallback = () if addresses or named else self.each("subnets", values.subnet, self.defaults.get("subnets"))
        subnets = self.each("subnet", values.subnet) if named else fallback
        networks = tuple(dict.fromkeys((*(address.network for address in addresses), *subnets)))
        gateways = self.gateways(networks)
        taken = {gateway.ip for gateway in gateways}
        self.problems += [
            f"{self.where}: addresses: {address} is the gateway's"
            " (set gateway to another address of its network, or to an empty list for none)"
            for address in addresses
            if address.ip in taken
        ]
        return {"addresses": addresses, "subnets": subnets, "gateways": gateways}

    def gateways(self, networks: tuple[Network, ...]) -> tuple[Interface, ...]:
        """The router's address in each network: those given, else the first of the network."""
        given = self.item.get("gateway")
        if given is not None and not values.as_list(given):
            return ()
        wanted = self.each("gateway", values.gateway)
        by_network: dict[Network, Interface] = {}
        for gateway in wanted:
            network = next((network for network in networks if gateway in network), None)
            if network is None:
                inside = ", ".join(map(str, networks)) or "it has none"
                self.problems.append(f"{self.where}: gateway: {gateway} is in none of its networks ({inside})")
            elif network in by_network:
                two = f"{by_network[network].ip} and {gateway}"
                self.problems.append(f"{self.where}: gateway: {network} has two, {two}")
            else:
                by_network[network] = ipaddress.ip_interface(f"{gateway}/{network.prefixlen}")
        named = {gateway.version for gateway in wanted}
        defaults = (first_host(network) for network in networks if network.version not in named)
        return (*by_network.values(), *(gateway for gateway in defaults if gateway is not None))

    def check_ipv6_mtu(self, found: Mapping[str, Any]) -> None:
        """IPv6 switches itself off on a link with a smaller MTU, and its addresses go."""
        networks = (*(address.network for address in found["addresses"]), *found["subnets"])
        mtu = found["mtu"]
        if mtu is not None and mtu < MTU_SMALLEST_IPV6 and any(network.version == 6 for network in networks):
            self.problems.append(f"{self.where}: mtu: {mtu} is less than the {MTU_SMALLEST_IPV6} that IPv6 needs")

    def value(self, option: str) -> Any:
        """What the item says, else what the role's default says."""
        found = self.item.get(option)
        return self.defaults.get(option) if found is None else found

    def option(self, option: str, parse: Any) -> Any:
        """One parsed value; None when it is not given or wrong."""
        value = self.value(option)
        if value is None and option != "name":
            return None
        return self.checked(option, parse, value)

    def each(self, option: str, parse: Any, given: object = None) -> tuple[Any, ...]:
        """The parsed elements of a list (or of the one value that stands for it)."""
        wanted = values.as_list(self.item.get(option) if given is None else given)
        parsed = [self.checked(option, parse, value) for value in wanted]
        found = [value for value in parsed if value is not None]
        twice = {value for value in found if found.count(value) > 1}
        self.problems += [f"{self.where}: {option}: {value} is given twice" for value in sorted(map(str, twice))]
        return tuple(dict.fromkeys(found))

    def checked(self, option: str, parse: Any, value: object) -> Any:
        """The parsed value, or None and a problem noted."""
        try:
            return parse(value)
        except ValueError as problem:
            self.problems.append(f"{self.where}: {option}: {problem}")
            return None
