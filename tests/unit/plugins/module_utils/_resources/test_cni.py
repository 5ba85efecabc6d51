# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Attachments planned: what goes, what comes, and what stays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.sandbox.network.plugins.module_utils._engine.errors import InvalidOption
from ansible_collections.sandbox.network.plugins.module_utils._engine.kinds.registry import (
    foretell,
    inverse,
)
from ansible_collections.sandbox.network.plugins.module_utils._engine.operation import Operation
from ansible_collections.sandbox.network.plugins.module_utils._engine.state import (
    NamespaceState,
    State,
)
from ansible_collections.sandbox.network.plugins.module_utils._programs.cni_config import NetworkConfig
from ansible_collections.sandbox.network.plugins.module_utils._resources.cni import CniResource
from ansible_collections.sandbox.network.plugins.module_utils._resources.cni_options import (
    OPTIONS,
    WantedCni,
    run_time_of,
)
from ansible_collections.sandbox.network.plugins.module_utils._store.attachments import (
    DELETING,
    Attachment,
)

BRIDGE = {"type": "bridge", "ipam": {"type": "host-local", "ranges": [[{"subnet": "10.0.0.0/24"}]]}}
PORTMAP = {"type": "portmap", "capabilities": {"portMappings": True}}
RESULT = {
    "interfaces": [
        {"name": "veth1", "mac": "02:00:00:00:00:01"},
        {"name": "eth0", "mac": "02:00:00:00:00:02", "sandbox": "/x"},
    ],
    "ips": [{"address": "10.0.0.2/24", "interface": 1}],
}


def wanted(*plugins: dict[str, Any], **options: Any) -> WantedCni:
    """As the module would parse it."""
    config = {"cniVersion": "1.0.0", "name": "web", "plugins": list(plugins or [BRIDGE])}
    given = {name: spec.get("default") for name, spec in OPTIONS.items()}
    return CniResource().parse({**given, "netns": "sb", "config": config, **options})


def state_of(*ones: WantedCni, attached: Sequence[WantedCni] = ()) -> State:
    """A host with the namespaces, and some of the attachments."""
    state = State()
    for one in [*ones, *attached]:
        if one.config:
            state.configs[one.conf_dir, one.network] = one.config
        state.namespaces[one.netns] = NamespaceState(identity=(4, 9), cookie=11)
        state.attachments.setdefault(one.key, None)
    for one in attached:
        config = one.config or NetworkConfig.from_dict({})
        args, told = run_time_of(one, config)
        state.attachments[one.key] = Attachment(
            one.key, one.netns, config.as_dict(), args, told, RESULT, fingerprint=(4, 9, 11)
        )
    for one in ones:
        if one.config:
            state.configs[one.conf_dir, one.network] = one.config
    return state


def plan(state: State, *ones: WantedCni) -> list[Operation]:
    return CniResource().plan(ones, state)


def kinds(operations: Sequence[Operation]) -> list[str]:
    return [operation.kind for operation in operations]


def test_what_is_foretold_leaves_nothing_to_do() -> None:
    ones = [wanted(), wanted(interface="eth1"), wanted(netns="sc")]
    state = state_of(*ones)
    operations = plan(state, *ones)
    assert [(one.kind, one.args["interface"], one.args["container_id"]) for one in operations] == [
        ("cni.add", "eth0", "sb"),
        ("cni.add", "eth1", "sb"),
        ("cni.add", "eth0", "sc"),
    ]
    after = foretell(operations, state)
    assert plan(after, *ones) == []
    back = [step for operation in reversed(operations) for step in inverse(operation)]
    assert kinds(back) == ["cni.delete"] * 3
    assert foretell(back, after).attachments == state.attachments


def test_absent_goes_backwards() -> None:
    ones = [wanted(), wanted(interface="eth1")]
    state = state_of(attached=ones)
    gone = [replace(one, present=False) for one in ones]
    operations = plan(state, *gone)
    assert [(one.kind, one.args["interface"]) for one in operations] == [("cni.delete", "eth1"), ("cni.delete", "eth0")]
    assert plan(foretell(operations, state), *gone) == []


def test_a_change_keeps_the_addresses() -> None:
    former, one = wanted(BRIDGE, PORTMAP), wanted(BRIDGE, PORTMAP, ports=["8080:80"])
    operations = plan(state_of(one, attached=[former]), one)
    assert kinds(operations) == ["cni.delete", "cni.add"]
    assert operations[1].args["keep"] == {"ips": ["10.0.0.2/24"], "mac": "02:00:00:00:00:02"}
    assert operations[1].args["capabilities"]["portMappings"][0]["hostIP"] == "127.0.0.1"
    assert inverse(operations[0])[0].args["keep"] == operations[1].args["keep"]


