# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Tracked connections, decoded from what the kernel sends."""

from __future__ import annotations

import socket

import pytest

from ansible_collections.sandbox.network.plugins.module_utils._kernel.conntrack import (
    HEADER,
    decode_connection,
)
from ansible_collections.sandbox.network.plugins.module_utils._kernel.errors import KernelError
from ansible_collections.sandbox.network.plugins.module_utils._kernel.netlink import pack_attribute


def of_tuple(source: str, destination: str, sport: int, dport: int) -> bytes:
    """The attributes of one direction."""
    six = ":" in source
    family = socket.AF_INET6 if six else socket.AF_INET
    addresses = pack_attribute(3 if six else 1, socket.inet_pton(family, source))
    addresses += pack_attribute(4 if six else 2, socket.inet_pton(family, destination))
    ports = pack_attribute(2, sport.to_bytes(2, "big")) + pack_attribute(3, dport.to_bytes(2, "big"))
    return pack_attribute(0x8001, addresses) + pack_attribute(0x8002, pack_attribute(1, b"\x11") + ports)


@pytest.mark.parametrize(("one", "other"), [("203.0.113.1", "10.80.0.2"), ("2001:db8::1", "fd00::2")])
def test_a_translated_connection(one: str, other: str) -> None:
    client = "192.0.2.7" if "." in one else "2001:db8::7"
    original, reply = of_tuple(client, one, 4000, 8053), of_tuple(other, client, 53, 4000)
    family = socket.AF_INET6 if ":" in one else socket.AF_INET
    identity = pack_attribute(12, b"\1\2\3\4")
    payload = HEADER.pack(family, 0, 0) + pack_attribute(0x8001, original) + pack_attribute(0x8002, reply) + identity
    found = decode_connection(payload)
    assert (found.proto, found.destination, found.port, found.family) == ("udp", one, 8053, family)
    assert found.addresses == {client, one, other}
    assert found.identity == pack_attribute(0x8001, original) + identity


def test_what_makes_no_sense_is_an_error() -> None:
    with pytest.raises(KernelError, match="EBADMSG"):
        decode_connection(HEADER.pack(2, 0, 0) + pack_attribute(0x8001, b""))
