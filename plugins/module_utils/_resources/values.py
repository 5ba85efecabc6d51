# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Option values, parsed and normalised: names, addresses, prefixes, MACs, namespaces.

Every function raises InvalidOption, which names the option and the value.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Sequence
from typing import Any

from .._engine.errors import InvalidOption

with contextlib.suppress(ImportError):  # the front door says what is missing
    import netaddr

NETNS_DIR = "/run/netns"
PLAIN_NAME = re.compile(r"[A-Za-z0-9_.][A-Za-z0-9_.-]*")
RESERVED_LINK_NAMES = ("all", "default")  # directories of the kernel's own below net.ipv4.conf
LONGEST_LINK_NAME = 15  # bytes: IFNAMSIZ less the closing zero
LONGEST_ALTNAME = 127  # bytes: ALTIFNAMSIZ less the closing zero
LONGEST_FILE_NAME = 255
LONGEST_ALIAS = 255


def file_name(option: str, value: Any, *, new: bool) -> str:
    """The name of a namespace: one component of a path; a new one of plain characters only."""
    text = required(option, value)
    if text in (".", "..") or "/" in text or "\0" in text:
        raise InvalidOption(option, value, "is not a name: it would lead to another directory")
    if len(os.fsencode(text)) > LONGEST_FILE_NAME:
        raise InvalidOption(option, value, f"is longer than {LONGEST_FILE_NAME} bytes")
    if new and not PLAIN_NAME.fullmatch(text):
        raise InvalidOption(
            option,
            value,
            "is not a name for a new namespace: letters, digits, '_', '.' and '-' only, and no '-' in front",
        )
    return text


def link_name(option: str, value: Any, *, new: bool = True) -> str:
    """The name of a link: 1 to 15 bytes; a new one of plain characters only."""
    text = required(option, value)
    size = len(text.encode())
    if size > LONGEST_LINK_NAME:
        raise InvalidOption(option, value, f"is {size} bytes long; a link name has at most {LONGEST_LINK_NAME}")
    if text in (".", "..") or re.search(r"[/:\s\0]", text):
        raise InvalidOption(option, value, "is not a link name: no '/', ':' or white space in it")
    if new and (not PLAIN_NAME.fullmatch(text) or text in RESERVED_LINK_NAMES):
        raise InvalidOption(
            option,
            value,
            "is not a name for a link: letters, digits, '_', '.' and '-' only, no '-' in"
            " front, not 'all' nor 'default'",
        )
    return text


def altname(option: str, value: Any) -> str:
    """An alternative name of a link: 1 to 127 bytes of plain characters."""
    text = required(option, value)
    if not PLAIN_NAME.fullmatch(text) or text in (".", ".."):
        raise InvalidOption(option, value, "is not a link name: letters, digits, '_', '.' and '-' only")
    if len(text) > LONGEST_ALTNAME:
        raise InvalidOption(option, value, f"is longer than {LONGEST_ALTNAME} bytes")
    return text


def namespace_path(option: str, value: str | None) -> str | None:
    """The path of a namespace given as a name, an absolute path or ``pid:N``; None stays."""
    if value is None:
        return None
    if value.startswith("pid:"):
        number = value[len("pid:") :]
        if not re.fullmatch(r"[1-9][0-9]*", number):
            raise InvalidOption(option, value, "is not pid:N with a positive number")
        return f"/proc/{number}/ns/net"
    if value.startswith("/"):
        return absolute_path(option, value)
    return os.path.join(NETNS_DIR, file_name(option, value, new=False))


def absolute_path(option: str, value: str) -> str:
    """An absolute path with its directory part resolved, so that one place has one name."""
    _refuse_relative(option, value)
    parent, name = os.path.split(os.path.normpath(value))
    if not name:
        raise InvalidOption(option, value, "is a directory")
    if parent.startswith("/proc/"):
        return os.path.join(parent, name)
    return os.path.join(os.path.realpath(parent), name)


