# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The least that tells a runtime what changes in the namespace it is started in: a loop on raw netlink.

    bare.py RUNTIME SANDBOX FILE DEBOUNCE

It keeps nothing on disk, believes whatever it reads at once, waits for no command longer than for
another, and watches one namespace only.
"""

from __future__ import annotations

import json
import os
import select
import socket
import struct
import sys
import time
from collections.abc import Iterator
from typing import Any

GROUPS = (1, 5, 7, 9, 11)
RTM_GETLINK, RTM_GETADDR, RTM_GETROUTE = 18, 22, 26
DUMP, DONE = 0x301, 3
AF_INET6 = 10


def main(runtime: str, sandbox: str, file: str, debounce: float) -> None:
    """For ever."""
    events = _socket()
    events.setsockopt(socket.SOL_SOCKET, 33, 32 << 20)
    for group in GROUPS:
        events.setsockopt(270, 1, group)
    netlink = _socket()
    links, routes = _look(netlink)
    os.write(1, b"1")
    while True:
        select.select([events], [], [])
        time.sleep(debounce)
        _drain(events)
        now, ways = _look(netlink)
        for index in links.keys() - now.keys():
            _call(runtime, "del-iface", sandbox, file, links[index])
        for index, document in now.items():
            if links.get(index) != document:
                _call(runtime, "update-iface" if index in links else "add-iface", sandbox, file, document)
        if ways != routes:
            _call(runtime, "update-routes", sandbox, file, ways)
        links, routes = now, ways


def _socket() -> socket.socket:
    found = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
    found.bind((0, 0))
    return found


def _drain(events: socket.socket) -> None:
    while True:
        try:
            events.recv(64, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return
        except OSError:
            continue


def _call(runtime: str, verb: str, sandbox: str, file: str, document: Any) -> None:
    with open(file, "w", encoding="utf-8") as target:
        json.dump(document, target)
    os.waitpid(os.posix_spawn(runtime, [runtime, "kata-network", verb, sandbox, file], {}), 0)


def _look(netlink: socket.socket) -> tuple[dict[int, Any], list[Any]]:
    links: dict[int, Any] = {}
    for body in _dump(netlink, RTM_GETLINK, 16):
        index, flags = struct.unpack_from("=4xiI", body)
        found = dict(_attributes(body, 16))
        if flags & 0x41 == 0x41 and not flags & 8 and found.get(1):
            name, kind = found[3][:-1].decode(), dict(_attributes(found.get(18, b""), 0)).get(1, b"device\0")
            links[index] = {"Device": name, "Name": name, "IPAddresses": [], "Mtu": struct.unpack("=I", found[4])[0]}
            links[index].update(RawFlags=0, HwAddr=found[1].hex(":"), PciPath={}, LinkType=kind[:-1].decode())
    for body in _dump(netlink, RTM_GETADDR, 8):
        family, prefix, index = struct.unpack_from("=BBxxi", body)
        found = dict(_attributes(body, 8))
        if index in links:
            text = socket.inet_ntop(family, found.get(2, found[1]))
            links[index]["IPAddresses"].append({"Family": family, "Address": text, "Mask": str(prefix)})
    return links, [*_routes(netlink, links)]


def _routes(netlink: socket.socket, links: dict[int, Any]) -> Iterator[Any]:
    for family in (socket.AF_INET, AF_INET6):
        for body in _dump(netlink, RTM_GETROUTE, 12, family):
            _family, prefix, _source, _tos, table, protocol, scope = struct.unpack_from("=7B", body)
            if table != 254 or protocol == 2:
                continue
            found = dict(_attributes(body, 12))
            index = struct.unpack("=i", found.get(4, b"\0\0\0\0"))[0]
            yield {
                "Dest": f"{socket.inet_ntop(family, found[1])}/{prefix}" if 1 in found else "",
                "Gateway": socket.inet_ntop(family, found[5]) if 5 in found else "",
                "Device": links[index]["Name"] if index in links else "",
                "Source": socket.inet_ntop(family, found[7]) if 7 in found else "",
                "Scope": scope,
            }


def _dump(netlink: socket.socket, kind: int, size: int, family: int = 0) -> Iterator[bytes]:
    netlink.send(struct.pack("=IHHIIB", 16 + size, kind, DUMP, 1, 0, family) + bytes(size - 1))
    while True:
        data, offset = netlink.recv(1 << 17), 0
        while offset < len(data):
            length, answer = struct.unpack_from("=IH", data, offset)
            if answer == DONE:
                return
            yield data[offset + 16 : offset + length]
            offset += (length + 3) & ~3


def _attributes(data: bytes, offset: int) -> Iterator[tuple[int, bytes]]:
    while offset + 4 <= len(data):
        length, kind = struct.unpack_from("=HH", data, offset)
        yield kind & 0x3FFF, data[offset + 4 : offset + length]
        offset += (length + 3) & ~3


if __name__ == "__main__":
    main(*sys.argv[1:4], float(sys.argv[4]))
