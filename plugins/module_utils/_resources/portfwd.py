# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The resource portfwd: port forwards of a user-mode network that runs."""

from __future__ import annotations

import errno
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .._engine.errors import InvalidOption, NotThereYet, TaskError
from .._engine.form import Form
from .._engine.operation import Operation
from .._engine.resource import Reader
from .._engine.state import HelperState, NamespaceState, State
from .._programs.errors import ProgramError
from .._programs.finding import Program, read_options
from .._programs.slirp4netns import Forward, list_forwards, peer_arguments
from . import forwards as options
from . import values
from .forwards import describe_forward, host_side, parse_forwards
from .helpers import observe_helper
from .netns import namespace_subjects
from .slirp_backends import LONGEST_SOCKET, pasta_with, refuse_guest, refuse_old_pasta, refuse_other_guest
from .slirp_forwards import (
    as_recorded,
    complete,
    converge,
    ids_from,
    merged,
    refuse_busy,
    warn_of_udp,
    warn_of_wildcards,
    without,
)
from .slirp_observing import observe_busy, observe_forwards, observe_sandbox
from .slirp_options import DNS, GATEWAY
from .slirp_record import (
    KIND,
    believed,
    called,
    directory_of,
    forwards_of,
    holder_subjects,
    is_about,
    stop,
)

NOBODY = (errno.ENOENT, errno.ECONNREFUSED, errno.ECONNRESET, errno.EPIPE)  # a socket that is gone, or nobody is at
DEFAULT_CIDR = "10.0.2.0/24"  # slirp4netns(1)

OPTIONS: dict[str, Any] = {
    "netns": {"type": "str"},
    "api_socket": {"type": "path"},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    **options.OPTIONS,
    "forwards": {"type": "list", "elements": "raw"},
    "purge": {"type": "bool", "default": False},
    "timeout": {"type": "float", "default": 5.0},
}
FORM = Form(
    options=OPTIONS,
    single="forwards",
    plural="",
    constraints={
        "mutually_exclusive": [("netns", "api_socket"), ("forwards", "host_port")],
        "required_one_of": [("netns", "api_socket")],
    },
)


@dataclass(frozen=True)
class WantedForwards:
    """Forwards of one network as wanted; of that of ``netns``, or of whoever listens at ``socket``."""

    netns: str | None
    socket: str | None
    present: bool
    forwards: tuple[Forward, ...]
    purge: bool = False
    timeout: float = 5.0


class PortfwdResource:
    """Observe and plan port forwards."""

    def parse(self, options: dict[str, Any]) -> WantedForwards:
        """What is asked for. Raises InvalidOption."""
        listed, port, present = options["forwards"], options["host_port"], options["state"] == "present"
        if listed is None and port is None:
            raise InvalidOption("forwards", None, "is required, or host_port")
        if options["purge"] and not present:
            raise InvalidOption("purge", True, "needs state: present; with an empty list it removes all")
        if not 0 < options["timeout"] <= 600:
            raise InvalidOption("timeout", options["timeout"], "is not between 0 and 600 seconds")
        if listed is None:
            found = parse_forwards("forwards", [{name: options[name] for name in options_of_one()}])
        else:
            for name in options_of_one():
                if options[name] not in (None, OPTIONS[name].get("default")):
                    raise InvalidOption(
                        name, options[name], "cannot be given together with forwards; put it into the items"
                    )
            found = parse_forwards("forwards", listed)
        return WantedForwards(
            netns=values.namespace_path("netns", options["netns"]),
            socket=_socket(options["api_socket"]),
            present=present,
            forwards=found,
            purge=options["purge"],
            timeout=options["timeout"],
        )

    def check(self, wanted: Sequence[WantedForwards]) -> None:
        """There is only one."""

    def subjects(self, wanted: Sequence[WantedForwards]) -> frozenset[str]:
        """The namespace, or the socket."""
        found: list[str] = []
        for one in wanted:
            of_netns = [*namespace_subjects(one.netns), *holder_subjects(one.netns)] if one.netns else []
            found += of_netns or [f"socket {one.socket}"]
        return frozenset(found)

    def observe(self, wanted: Sequence[WantedForwards], reader: Reader) -> State:
        """The network, its forwards, and who listens on the host."""
        state = State(state_dir=reader.records.state_dir)
        for one in wanted:
            if one.netns:
                state.records[KIND, one.netns] = believed(reader.records.get(KIND, one.netns))
                observe_sandbox(one.netns, state, reader)
                observe_helper(directory_of(one.netns, state), state)
                observe_forwards(one.netns, state, one.timeout)
                _observe_pasta(one.netns, state)
            elif one.socket:
                _observe_socket(one.socket, one, state)
            target = _complete(one, _network(one, state))
            if one.present:
                observe_busy(target, _live(one, state), state)
                warn_of_wildcards(target, state)
                _warn_of_udp(one, target, state)
        return state

    def plan(self, wanted: Sequence[WantedForwards], state: State) -> list[Operation]:
        """All or none."""
        operations: list[Operation] = []
        for one in wanted:
            operations += _plan_own(one.netns, one, state) if one.netns else _plan_foreign(one.socket or "", one, state)
        return operations

    def describe(self, wanted: WantedForwards, before: State, after: State) -> dict[str, Any]:
        """All forwards of the network for the result, in the order in which they were entered."""
        live = _live(wanted, after)
        if wanted.netns:
            live = ids_from(forwards_of(after.record(KIND, wanted.netns)), live)
            others = {one.essence for one in live}
            live = [*live, *(one for one in _live(wanted, after) if one.essence not in others)]
        return {
            "forwards": [describe_forward(one) for one in live],
            "restarted": wanted.netns is not None and _is_restarted(directory_of(wanted.netns, after), before, after),
        }


