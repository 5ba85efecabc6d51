# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Values in the items of the role's sandbox_list. Each function returns what a value means,
or raises ValueError with what is wrong with it.

This file is private to the collection: it may change without notice.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Union

from ansible.module_utils.parsing.convert_bool import boolean as to_boolean

Address = Union[ipaddress.IPv4Address, ipaddress.IPv6Address]
Interface = Union[ipaddress.IPv4Interface, ipaddress.IPv6Interface]
Network = Union[ipaddress.IPv4Network, ipaddress.IPv6Network]

DRIVERS = ("bridge", "slirp", "cni", "none")
PLAIN_NAME = re.compile(r"[A-Za-z0-9_.][A-Za-z0-9_.-]*")
MAC = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}", re.IGNORECASE)
LONGEST_LINK_NAME = 15
MTU_SMALLEST, MTU_SMALLEST_IPV6, MTU_LARGEST = 68, 1280, 65535


def parse_options(
    given: Mapping[str, Any], parsers: Mapping[str, Callable[[object], Any]]
) -> tuple[dict[str, Any], list[str]]:
    """The options of a dictionary, each by its parser, and what is wrong with them; what is None is not given."""
    options: dict[str, Any] = {}
    problems = []
    for option, value in given.items():
        if option not in parsers:
            problems.append(f"{option} is not one of {', '.join(parsers)}")
        elif value is not None:
            try:
                options[option] = parsers[option](value)
            except ValueError as problem:
                problems.append(f"{option}: {problem}")
    return options, problems


def as_list(value: object) -> list[Any]:
    """A list as it is, one value as a list of one, None as an empty one."""
    if value is None:
        return []
    return list(value) if isinstance(value, (list, tuple)) else [value]


def text(value: object) -> str:
    """A text that is not empty."""
    if not isinstance(value, str) or not value:
        raise ValueError(f"{value!r} is not a text" if value else "is missing or empty")
    return str(value)


def dictionary(value: object) -> Mapping[str, Any]:
    """A dictionary."""
    if not isinstance(value, Mapping):
        raise ValueError(f"{value!r} is not a dictionary")
    return value


def one_of(choices: Sequence[str], value: object) -> str:
    """One of several words."""
    if value not in choices:
        raise ValueError(f'"{value}" is not one of {", ".join(choices)}')
    return str(value)


def driver(value: object) -> str:
    """A driver that there is."""
    return one_of(DRIVERS, value)


def absolute_path(value: object) -> str:
    """A path that says where it starts."""
    path = text(value)
    if not path.startswith("/") or "\0" in path:
        raise ValueError(f"{path!r} is not an absolute path")
    return path


def _plain_name(value: object, longest: int) -> str:
    """A name as the modules take it for something new."""
    name = text(value)
    if not PLAIN_NAME.fullmatch(name) or name in (".", ".."):
        raise ValueError(f"{name!r} is not a name of letters, digits, '_', '.' and '-' with no '-' in front")
    if len(name) > longest:
        raise ValueError(f"{name!r} has {len(name)} characters, {longest} are allowed")
    return name


def namespace_name(value: object) -> str:
    """The name of a namespace."""
    return _plain_name(value, 255)


def link_name(value: object) -> str:
    """The name of a link to be made."""
    name = _plain_name(value, LONGEST_LINK_NAME)
    if name in ("all", "default"):
        raise ValueError(f"{name!r} is a name that the kernel has for itself")
    return name


def interface_name(value: object) -> str:
    """The name of a link inside a sandbox, beside the loopback."""
    if value == "lo":
        raise ValueError('"lo" is the loopback, which every sandbox has')
    return link_name(value)


