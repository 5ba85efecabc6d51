# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Namespaces that a process of the user holds: made, entered, mended, made anew, taken away."""

from __future__ import annotations

import hashlib
import json
import shlex
import time
from typing import Any

import pytest
from box import Box, only, operations
from promises.runner import FAIL, KILL_AFTER, Fault

MODULE = "rootless_netns"
WEB1 = {"name": "web1"}
GONE = {"name": "web1", "state": "absent"}
DNS = {"name": "web1", "dns": ["192.0.2.53", "2001:db8::53"]}
STATE_DIR = "/run/sandbox-network"


def inside(box: Box, rootless: dict[str, Any], command: str) -> str:
    """What a command prints in a namespace."""
    return box.sh(f"{shlex.join(rootless['enter'])} sh -c {shlex.quote(command)}")


def sleeper(box: Box, rootless: dict[str, Any]) -> int:
    """Start a process inside; its id."""
    box.sh(f"{shlex.join(rootless['enter'])} sleep 600 >/dev/null 2>&1 & echo $! >/run/inside")
    pid = int(box.sh("cat /run/inside; rm /run/inside"))
    where = f"$(readlink /proc/{pid}/ns/net)"
    box.sh(f"until [ {where} = $(readlink /proc/{rootless['pid']}/ns/net) ]; do sleep 0.02; done")
    return pid


def directory_of(name: str) -> str:
    return f"{STATE_DIR}/helpers/rootless-{name}-{hashlib.sha256(f'{STATE_DIR}/{name}'.encode()).hexdigest()[:16]}"


def gone(box: Box, pid: int) -> None:
    """Wait for the end of a process."""
    deadline = time.monotonic() + 5
    while box.sh(f"kill -0 {pid} 2>/dev/null && grep -c 'State:.Z' /proc/{pid}/status || true").strip() == "0":
        assert time.monotonic() < deadline
        time.sleep(0.02)


def supervisor_of(box: Box, pid: int) -> int:
    return int(box.sh(f"ps -o ppid= -p {pid}"))


def test_it_comes_is_entered_and_goes(box: Box) -> None:
    before = box.snapshot()
    made = box.change(MODULE, WEB1)["rootless"]
    assert (made["state"], made["alive"], made["created"], made["dns"]) == ("present", True, True, None)
    assert made["netns"] == f"pid:{made['pid']}"
    assert inside(box, made, "id -u; ip -br link").split()[:3] == ["0", "lo", "UNKNOWN"]
    assert inside(box, made, "cat /etc/resolv.conf") == box.sh("cat /etc/resolv.conf")
    inside(box, made, "ip link add dummy type veth peer other; mount -t tmpfs none /mnt; touch /mnt/there")
    for kind in ("net", "user", "mnt"):
        here, there = box.sh(f"readlink /proc/self/ns/{kind}; readlink /proc/{made['pid']}/ns/{kind}").split()
        assert here != there
    again = box.nothing_to_do(MODULE, WEB1)["rootless"]
    assert again == {**made, "created": False}
    session = box.sh(f"ps -o sid= -p {made['pid']}").split()
    assert session == [str(supervisor_of(box, made["pid"]))] != box.sh("ps -o sid= -p $$").split()
    found = box.change(MODULE, GONE)["rootless"]
    assert (found["state"], found["alive"], found["pid"], found["enter"]) == ("absent", False, None, None)
    assert box.unlike(before) == [] and box.state_files() == []


def test_a_list_is_done_as_a_whole(box: Box) -> None:
    before = box.snapshot()
    items = [{"name": "one"}, {"name": "two", "dns": ["192.0.2.53"]}, {"name": "three"}]
    made = box.change(MODULE, {"namespaces": items})["namespaces"]
    assert [one["name"] for one in made] == ["one", "two", "three"]
    assert len({one["pid"] for one in made}) == 3
    box.change(MODULE, {"namespaces": [{"name": "two"}, {"name": "one", "state": "absent"}]})
    box.change(MODULE, {"namespaces": [{"name": one["name"]} for one in items], "state": "absent"})
    assert box.unlike(before) == []
    box.sh(f"mkdir -p {STATE_DIR}/helpers; touch {directory_of('three')}")
    box.fails(MODULE, {"namespaces": items})


