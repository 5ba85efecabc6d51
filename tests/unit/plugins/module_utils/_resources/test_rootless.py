# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The planner of rootless namespaces: what is kept, what is made anew, and what goes with it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.sandbox.network.plugins.module_utils._engine.errors import InvalidOption, TaskError
from ansible_collections.sandbox.network.plugins.module_utils._engine.kinds.registry import foretell
from ansible_collections.sandbox.network.plugins.module_utils._engine.operation import Operation
from ansible_collections.sandbox.network.plugins.module_utils._engine.state import (
    FileState,
    HelperState,
    NamespaceState,
    State,
)
from ansible_collections.sandbox.network.plugins.module_utils._programs.finding import Program
from ansible_collections.sandbox.network.plugins.module_utils._programs.holders import (
    MARK,
    SCRIPT,
    holder_command,
    holder_of,
)
from ansible_collections.sandbox.network.plugins.module_utils._resources import rootless
from ansible_collections.sandbox.network.plugins.module_utils._resources.rootless import (
    OPTIONS,
    RootlessResource,
    WantedHolder,
)
from ansible_collections.sandbox.network.plugins.module_utils._resources.slirp_record import directory_of

RESOURCE = RootlessResource()
STATE_DIR = "/run/user/1000/sandbox-network"
PATH = "/proc/7/ns/net"
OTHER = "/proc/5/ns/net"


def wanted(**given: Any) -> WantedHolder:
    defaults = {name: option.get("default") for name, option in OPTIONS.items()}
    return RESOURCE.parse({**defaults, "name": "web1", **given})


def host(**kinds: bool) -> State:
    programs = {("unshare", None): Program("/usr/bin/unshare", frozenset())}
    return State(state_dir=STATE_DIR, programs=programs, kinds={"systemd": False, **kinds})


def directory() -> str:
    return rootless._directory_of("web1", host())


def living(one: WantedHolder, *inside: int, manager: str = "process") -> State:
    """A host on which it has been made, with processes inside."""
    before = host()
    after = foretell(RESOURCE.plan([one], before), before)
    helper = after.helpers[directory()]
    assert helper
    spec = {**helper.spec, "manager": manager}
    after.helpers[directory()] = replace(helper, spec=spec, pid=7, started=70)
    after.namespaces[PATH] = NamespaceState(identity=(4, 70), pids=list(inside))
    return after


def dead(state: State) -> State:
    after = state.copy()
    helper = after.helpers[directory()]
    assert helper
    after.helpers[directory()] = HelperState(helper.spec, alive=False)
    return after


def with_network(state: State, path: str, holder: str = "web1") -> State:
    after = state.copy()
    value = {"fingerprint": [4, 70, 0], "backend": "slirp4netns", "network": {}, "forwards": [], "holder": holder}
    after.records["slirp", path] = value
    after.helpers[directory_of(path, after)] = HelperState({"argv": ["slirp4netns"], "socket": "/s"}, alive=True, pid=9)
    return after


def kinds(operations: list[Operation]) -> list[str]:
    return [one.kind for one in operations]


def test_made_once() -> None:
    one = wanted(dns=["192.0.2.53"])
    start, put = RESOURCE.plan([one], host())
    assert (start.kind, put.kind) == ("process.start", "record.put")
    assert start.args["spec"]["argv"][-1] == "nameserver 192.0.2.53\n"
    assert RESOURCE.plan([one], living(one)) == []
    assert RESOURCE.plan([one], living(one, 11, 12)) == []


def test_taken_away_once() -> None:
    one, gone = wanted(), wanted(state="absent")
    state = living(one)
    operations = RESOURCE.plan([gone], state)
    assert kinds(operations) == ["process.stop", "record.drop"]
    assert RESOURCE.plan([gone], foretell(operations, state)) == []
    assert RESOURCE.plan([gone], host()) == []
    assert kinds(RESOURCE.plan([gone], dead(state))) == ["process.stop", "record.drop"]


def test_a_dead_one_is_made_anew_whoever_was_inside() -> None:
    one = wanted()
    operations = RESOURCE.plan([one], dead(living(one, 11)))
    assert kinds(operations) == ["process.stop", "process.start"]
    assert operations[0].args["alive"] is False


@pytest.mark.parametrize("change", [{"dns": []}, {"dns": ["192.0.2.1"]}, {"service_manager": "systemd"}])
def test_another_one_is_made_anew_unless_somebody_is_inside(change: dict[str, Any]) -> None:
    one, other = wanted(), wanted(**change)
    assert kinds(RESOURCE.plan([other], systemd(living(one))))[:2] == ["process.stop", "process.start"]
    with pytest.raises(TaskError, match="web1 would be made anew, and has processes inside: 11, 12"):
        RESOURCE.plan([other], systemd(living(one, 11, 12)))
    forced = replace(other, force=True)
    assert kinds(RESOURCE.plan([forced], systemd(living(one, 11))))[:2] == ["process.stop", "process.start"]


