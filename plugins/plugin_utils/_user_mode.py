# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""User-mode networks in the items of the roles sandbox and rootless, as slirp_network takes them.

This file is private to the collection: it may change without notice.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from ansible_collections.sandbox.network.plugins.plugin_utils import _sandbox_values as values

BACKENDS = ("slirp4netns", "pasta")
DEFAULT_CIDR = "10.0.2.0/24"
GATEWAY, DNS, GUEST = 2, 3, 100  # slirp4netns(1): offsets within the network
LONGEST_PREFIX = 25
LARGEST_MTU = {"slirp4netns": 65521, "pasta": 65520}
PORT = re.compile(r"(?:(?:\[[^\[\]]+\]|[^:/\[\]]+):)?[0-9]+(?:-[0-9]+)?(?::[0-9]+(?:-[0-9]+)?)?(?:/[a-z,]+)?")
LONGEST_WAIT = 3600
KEYS_OF_A_PORT = ("proto", "host_addr", "host_port", "guest_addr", "guest_port")


def cidr(value: object) -> str:
    """The IPv4 network of a sandbox, in which its address can be."""
    text = values.text(value)
    try:
        network = ipaddress.ip_network(text) if "/" in text else None
    except ValueError as problem:
        raise ValueError(f'"{text}" is not a network such as {DEFAULT_CIDR}: {problem}') from None
    if network is None or network.version != 4 or not 1 <= network.prefixlen <= LONGEST_PREFIX:
        raise ValueError(
            f'"{text}" is not an IPv4 network such as {DEFAULT_CIDR}, with a prefix length of at most {LONGEST_PREFIX}'
        )
    return str(network)


def addresses_in(network: str) -> dict[str, str]:
    """What the gateway, the name server and the sandbox have in a network."""
    found = ipaddress.ip_network(network)
    return {"gateway": str(found[GATEWAY]), "dns": str(found[DNS]), "guest_address": str(found[GUEST])}


def seconds(value: object) -> float:
    """A time that is not nothing."""
    found = values.seconds(value, LONGEST_WAIT)
    if not found:
        raise ValueError(f"{found:g} is not between 0 and {LONGEST_WAIT}")
    return found


PROTECTION = partial(values.one_of, ("auto", "required", "never"))
PARSERS: dict[str, Any] = {
    "backend": partial(values.one_of, BACKENDS),
    "cidr": cidr,
    "mtu": lambda value: values.number(value, values.MTU_SMALLEST, LARGEST_MTU["slirp4netns"]),
    "ipv6": values.boolean,
    "host_loopback": values.boolean,
    "dns": values.boolean,
    "sandbox": PROTECTION,
    "seccomp": PROTECTION,
    "outbound_addr": values.text,
    "outbound_addr6": values.text,
    "ready_timeout": seconds,
    "user": values.text,
    "program": values.absolute_path,
    "service_manager": partial(values.one_of, ("auto", "systemd", "process")),
}


def contradictions(options: Mapping[str, Any]) -> Iterator[str]:
    """What the options of one network cannot be together."""
    backend, mtu = options.get("backend", BACKENDS[0]), options.get("mtu")
    if mtu is not None and options.get("ipv6") and mtu < values.MTU_SMALLEST_IPV6:
        yield f"mtu: {mtu} is less than the {values.MTU_SMALLEST_IPV6} that IPv6 needs"
    if mtu is not None and mtu > LARGEST_MTU[backend]:
        yield f"mtu: {mtu} is more than the {LARGEST_MTU[backend]} of {backend}"
    if options.get("outbound_addr6") and not options.get("ipv6"):
        yield "outbound_addr6: needs ipv6: true"


def ports(value: object) -> list[Any]:
    """Port forwards, in short or long form; the module looks at the addresses and numbers."""
    found = values.as_list(value)
    for one in found:
        if isinstance(one, Mapping):
            unknown = [key for key in one if key not in KEYS_OF_A_PORT]
            if unknown or one.get("host_port") is None:
                what = f"{unknown[0]} is not one of {', '.join(KEYS_OF_A_PORT)}" if unknown else "host_port is missing"
                raise ValueError(f"{dict(one)!r}: {what}")
        elif isinstance(one, bool) or not isinstance(one, (int, str)) or not PORT.fullmatch(str(one)):
            raise ValueError(
                f"{one!r} is not [HOST_ADDR:]HOST_PORT[:GUEST_PORT][/PROTO], such as 127.0.0.1:8080:80/tcp"
            )
    return found
