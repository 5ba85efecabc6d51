# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The module restore_service: what it describes is made again when nothing is left of it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from box import Box, operations

PROGRAM = "/usr/local/sbin/sandbox-network-restore"
DOCUMENTS = "/var/lib/sandbox-network/sandboxes"
BRIDGE = {"name": "sbr0", "kind": "bridge", "addresses": ["10.90.0.1/24"], "up": True}


def sandbox(name: str, number: int, **firewall: Any) -> dict[str, Any]:
    """A sandbox on a bridge, as a role describes it."""
    address = f"10.90.0.{number}/24"
    veth = {
        "name": "eth0",
        "netns": name,
        "kind": "veth",
        "mac": f"02:00:00:00:01:{number:02}",
        "peer": {"name": f"{name}-out", "master": "sbr0", "mac": f"02:00:00:00:02:{number:02}"},
        "addresses": [address],
        "routes": [{"dst": "default", "gateway": "10.90.0.1"}],
    }
    tasks: list[dict[str, Any]] = [
        {"address_lease": {"owner": name, "addresses": [address]}},
        {"sandbox.network.netns": {"namespaces": [{"name": name, "dns": {"servers": ["192.0.2.53"]}}]}},
        {"link": {"links": [BRIDGE, veth]}},
    ]
    if firewall:
        tasks.append({"firewall": {"sandbox": name, **firewall}})
    return {"sandbox": name, "tasks": tasks}


def tasks_of(one: dict[str, Any]) -> list[tuple[str, Any]]:
    """The same as modules are called."""
    return [(module.rpartition(".")[2], args) for task in one["tasks"] for module, args in task.items()]


def end_of_the_boot(box: Box, *namespaces: str) -> None:
    """What a reboot leaves of it: files below /etc and /var, and nothing of the kernel."""
    box.sh(
        *(f"ip netns delete {name}" for name in namespaces),
        "ip link delete sbr0 || :",
        "nft flush ruleset",
        "rm -rf /run/sandbox-network",
    )


def test_there_and_back(box: Box) -> None:
    before = box.snapshot()
    result = box.change("restore_service", sandbox("web1", 2))
    assert operations(result) == ["program.install", "file.write", "file.write"]
    assert result["restore"] == {
        "sandbox": "web1",
        "state": "present",
        "file": f"{DOCUMENTS}/web1.json",
        "unit": None,
        "enabled": False,
    }
    assert box.sh(f"stat -c '%a %U' {DOCUMENTS}/web1.json {PROGRAM}").split() == ["600", "root", "755", "root"]
    assert box.ip("netns") == [], "the task itself makes nothing"
    box.change("restore_service", sandbox("web2", 3))
    assert operations(box.change("restore_service", {"sandbox": "web1", "state": "absent"})) == ["file.remove"]
    box.change("restore_service", {"sandbox": "web2", "state": "absent"})
    assert box.unlike(before) == []


def test_what_was_made_by_tasks_is_made_again(box: Box) -> None:
    sandboxes = [
        sandbox("web1", 2, ports=["18081:80"], masquerade=True),
        sandbox("web2", 3, policy="closed"),
        sandbox("web3", 4),
    ]
    for one in sandboxes:
        for module, args in tasks_of(one):
            box.done(module, args)
    rules = box.sh("nft list ruleset")
    box.done("restore_service", {"sandboxes": sandboxes})
    end_of_the_boot(box, "web1", "web2", "web3")
    printed = box.sh(PROGRAM)
    assert printed == "as described: 3, not: 0\n"
    assert box.sh("nft list ruleset") == rules
    assert box.sh("ip -n web1 -br -4 address show eth0").split()[2] == "10.90.0.2/24"
    for one in sandboxes:
        for module, args in tasks_of(one):
            box.nothing_to_do(module, args)
    calls = box.sh(
        f"strace -f -e trace=sendmsg,sendto,mount,rename,unlink -o /run/calls {PROGRAM} >/dev/null;"
        " grep -cE 'RTM_(NEW|DEL|SET)|mount\\(' /run/calls || :"
    )
    assert calls.strip() == "0", "run again, it changes nothing"


