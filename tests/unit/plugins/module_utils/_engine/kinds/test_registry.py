# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Every kind of operation: shown in a diff, undone by operations that are kinds themselves."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ansible_collections.sandbox.network.plugins.module_utils._engine.kinds.registry import (
    KINDS,
    diff,
    inverse,
)
from ansible_collections.sandbox.network.plugins.module_utils._engine.operation import (
    Operation,
    without_empty,
)

WEB1 = "/run/netns/web1"
LINK = {"netns": WEB1, "name": "eth0", "ifindex": 7}
ON_LINK = {"netns": WEB1, "link": "eth0", "ifindex": 7}
FILE = {"content": "new\n", "mode": 0o644, "owner": [0, 0]}
CARD = {**LINK, "bdf": "0000:01:00.0", "driver": "vfio-pci", "before": {"driver": "e1000e", "override": ""}}
ATTACHMENT = {
    "network": "web",
    "container_id": "c1",
    "interface": "eth0",
    "sandbox": WEB1,
    "cache_dir": "/run/cni",
    "identity": [4, 9, 11],
    "plugin_dirs": ["/usr/lib/cni"],
    "timeout": 60.0,
    "args": [["A", "b"]],
    "capabilities": {},
    "keep": {},
    "config": {"plugins": [{"type": "bridge", "token": "canary"}]},
}
ATTACHED = {f"eth0 of c1 in {WEB1} at web": {"plugins": ["bridge"], "args": ["A=b"]}}
LEASES = {"directory": "/run/leases", "leases": {"10.0.0.3": ""}}
PROGRAM = {"directory": "/usr/lib/program", "files": {"__main__.py": "main()\n"}, "above": ["/usr/lib"]}
UNIT = {"path": "/etc/a.service", "file": FILE, "before": None, "directories": []}
REMOVAL = {"before": FILE, "directories": []}
SAMPLES: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("netns.create", {"path": WEB1, "identity": [4, 9]}, {"namespaces": {WEB1: {"state": "present"}}}),
    ("netns.delete", {"path": WEB1, "identity": [4, 9]}, {"namespaces": {WEB1: {"state": "absent"}}}),
    (
        "link.add",
        {**LINK, "kind": "bridge", "mtu": 1400},
        {"links": {f"eth0 in {WEB1}": {"kind": "bridge", "mtu": 1400, "state": "present"}}},
    ),
    ("link.delete", {**LINK, "kind": "bridge", "restore": []}, {"links": {f"eth0 in {WEB1}": {"state": "absent"}}}),
    (
        "link.set",
        {**LINK, "set": {"mtu": 1400}, "before": {"mtu": 1500}},
        {"links": {f"eth0 in {WEB1}": {"mtu": 1400}}},
    ),
    (
        "address.add",
        {**ON_LINK, "address": "10.0.0.1/24"},
        {"links": {f"eth0 in {WEB1}": {"addresses": ["10.0.0.1/24"]}}},
    ),
    ("address.delete", {**ON_LINK, "address": "10.0.0.1/24"}, {"links": {f"eth0 in {WEB1}": {"addresses": []}}}),
    (
        "route.add",
        {**ON_LINK, "dst": "10.9.0.0/16", "gateway": "10.0.0.9"},
        {"links": {f"eth0 in {WEB1}": {"routes": ["10.9.0.0/16 via 10.0.0.9"]}}},
    ),
    (
        "route.delete",
        {**ON_LINK, "dst": "10.9.0.0/16", "gateway": "10.0.0.9"},
        {"links": {f"eth0 in {WEB1}": {"routes": []}}},
    ),
    (
        "sysctl.set",
        {"netns": WEB1, "key": "net.ipv4.ip_forward", "value": "1", "before": "0"},
        {"sysctls": {WEB1: {"net.ipv4.ip_forward": "1"}}},
    ),
    ("cni.add", ATTACHMENT, {"attachments": ATTACHED}),
    ("cni.delete", ATTACHMENT, {"attachments": dict.fromkeys(ATTACHED)}),
    ("leases.free", LEASES, {"leases": {"/run/leases": []}}),
    ("leases.restore", LEASES, {"leases": {"/run/leases": ["10.0.0.3"]}}),
    ("program.install", PROGRAM, {"programs": {"/usr/lib/program": ["__main__.py"]}}),
    ("program.remove", PROGRAM, {"programs": {"/usr/lib/program": None}}),
    ("unit.start", {"unit": "a.service"}, {"units": {"a.service": "started"}}),
    ("unit.stop", {"unit": "a.service", "active": True}, {"units": {"a.service": "stopped"}}),
    ("unit.enable", {"unit": "a.service"}, {"enabled": {"a.service": True}}),
    ("unit.disable", {"unit": "a.service"}, {"enabled": {"a.service": False}}),
    ("unit.write", UNIT, {"files": {"/etc/a.service": ["new"]}}),
    ("unit.remove", {**REMOVAL, "path": "/etc/a.service"}, {"files": {"/etc/a.service": None}}),
    (
        "pci.bind",
        CARD,
        {"pci": {"0000:01:00.0": {"driver": "vfio-pci"}}, "links": {f"eth0 in {WEB1}": {"state": "absent"}}},
    ),
    (
        "pci.release",
        CARD,
        {"pci": {"0000:01:00.0": {"driver": "e1000e"}}, "links": {f"eth0 in {WEB1}": {"state": "present"}}},
    ),
]
PORT = {"published4": {"127.0.0.1 . tcp . 8080 : 10.80.0.2 . 80": "web1"}}
SAMPLES += [
    (
        "firewall.change",
        {"tables": {"inet": {"before": "ours", "after": "ours", "remove": {}, "add": PORT}}},
        {"nftables": {"inet sandbox_network": {"published4": [*PORT["published4"]]}}},
    ),
    (
        "firewall.change",
        {"tables": {"inet": {"before": None, "after": "ours", "remove": {}, "add": PORT}}},
        {"nftables": {"inet sandbox_network": {"rules": "ours", "published4": [*PORT["published4"]]}}},
    ),
]
IDS = [kind for kind, _args, _after in SAMPLES]


