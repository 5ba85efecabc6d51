# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The resource slirp: the user-mode network of a namespace, by slirp4netns or pasta."""

from __future__ import annotations

import os
import pwd
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from .._engine.errors import InvalidOption, NotThereYet, TaskError
from .._engine.operation import Operation
from .._engine.resource import Reader
from .._engine.state import HelperState, NamespaceState, State
from .._programs.finding import ENVIRONMENT, Program
from .._programs.holders import holder_of
from .._programs.slirp4netns import Forward
from .._store.records import Records
from . import values
from .forwards import LOOPBACK, describe_forward, refuse_overlaps
from .netns import namespace_subjects
from .netns_loopback import bring_up, is_up, routes_on_it, take_down
from .resolv_conf import (
    is_left_over,
    is_looked_up,
    plan_resolv_conf,
    resolv_conf_path,
    restore_resolv_conf,
    wrote_resolv_conf,
)
from .slirp_backends import (
    CONTROL,
    GUEST6,
    PESTO,
    command_line,
    is_spliced,
    netns_at,
    pid_file_of,
    refuse_forwards,
    refuse_impossible,
    refuse_without_way_out,
    socket_of,
)
from .slirp_forwards import (
    as_recorded,
    complete,
    converge,
    ids_from,
    merged,
    refuse_busy,
    warn_of_udp,
    warn_of_wildcards,
)
from .slirp_observing import observe_busy, observe_networks, observe_programs
from .slirp_options import WantedSlirp, parse_slirp
from .slirp_record import (
    ANSWER_SECONDS,
    KIND,
    called,
    directory_of,
    end_with,
    forwards_of,
    holder_subjects,
    is_about,
    is_claimed,
    stop,
)

OF_THE_HELPER = ("argv", "netns", "own_mounts", "user", "manager", "files", "socket")
"""What makes a helper another one."""
HOLDER = "holder"
"""Not a record, but who holds a namespace of rootless_netns: it is remembered to end the network with it."""


class SlirpResource:
    """Observe and plan user-mode networks."""

    def parse(self, options: dict[str, Any]) -> WantedSlirp:
        """One network as wanted. Raises InvalidOption."""
        return parse_slirp(options)

    def check(self, wanted: Sequence[WantedSlirp]) -> None:
        """Refuse a namespace that is given twice, and forwards that meet on the host."""
        values.no_duplicates("netns", [one.netns for one in wanted])
        refuse_overlaps("forwards", [one for network in wanted for one in network.forwards or ()])

    def subjects(self, wanted: Sequence[WantedSlirp]) -> frozenset[str]:
        """Each namespace, with everything in it, and whoever holds it."""
        return frozenset(
            name for one in wanted for name in [*namespace_subjects(one.netns), *holder_subjects(one.netns)]
        )

    def observe(self, wanted: Sequence[WantedSlirp], reader: Reader) -> State:
        """Namespaces, helpers, forwards, programs."""
        state = State()
        observe_networks(wanted, state, reader)
        observe_programs(wanted, state, reader)
        freed = [forward for one in wanted if not one.running for forward in _held(one.netns, state)]
        for one in wanted:
            state.records[HOLDER, one.netns] = {"name": holder_of(one.netns)}
            if one.running:
                target = _complete(one, state, one.forwards or ())
                observe_busy(
                    [*target, *forwards_of(state.record(KIND, one.netns))], [*_held(one.netns, state), *freed], state
                )
                warn_of_wildcards(target, state)
                if one.backend == "slirp4netns" and not one.host_loopback:
                    warn_of_udp(["--disable-host-loopback"], target, state)
        return state

    def plan(self, wanted: Sequence[WantedSlirp], state: State) -> list[Operation]:
        """Each network for itself, after what is left of networks whose namespaces have ended."""
        operations = [operation for path in state.ended for operation in end_with(path, state)]
        for one in sorted(wanted, key=lambda one: one.running):  # what one gives up, another can have
            operations += _plan_running(one, state) if one.running else _plan_stopped(one, state)
        return operations

    def describe(self, wanted: WantedSlirp, before: State, after: State) -> dict[str, Any]:
        """The network for the result."""
        directory = directory_of(wanted.netns, after)
        helper, former = after.helpers.get(directory), before.helpers.get(directory)
        return describe_network(wanted.netns, helper, after.record(KIND, wanted.netns), after, former)