def systemd(state: State) -> State:
    state.kinds["systemd"] = True
    return state


def test_one_that_runs_stays_with_its_manager() -> None:
    one = wanted()
    assert RESOURCE.plan([one], systemd(living(one))) == []
    assert RESOURCE.plan([one], living(one, manager="systemd")) == []
    assert RESOURCE.plan([one], systemd(host()))[0].args["spec"]["manager"] == "systemd"
    with pytest.raises(InvalidOption, match="does not run here"):
        RESOURCE.plan([wanted(service_manager="systemd")], host())


def test_a_file_that_is_no_longer_seen_is_worth_a_new_namespace_but_nobody_inside() -> None:
    one = wanted(dns=["192.0.2.53"])
    for inside, expected in (((), ["process.stop", "process.start"]), ((11,), [])):
        state = living(one, *inside)
        state.files[f"{directory()}/resolv.conf"] = FileState("nameserver 127.0.0.53\n", 0o644)
        assert kinds(RESOURCE.plan([one], state)) == expected
    assert RESOURCE.plan([wanted()], living(wanted())) == []


def test_its_network_ends_with_it_and_no_other() -> None:
    one, gone = wanted(), wanted(state="absent")
    state = with_network(with_network(living(one), PATH), OTHER, holder="web2")
    stop, network, *rest = RESOURCE.plan([gone], state)
    assert (stop.args["name"], network.args["name"]) == ("holder of web1", f"slirp4netns of {PATH}")
    assert [(step.kind, step.args["name"]) for step in rest] == [("record.drop", PATH), ("record.drop", "web1")]
    assert network.args["alive"] is False, "nothing could be started again in a namespace that has ended"
    assert RESOURCE.plan([one], state) == []


def test_a_network_of_a_former_process_goes() -> None:
    one = wanted()
    state = with_network(with_network(living(one), PATH), OTHER)
    operations = RESOURCE.plan([one], state)
    assert [(step.kind, step.args["name"]) for step in operations] == [
        ("process.stop", f"slirp4netns of {OTHER}"),
        ("record.drop", OTHER),
    ]


def test_a_record_of_an_earlier_boot_is_written_again() -> None:
    one = wanted()
    state = host()
    state.records["rootless", "web1"] = {"directory": None, "dns": None}
    assert kinds(RESOURCE.plan([one], state)) == ["process.start", "record.put"]
    assert kinds(RESOURCE.plan([wanted(state="absent")], state)) == ["record.drop"]


def test_what_only_a_real_run_can_know() -> None:
    one = wanted()
    before = host()
    foretold = RESOURCE.describe(one, before, foretell(RESOURCE.plan([one], before), before))
    assert (foretold["created"], foretold["pid"], foretold["netns"], foretold["enter"]) == (True, None, None, None)
    state = living(one)
    assert RESOURCE.describe(one, before, state)["created"] is True
    again = RESOURCE.describe(one, state, state)
    assert (again["created"], again["pid"], again["netns"]) == (False, 7, "pid:7")
    assert again["enter"] == ["nsenter", "--target", "7", "--user", "--preserve-credentials", "--net", "--mount", "--"]
    mended = foretell(RESOURCE.plan([one], dead(state)), dead(state))
    assert RESOURCE.describe(one, dead(state), mended)["created"] is True
    absent = RESOURCE.describe(wanted(state="absent"), state, host())
    assert (absent["state"], absent["created"], absent["pid"]) == ("absent", False, None)


def test_one_name_in_two_state_directories_is_two_units() -> None:
    other = replace(host(), state_dir="/run/elsewhere")
    assert directory().rpartition("/")[2] != rootless._directory_of("web1", other).rpartition("/")[2]


@pytest.mark.parametrize("name", ["", "a/b", "..", "-a", "a b", None])
def test_names_that_are_refused(name: Any) -> None:
    with pytest.raises(InvalidOption):
        wanted(name=name)


def test_a_holder_is_told_by_its_command_line(monkeypatch: pytest.MonkeyPatch) -> None:
    command = holder_command("/usr/bin/unshare", "web1", "/d", None)
    assert command[-1] == "/d" and MARK in command and SCRIPT not in command
    shell = command[command.index("--") + 1 :]
    for words, expected in (
        ([*shell, ""], "web1"),
        (["/bin/sh", "-c", *shell[2:]], None),
        (["sleep", "600"], None),
        ([], None),
    ):
        monkeypatch.setattr(f"{holder_of.__module__}._read", lambda _path, said=words: "\0".join(said))
        assert holder_of(PATH) == expected
    assert holder_of("/run/netns/web1") is None
