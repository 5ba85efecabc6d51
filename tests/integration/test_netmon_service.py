# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The module netmon_service: a monitor that watches what it is to watch, from the task's end on."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from box import Box, operations

TOLD = "/run/box/work-told"
RUNTIME = "/run/runtime/runtime"
CALLED = (
    "mkdir -p /run/runtime",
    f"""printf '#!/bin/sh\\necho "$2 $3 $(cat "$4")" >> {TOLD}\\n' > {RUNTIME}""",
    f"chmod 755 {RUNTIME}",
)
SANDBOX = (
    "ip netns add sb",
    "ip link add out0 type veth peer name eth0 netns sb",
    "ip link set out0 up",
)
SB = {"sandbox_id": "web1", "netns": "sb", "runtime_path": RUNTIME, "debounce": 0.05}
STATUS = "/run/sandbox-network/netmon/status.json"
STORAGE = "/run/kata-containers/netmon/sbs"
LIBRARY = "/usr/local/lib/sandbox-network"
PROGRAM = "/usr/local/sbin/sandbox-netmon"


@pytest.fixture
def sandbox(box: Box) -> Box:
    """A host with a sandbox whose link is down, and a runtime that keeps what it is told."""
    box.sh(*SANDBOX, *CALLED)
    return box


def told(box: Box) -> list[tuple[str, str, Any]]:
    """What the runtime was told: verb, sandbox, document."""
    lines = box.sh(f"cat {TOLD}", check=False).splitlines() if box.sh(f"ls {TOLD}", check=False) == f"{TOLD}\n" else []
    words = [line.split(" ", 2) for line in lines]
    return [(verb, sandbox, json.loads(text)) for verb, sandbox, text in words]


def wait_for(what: Callable[[], Any], seconds: float = 5.0) -> Any:
    """What is there after a while."""
    deadline = time.monotonic() + seconds
    while True:
        found = what()
        if found or time.monotonic() > deadline:
            assert found
            return found
        time.sleep(0.02)


def up(box: Box) -> None:
    """Have the sandbox's link up, with a carrier."""
    box.sh("ip -n sb link set eth0 up")
    wait_for(lambda: (box.link("eth0", "sb") or {})["operstate"] == "UP")


def status(box: Box) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(box.sh(f"cat {STATUS}"))
    return found


def monitors(box: Box) -> list[str]:
    """The processes of monitors."""
    return box.sh("pgrep -f '^/[^ ]* -I -S -B /usr/local/lib/sandbox-network/'", check=False).split()


def test_the_life_of_a_sandbox(sandbox: Box) -> None:
    before = sandbox.snapshot()
    result = sandbox.change("netmon_service", SB)["netmon"]
    assert monitors(sandbox) == [str(result["pid"])]
    assert result["state"] == "started" and result["service_manager"] == "process"
    assert [one["id"] for one in status(sandbox)["sandboxes"]] == ["web1"]
    sandbox.sh("ip -n sb link set eth0 up", "ip -n sb address add 198.18.0.2/24 dev eth0")
    verb, name, document = wait_for(lambda: told(sandbox))[0]
    link = sandbox.link("eth0", "sb")
    assert link is not None
    assert (verb, name, document["Name"], document["HwAddr"]) == ("add-iface", "web1", "eth0", link["address"])
    sandbox.sh("ip -n sb route add default via 198.18.0.1")
    wait_for(lambda: told(sandbox)[-1][0] == "update-routes")
    assert [route["Gateway"] for route in told(sandbox)[-1][2]] == ["198.18.0.1"]
    assert sandbox.sh(f"stat -c '%a %U' {STORAGE}/web1") == "750 root\n"
    wait_for(lambda: sandbox.sh(f"ls {STORAGE}/web1") == "told.jsonl\n")  # the file that was handed over is gone
    sandbox.change("netmon_service", {"sandbox_id": "web1", "state": "absent"})
    assert monitors(sandbox) == []
    sandbox.sh(f"rm {TOLD}", "ip -n sb route del default", "ip -n sb address flush dev eth0")
    sandbox.sh("ip -n sb link set eth0 down")
    assert sandbox.unlike(before) == []


def test_what_changes_right_after_the_task_is_told(sandbox: Box) -> None:
    for number in range(5):
        sandbox.done("netmon_service", {**SB, "sandbox_id": f"web{number}"})
        sandbox.sh("ip -n sb link set eth0 up")
        wait_for(lambda number=number: [one for one in told(sandbox) if one[:2] == ("add-iface", f"web{number}")])
        sandbox.sh("ip -n sb link set eth0 down")
        wait_for(lambda number=number: told(sandbox)[-1][0] == "update-iface" and len(told(sandbox)) >= number)
        sandbox.done("netmon_service", {"sandbox_id": f"web{number}", "state": "absent"})