def describe_network(
    netns: str,
    helper: HelperState | None,
    record: Mapping[str, Any] | None,
    state: State,
    former: HelperState | None,
) -> dict[str, Any]:
    """A user-mode network for results; what only a running one has is None."""
    runs = bool(helper and helper.alive)
    network = dict(record["network"]) if record and record.get("network") else {}
    socket = helper.spec.get("socket") if helper else None
    forwards = forwards_of(dict(record)) if record else []
    restarted = bool(runs and former and (not former.alive or helper is None or helper.started != former.started))
    return {
        "netns": netns,
        "state": "started" if runs else "stopped",
        "alive": runs,
        "backend": record["backend"] if record else None,
        "pid": helper.pid if helper else None,
        "api_socket": socket,
        "argv": list(helper.spec["argv"]) if helper and runs else [],
        "interface": network.get("interface"),
        "guest_address": network.get("guest"),
        "guest_address6": network.get("guest6"),
        "gateway": network.get("gateway"),
        "dns": network.get("dns"),
        "mtu": network.get("mtu"),
        "forwards": [describe_forward(one) for one in ids_from(forwards, state.forwards.get(socket or "", []))],
        "restarted": restarted,
    }


def describe_spec(
    one: WantedSlirp, namespace: NamespaceState, state: State, forwards: Sequence[Forward]
) -> dict[str, Any]:
    """What the supervisor is told. Raises InvalidOption, TaskError."""
    root = os.geteuid() == 0 and one.user is None
    if not root and one.pid is None:
        raise InvalidOption(
            "netns", one.netns, "has to be pid:N for a user who is not root, to find the user namespace"
        )
    directory = directory_of(one.netns, state)
    files = directory
    if one.user:
        uid = pwd.getpwnam(one.user).pw_uid
        files = f"{state.state_dir}-users/{uid}/{os.path.basename(directory)}"
    manager = one.manager
    if manager == "auto":
        manager = "systemd" if state.kinds["systemd"] else "process"
    elif manager == "systemd" and not state.kinds["systemd"]:
        raise InvalidOption("service_manager", "systemd", "does not run here")
    program, pesto = state.programs[one.backend, one.program], state.programs.get((PESTO, None))
    by = pesto.path if pesto and CONTROL in program.options else None
    return {
        "argv": command_line(one, program, files, forwards, root=root, live=by is not None),
        "environment": dict(ENVIRONMENT),
        "ready": "descriptor" if one.backend == "slirp4netns" else "fork",
        "ready_timeout": one.ready_timeout,
        "netns": {"path": one.netns, "identity": list(namespace.identity or ())},
        "netns_at": netns_at(one, files, root=root),
        "own_mounts": os.geteuid() == 0,
        "settles": one.interface if one.ipv6 and os.geteuid() == 0 else None,
        "user": one.user,
        "files": files,
        "socket": socket_of(one, files, live=by is not None),
        "pesto": by,
        "pid_file": pid_file_of(one, files),
        "record": Records(state.state_dir).path_of(KIND, one.netns),
        "manager": manager,
    }


def _plan_running(one: WantedSlirp, state: State) -> Iterator[Operation]:
    namespace = state.at(one.netns)
    if namespace is None:
        raise _missing(one.netns, state)
    former = state.record(KIND, one.netns)
    record = former if is_about(former, namespace) else None
    directory = directory_of(one.netns, state)
    helper = state.helpers.get(directory)
    program = state.programs[one.backend, one.program]
    refuse_impossible(one, program)
    known = _following(forwards_of(record), record, one, state)
    target = known if one.forwards is None else merged(known, _complete(one, state, one.forwards), purge=one.purge)
    refuse_forwards(one, program, "forwards", target)
    spec = describe_spec(one, namespace, state, target)
    originals: dict[str, Any] = {
        name: value for name, value in (record or former or {}).items() if name in ("resolv_conf", "directories")
    }
    originals.update({"loopback": record["loopback"]} if record and "loopback" in record else {})
    live = state.forwards.get(spec["socket"] or "", [])
    refuse_busy("forwards", target, state)
    if not _fits(one, helper, spec, namespace) or record is None:
        refuse_without_way_out(one, state)
        yield from _plan_start(one, namespace, helper, forwards_of(record), spec, state, originals)
        live = []
    if spec["socket"]:
        purged = live if one.forwards is not None and one.purge else []
        yield from converge(live, target, spec["socket"], ANSWER_SECONDS, purge=purged, program=spec["pesto"])
    yield from _plan_dns(one, state, originals)
    originals.update(_holder(one.netns, state))
    value = _record_of(one, program, namespace, target, originals)
    if value != former:
        yield Operation("record.put", {"kind": KIND, "name": one.netns, "value": value, "before": former})


def _following(
    forwards: Sequence[Forward], record: Mapping[str, Any] | None, one: WantedSlirp, state: State
) -> list[Forward]:
    """Forwards to the sandbox itself lead to it under the address that it is to have, too."""
    own = {LOOPBACK, "::1", GUEST6, record["network"]["guest"] if record else ""}
    return _complete(
        one, state, [other if other.guest_addr not in own else other._replace(guest_addr="") for other in forwards]
    )


