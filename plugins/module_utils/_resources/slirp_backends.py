# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""How slirp4netns and pasta are called for the network that is wanted: pure functions."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from ipaddress import ip_address, ip_network

from .._engine.errors import InvalidOption, TaskError
from .._engine.state import State
from .._programs.finding import Program
from .._programs.pesto import specification
from .._programs.slirp4netns import Forward
from .forwards import host_side, is_loopback
from .slirp_options import PREFIX6, WantedSlirp

LONGEST_SOCKET = 107  # bytes: sun_path less the closing zero (unix(7))
CONTROL, PESTO, HOST_LO_TO_NS_LO = "conf-path", "pesto", "host-lo-to-ns-lo"
SINCE_2024_08 = "map-host-loopback"
"""An option by which a pasta shows that it is not older; Debian's does not tell its version."""
GUEST6, GATEWAY6 = f"{PREFIX6}100", f"{PREFIX6}2"


def command_line(
    one: WantedSlirp, program: Program, files: str, forwards: Sequence[Forward], *, root: bool, live: bool
) -> list[str]:
    """The words by which the helper is started; ``files`` is the directory of its socket or pid file, and
    ``live`` means that a pasta gets its forwards later, by pesto.

    Raises InvalidOption, TaskError for what the program cannot do.
    """
    if one.backend == "slirp4netns":
        return [program.path, *_slirp4netns(one, program, files, root)]
    return [program.path, *_pasta(one, files, forwards, root, live)]


def socket_of(one: WantedSlirp, files: str, *, live: bool) -> str | None:
    """The API socket; None for a pasta that has none. Raises TaskError for a path that is too long."""
    if one.backend != "slirp4netns" and not live:
        return None
    path = f"{files}/api.sock"
    if len(path.encode()) > LONGEST_SOCKET:
        raise TaskError(
            f"state_dir: the socket {path} would have a path of {len(path.encode())} bytes;"
            f" a socket can have {LONGEST_SOCKET}"
        )
    return path


def pid_file_of(one: WantedSlirp, files: str) -> str | None:
    """Where the helper tells its pid, if it does."""
    return None if one.backend == "slirp4netns" else f"{files}/helper.pid"


def netns_at(one: WantedSlirp, files: str, *, root: bool) -> str | None:
    """Where a pasta of root finds the namespace of a process: it gives up the right to look below
    /proc/PID before it looks. None where it needs no such place.
    """
    return f"{files}/netns" if one.backend == "pasta" and root and one.pid is not None else None


def refuse_impossible(one: WantedSlirp, program: Program) -> None:
    """What the program does not offer. Raises InvalidOption."""
    needed = {
        "ipv6": (one.ipv6, "enable-ipv6"),
        "host_loopback": (not one.host_loopback, "disable-host-loopback"),
        "dns": (not one.dns, "disable-dns"),
        "sandbox": (one.sandbox == "required", "enable-sandbox"),
        "seccomp": (one.seccomp == "required", "enable-seccomp"),
        "outbound_addr": (bool(one.outbound), "outbound-addr"),
    }
    if one.backend == "pasta":  # which always does what it can for its safety
        for option, wish in (("sandbox", one.sandbox), ("seccomp", one.seccomp)):
            if wish == "never":
                raise InvalidOption(option, wish, "is not possible: pasta cannot be run without")
        needed = {"host_loopback": (not one.host_loopback, "no-map-gw"), "dns": (one.dns, "dns-forward")}
    for option, (asked, flag) in needed.items():
        if asked and flag not in program.options:
            raise InvalidOption(option, getattr(one, option, one.outbound), f"needs {program.path} with --{flag}")


def refuse_forwards(one: WantedSlirp, program: Program, option: str, forwards: Sequence[Forward]) -> None:
    """What a back end would accept and not do, or refuse without a reason. Raises InvalidOption."""
    for forward in forwards:
        six = ":" in forward.host_addr or ":" in forward.guest_addr
        if six and one.backend == "slirp4netns":
            raise InvalidOption(
                option, host_side(forward), "is IPv6, which slirp4netns cannot forward; backend: pasta can"
            )
        if six and not one.ipv6:
            raise InvalidOption(option, host_side(forward), "is IPv6, and needs ipv6: true")
        if one.backend == "pasta":
            refuse_other_guest(option, forward, one.network.guest, spliced=is_spliced(program))
        else:
            refuse_guest(option, forward, one.network.cidr, (one.network.gateway, one.network.dns))
    if one.backend == "pasta":
        refuse_old_pasta(option, program, forwards)


def refuse_without_way_out(one: WantedSlirp, state: State) -> None:
    """pasta serves only families of addresses that the host has a default route for. Raises InvalidOption."""
    if one.backend == "pasta" and not state.kinds["default4"]:
        raise InvalidOption("backend", "pasta", "needs an IPv4 default route where Ansible runs")
    if one.backend == "pasta" and one.ipv6 and not state.kinds["default6"]:
        raise InvalidOption("ipv6", True, "needs an IPv6 default route where Ansible runs")