def test_another_sandbox_leaves_the_monitor_running(sandbox: Box) -> None:
    pid = sandbox.done("netmon_service", SB)["netmon"]["pid"]
    sandbox.sh("ip netns add other")
    result = sandbox.change("netmon_service", {**SB, "sandbox_id": "web2", "netns": "other"})
    assert result["netmon"]["pid"] == pid
    assert operations(result) == ["file.write", "monitor.settle", "record.put"]
    assert [one["id"] for one in status(sandbox)["sandboxes"]] == ["web1", "web2"]
    result = sandbox.change("netmon_service", {**SB, "update": "replace"})
    assert result["netmon"]["pid"] == pid
    sandbox.change("netmon_service", {"sandbox_id": "web1", "state": "absent"})
    assert monitors(sandbox) == [str(pid)]
    assert [one["id"] for one in status(sandbox)["sandboxes"]] == ["web2"]


def test_many_in_one_task(box: Box) -> None:
    names = [f"web{number}" for number in range(30)]
    box.sh(*CALLED, *(f"ip netns add {name}" for name in names))
    items = [{"sandbox_id": name, "netns": name, "runtime_path": RUNTIME} for name in names]
    result = box.change("netmon_service", {"sandboxes": items})
    assert len({one["pid"] for one in result["sandboxes"]}) == 1
    assert sorted(one["id"] for one in status(box)["sandboxes"]) == sorted(names)
    box.refused(
        "netmon_service",
        {"sandboxes": [*items, {"sandbox_id": "new", "netns": "sb", "runtime_path": RUNTIME, "debounce": -1}]},
        "debounce",
        "-1",
    )
    box.change("netmon_service", {"sandboxes": [{"sandbox_id": name} for name in names], "state": "absent"})
    assert monitors(box) == [] and box.sh("ls /usr/local/lib").find("sandbox-network") < 0


def test_stopped_and_started_again_tells_what_changed_meanwhile(sandbox: Box) -> None:
    up(sandbox)
    sandbox.done("netmon_service", SB)
    result = sandbox.change("netmon_service", {**SB, "state": "stopped"})
    assert result["netmon"]["state"] == "stopped" and monitors(sandbox) == []
    sandbox.sh("ip -n sb link set eth0 mtu 1400")
    sandbox.change("netmon_service", SB)
    verb, _name, document = wait_for(lambda: told(sandbox))[0]
    assert (verb, document["Mtu"]) == ("update-iface", 1400)


@pytest.mark.parametrize("victim", ["monitor", "both"])
def test_a_monitor_that_died_is_started_again_and_tells_the_difference(sandbox: Box, victim: str) -> None:
    up(sandbox)
    pid = sandbox.done("netmon_service", SB)["netmon"]["pid"]
    parent = sandbox.sh(f"ps -o ppid= -p {pid}").strip()
    sandbox.sh(f"kill -9 {pid if victim == 'monitor' else f'{parent} {pid}'}")
    wait_for(lambda: not monitors(sandbox))
    sandbox.sh("ip -n sb link set eth0 mtu 1400")
    result = sandbox.change("netmon_service", SB)
    assert operations(result) == ["process.stop", "process.start", "monitor.settle"]
    wait_for(lambda: told(sandbox))
    assert [(verb, document["Mtu"]) for verb, _name, document in told(sandbox)] == [("update-iface", 1400)]


def test_restarted(sandbox: Box) -> None:
    pid = sandbox.done("netmon_service", SB)["netmon"]["pid"]
    result = sandbox.done("netmon_service", {**SB, "state": "restarted"})
    assert result["changed"] and result["netmon"]["pid"] != pid
    assert monitors(sandbox) == [str(result["netmon"]["pid"])]


def test_a_newer_program_replaces_the_older_one_and_nothing_is_lost(sandbox: Box) -> None:
    sandbox.done("netmon_service", SB)
    (old,) = sandbox.sh(f"ls {LIBRARY}").split()
    older = "netmon-" + "0" * 16  # as an earlier collection would have installed it
    sandbox.sh(
        f"cp -r {LIBRARY}/{old} {LIBRARY}/{older}",
        f"echo '# older' >> {LIBRARY}/{older}/__main__.py",
        f"rm -r {LIBRARY}/{old}",
        f"sed -i s/{old}/{older}/ {PROGRAM} /run/sandbox-network/helpers/netmon/spec.json",
    )
    sandbox.sh("ip -n sb link set eth0 up")
    wait_for(lambda: told(sandbox))
    result = sandbox.change("netmon_service", SB)
    expected = ["program.install", "file.write", "process.stop", "process.start", "monitor.settle", "program.remove"]
    assert operations(result) == expected
    assert sandbox.sh(f"ls {LIBRARY}") == f"{old}\n"
    sandbox.sh("ip -n sb link set eth0 mtu 1400")
    wait_for(lambda: told(sandbox)[-1][2]["Mtu"] == 1400)
    assert [verb for verb, _name, _document in told(sandbox)] == ["add-iface", "update-iface"]


def test_a_changed_program_is_mended(sandbox: Box) -> None:
    sandbox.done("netmon_service", SB)
    sandbox.sh(f"echo >> $(echo {LIBRARY}/*/__main__.py)")
    result = sandbox.change("netmon_service", SB)
    assert operations(result) == ["program.install"]