def test_one_that_cannot_be_made_keeps_no_other(box: Box) -> None:
    impossible = sandbox("web2", 3)
    impossible["tasks"][2]["link"]["links"][1]["peer"]["master"] = "missing0"
    box.done("restore_service", {"sandboxes": [sandbox("web1", 2), impossible, sandbox("web3", 4)]})
    box.sh(f"echo '{{' > {DOCUMENTS}/damaged.json", f"echo '{{\"schema\": 99}}' > {DOCUMENTS}/newer.json")
    printed = box.sh(f"{PROGRAM} 2>&1 || echo status $?")
    assert "web2: link: " in printed and "missing0" in printed
    assert f"{DOCUMENTS}/damaged.json is damaged" in printed
    assert f"{DOCUMENTS}/newer.json has schema 99" in printed
    assert printed.endswith("as described: 2, not: 3\nstatus 1\n"), printed
    assert [box.link("eth0", name) is not None for name in ("web1", "web2", "web3")] == [True, False, True]
    assert box.sh(f"{PROGRAM} sandbox 2>&1 || echo $?").endswith("2\n")


def test_a_user_mode_network_is_started_again(box: Box) -> None:
    network = {"netns": "sb", "forwards": ["18080:80"]}
    tasks = [{"netns": {"name": "sb"}}, {"slirp_network": network}]
    box.done("restore_service", {"sandbox": "sb", "tasks": tasks})
    assert box.sh(PROGRAM) == "as described: 1, not: 0\n"
    found = box.nothing_to_do("slirp_network", network)["slirp"]
    assert found["alive"] and [one["host_port"] for one in found["forwards"]] == [18080]
    box.done("slirp_network", {"netns": "sb", "state": "stopped"})


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ({"sandbox": "web1"}, ["tasks"]),
        ({"sandbox": "../web1", "state": "absent"}, ["sandbox", "../web1"]),
        ({"sandbox": "web%i\nExecStart=/bin/false", "tasks": [{"netns": {"name": "a"}}]}, ["sandbox"]),
        ({"sandbox": "web1", "tasks": [{"netns": {"name": "a"}, "link": {"name": "b"}}]}, ["tasks[0]", "one module"]),
        ({"sandbox": "web1", "tasks": [{"command": {"cmd": "true"}}]}, ["tasks[0]", "'command'"]),
        ({"sandbox": "web1", "tasks": [{"netns": "web1"}]}, ["tasks[0].netns", "'web1'"]),
        ({"sandbox": "web1", "tasks": [{"netns": {"nam": "web1"}}]}, ["tasks[0].netns", "nam"]),
        ({"sandbox": "web1", "tasks": [{"netns": {"name": "web1", "loopback": "perhaps"}}]}, ["loopback", "perhaps"]),
        (
            {"sandbox": "web1", "tasks": [{"link": {"links": [{"name": "a"}, {"name": "b/c", "kind": "dummy"}]}}]},
            ["tasks[0].link.links[1].name", "'b/c'"],
        ),
        ({"sandbox": "web1", "tasks": [{"netns": {"name": "a", "pid": 1}}]}, ["tasks[0].netns.pid", "reboot"]),
        (
            {"sandbox": "web1", "tasks": [{"slirp_network": {"netns": "pid:1"}}]},
            ["tasks[0].slirp_network.netns", "'pid:1'", "reboot"],
        ),
        (
            {"sandbox": "web1", "tasks": [{"netns": {"name": "a", "state": "absent"}}]},
            ["tasks[0].netns.state", "makes nothing"],
        ),
        (
            {"sandboxes": [{"sandbox": "a", "tasks": [{"netns": {"name": "a"}}]}] * 2},
            ["sandbox", "'a'"],
        ),
    ],
)
def test_bad_input(box: Box, args: dict[str, Any], words: list[str]) -> None:
    box.refused("restore_service", args, *words)


def test_somebody_else_has_the_name_of_the_program(box: Box) -> None:
    box.sh(f"mkdir -p {PROGRAM.rpartition('/')[0]}; echo '#!/bin/sh' > {PROGRAM}")
    box.fails("restore_service", sandbox("web1", 2), PROGRAM, "somebody else")


def test_an_older_version_is_replaced(box: Box) -> None:
    old = "/usr/local/lib/sandbox-network/restore-0123456789abcdef"
    box.done("restore_service", sandbox("web1", 2))
    box.sh(f"mkdir {old}; touch {old}/__main__.py")
    assert operations(box.change("restore_service", sandbox("web1", 2))) == ["program.remove"]
    assert box.sh("ls /usr/local/lib/sandbox-network").count("restore-") == 1


def test_a_description_says_what_was_given_and_no_more(box: Box) -> None:
    given = {"config": {"cniVersion": "1.0.0", "name": "n", "plugins": [{"type": "ptp", "x": None}]}, "netns": "sb"}
    box.done("restore_service", {"sandbox": "sb", "tasks": [{"cni_network": given}]})
    ((module, items),) = json.loads(box.sh(f"cat {DOCUMENTS}/sb.json"))["tasks"][0].items()
    assert module == "cni_network" and items[0]["config"] == given["config"]