def test_name_servers_of_its_own(box: Box) -> None:
    host = box.sh("cat /etc/resolv.conf")
    made = box.change(MODULE, DNS)["rootless"]
    assert made["dns"] == DNS["dns"]
    assert inside(box, made, "cat /etc/resolv.conf") == "nameserver 192.0.2.53\nnameserver 2001:db8::53\n"
    assert box.sh("cat /etc/resolv.conf") == host
    other = box.change(MODULE, {**DNS, "dns": []})
    assert operations(other) == ["process.stop", "process.start", "record.put"]
    assert other["rootless"]["created"] and other["rootless"]["pid"] != made["pid"]
    assert inside(box, other["rootless"], "cat /etc/resolv.conf") == ""
    assert inside(box, box.change(MODULE, WEB1)["rootless"], "cat /etc/resolv.conf") == host
    box.change(MODULE, GONE)


def test_a_host_that_replaces_its_resolv_conf(box: Box) -> None:
    """As network managers do it: a mount on the file goes with the file."""
    replace = "echo nameserver 192.0.2.1 >/etc/new; mv /etc/new /etc/resolv.conf"
    made = box.done(MODULE, DNS)["rootless"]
    box.sh(replace)
    pid = sleeper(box, made)
    kept = box.nothing_to_do(MODULE, DNS)
    assert "the host's /etc/resolv.conf was replaced" in str(only(kept["warnings"]))
    box.sh(f"kill {pid}")
    gone(box, pid)
    anew = box.change(MODULE, DNS)["rootless"]
    assert anew["created"] and inside(box, anew, "head -1 /etc/resolv.conf") == "nameserver 192.0.2.53\n"


def test_a_host_whose_resolv_conf_is_a_link(box: Box) -> None:
    """What it leads to can be replaced, and ours is still seen."""
    place = "/run/systemd/resolve"
    box.sh(f"mkdir -p {place}; cp /etc/resolv.conf {place}/stub.conf; ln -sf ../run/systemd/resolve/stub.conf /etc/new")
    box.sh("mv /etc/new /etc/resolv.conf")
    made = box.change(MODULE, DNS)["rootless"]
    box.sh(f"echo nameserver 192.0.2.1 >{place}/new; mv {place}/new {place}/stub.conf; touch {place}/socket")
    assert inside(box, made, f"head -1 /etc/resolv.conf; ls {place}").split() == [
        "nameserver",
        "192.0.2.53",
        "stub.conf",
    ]
    box.nothing_to_do(MODULE, DNS)
    box.sh(f"rm {place}/stub.conf")
    box.refused(MODULE, {**DNS, "name": "web2"}, "dns", "/etc/resolv.conf")


@pytest.mark.parametrize("whom", ["holder", "supervisor", "both"])
def test_a_dead_one_is_made_anew(box: Box, whom: str) -> None:
    made = box.done(MODULE, DNS)["rootless"]
    above = supervisor_of(box, made["pid"])
    killed = {"holder": [made["pid"]], "supervisor": [above], "both": [above, made["pid"]]}[whom]
    box.sh(f"kill -9 {' '.join(map(str, killed))}")
    for pid in (above, made["pid"]):
        gone(box, pid)  # each ends with the other
    mended = box.change(MODULE, DNS)
    assert operations(mended) == ["process.stop", "process.start"]
    assert mended["rootless"]["created"] and mended["rootless"]["pid"] != made["pid"]
    assert inside(box, mended["rootless"], "ip -br link").startswith("lo ")
    box.sh(f"kill -9 {mended['rootless']['pid']}")
    box.change(MODULE, GONE)
    assert box.state_files() == []