def test_the_program_by_hand(sandbox: Box) -> None:
    sandbox.done("netmon_service", SB)
    assert "sandbox-netmon version" in sandbox.sh(f"{PROGRAM} -version")
    sandbox.sh(f"ip netns exec sb {PROGRAM} -s byhand -r {RUNTIME} & echo $! > /run/box/hand.pid; sleep 0.5")
    sandbox.sh("ip -n sb link set eth0 up")
    wait_for(lambda: [one for one in told(sandbox) if one[:2] == ("add-iface", "byhand")])
    sandbox.sh("kill $(cat /run/box/hand.pid)", "rm /run/box/hand.pid")
    wait_for(lambda: not sandbox.sh(f"ls {STORAGE} | grep byhand", check=False))


def test_what_netns_info_tells(sandbox: Box) -> None:
    def monitors_of(name: str) -> list[dict[str, Any]]:
        result = sandbox.done("netns_info", {"name": [name], "gather": ["monitors"]})
        found: list[dict[str, Any]] = result["namespaces"][0]["monitors"]
        return found

    assert monitors_of("sb") == []
    pid = sandbox.done("netmon_service", SB)["netmon"]["pid"]
    up(sandbox)
    wait_for(lambda: told(sandbox))
    (found,) = wait_for(lambda: [one for one in monitors_of("sb") if one["commands"]])
    assert found["sandbox_id"] == "web1" and found["alive"] and found["watched"]
    assert found["interfaces"] == ["eth0"] and found["failures"] == 0 and found["problem"] is None
    sandbox.sh(f"printf '#!/bin/sh\\nexit 3\\n' > {RUNTIME}", "ip -n sb link set eth0 mtu 1400")
    (found,) = wait_for(lambda: [one for one in monitors_of("sb") if one["failures"]])
    assert "update-iface: exit status 3" in found["problem"]
    sandbox.sh(f"kill {pid}")
    wait_for(lambda: not monitors_of("sb")[0]["alive"])
    assert not monitors_of("sb")[0]["watched"]


def test_somebody_elses_program_is_left_alone(sandbox: Box) -> None:
    sandbox.sh(f"echo mine > {PROGRAM}")
    sandbox.refused("netmon_service", SB, PROGRAM, "somebody else's")
    assert sandbox.sh(f"cat {PROGRAM}") == "mine\n"


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ({"sandbox_id": "../x"}, ["sandbox_id", "../x"]),
        ({"sandbox_id": "-s"}, ["sandbox_id", "-s"]),
        ({"sandbox_id": ""}, ["sandbox_id"]),
        ({"runtime_path": "runtime"}, ["runtime_path", "runtime"]),
        ({"runtime_path": "/run/nowhere/runtime"}, ["runtime_path", "/run/nowhere/runtime"]),
        ({"netns": "nobody"}, ["netns", "nobody"]),
        ({"debounce": 61}, ["debounce", "61"]),
        ({"command_timeout": 0}, ["command_timeout", "0"]),
        ({"retries": -1}, ["retries", "-1"]),
        ({"storage_dir": "relative"}, ["storage_dir", "relative"]),
        ({"metrics_file": "m.prom"}, ["metrics_file", "m.prom"]),
        ({"enabled": True}, ["enabled", "systemd"]),
        ({"service_manager": "systemd"}, ["service_manager", "systemd"]),
    ],
)
def test_bad_input(sandbox: Box, args: dict[str, Any], words: list[str]) -> None:
    wanted = {**SB, **args}
    if wanted["netns"] == "nobody" or "nowhere" in wanted["runtime_path"]:  # an earlier task could see to it
        outcome = sandbox.run("netmon_service", wanted)
        assert outcome.failed and all(word in outcome.result["msg"] for word in words)
    else:
        sandbox.refused("netmon_service", wanted, *words)
    assert monitors(sandbox) == []


def test_metrics_where_they_are_wanted(sandbox: Box) -> None:
    sandbox.change("netmon_service", {**SB, "metrics_file": "/run/prom/sandbox.prom"})
    assert 'sandbox_netmon_watched{sandbox="web1"} 1' in sandbox.sh("cat /run/prom/sandbox.prom")
    sandbox.nothing_to_do("netmon_service", SB)  # left out, they stay where they are
    sandbox.change("netmon_service", {"sandbox_id": "web1", "state": "absent"})
    assert sandbox.sh("ls /run/prom") == ""


def test_a_namespace_that_ends_is_not_held(sandbox: Box) -> None:
    sandbox.done("netmon_service", SB)
    sandbox.sh("ip netns delete sb")
    wait_for(lambda: "out0" not in sandbox.links(), 1.0)
    wait_for(lambda: status(sandbox)["gone"] == ["web1"], 1.5)
    sandbox.sh(*SANDBOX)
    wait_for(lambda: [one["id"] for one in status(sandbox)["sandboxes"]] == ["web1"])
    sandbox.nothing_to_do("netmon_service", SB)