def _is_restarted(directory: str, before: State, after: State) -> bool:
    was, now = before.helpers.get(directory), after.helpers.get(directory)
    return was is not None and now is not None and was.started != now.started


def options_of_one() -> tuple[str, ...]:
    """The names of the options that describe one forward."""
    return tuple(options.OPTIONS)


def _socket(path: str | None) -> str | None:
    if path is None:
        return None
    found = values.absolute_path("api_socket", path)
    if len(found.encode()) > LONGEST_SOCKET:
        raise InvalidOption("api_socket", path, f"is longer than {LONGEST_SOCKET} bytes")
    return found


def _warn_of_udp(one: WantedForwards, target: Sequence[Forward], state: State) -> None:
    helper = state.helpers.get(directory_of(one.netns, state) if one.netns else one.socket or "")
    if helper is not None:
        warn_of_udp(helper.spec["argv"], target, state)


def _observe_pasta(netns: str, state: State) -> None:
    """What the pasta that runs can do."""
    record, helper = state.record(KIND, netns), state.helpers.get(directory_of(netns, state))
    if record and record["backend"] == "pasta" and helper and helper.alive:
        path = helper.spec["argv"][0]
        state.programs["pasta", path] = Program(path, read_options(path))


def _observe_socket(socket: str, one: WantedForwards, state: State) -> None:
    """A slirp4netns that somebody else started: its forwards, and its network from its command line."""
    try:
        state.forwards[socket] = list_forwards(socket, one.timeout)
        argv = peer_arguments(socket, one.timeout)
    except ProgramError as error:
        if not one.present and error.errno in NOBODY:
            state.forwards[socket] = []
            return
        raise InvalidOption("api_socket", socket, f"is of no use: {error}") from None
    state.helpers[socket] = HelperState({"argv": argv, "socket": socket}, alive=True)


def _network(one: WantedForwards, state: State) -> Mapping[str, Any]:
    """Where the sandbox is: ``cidr``, ``guest``, and the addresses that it cannot have."""
    if one.netns:
        record = state.record(KIND, one.netns)
        return record["network"] if record else {"cidr": DEFAULT_CIDR, "guest": "10.0.2.100", "gateway": "", "dns": ""}
    helper = state.helpers.get(one.socket or "")
    argv = helper.spec["argv"] if helper else []
    network = values.ip_network("api_socket", _cidr_of(argv) or DEFAULT_CIDR)
    return {
        "cidr": str(network),
        "guest": str(network[100]),
        "gateway": str(network[GATEWAY]),
        "dns": str(network[DNS]),
    }


def _cidr_of(argv: Sequence[str]) -> str | None:
    """What a command line says of the network: in one word or two, and options may be cut short (getopt_long(3))."""
    found = None
    for word, following in zip(argv, [*argv[1:], ""]):
        option, equals, value = word.partition("=")
        if len(option) >= len("--ci") and "--cidr".startswith(option):
            found = value if equals else following
    return found


def _complete(one: WantedForwards, network: Mapping[str, Any]) -> list[Forward]:
    return complete(one.forwards, network["guest"], spliced=network.get("spliced", False))


