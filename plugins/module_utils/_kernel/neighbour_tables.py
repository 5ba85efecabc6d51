# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Settings of the neighbour tables (ARP, ND): those of links that are not as those of new links.

Read by netlink, because only the initial namespace has those of new links below /proc.
Numbers are those of ``include/uapi/linux/neighbour.h``.
"""

from __future__ import annotations

import socket
import struct

from .netlink import NetlinkSocket, attributes, decoder, number_of

RTM_GETNEIGHTBL = 66
HEADER = struct.Struct("=Bxxx")  # struct ndtmsg: family
NDTA_PARMS = 6
NDTPA_IFINDEX = 1
TABLES = {int(socket.AF_INET): "ipv4/neigh", int(socket.AF_INET6): "ipv6/neigh"}
SETTINGS = {
    4: ("base_reachable_time_ms", 1),
    5: ("retrans_time_ms", 1),
    6: ("gc_stale_time", 1000),
    7: ("delay_first_probe_time", 1000),
    9: ("app_solicit", 1),
    10: ("ucast_solicit", 1),
    11: ("mcast_solicit", 1),
    12: ("anycast_delay", 10),
    13: ("proxy_delay", 10),
    14: ("proxy_qlen", 1),
    15: ("locktime", 10),
    16: ("unres_qlen_bytes", 1),
    17: ("mcast_resolicit", 1),
    19: ("interval_probe_time_ms", 1),
}
"""By the kernel's number: the name below /proc/sys/net, and how many of ours are one of its."""


def read_special_settings(netlink: NetlinkSocket) -> dict[int, dict[str, tuple[str, str]]]:
    """By the index of a link: the settings by table and name, such as ``ipv4/neigh/proxy_qlen``,
    that are not as those of new links: what they are, and those. Values as below /proc.
    """
    messages = [decode_table(payload) for payload in netlink.dump(RTM_GETNEIGHTBL, HEADER.pack(0))]
    usual = {table: values for table, ifindex, values in messages if not ifindex}
    found: dict[int, dict[str, tuple[str, str]]] = {}
    for table, ifindex, values in messages:
        for name, value in values.items():
            of_new_links = usual.get(table, {}).get(name, value)
            if ifindex and value != of_new_links:
                found.setdefault(ifindex, {})[f"{table}/{name}"] = (value, of_new_links)
    return found


@decoder
def decode_table(payload: bytes) -> tuple[str, int, dict[str, str]]:
    """Table, index of a link (0: new links) and settings, from an RTM_NEWNEIGHTBL message."""
    (family,) = HEADER.unpack_from(payload)
    parameters = attributes(attributes(payload, HEADER.size).get(NDTA_PARMS, b""))
    values = {
        name: str(-(-number_of(parameters[number]) // divisor))  # upwards: what the kernel then rounds down to it
        for number, (name, divisor) in SETTINGS.items()
        if number in parameters
    }
    return TABLES.get(family, ""), number_of(parameters.get(NDTPA_IFINDEX)), values