def test_processes_inside_are_not_cut_off_unasked(box: Box) -> None:
    before = box.snapshot()
    made = box.done(MODULE, WEB1)["rootless"]
    pid = sleeper(box, made)
    box.nothing_to_do(MODULE, WEB1)
    box.refused(MODULE, GONE, f"web1 has processes inside: {pid};", "force: true")
    box.refused(MODULE, DNS, f"web1 would be made anew, and has processes inside: {pid};", "force: true")
    anew = box.change(MODULE, {**DNS, "force": True})["rootless"]
    assert box.sh(f"readlink /proc/{pid}/ns/net") != box.sh(f"readlink /proc/{anew['pid']}/ns/net")
    box.change(MODULE, GONE)
    box.sh(f"kill {pid}")
    gone(box, pid)
    assert box.unlike(before) == []


def test_its_network_goes_with_it(box: Box) -> None:
    before = box.snapshot()
    network = {"forwards": ["8080:80"]}
    made = box.done(MODULE, WEB1)["rootless"]
    slirp = box.change("slirp_network", {**network, "netns": made["netns"]})["slirp"]
    box.nothing_to_do(MODULE, WEB1)
    assert box.sh("ss -Hltn").count(":8080 ") == 1
    box.sh(f"kill -9 {made['pid']}")
    gone(box, slirp["pid"])  # its supervisor sees that the namespace has ended
    mended = box.change(MODULE, WEB1)
    assert operations(mended) == ["process.stop", "process.stop", "record.drop", "process.start"]
    box.change("slirp_network", {**network, "netns": mended["rootless"]["netns"]})
    assert operations(box.change(MODULE, GONE)) == ["process.stop", "process.stop", "record.drop", "record.drop"]
    assert box.unlike(before) == [] and box.state_files() == []


def test_what_a_killed_task_left_of_a_network(box: Box) -> None:
    """The namespace and its network are mended by whichever task comes next."""
    before = box.snapshot()
    made = box.done(MODULE, WEB1)["rootless"]
    args = {"netns": made["netns"], "forwards": ["8080:80"]}
    calls = box.run("slirp_network", args).calls
    remembered = next(call for call in calls if "rename" in call.text and "/records/slirp/" in call.text)
    box.done("slirp_network", {**args, "state": "stopped"})
    outcome = box.host.run("slirp_network", args, fault=Fault(KILL_AFTER, remembered.number))
    assert outcome.killed
    result = box.done(MODULE, GONE)
    assert result["recovered"] and box.unlike(before) == [] and box.state_files() == []


def test_a_task_that_fails_on_the_way_out_leaves_it_as_it_was(box: Box) -> None:
    made = box.done(MODULE, WEB1)["rootless"]
    box.done("slirp_network", {"netns": made["netns"]})
    (dropped,) = [call for call in dry_run(box, GONE) if "records/rootless" in call.text and "unlink" in call.text][-1:]
    outcome = box.host.run(MODULE, GONE, fault=Fault(FAIL, dropped.number, error=5))
    assert outcome.failed and outcome.result["msg"].count("EIO"), str(outcome)
    result = box.done(MODULE, WEB1)["rootless"]
    assert result["alive"] and inside(box, result, "ip -br link").startswith("lo ")
    box.done(MODULE, GONE)
    assert box.state_files() == []


def dry_run(box: Box, args: dict[str, Any]) -> list[Any]:
    """The calls of a run; what it took away is there again."""
    calls = box.run(MODULE, args).calls
    made = box.done(MODULE, WEB1)["rootless"]
    box.done("slirp_network", {"netns": made["netns"]})
    return calls


def test_after_a_reboot(box: Box) -> None:
    """Where the state directory outlives the boot, what is in it is of processes that are no more."""
    made = box.done(MODULE, DNS)["rootless"]
    box.done("slirp_network", {"netns": made["netns"]})
    box.sh(f"kill -9 {made['pid']}", "while ss -Hlx | grep -q api.sock; do sleep 0.05; done")
    of_this = box.sh("cat /proc/sys/kernel/random/boot_id").strip()
    files = "$(find /run/sandbox-network -name '*.json' -o -name '*.previous')"
    box.sh(f"sed -i s/{of_this}/00000000-0000-0000-0000-000000000000/ {files}")
    found = box.change(MODULE, DNS)
    assert operations(found) == ["process.stop", "process.stop", "record.drop", "process.start", "record.put"]
    box.sh(f"kill -9 {found['rootless']['pid']}")
    box.sh(f"sed -i s/{of_this}/00000000-0000-0000-0000-000000000000/ {files}")
    box.change(MODULE, GONE)
    assert box.state_files() == []