def is_spliced(program: Program) -> bool:
    """Whether a pasta hands what comes to the host's loopback to the sandbox's loopback, and to no other
    address. Newer ones do so only when told to.
    """
    return HOST_LO_TO_NS_LO not in program.options


def refuse_other_guest(option: str, forward: Forward, guest: str, *, spliced: bool) -> None:
    """pasta knows but one address of the sandbox for each way. Raises InvalidOption."""
    own = ("127.0.0.1", "::1") if spliced and is_loopback(forward.host_addr) else (guest, GUEST6)
    if forward.guest_addr not in ("", *own):
        six = ":" in forward.host_addr
        raise InvalidOption(option, forward.guest_addr, f"is not where pasta leads this one, {own[1 if six else 0]}")


def refuse_old_pasta(option: str, program: Program, forwards: Sequence[Forward]) -> None:
    """What a pasta of before August 2024 does wrong. Raises InvalidOption.

    It opens ports of the host's loopback to the sandbox besides, where a UDP port leads to a lower
    one; and it counts ports without addresses.
    """
    if SINCE_2024_08 in program.options:
        return
    seen: dict[tuple[str, int], Forward] = {}
    for one in forwards:
        if one.proto == "udp" and one.guest_port < one.host_port:
            reason = "would open the host's loopback to the sandbox: this pasta cannot lead a UDP port to a lower one"
            raise InvalidOption(option, host_side(one), reason)
        other = seen.setdefault((one.proto, one.host_port), one)
        if other is not one:
            raise InvalidOption(
                option, host_side(one), f"has the port of {host_side(other)}, which this pasta cannot do"
            )


def refuse_guest(option: str, forward: Forward, cidr: str, taken: Collection[str]) -> None:
    """A guest address that nobody in the sandbox can have. Raises InvalidOption."""
    if not forward.guest_addr or ":" in forward.guest_addr:
        return
    network, address = ip_network(cidr), ip_address(forward.guest_addr)
    edges = (network.network_address, network.broadcast_address)
    if address not in network or address in edges or forward.guest_addr in taken:
        raise InvalidOption(option, forward.guest_addr, f"is not an address that the sandbox can have, in {cidr}")


def _slirp4netns(one: WantedSlirp, program: Program, files: str, root: bool) -> Iterator[str]:
    yield from ("--configure", f"--mtu={one.mtu}", f"--cidr={one.network.cidr}")
    yield from ("--ready-fd=3", "--exit-fd=4", f"--api-socket={socket_of(one, files, live=True)}")
    if not one.host_loopback:
        yield "--disable-host-loopback"
    if not one.dns:
        yield "--disable-dns"
    if one.ipv6:
        yield "--enable-ipv6"
    for wish, flag in ((one.sandbox, "enable-sandbox"), (one.seccomp, "enable-seccomp")):
        if wish != "never" and flag in program.options:
            yield f"--{flag}"
    for address in one.outbound:
        yield f"--outbound-addr{'6' if ':' in address else ''}={address}"
    if root:
        yield from ("--netns-type=path", one.netns)
    else:  # by pid, it joins the user namespace as well
        yield str(one.pid)
    yield one.interface


def _pasta(one: WantedSlirp, files: str, forwards: Sequence[Forward], root: bool, live: bool) -> Iterator[str]:
    if root:  # it would become nobody, and could not enter a namespace of root
        yield from ("--runas", "0")
    yield from ("--config-net", "--quiet", "--log-file", f"{files}/helper.log", "--pid", f"{files}/helper.pid")
    yield from ("--ns-ifname", one.interface, "--mtu", str(one.mtu))
    yield from ("--address", one.network.guest, "--netmask", str(one.network.prefix), "--gateway", one.network.gateway)
    if one.ipv6:
        yield from ("--address", GUEST6, "--gateway", GATEWAY6)
    else:
        yield "--ipv4-only"
    if one.dns:
        yield from ("--dns-forward", one.network.dns)
    if not one.host_loopback:
        yield "--no-map-gw"
    for address in one.outbound:
        yield from ("--outbound", address)
    if live:
        yield from (f"--{CONTROL}", str(socket_of(one, files, live=True)))
    yield from _ports(() if live else forwards)
    yield from ("--tcp-ns", "none", "--udp-ns", "none")  # nothing of the host's loopback inside
    if root:
        yield from ("--netns", netns_at(one, files, root=root) or one.netns)
    else:
        yield str(one.pid)


def _ports(forwards: Sequence[Forward]) -> Iterator[str]:
    for proto, flag in (("tcp", "--tcp-ports"), ("udp", "--udp-ports")):
        ports = [specification(one) for one in forwards if one.proto == proto]
        for port in ports or ["none"]:
            yield from (flag, port)


def pasta_with(argv: Sequence[str], forwards: Sequence[Forward]) -> list[str]:
    """The command line of a pasta with other forwards."""
    first = min(position for position, word in enumerate(argv) if word in ("--tcp-ports", "--udp-ports"))
    rest = list(argv[first:])
    while rest[0] in ("--tcp-ports", "--udp-ports"):
        rest = rest[2:]
    return [*argv[:first], *_ports(forwards), *rest]