def directory(option: str, value: str) -> str:
    """The resolved path of a directory, which need not exist; not the root."""
    _refuse_relative(option, value)
    path = os.path.realpath(value)
    if path == "/":
        raise InvalidOption(option, value, "is the root directory")
    return path


def ip_address(option: str, value: Any) -> Any:
    """One address, as netaddr.IPAddress; the strict dotted or colon form only."""
    text = required(option, value)
    try:
        # INET_PTON: no octal, no two-part forms
        address = netaddr.IPAddress(text, flags=netaddr.INET_PTON)
    except (netaddr.AddrFormatError, ValueError, TypeError):
        raise InvalidOption(option, value, "is not an IP address") from None
    if address.version == 6 and address.is_ipv4_mapped():
        raise InvalidOption(option, value, "is an IPv4-mapped address; give the IPv4 address")
    return address


def ip_interface(option: str, value: Any) -> tuple[str, int]:
    """An address with its prefix length, for a link: ``("10.0.0.2", 24)``."""
    text = required(option, value)
    address, prefix = _split_cidr(option, text)
    if address.is_multicast() or int(address) == 0:
        raise InvalidOption(option, value, "is not the address of one host")
    if prefix == 0:
        raise InvalidOption(option, value, "has prefix length 0")
    if address.version == 4 and prefix < 31:
        network = netaddr.IPNetwork(f"{address}/{prefix}")
        if int(address) in (network.first, network.last):
            raise InvalidOption(option, value, "is the network or the broadcast address of its subnet")
    return str(address), prefix


def ip_network(option: str, value: Any) -> Any:
    """A network in CIDR form without host bits, as netaddr.IPNetwork."""
    text = required(option, value)
    address, prefix = _split_cidr(option, text)
    network = netaddr.IPNetwork(f"{address}/{prefix}")
    if int(address) != network.first:
        raise InvalidOption(option, value, f"has host bits set; the network is {network.cidr}")
    return network


def mac_address(option: str, value: str | None) -> str | None:
    """A unicast MAC address in lower case with colons; None stays."""
    if value is None:
        return None
    if not re.fullmatch(r"(?i)[0-9a-f]{2}([:-][0-9a-f]{2}){5}", value):
        raise InvalidOption(option, value, "is not a MAC address such as 02:00:00:00:00:01")
    mac = netaddr.EUI(value, version=48)
    if mac.words[0] & 1:
        raise InvalidOption(option, value, "is a multicast MAC address")
    if int(mac) == 0:
        raise InvalidOption(option, value, "is the zero MAC address")
    return ":".join(f"{word:02x}" for word in mac.words)


def number(option: str, value: int | None, lowest: int, highest: int) -> int | None:
    """A number within bounds; None stays."""
    if value is not None and not lowest <= value <= highest:
        raise InvalidOption(option, value, f"is not between {lowest} and {highest}")
    return value


def required(option: str, value: Any) -> str:
    """A text that must be given and not be empty."""
    if value is None or value == "":
        raise InvalidOption(option, value, "is required")
    return str(value)


def no_duplicates(option: str, names: Sequence[Any]) -> None:
    """Refuse a list in which something occurs twice."""
    seen = set()
    for name in names:
        if name in seen:
            raise InvalidOption(option, name, "is given twice")
        seen.add(name)


def _refuse_relative(option: str, value: str) -> None:
    if not value.startswith("/") or "\0" in value:
        raise InvalidOption(option, value, "is not an absolute path")
    if ".." in value.split("/"):
        raise InvalidOption(option, value, "has '..' in it")


def _split_cidr(option: str, text: str) -> tuple[Any, int]:
    address_text, slash, prefix_text = text.partition("/")
    if not slash:
        raise InvalidOption(option, text, "needs a prefix length, such as 10.0.0.2/24")
    address = ip_address(option, address_text)
    longest = 32 if address.version == 4 else 128
    if not re.fullmatch(r"[0-9]{1,3}", prefix_text) or int(prefix_text) > longest:
        raise InvalidOption(option, text, f"has no prefix length between 0 and {longest}")
    return address, int(prefix_text)