def test_two_tasks_at_once_make_one(box: Box) -> None:
    outcomes = box.host.run_together([(MODULE, WEB1)] * 4)
    assert [outcome.failed for outcome in outcomes] == [False] * 4, [*map(str, outcomes)]
    assert len({outcome.result["rootless"]["pid"] for outcome in outcomes}) == 1
    assert sorted(outcome.result["changed"] for outcome in outcomes) == [False, False, False, True]


BAD_INPUT = [
    ({}, "name", "is required"),
    ({"name": "a/b"}, "name", "another directory"),
    ({"name": "-a"}, "name", "letters, digits"),
    ({"name": "a", "dns": ["nonsense"]}, "dns", "is not an IP address"),
    ({"name": "a", "service_manager": "systemd"}, "service_manager", "does not run here"),
    ({"namespaces": [{"name": "a"}, {"name": "a"}]}, "name", "is given twice"),
    ({"name": "a", "namespaces": [{"name": "b"}]}, "name", "cannot be given together with namespaces"),
    ({"namespaces": [{"name": "a"}, {"name": "b", "dns": ["10.0.0.300"]}]}, "namespaces[1].dns", "10.0.0.300"),
]


@pytest.mark.parametrize(("args", "option", "text"), BAD_INPUT, ids=[json.dumps(args) for args, _o, _t in BAD_INPUT])
def test_bad_input(box: Box, args: dict[str, Any], option: str, text: str) -> None:
    box.refused(MODULE, args, option, text)


def test_a_kernel_that_allows_no_user_namespaces(box: Box) -> None:
    box.sh("echo 0 >/run/zero; mount --bind /run/zero /proc/sys/user/max_user_namespaces")
    box.refused(MODULE, WEB1, "web1", "user.max_user_namespaces is 0")
    box.nothing_to_do(MODULE, GONE)


AS_NOBODY = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "--no-new-privs"]


def by_nobody(box: Box, args: dict[str, Any]) -> dict[str, Any]:
    """What the module answers to a user who is not root."""
    lane, text = box.host.lane, json.dumps({"ANSIBLE_MODULE_ARGS": box.host.arguments(args)})
    box.sh(f"printf %s {shlex.quote(text)} >/run/args.json; chmod 644 /run/args.json")
    answer = box.host.execute(
        [*AS_NOBODY, lane.python, str(lane.module_file(MODULE)), "/run/args.json"],
        {"PYTHONPATH": lane.python_path, "PYTHONDONTWRITEBYTECODE": "1"},
    )
    found: dict[str, Any] = json.loads(answer["stdout"])
    return found


def test_a_user_who_is_not_root(box: Box) -> None:
    """Another state directory than root's is needed, and said to be."""
    box.sh("mkdir -m 700 /run/nobody; chown 65534:65534 /run/nobody")
    assert "give another state_dir" in by_nobody(box, WEB1)["msg"]
    args = {**DNS, "state_dir": "/run/nobody/state"}
    made = by_nobody(box, args)["rootless"]
    told = box.sh(f"{shlex.join([*AS_NOBODY, *made['enter']])} sh -c 'id -u; head -1 /etc/resolv.conf'")
    assert told.split() == ["0", "nameserver", "192.0.2.53"]
    assert box.sh(f"ps -o user= -p {made['pid']} -p {supervisor_of(box, made['pid'])}").split() == ["nobody"] * 2
    assert not by_nobody(box, args)["changed"]
    assert by_nobody(box, {"name": "web1", "state": "absent", "state_dir": "/run/nobody/state"})["changed"]
    assert box.sh("find /run/nobody -type f -not -name lock; ps -u nobody -o stat= | grep -v Z || true") == ""
