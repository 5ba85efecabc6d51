# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The options of slirp_network, parsed into the user-mode network that is wanted."""

from __future__ import annotations

import os
import pwd
import re
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

from .._engine.errors import InvalidOption
from .._engine.form import Form
from .._programs.processes import clock_ticks_now
from .._programs.slirp4netns import Forward
from . import values
from .forwards import parse_forwards

BACKENDS = ("slirp4netns", "pasta")
SMALLEST_MTU, SMALLEST_MTU_IPV6 = 68, 1280
LARGEST_MTU = {"slirp4netns": 65521, "pasta": 65520}
GATEWAY, DNS, GUEST = 2, 3, 100  # slirp4netns(1): offsets within the network
LONGEST_PREFIX = 25  # the guest's address has to be in it
PREFIX6 = "fd00::"
PROTECTION = {"type": "str", "choices": ["auto", "required", "never"], "default": "auto"}

OPTIONS: dict[str, Any] = {
    "netns": {"type": "str"},
    "state": {
        "type": "str",
        "choices": ["started", "present", "stopped", "absent", "restarted"],
        "default": "started",
    },
    "backend": {"type": "str", "choices": list(BACKENDS), "default": "slirp4netns"},
    "interface": {"type": "str", "default": "tap0"},
    "mtu": {"type": "int", "default": 65520},
    "cidr": {"type": "str", "default": "10.0.2.0/24"},
    "ipv6": {"type": "bool", "default": False},
    "host_loopback": {"type": "bool", "default": False},
    "dns": {"type": "bool", "default": True},
    "sandbox": PROTECTION,
    "seccomp": PROTECTION,
    "outbound_addr": {"type": "str"},
    "outbound_addr6": {"type": "str"},
    "forwards": {"type": "list", "elements": "raw"},
    "purge": {"type": "bool", "default": False},
    "ready_timeout": {"type": "float", "default": 60.0},
    "user": {"type": "str"},
    "program": {"type": "path"},
    "service_manager": {"type": "str", "choices": ["auto", "systemd", "process"], "default": "auto"},
}
FORM = Form(options=OPTIONS, single="slirp", plural="networks", constraints={})


@dataclass(frozen=True)
class Network4:
    """The addresses of a user-mode network, which all follow from its CIDR."""

    cidr: str
    prefix: int
    gateway: str
    dns: str
    guest: str


@dataclass(frozen=True)
class WantedSlirp:
    """One user-mode network as wanted. ``netns`` is the path of the namespace; ``pid`` that of the
    process it was named by. ``since``: what was started before, in clock ticks since the boot, is to be
    started again. ``forwards`` None: they stay as they are.
    """

    netns: str
    running: bool
    pid: int | None = None
    since: int = 0
    backend: str = "slirp4netns"
    interface: str = "tap0"
    mtu: int = 65520
    network: Network4 = Network4("10.0.2.0/24", 24, "10.0.2.2", "10.0.2.3", "10.0.2.100")
    ipv6: bool = False
    host_loopback: bool = False
    dns: bool = True
    sandbox: str = "auto"
    seccomp: str = "auto"
    outbound: tuple[str, ...] = ()
    forwards: tuple[Forward, ...] | None = None
    purge: bool = False
    ready_timeout: float = 60.0
    user: str | None = None
    program: str | None = None
    manager: str = "auto"


def parse_slirp(options: dict[str, Any]) -> WantedSlirp:
    """One user-mode network. Raises InvalidOption."""
    text = values.required("netns", options["netns"])
    netns = str(values.namespace_path("netns", text))
    matched = re.fullmatch(r"/proc/([0-9]+)/ns/net", netns)
    pid = int(matched[1]) if matched else None
    if options["state"] in ("stopped", "absent"):
        return WantedSlirp(netns, running=False, pid=pid)
    backend, ipv6 = options["backend"], options["ipv6"]
    smallest = SMALLEST_MTU_IPV6 if ipv6 else SMALLEST_MTU
    values.number("mtu", options["mtu"], smallest, LARGEST_MTU[backend])
    if not 0 < options["ready_timeout"] <= 3600:
        raise InvalidOption("ready_timeout", options["ready_timeout"], "is not between 0 and 3600 seconds")
    user = _user(options["user"])
    given = options["forwards"]
    return WantedSlirp(
        netns=netns,
        running=True,
        pid=pid,
        since=clock_ticks_now() if options["state"] == "restarted" else 0,
        backend=backend,
        interface=values.link_name("interface", options["interface"]),
        mtu=options["mtu"],
        network=_network(options["cidr"]),
        ipv6=ipv6,
        host_loopback=options["host_loopback"],
        dns=options["dns"],
        sandbox=options["sandbox"],
        seccomp=options["seccomp"],
        outbound=_outbound(options),
        forwards=None if given is None else parse_forwards("forwards", given),
        purge=options["purge"],
        ready_timeout=options["ready_timeout"],
        user=user,
        program=options["program"] and values.absolute_path("program", options["program"]),
        manager=options["service_manager"],
    )


def _network(text: str) -> Network4:
    network = values.ip_network("cidr", text)
    if network.version != 4:
        raise InvalidOption("cidr", text, "is not an IPv4 network; ipv6: true gives the sandbox fd00::/64 besides")
    if not 1 <= network.prefixlen <= LONGEST_PREFIX:
        raise InvalidOption("cidr", text, f"has a prefix length that is not between 1 and {LONGEST_PREFIX}")
    first = ip_address(network.first)
    if first.is_loopback or first.is_link_local or first.is_multicast or first.is_reserved or network.first < 1 << 24:
        raise InvalidOption("cidr", text, "is not a network of addresses that a host can have")
    gateway, dns, guest = (str(network[offset]) for offset in (GATEWAY, DNS, GUEST))
    values.ip_interface("cidr", f"{guest}/{network.prefixlen}")
    return Network4(str(network.cidr), network.prefixlen, gateway, dns, guest)


def _outbound(options: dict[str, Any]) -> tuple[str, ...]:
    found = []
    for option, version in (("outbound_addr", 4), ("outbound_addr6", 6)):
        if options[option] is None:
            continue
        address = values.ip_address(option, options[option])
        if address.version != version:
            raise InvalidOption(option, options[option], f"is not an IPv{version} address")
        if version == 6 and not options["ipv6"]:
            raise InvalidOption(option, options[option], "needs ipv6: true")
        found.append(str(address))
    return tuple(found)


def _user(name: str | None) -> str | None:
    if name is None:
        return None
    try:
        uid = pwd.getpwnam(name).pw_uid
    except KeyError:
        raise InvalidOption("user", name, "is not a user of this host") from None
    if uid == os.geteuid():
        return None
    if os.geteuid() != 0:
        raise InvalidOption("user", name, "is somebody else: only root can start processes for others")
    return name