def _plan_start(
    one: WantedSlirp,
    namespace: NamespaceState,
    helper: HelperState | None,
    known: Sequence[Forward],
    spec: dict[str, Any],
    state: State,
    originals: dict[str, Any],
) -> Iterator[Operation]:
    directory = directory_of(one.netns, state)
    ours = helper is not None and (helper.alive or helper.lingers) and one.interface in helper.spec["argv"]
    if has_link(namespace, one.interface) and not ours:
        raise InvalidOption("interface", one.interface, f"exists in {one.netns} already, and is somebody else's")
    if helper is not None:
        yield stop(one.netns, directory, known, helper)
    foretold = namespace.identity is None  # that of an earlier task of the play, which brings its lo up
    if os.geteuid() == 0 and not foretold and not is_up(namespace):
        originals.setdefault("loopback", False)
        yield bring_up(one.netns, namespace)
    yield Operation("process.start", {"name": called(spec, one.netns), "directory": directory, "spec": spec})


def _plan_dns(one: WantedSlirp, state: State, originals: dict[str, Any]) -> Iterator[Operation]:
    """The file that names the server, unless somebody else has seen to it."""
    if not is_looked_up(one.netns) or os.geteuid() != 0:
        return
    path = resolv_conf_path(one.netns)
    if is_claimed(one.netns, state):
        return
    ours = wrote_resolv_conf(originals) or is_left_over(path, state)
    if one.dns and (ours or state.files.get(path) is None):
        yield from plan_resolv_conf(path, f"nameserver {one.network.dns}\n", state, originals)
    elif not one.dns and wrote_resolv_conf(originals):
        yield from restore_resolv_conf(path, state, originals)
        for name in ("resolv_conf", "directories"):
            originals.pop(name)


def _plan_stopped(one: WantedSlirp, state: State) -> Iterator[Operation]:
    namespace, record = state.at(one.netns), state.record(KIND, one.netns)
    directory = directory_of(one.netns, state)
    helper = state.helpers.get(directory)
    if helper is not None:
        yield stop(one.netns, directory, forwards_of(record), helper)
    if record is None:
        return
    if namespace is not None and is_about(record, namespace) and record.get("loopback") is False and is_up(namespace):
        yield from take_down(one.netns, routes_on_it(one.netns, namespace), namespace)
    if not is_claimed(one.netns, state):
        yield from restore_resolv_conf(resolv_conf_path(one.netns), state, record)
    yield Operation("record.drop", {"kind": KIND, "name": one.netns, "before": record})


def _fits(one: WantedSlirp, helper: HelperState | None, spec: Mapping[str, Any], namespace: NamespaceState) -> bool:
    """Whether the helper that runs is the one that is wanted."""
    if helper is None or not helper.alive or not has_link(namespace, one.interface):
        return False
    if helper.started is not None and helper.started < one.since:
        return False
    return all(helper.spec.get(name) == spec[name] for name in OF_THE_HELPER)


def has_link(namespace: NamespaceState, name: str) -> bool:
    """Whether a namespace has a link, also one that we may not enter."""
    return namespace.link(name) is not None or name in namespace.link_names


def _record_of(
    one: WantedSlirp,
    program: Program,
    namespace: NamespaceState,
    forwards: Sequence[Forward],
    originals: Mapping[str, Any],
) -> dict[str, Any]:
    network = {
        "cidr": one.network.cidr,
        "interface": one.interface,
        "guest": one.network.guest,
        "guest6": GUEST6 if one.ipv6 and one.backend == "pasta" else None,
        "gateway": one.network.gateway,
        "dns": one.network.dns if one.dns else None,
        "mtu": one.mtu,
        "ipv6": one.ipv6,
        "spliced": one.backend == "pasta" and is_spliced(program),
    }
    return {
        "fingerprint": list(namespace.fingerprint),
        "backend": one.backend,
        "network": network,
        "forwards": as_recorded(forwards),
        **originals,
    }


def _holder(netns: str, state: State) -> dict[str, str]:
    """For the record: the sandbox of rootless_netns that the namespace is of."""
    name = (state.record(HOLDER, netns) or {}).get("name")
    return {"holder": name} if name else {}


def _complete(one: WantedSlirp, state: State, forwards: Sequence[Forward]) -> list[Forward]:
    """Forwards with the address that the back end leads them to."""
    spliced = one.backend == "pasta" and is_spliced(state.programs[one.backend, one.program])
    return complete(forwards, one.network.guest, spliced=spliced)


def _held(netns: str, state: State) -> list[Forward]:
    """The forwards that our own helper listens for."""
    helper = state.helpers.get(directory_of(netns, state))
    if helper is None or not (helper.alive or helper.lingers):
        return []
    socket = helper.spec.get("socket")
    return state.forwards.get(socket or "", forwards_of(state.record(KIND, netns)))


def _missing(netns: str, state: State) -> TaskError:
    def assume() -> None:
        state.namespaces[netns] = NamespaceState()

    return NotThereYet(f"netns: there is no network namespace {netns}", assume)