@pytest.mark.parametrize(
    ("options", "kept"),
    [({"ips": ["10.0.0.9"]}, {"mac"}), ({"mac": "02:00:00:00:00:09"}, {"ips"})],
)
def test_addresses_that_are_asked_for_come_first(options: dict[str, Any], kept: set[str]) -> None:
    one = wanted(**options)
    assert set(plan(state_of(one, attached=[wanted()]), one)[1].args["keep"]) == kept


def test_another_range_is_another_address() -> None:
    other = {**BRIDGE, "ipam": {"type": "host-local", "ranges": [[{"subnet": "10.1.0.0/24"}]]}}
    one = wanted(other)
    assert plan(state_of(one, attached=[wanted()]), one)[1].args["keep"] == {}


@pytest.mark.parametrize("reason", ["unwell", "half", "elsewhere"])
def test_what_is_made_again(reason: str) -> None:
    one = wanted()
    state = state_of(one, attached=[one])
    attachment = state.attachments[one.key]
    assert attachment is not None
    if reason == "unwell":
        state.unwell[one.key] = "eth0 has lost 10.0.0.2/24"
    elif reason == "half":
        state.attachments[one.key] = replace(attachment, phase=DELETING)
    else:
        state.attachments[one.key] = replace(attachment, netns="/run/netns/other")
    operations = plan(state, one)
    assert kinds(operations) == ["cni.delete", "cni.add"]
    assert operations[0].args.get("problem") == state.unwell.get(one.key)
    assert plan(foretell(operations, state), one) == []


def test_a_file_of_one_plugin_is_the_same_as_a_list() -> None:
    one = wanted()
    state = state_of(one, attached=[one])
    attachment = state.attachments[one.key]
    assert attachment is not None
    single = {"cniVersion": "1.0.0", "name": "web", **BRIDGE}
    state.attachments[one.key] = replace(attachment, config={**single, "name": "web"})
    state.configs[one.conf_dir, "web"] = NetworkConfig.from_dict(single)
    assert plan(state, one) == []


@pytest.mark.parametrize(
    ("ours", "theirs", "meet"),
    [
        ("8080:80", "127.0.0.1:8080:80", True),
        ("8080:80", "0.0.0.0:8080:80", True),
        ("8080:80", "[::]:8080:80", True),
        ("8080:80", "127.0.0.2:8080:80", False),
        ("8080:80", "8080:80/udp", False),
        ("8080:80", "8081:80", False),
    ],
)
def test_ports_that_meet(ours: str, theirs: str, meet: bool) -> None:
    one, other = wanted(BRIDGE, PORTMAP, ports=[ours]), wanted(BRIDGE, PORTMAP, ports=[theirs], netns="sc")
    state = state_of(one, attached=[other])
    if meet:
        with pytest.raises(InvalidOption, match="is led to the container sc of web"):
            plan(state, one)
    else:
        assert kinds(plan(state, one)) == ["cni.add"]


def test_the_older_way_of_telling_addresses() -> None:
    one = wanted(ips=["10.0.0.9/24"], mac="02:00:00:00:00:09", args={"A": 1})
    assert one.config is not None
    args, told = run_time_of(one, one.config)
    assert dict(args) == {"A": "1", "IP": "10.0.0.9/24", "MAC": "02:00:00:00:00:09", "IgnoreUnknown": "1"}
    assert told == {}
    two = wanted(ips=["10.0.0.9", "10.0.0.10"])
    assert two.config is not None
    with pytest.raises(InvalidOption, match="none has the capability 'ips'"):
        run_time_of(two, two.config)


def test_operations_do_not_tell_configurations() -> None:
    one = wanted({**BRIDGE, "token": "canary"})
    (operation,) = plan(state_of(one), one)
    assert "canary" in str(operation.as_dict())
    assert "canary" not in str(operation.told())


@pytest.mark.parametrize(
    ("one", "other", "words"),
    [
        ({}, {}, "interface: .* is given twice"),
        ({}, {"container_id": "another"}, "interface: 'eth0 in /run/netns/sb' is given twice"),
        ({"ports": ["8080:80"]}, {"netns": "sc", "ports": ["0.0.0.0:8080:81"]}, "overlaps with 127.0.0.1:8080/tcp"),
    ],
)
def test_what_cannot_be_together(one: dict[str, Any], other: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidOption, match=words):
        CniResource().check([wanted(BRIDGE, PORTMAP, **one), wanted(BRIDGE, PORTMAP, **other)])