def found_link_name(value: object) -> str:
    """The name of a link that is there, which others may have named as the kernel lets them."""
    name = text(value)
    if name == "lo":
        raise ValueError('"lo" is the loopback, which stays where it is')
    if name in (".", "..") or re.search(r"[/:\s\0]", name):
        raise ValueError(f"{name!r} is not the name of a link: no '/', ':' or white space in it")
    size = len(name.encode())
    if size > LONGEST_LINK_NAME:
        raise ValueError(f"{name!r} has {size} bytes, {LONGEST_LINK_NAME} are allowed")
    return name


def new_name(value: object) -> str:
    """A name for a link, or a template with %d for the lowest number that is free."""
    template = text(value)
    if "%" not in template:
        return interface_name(template)
    if template.count("%") > 1 or "%d" not in template:
        raise ValueError(f"{template!r} is not a template: it needs %d once, and no other '%'")
    interface_name(template.replace("%d", "0"))
    return template


def namespace(value: object) -> str:
    """A namespace that is there: its name, its path, or pid:N."""
    name = text(value)
    if not re.fullmatch(r"/.+|pid:[1-9][0-9]*|(?!pid:)[^/]+", name) or name in (".", "..") or "\0" in name:
        raise ValueError(f"{name!r} is not the name of a namespace, an absolute path or pid:N")
    return name


def preserve_or_drop(value: object) -> str:
    """What becomes of something that a device has."""
    return one_of(("preserve", "drop"), value)


def boolean(value: object) -> bool:
    """A truth value in any way that Ansible takes one."""
    try:
        return bool(to_boolean(value))
    except TypeError:
        raise ValueError(f"{value!r} is neither true nor false") from None


def mac(value: object) -> str:
    """The MAC address of one link, in lower case."""
    mac = text(value).lower()
    if not MAC.fullmatch(mac):
        raise ValueError(f'"{value}" is not a MAC address such as 02:00:00:00:00:01')
    if int(mac[:2], 16) & 1 or mac == "00:00:00:00:00:00":
        raise ValueError(f'"{value}" is a group or null address, which no link can have')
    return mac


def seconds(value: object, longest: float) -> float:
    """A time up to the longest one."""
    try:
        found = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        raise ValueError(f"{value!r} is not a number of seconds") from None
    if not 0 <= found <= longest:
        raise ValueError(f"{found:g} is not between 0 and {longest}")
    return found


def number(value: object, smallest: int, largest: int) -> int:
    """A number within bounds."""
    try:
        if isinstance(value, bool) or not isinstance(value, (int, str)):
            raise ValueError
        found = int(value)
    except ValueError:
        raise ValueError(f"{value!r} is not a number") from None
    if not smallest <= found <= largest:
        raise ValueError(f"{found} is not between {smallest} and {largest}")
    return found


def mtu(value: object) -> int:
    """An MTU."""
    return number(value, MTU_SMALLEST, MTU_LARGEST)


def address(value: object) -> Interface:
    """The address of an interface, with its prefix length."""
    interface = _interface(value, "10.80.0.5/24 or fd00:80::5/64")
    address, network = interface.ip, interface.network
    if address.is_multicast or address.is_unspecified or address.is_loopback:
        raise ValueError(f'"{value}" is not an address that an interface can have')
    wide = network.prefixlen < network.max_prefixlen - 1
    if wide and (address == network.network_address or (address.version == 4 and address == network.broadcast_address)):
        raise ValueError(f'"{value}" is the network itself or its broadcast address')
    return interface


def subnet(value: object) -> Network:
    """A subnet with room for a router and others."""
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
        found = text(value)
        if "/" not in found or "%" in found:
            raise ValueError
        return _parsed(found)
    except ValueError:
        raise ValueError(f'"{value}" is not an address with a prefix length such as {such_as}') from None


def gateway(value: object) -> Address:
    """The address of a router, without a prefix length."""
    try:
        found = text(value)
        if "%" in found:
            raise ValueError
        return ipaddress.ip_address(found)
    except ValueError:
        raise ValueError(f'"{value}" is not an address such as 10.80.0.1 or fd00:80::1') from None