def _live(one: WantedForwards, state: State) -> list[Forward]:
    """What the helper has."""
    if one.netns is None:
        return state.forwards.get(one.socket or "", [])
    helper = state.helpers.get(directory_of(one.netns, state))
    if helper is None or not helper.alive:
        return []
    socket = helper.spec.get("socket")
    return state.forwards.get(socket, []) if socket else forwards_of(state.record(KIND, one.netns))


def _plan_foreign(socket: str, one: WantedForwards, state: State) -> Iterator[Operation]:
    """Forwards of a slirp4netns that somebody else started: nothing of them is remembered."""
    network = _network(one, state)
    wanted, live = _complete(one, network), state.forwards[socket]
    _refuse(wanted, network, six=False)
    target = merged(live, wanted, purge=one.purge) if one.present else without(live, wanted)
    refuse_busy("forwards", target, state)
    going = live if one.purge or not one.present else []
    yield from converge(live, target, socket, one.timeout, purge=going)


def _plan_own(netns: str, one: WantedForwards, state: State) -> Iterator[Operation]:
    """Forwards of a network that slirp_network has started."""
    helper, record = _helper_and_record(netns, state, one.present)
    if helper is None or record is None:
        return
    network = _network(one, state)
    wanted, pasta = _complete(one, network), record["backend"] == "pasta"
    _refuse(wanted, network, six=pasta and network["ipv6"], pasta=pasta)
    known, live = forwards_of(record), _live(one, state)
    target = merged(known, wanted, purge=one.purge) if one.present else without(known, wanted)
    refuse_busy("forwards", target, state)
    directory = directory_of(netns, state)
    if pasta:
        refuse_old_pasta("forwards", state.programs["pasta", helper.spec["argv"][0]], target)
        if target != known and not helper.spec.get("socket"):
            spec = {**helper.spec, "argv": pasta_with(helper.spec["argv"], target)}
            yield stop(netns, directory, known, helper)
            yield Operation("process.start", {"name": called(spec, netns), "directory": directory, "spec": spec})
    if helper.spec.get("socket"):
        sides = {other.host_side for other in target}
        removed = [other for other in known if other.host_side not in sides]
        going = live if one.purge else [*removed, *(() if one.present else wanted)]
        socket, program = helper.spec["socket"], helper.spec.get("pesto")
        yield from converge(live, target, socket, one.timeout, purge=going, program=program)
    if target != known:
        value = {**record, "forwards": as_recorded(target)}
        yield Operation("record.put", {"kind": KIND, "name": netns, "value": value, "before": record})


def _refuse(wanted: Sequence[Forward], network: Mapping[str, Any], *, six: bool, pasta: bool = False) -> None:
    """What the helper would take and not do. Raises InvalidOption."""
    for one in wanted:
        if ":" in one.host_addr + one.guest_addr and not six:
            raise InvalidOption("forwards", host_side(one), "is IPv6: that needs backend: pasta and ipv6: true")
        if pasta:
            refuse_other_guest("forwards", one, network["guest"], spliced=network["spliced"])
        else:
            refuse_guest("forwards", one, network["cidr"], (network["gateway"], network["dns"] or ""))


def _helper_and_record(netns: str, state: State, present: bool) -> tuple[HelperState | None, dict[str, Any] | None]:
    """The network that the forwards are of. Raises NotThereYet, TaskError."""
    namespace, record = state.at(netns), state.record(KIND, netns)
    helper = state.helpers.get(directory_of(netns, state))
    if namespace is None or record is None or not is_about(record, namespace):
        if not present:
            return None, None
        raise _missing(netns, state)
    if helper is None or not helper.alive:
        said = f"; it said: {helper.last_words}" if helper and helper.last_words else ""
        raise TaskError(f"the user-mode network of {netns} is dead; slirp_network starts it again{said}")
    return helper, record


def _missing(netns: str, state: State) -> TaskError:
    """In a play, an earlier task starts it: check mode takes it for one with the defaults."""

    def assume() -> None:
        namespace = state.namespaces[netns] = state.at(netns) or NamespaceState()
        network = {"cidr": DEFAULT_CIDR, "guest": "10.0.2.100", "gateway": "10.0.2.2", "dns": "10.0.2.3", "ipv6": False}
        value = {
            "fingerprint": list(namespace.fingerprint),
            "backend": "slirp4netns",
            "network": network,
            "forwards": [],
        }
        state.records[KIND, netns] = value
        directory = directory_of(netns, state)
        state.helpers[directory] = HelperState({"argv": ["slirp4netns"], "socket": f"{directory}/api.sock"}, alive=True)

    return NotThereYet(f"netns: {netns} has no user-mode network (slirp_network)", assume)