@pytest.mark.parametrize(("kind", "args", "after"), SAMPLES, ids=IDS)
def test_a_diff_shows_what_changes(kind: str, args: dict[str, Any], after: dict[str, Any]) -> None:
    shown = diff([Operation(kind, args)])
    assert shown["after"] == after
    assert shown["before"] != shown["after"]
    json.dumps(shown)


@pytest.mark.parametrize(("kind", "args", "after"), SAMPLES, ids=IDS)
def test_the_inverse_of_the_inverse_is_the_deed(kind: str, args: dict[str, Any], after: dict[str, Any]) -> None:
    operation = Operation(kind, args)
    (back,) = inverse(operation)
    assert back.kind in KINDS
    forth = inverse(back)
    assert forth[0].kind == kind
    assert diff(forth)["after"] == after
    assert Operation.from_dict(json.loads(json.dumps(operation.as_dict()))) == operation


def test_a_diff_of_many_is_sorted_and_whole() -> None:
    operations = [Operation("link.add", {**LINK, "name": name, "kind": "bridge"}) for name in ("b", "a", "c")] + [
        Operation("address.add", {**ON_LINK, "link": "a", "address": text}) for text in ("10.0.0.2/24", "10.0.0.1/24")
    ]
    shown = diff(operations)
    assert list(shown["after"]["links"]) == [f"{name} in {WEB1}" for name in "abc"]
    assert sorted(shown["after"]["links"][f"a in {WEB1}"]["addresses"]) == ["10.0.0.1/24", "10.0.0.2/24"]
    assert diff([]) == {"before": {}, "after": {}}


def test_zero_says_something() -> None:
    assert without_empty({"a": 0, "b": None, "c": "", "d": False, "e": [], "f": 1}) == {"a": 0, "f": 1}


def test_of_many_files_the_names_are_told() -> None:
    operation = Operation("program.install", PROGRAM)
    assert operation.told()["files"] == ["__main__.py"]
    assert operation.as_dict()["files"] == PROGRAM["files"]
