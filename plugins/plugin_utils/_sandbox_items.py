# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""One item of the role's sandbox_list: parsed, checked, its defaults filled in.

This file is private to the collection: it may change without notice.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Union

Address = Union[ipaddress.IPv4Address, ipaddress.IPv6Address]
Interface = Union[ipaddress.IPv4Interface, ipaddress.IPv6Interface]
Network = Union[ipaddress.IPv4Network, ipaddress.IPv6Network]

DRIVERS = ("bridge", "none")
PLAIN_NAME = re.compile(r"[A-Za-z0-9_.][A-Za-z0-9_.-]*")
MAC = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}", re.IGNORECASE)
MTU_SMALLEST, MTU_SMALLEST_IPV6, MTU_LARGEST = 68, 1280, 65535


class BadItemError(ValueError):
    """An item that cannot be carried out; ``problems`` says why, one text each."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


@dataclass(frozen=True)
class Sandbox:
    """One sandbox as wanted. ``gateways`` is what the router has, one address a network."""

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
        driver = self.option("driver", _driver) or "bridge"
        found = {
            "name": self.option("name", _namespace_name) or "",
            "driver": driver,
            "interface": self.option("interface", _interface_name) or "",
            "bridge": self.option("bridge", _link_name) or "",
            "mac": self.option("mac", _mac),
            "mtu": self.option("mtu", _mtu),
            "dns": self.option("dns", _dictionary) or {},
            "sysctl": {
                **(self.defaults.get("sysctl") or {}),
                **(self.option("sysctl", _dictionary) or {}),
            },
        }
        if driver == "bridge":
            found.update(self.addressing())
            self.check_ipv6_mtu(found)
        if self.problems:
            raise BadItemError(self.problems)
        return Sandbox(where=self.where, **found)

    def addressing(self) -> dict[str, Any]:
        """Addresses, subnets and gateways: they depend on each other."""
        addresses = self.each("addresses", _address)
        named = self.item.get("subnet") is not None
        fallback = () if addresses or named else self.each("subnets", _subnet, self.defaults.get("subnets"))
        subnets = self.each("subnet", _subnet) if named else fallback
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
        if given is not None and not _as_list(given):
            return ()
        wanted = self.each("gateway", _gateway)
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

    def each(self, option: str, parse: Any, values: object = None) -> tuple[Any, ...]:
        """The parsed elements of a list (or of the one value that stands for it)."""
        wanted = _as_list(self.item.get(option) if values is None else values)
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


def _as_list(value: object) -> list[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, (list, tuple)) else [value]


def _text(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError(f"{value!r} is not a text" if value else "is missing or empty")
    return str(value)


def _dictionary(value: object) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise ValueError(f"{value!r} is not a dictionary")
    return value


def _driver(value: object) -> str:
    if value not in DRIVERS:
        raise ValueError(f'"{value}" is not one of {", ".join(DRIVERS)}')
    return str(value)


def _plain_name(value: object, longest: int) -> str:
    """A name as the modules take it for something new."""
    name = _text(value)
    if not PLAIN_NAME.fullmatch(name) or name in (".", ".."):
        raise ValueError(f"{name!r} is not a name of letters, digits, '_', '.' and '-' with no '-' in front")
    if len(name) > longest:
        raise ValueError(f"{name!r} has {len(name)} characters, {longest} are allowed")
    return name


def _namespace_name(value: object) -> str:
    return _plain_name(value, 255)


def _link_name(value: object) -> str:
    name = _plain_name(value, 15)
    if name in ("all", "default"):
        raise ValueError(f"{name!r} is a name that the kernel has for itself")
    return name


def _interface_name(value: object) -> str:
    if value == "lo":
        raise ValueError('"lo" is the loopback, which every sandbox has')
    return _link_name(value)


def _mac(value: object) -> str:
    mac = _text(value).lower()
    if not MAC.fullmatch(mac):
        raise ValueError(f'"{value}" is not a MAC address such as 02:00:00:00:00:01')
    if int(mac[:2], 16) & 1 or mac == "00:00:00:00:00:00":
        raise ValueError(f'"{value}" is a group or null address, which no link can have')
    return mac


def _mtu(value: object) -> int:
    try:
        if isinstance(value, bool) or not isinstance(value, (int, str)):
            raise ValueError
        number = int(value)
    except ValueError:
        raise ValueError(f"{value!r} is not a number") from None
    if not MTU_SMALLEST <= number <= MTU_LARGEST:
        raise ValueError(f"{number} is not between {MTU_SMALLEST} and {MTU_LARGEST}")
    return number


def _address(value: object) -> Interface:
    interface = _interface(value, "10.80.0.5/24 or fd00:80::5/64")
    address, network = interface.ip, interface.network
    if address.is_multicast or address.is_unspecified or address.is_loopback:
        raise ValueError(f'"{value}" is not an address that an interface can have')
    wide = network.prefixlen < network.max_prefixlen - 1
    if wide and (address == network.network_address or (address.version == 4 and address == network.broadcast_address)):
        raise ValueError(f'"{value}" is the network itself or its broadcast address')
    return interface


def _subnet(value: object) -> Network:
    return _network(_interface(value, "10.80.0.0/24 or fd00:80::/64"))


@lru_cache(maxsize=4096)
def _network(interface: Interface) -> Network:
    network = interface.network
    if interface.ip != network.network_address:
        raise ValueError(f'"{interface}" is an address; its subnet is {network}')
    if network.prefixlen >= network.max_prefixlen:
        raise ValueError(f'"{network}" has room for one address only, and the gateway needs one')
    if network.is_multicast or network.is_loopback:
        raise ValueError(f'"{network}" is not a subnet that interfaces can have addresses of')
    return network


@lru_cache(maxsize=4096)
def _parsed(text: str) -> Interface:
    return ipaddress.ip_interface(text)


def _interface(value: object, such_as: str) -> Interface:
    """An address with its prefix length; without one it would silently be a network of one."""
    try:
        text = _text(value)
        if "/" not in text or "%" in text:
            raise ValueError
        return _parsed(text)
    except ValueError:
        raise ValueError(f'"{value}" is not an address with a prefix length such as {such_as}') from None


def _gateway(value: object) -> Address:
    try:
        text = _text(value)
        if "%" in text:
            raise ValueError
        return ipaddress.ip_address(text)
    except ValueError:
        raise ValueError(f'"{value}" is not an address such as 10.80.0.1 or fd00:80::1') from None
