# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The role sandbox through ansible-playbook on the real kernel."""

from __future__ import annotations

import json
import os
import shlex
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from throwaway import BUILD, Step, Throwaway

from ansible_collections.sandbox.network.plugins.plugin_utils._link_names import link_name

RESULTS = (
    "{'failed': none, 'addresses': sandbox_addresses | default({}), 'leases': sandbox_leases,"
    " 'namespaces': sandbox_namespaces, 'links': sandbox_links, 'devices': sandbox_devices,"
    " 'endpoints': sandbox_endpoints, 'networks': sandbox_networks, 'monitors': sandbox_monitors,"
    " 'attachments': sandbox_attachments, 'firewalls': sandbox_firewalls, 'restores': sandbox_restores}"
)
MARK = "# Of this namespace alone, made by sandbox.network.\n"
MODULES = ("leases", "namespaces", "links", "devices", "endpoints")


@pytest.fixture
def host() -> Iterator[Throwaway]:
    with Throwaway() as throwaway:
        yield throwaway


def present(*items: dict[str, Any], check: bool = False, **variables: Any) -> Step:
    given = {"sandbox_list": items, **variables}
    return {"role": "sandbox", "vars": given, "check": check, "results": RESULTS}


def absent(*items: dict[str, Any], check: bool = False, **variables: Any) -> Step:
    return present(*items, check=check, sandbox_state="absent", **variables)


def changed(result: dict[str, Any]) -> bool:
    assert result["failed"] is None, result
    return any(result[module]["changed"] for module in MODULES)


def operations(result: dict[str, Any]) -> list[list[Any]]:
    """What each module did, without what only a real run can know."""
    assert result["failed"] is None, result
    return [[_foreseeable(one) for one in result[module]["operations"]] for module in MODULES]


def _foreseeable(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    unknown = ("ifindex", "target_ifindex", "identity", "group", "value")
    return {key: _foreseeable(one) for key, one in value.items() if key not in unknown}


def without_restoring(found: list[list[Any]]) -> list[list[Any]]:
    """Operations but for how a link that goes would be made again."""
    return [[{key: value for key, value in one.items() if key != "restore"} for one in each] for each in found]


def names(*items: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"name": item["name"]} for item in items]


# The directory /dev is that of the machine, and has the device nodes of all tests that are running.
VM1, VM2, VM3 = (f"vm{number}-{os.urandom(4).hex()}" for number in range(3))


def nodes(host: Throwaway) -> list[str]:
    """The sandboxes that have the device node of a macvtap."""
    found = host.run("sh", "-c", "ls /dev/sandbox-network 2>/dev/null || true").split()
    return [name for name in (VM1, VM2, VM3) if f"{name}-eth0" in found]


def without_endpoints(steps: list[tuple[str, str | None]]) -> list[tuple[str, str | None]]:
    """Operations but for those that forget endpoints."""
    return [
        (kind, name)
        for kind, name in steps
        if kind != "node.remove" and not (kind == "record.drop" and str(name).endswith(":eth0"))
    ]


def end_of(name: str) -> str:
    """The host's end of a sandbox's link."""
    return link_name(name)


@pytest.mark.controller
def test_the_whole_life_of_twenty(host: Throwaway) -> None:
    items = [{"name": f"web{number}"} for number in range(20)]
    before = host.snapshot()
    parts = host.play_in_parts(
        [present(*items, check=True), present(*items), present(*items), present(*items, check=True)],
        [absent(*items, check=True), absent(*items), absent(*items)],
    )
    check, made, again, recheck = next(parts)
    assert changed(check)
    assert operations(check) == operations(made)
    assert not changed(again)
    assert not changed(recheck)
    wanted = {f"web{number}": [f"10.80.0.{number + 2}", f"fd00:80::{number + 2:x}"] for number in range(20)}
    assert check["addresses"] == made["addresses"] == wanted

    assert host.addresses("web19") == ["10.80.0.21/24", "fd00:80::15/64"]
    assert host.addresses(None, "sbr0") == ["10.80.0.1/24", "fd00:80::1/64"]
    for family, gateway in (("-4", "10.80.0.1"), ("-6", "fd00:80::1")):
        (route,) = host.json("ip", "-json", "-netns", "web19", family, "route", "show", "default")
        assert (route["gateway"], route["dev"]) == (gateway, "eth0")
    for address in ("10.80.0.1", "fd00:80::1", "10.80.0.2", "fd00:80::2", "127.0.0.1", "::1"):
        host.ping("web19", address)

    check, gone, again = next(parts)
    assert changed(check)
    assert operations(check) == operations(gone)
    assert not changed(again)
    assert host.snapshot() == before


def test_every_way_to_be_connected(host: Throwaway) -> None:
    given = {
        "name": "given",
        "interface": "net0",
        "mac": "02:00:00:00:00:11",
        "mtu": 1400,
        "addresses": ["10.90.0.5/16", "fd00:90::5/64"],
        "gateway": ["10.90.255.254"],
        "bridge": "given0",
        "dns": {"servers": ["10.90.0.53"], "search": ["example.test"]},
        "sysctl": {"net.ipv4.ip_unprivileged_port_start": 80},
    }
    four = {"name": "four", "subnet": "10.81.0.0/24", "bridge": "four0"}
    six = {"name": "six", "subnet": "fd00:81::/64", "bridge": "six0"}
    closed = {"name": "closed", "subnet": "10.82.0.0/24", "gateway": [], "bridge": "closed0"}
    lonely = {"name": "lonely", "driver": "none"}
    items = [given, four, six, closed, lonely]
    elsewhere = {"sandbox_state_dir": "/run/elsewhere"}

    before = host.snapshot()
    parts = host.play_in_parts(
        [present(*items, **elsewhere), present(*items, **elsewhere)],
        # Their names are enough: the bridges are those that they were on.
        [absent(*names(*items), **elsewhere)],
    )
    made, again = next(parts)
    assert changed(made)
    assert not changed(again)

    (link,) = host.json("ip", "-json", "-netns", "given", "link", "show", "net0")
    assert (link["address"], link["mtu"]) == ("02:00:00:00:00:11", 1400)
    assert host.addresses("given", "net0") == ["10.90.0.5/16", "fd00:90::5/64"]
    assert host.addresses(None, "given0") == ["10.90.255.254/16", "fd00:90::1/64"]
    inside = ("ip", "netns", "exec", "given")
    assert host.run(*inside, "cat", "/etc/resolv.conf") == MARK + "nameserver 10.90.0.53\nsearch example.test\n"
    assert host.run(*inside, "cat", "/proc/sys/net/ipv4/ip_unprivileged_port_start") == "80\n"

    assert host.addresses("four") == ["10.81.0.2/24"]
    assert host.gateways("four") == ["10.81.0.1"]
    assert host.addresses("six") == ["fd00:81::2/64"]
    assert host.gateways("six") == ["fd00:81::1"]
    assert host.addresses("closed") == ["10.82.0.2/24"]
    assert host.gateways("closed") == []
    assert host.addresses(None, "closed0") == []
    (lo,) = host.json("ip", "-json", "-netns", "lonely", "link", "show")
    assert (lo["ifname"], "UP" in lo["flags"]) == ("lo", True)
    assert not any(file.startswith("/run/sandbox-network") for file in host.files())

    (gone,) = next(parts)
    assert changed(gone)
    assert host.snapshot() == before
    assert host.run("find", "/run/elsewhere", "-name", "*.json") == ""


def test_a_growing_and_shrinking_list_keeps_addresses(host: Throwaway) -> None:
    before = host.snapshot()
    one, two, three, four = ({"name": name} for name in ("one", "two", "three", "four"))
    parts = host.play_in_parts(
        [present(two), present(one, two, three), absent(one), present(four, two)], [absent(two, three, four)]
    )
    first, grown, shrunk, refilled = next(parts)
    assert first["addresses"] == {"two": ["10.80.0.2", "fd00:80::2"]}
    assert grown["addresses"] == {
        "one": ["10.80.0.3", "fd00:80::3"],
        "two": ["10.80.0.2", "fd00:80::2"],
        "three": ["10.80.0.4", "fd00:80::4"],
    }
    assert changed(shrunk)
    assert refilled["addresses"] == {
        "four": grown["addresses"]["one"],
        "two": first["addresses"]["two"],
    }
    assert host.addresses("three") == ["10.80.0.4/24", "fd00:80::4/64"]
    assert host.addresses(None, "sbr0") == ["10.80.0.1/24", "fd00:80::1/64"]
    next(parts)
    assert host.snapshot() == before


def test_a_bridge_that_was_there_before_is_left_as_it_is(host: Throwaway) -> None:
    host.run("ip", "link", "add", "sbr0", "address", "00:16:3e:00:00:01", "type", "bridge")
    host.run("ip", "address", "add", "10.80.0.9/24", "dev", "sbr0")
    # With a port from the start, it has its link-local address and routes from the start.
    host.run("ip", "link", "add", "port", "up", "master", "sbr0", "type", "veth", "peer", "port1")
    host.run("ip", "link", "set", "port1", "up")
    host.run("ip", "link", "set", "sbr0", "up")
    told = "ip -6 route show table local | grep -c '^local fe80'"
    host.run("sh", "-c", f"until [ $({told}) = 3 ]; do sleep 0.1; done")
    before = host.snapshot()
    item = {"name": "web1", "subnet": "10.80.0.0/24", "gateway": "10.80.0.9"}
    parts = host.play_in_parts([present(item), present(item)], [absent(item)])
    made, again = next(parts)
    assert changed(made)
    assert not changed(again)
    assert host.addresses(None, "sbr0") == ["10.80.0.9/24"]
    host.ping("web1", "10.80.0.9")
    next(parts)
    assert host.snapshot() == before


def test_a_bridge_stays_as_long_as_it_is_wanted(host: Throwaway) -> None:
    before = host.snapshot()
    item, stranger = {"name": "web1"}, "ip link add stranger master sbr0 type veth peer stranger1"
    parts = host.play_in_parts(
        [
            present(item),
            absent(item, sandbox_bridge_keep=True),
            {"command": stranger},
            present(item),
            absent(item),
        ],
        [absent(item)],
    )
    made, kept, _stranger, again, gone = next(parts)
    assert [changed(result) for result in (made, kept, again, gone)] == [True] * 4
    assert host.addresses(None, "sbr0") == ["10.80.0.1/24", "fd00:80::1/64"]
    host.run("ip", "link", "delete", "stranger")
    (gone,) = next(parts)
    assert [operation["op"] for operation in gone["links"]["operations"]] == ["link.delete"]
    assert host.snapshot() == before


DAMAGES = {
    "unnamed": "ip netns delete unnamed",
    "unplugged": "ip -n unplugged link delete eth0",
    "portless": f"ip link set {end_of('portless')} nomaster",
    "stale": "umount /run/netns/stale",
    "down": "ip -n down link set eth0 down",
    "addressless": "ip -n addressless address flush dev eth0",
    "routeless": "ip -n routeless route delete default; ip -n routeless -6 route delete default",
}


def test_half_gone_sandboxes_are_foretold_mended_and_removed(host: Throwaway) -> None:
    items = [{"name": name} for name in DAMAGES]
    damage: Step = {"command": "; ".join([*DAMAGES.values(), "ip address flush dev sbr0"])}
    before = host.snapshot()
    worse: Step = {"command": "ip link delete sbr0; ip -n portless link set eth0 name other"}
    parts = host.play_in_parts(
        [present(*items), damage, present(*items, check=True), present(*items), present(*items)],
        [damage, worse, absent(*items), absent(*items)],
    )
    made, broken, check, mended, again = next(parts)
    assert changed(made)
    assert broken["failed"] is None
    assert operations(check) == operations(mended)
    assert changed(mended)
    assert not changed(again)
    for name in DAMAGES:
        for address in ("10.80.0.1", "fd00:80::1", "10.80.0.2", "fd00:80::2"):
            host.ping(name, address)

    broken, worse_broken, gone, again = next(parts)
    assert (broken["failed"], worse_broken["failed"]) == (None, None)
    assert changed(gone)
    assert not changed(again)
    assert host.snapshot() == before


def test_a_failing_task_leaves_nothing_of_this_run(host: Throwaway) -> None:
    old, new = {"name": "old"}, {"name": "new"}
    parts = host.play_in_parts(
        [present(old)],
        [
            present(old, new),
            present({"name": "other", "addresses": ["10.80.0.2/24"]}),
            present(old, *({"name": f"web{number}", "subnet": "10.83.0.0/30"} for number in range(2))),
        ],
    )
    next(parts)
    host.run("ip", "link", "add", end_of("new"), "type", "bridge")
    before = host.snapshot()
    occupied, taken, full = next(parts)
    assert host.snapshot() == before
    assert occupied["failed"].startswith("Connect them: ")
    assert end_of("new") in occupied["failed"]
    assert taken["failed"].startswith("Lease addresses: ")
    assert "10.80.0.2" in taken["failed"]
    assert "leased to old" in taken["failed"]
    assert "10.83.0.0/30" in full["failed"]


def test_sandboxes_with_processes_inside(host: Throwaway) -> None:
    prepare(host, *SPARE)
    before = host.snapshot()
    items = [{"name": "idle", "devices": ["nic2"]}, {"name": "busy"}]
    parts = host.play_in_parts(
        [present(*items)], [absent(*items, check=True), absent(*items)], [absent(*items, sandbox_force=True)]
    )
    next(parts)
    host.run("sh", "-c", "ip netns exec busy sleep 1000 >/dev/null 2>&1 & echo $! >/run/sleeper")
    made = host.snapshot()
    foretold, refused = next(parts)
    sleeper = host.run("cat", "/run/sleeper").strip()
    for result in (foretold, refused):
        assert f"/run/netns/busy has processes inside: {sleeper}; end them" in result["failed"]
    # All of the busy one is as it was, and nothing of the other is left.
    after = host.snapshot()
    assert after["namespaces"]["busy"] == made["namespaces"]["busy"]
    assert set(made["namespaces"]) - set(after["namespaces"]) == {"idle"}
    assert "nic2" in after["namespaces"]["host"]["links"]
    (forced,) = next(parts)
    assert changed(forced)
    assert host.snapshot() == before


# Devices of the host that sandboxes get. The cable's other end stays, and answers.
CABLE = (
    "ip link add nic0 address 02:00:00:00:00:10 mtu 1400 type veth peer cable0",
    "ip link property add dev nic0 altname lan0",
    "ip address add 10.99.0.1/24 dev cable0",
    "ip address add fd00:99::1/64 dev cable0 nodad",
    "ip link set cable0 up",
    "ip address add 10.99.0.2/24 dev nic0",
    "ip address add fd00:99::2/64 dev nic0 nodad",
    "ip link set nic0 up",
    "ip route add 10.98.0.0/16 via 10.99.0.3 dev nic0",
)
PORT = (
    "ip link add yard0 type bridge",
    "ip link add nic1 address 02:00:00:00:00:11 up master yard0 type veth peer cable1",
    "ip link set yard0 up",
)
SPARE = ("ip link add nic2 type veth peer cable2",)


def prepare(host: Throwaway, *commands: str) -> None:
    host.run("sh", "-ec", "; ".join(commands))


def nics(host: Throwaway) -> list[dict[str, Any]]:
    """All that `ip` says of the host's own devices, but for counters and timers."""
    links = host.json("ip", "-json", "-details", "address", "show")
    volatile = ("qdisc", "operstate")
    return [
        {key: value for key, value in link.items() if key not in volatile}
        for link in links
        if link["ifname"].startswith("nic")
    ]


def test_devices_of_the_host_go_in_and_come_back_as_they_were(host: Throwaway) -> None:
    prepare(host, *CABLE, *PORT, *SPARE)
    lent = {
        "name": "lent",
        "devices": [{"device": "nic0", "new_name": "lan", "routes": "preserve"}, {"device": "nic2", "up": False}],
    }
    bare = {
        "name": "bare",
        "driver": "none",
        "devices": [{"mac": "02:00:00:00:00:11", "new_name": "eth%d"}],
    }
    items = [lent, bare, {"name": "plain"}]
    before, before_nics = host.snapshot(), nics(host)
    parts = host.play_in_parts(
        [present(*items, check=True), present(*items), present(*items), present(*items, check=True)],
        [absent(*names(*items), check=True), absent(*names(*items)), absent(*names(*items))],
    )
    check, made, again, recheck = next(parts)
    assert changed(check)
    assert operations(check) == operations(made)
    assert not changed(again)
    assert not changed(recheck)
    for result in (made, again):
        found = [(one["name"], one["netns"], one["origin"]["name"]) for one in result["devices"]["devices"]]
        assert found == [
            ("lan", "/run/netns/lent", "nic0"),
            ("nic2", "/run/netns/lent", "nic2"),
            ("eth0", "/run/netns/bare", "nic1"),
        ]

    assert nics(host) == []
    assert host.addresses("lent", "lan") == ["10.99.0.2/24", "fd00:99::2/64"]
    assert host.addresses("lent", "eth0") == ["10.80.0.2/24", "fd00:80::2/64"]
    for address in ("10.99.0.1", "fd00:99::1", "10.80.0.1"):
        host.ping("lent", address)
    (route,) = host.json("ip", "-json", "-netns", "lent", "route", "show", "10.98.0.0/16")
    assert (route["gateway"], route["dev"]) == ("10.99.0.3", "lan")
    (spare,) = host.json("ip", "-json", "-netns", "lent", "link", "show", "nic2")
    assert "UP" not in spare["flags"]
    (port,) = host.json("ip", "-json", "-netns", "bare", "link", "show", "eth0")
    assert (port["address"], "UP" in port["flags"]) == ("02:00:00:00:00:11", True)

    check, gone, again = next(parts)
    assert changed(check)
    assert operations(check) == operations(gone)
    assert not changed(again)
    assert host.snapshot() == before
    assert nics(host) == before_nics


def test_a_device_that_cannot_be_moved_leaves_nothing_of_this_run(host: Throwaway) -> None:
    prepare(host, *CABLE, *SPARE)
    old = {"name": "old", "devices": ["nic0"]}
    unplugged = {"name": "unplugged"}
    new = {"name": "new", "bridge": "new0", "subnet": "10.84.0.0/24", "devices": ["nic2", "nic9"]}
    parts = host.play_in_parts(
        [present(old, unplugged)],
        [present(old, unplugged, new), present(old, unplugged, new, check=True)],
        [absent(*names(old, unplugged, new))],
    )
    next(parts)
    host.run("ip", "-n", "unplugged", "link", "delete", "eth0")
    before = host.snapshot()
    failed, check = next(parts)
    assert host.snapshot() == before
    for result in (failed, check):
        assert result["failed"].startswith("Move devices into them: ")
        assert "'nic9' is no device" in result["failed"]
    (gone,) = next(parts)
    assert changed(gone)
    assert [link["ifname"] for link in nics(host)] == ["nic0", "nic2"]


def test_a_later_step_that_fails_brings_devices_back(host: Throwaway) -> None:
    prepare(host, *CABLE, *SPARE)
    old = {"name": "old", "devices": ["nic2"]}
    new = {"name": VM1, "devices": [{"device": "nic0", "new_name": "lan"}], "endpoint": {"model": "macvtap"}}
    host.play(present(old))
    before, before_nics = host.snapshot(), nics(host)
    # The role's last step is no module. What would come after it stands here, with the role's rescue.
    role = {"name": "sandbox.network.sandbox"}
    play = {
        "hosts": "localhost",
        "gather_facts": False,
        "vars": {"sandbox_list": [old, new]},
        "tasks": [
            {
                "block": [
                    {"ansible.builtin.include_role": role},
                    {"ansible.builtin.assert": {"that": "sandbox_devices is changed and sandbox_endpoints is changed"}},
                    {"name": "Step that fails", "ansible.builtin.command": "false"},
                ],
                "rescue": [{"ansible.builtin.include_role": {**role, "tasks_from": "undo.yml"}}],
            }
        ],
    }
    with tempfile.NamedTemporaryFile("w", dir=BUILD, suffix=".json") as playbook:
        playbook.write(json.dumps([play]))
        playbook.flush()
        shown = host.ansible_playbook(playbook.name)
    assert shown.returncode == 2
    assert "Step that fails: non-zero return code" in shown.stdout + shown.stderr
    assert host.snapshot() == before
    assert nics(host) == before_nics
    assert nodes(host) == []


def test_a_device_without_a_way_back_keeps_its_sandbox(host: Throwaway) -> None:
    prepare(host, "ip netns add yard", "ip link add nic0 type veth peer cable0", "ip link set nic0 netns yard")
    item = {"name": "lent", "driver": "none", "devices": [{"device": "nic0", "from_netns": "yard"}]}
    parts = host.play_in_parts([present(item)], [absent(*names(item), sandbox_force=True)])
    next(parts)
    host.run("ip", "netns", "delete", "yard")
    before = host.snapshot()
    (refused,) = next(parts)
    assert "Bring devices back: lent: " in refused["failed"] and "/run/netns/yard" in refused["failed"]
    assert host.snapshot() == before


def test_what_cannot_go_keeps_nothing_else(host: Throwaway) -> None:
    """A process in one, a device without a way back in the next, a damaged record of a third, and all errors told."""
    prepare(host, "ip netns add yard", "ip link add nic0 type veth peer cable0", "ip link set nic0 netns yard")
    lent = {"name": "lent", "devices": [{"device": "nic0", "from_netns": "yard"}], "ports": ["8081:80"]}
    two = {"name": "two", "networks": [{"bridge": "sbr1", "subnet": "10.81.0.0/24"}], "firewall": True}
    items = [two, lent, {"name": "busy"}, {"name": "odd", "sysctl": {"net.ipv4.ip_forward": 1}}]
    parts = host.play_in_parts([present(*items)], [absent(*names(*items))], [absent(*names(*items))])
    (made,) = next(parts)
    assert made["failed"] is None
    host.run("ip", "netns", "delete", "yard")
    host.run("sh", "-c", "ip netns exec busy sleep 1000 >/dev/null 2>&1 & echo $! >/run/sleeper")
    record = host.run("sh", "-c", "ls /run/sandbox-network/records/netns/*odd*").strip()
    host.run("sh", "-c", 'cp "$0" /run/kept; echo damaged >"$0"', record)
    made_all = host.snapshot()["namespaces"]

    (refused,) = next(parts)
    lines = refused["failed"].splitlines()
    assert len(lines) == 3, lines
    assert lines[0].startswith("See that no process is inside: /run/netns/busy has processes inside: ")
    assert lines[1].startswith("Look at what would go: odd: ") and record in lines[1]
    assert lines[2].startswith("Bring devices back: lent: ") and "/run/netns/yard" in lines[2]
    left = host.snapshot()["namespaces"]
    assert set(left) == {"host", "lent", "busy", "odd"}
    assert left["busy"] == made_all["busy"] and left["odd"] == made_all["odd"]
    assert set(left["lent"]["links"]) == {"lo", "nic0"}  # and no link of ours
    ports = {name for name, link in left["host"]["links"].items() if link.get("master")}
    assert ports == {end_of("busy"), end_of("odd")}
    assert "sbr1" not in left["host"]["links"]
    # Both are free to be asked for; nothing guards what is gone.
    assert "lent" not in host.run("nft", "list", "ruleset") and "two" not in host.run("nft", "list", "ruleset")
    leases = [name for name in host.files() if "/records/lease/" in name]
    assert len(leases) == 2

    # What was in the way is put right, and a second run completes it.
    host.run("sh", "-c", 'mv /run/kept "$0"; kill $(cat /run/sleeper)', record)
    host.run("ip", "-netns", "lent", "link", "delete", "nic0")
    (again,) = next(parts)
    assert again["failed"] is None, again
    left = host.snapshot()
    assert set(left["namespaces"]) == {"host"}
    assert set(left["namespaces"]["host"]["links"]) & {"sbr0", "sbr1", *(end_of(one["name"]) for one in items)} == set()


def without_macvtap(found: list[Any]) -> list[tuple[str, str | None]]:
    """What was done to what, but for the macvtap."""
    return [(one["op"], one.get("name")) for one in found if one.get("name") != "tap7_kata"]


def test_endpoints_for_virtual_machines(host: Throwaway) -> None:
    models: dict[str, Any] = {
        VM1: True,
        VM2: {"model": "macvtap", "index": 7, "tx_rate": 1_000_000},
        VM3: {"model": "bridged", "tap": "vmtap3"},
    }
    items = [{"name": name, "endpoint": endpoint} for name, endpoint in models.items()]
    plain = {"name": "plain"}
    items[0]["mac"] = items[1]["mac"] = "02:00:00:00:00:01"
    before = host.snapshot()
    bare_items = [{key: value for key, value in item.items() if key != "endpoint"} for item in items]
    released = [{**item, "endpoint": False} for item in items]
    parts = host.play_in_parts(
        [present(*bare_items, plain)],
        [present(*items, plain, check=True), present(*items, plain), present(*items, plain)],
        [{"command": f"ip -n {VM2} link delete tap7_kata; ip -n {VM3} link delete vmtap3"}, present(*items)],
        [present(*released, check=True), present(*released), present(*released)],
        [present(*items), absent(*names(*items), plain, check=True), absent(*names(*items), plain)],
    )
    next(parts)
    bare = host.snapshot()
    check, made, again = next(parts)
    assert operations(check)[4] == operations(made)[4] != []
    assert not changed(again)
    for result in (check, made, again):
        found = [(one["netns"], one["model"], one["tap"]["name"]) for one in result["endpoints"]["endpoints"]]
        assert found == [
            (f"/run/netns/{VM1}", "tcfilter", "tap0_kata"),
            (f"/run/netns/{VM2}", "macvtap", "tap7_kata"),
            (f"/run/netns/{VM3}", "bridged", "vmtap3"),
        ]
        for one, number in zip(result["endpoints"]["endpoints"], range(2, 5)):
            assert one["addresses"] == [f"10.80.0.{number}/24", f"fd00:80::{number}/64"]
            assert [route["gateway"] for route in one["routes"]] == ["10.80.0.1", "fd00:80::1"]
    assert [host.addresses(name) != [] for name in models] == [True, False, False]
    assert nodes(host) == [VM2]

    _damage, mended = next(parts)
    assert changed(mended)
    (link,) = host.json("ip", "-json", "-netns", VM2, "link", "show", "tap7_kata")
    assert link["address"] == "02:00:00:00:00:01"

    check, released_now, again = next(parts)
    assert operations(check) == operations(released_now)
    assert changed(released_now)
    assert not changed(again)
    assert host.snapshot() == bare

    wired, check, gone = next(parts)
    assert changed(wired)
    # To check mode the links are as they are with endpoints, macvtaps on them and all, and the namespaces have them.
    for foretold, done in zip(operations(check), operations(gone)):
        assert without_endpoints(without_macvtap(foretold)) == without_endpoints(without_macvtap(done))
    assert host.snapshot() == before
    assert nodes(host) == []


def test_new_sandboxes_with_endpoints(host: Throwaway) -> None:
    back = {"bridge": "sbr1", "subnet": "10.81.0.0/24"}
    item = {"name": VM1, "endpoint": {"model": "macvtap"}, "firewall": True, "networks": [back]}
    before = host.snapshot()
    parts = host.play_in_parts([present(item, check=True), present(item), present(item)], [absent(*names(item))])
    check, made, again = next(parts)
    assert changed(check)
    assert operations(check)[:4] == operations(made)[:4]
    assert operations(check)[4] == []  # of a link that is not there yet
    assert not changed(again)
    assert nodes(host) == [VM1]
    # The machine has another MAC address than the link now, and is let through with it.
    machine = made["endpoints"]["endpoints"][0]["hard_addr"]
    (link,) = host.json("ip", "-json", "-netns", VM1, "link", "show", "eth0")
    assert link["address"] != machine
    (further,) = host.json("ip", "-json", "-netns", VM1, "link", "show", "eth1")
    stations = host.run("nft", "list", "set", "bridge", "sandbox_network", "stations")
    assert f'"{end_of(VM1)}" . {machine}' in stations
    assert f'"{link_name(VM1, "eth1")}" . {further["address"]}' in stations
    next(parts)
    assert host.snapshot() == before
    assert nodes(host) == []


CNI = {
    "cniVersion": "1.0.0",
    "name": "web",
    "plugins": [
        {
            "type": "bridge",
            "bridge": "cni-web",
            "ipam": {"type": "host-local", "ranges": [[{"subnet": "10.44.0.0/24"}]]},
        }
    ],
}


def test_networks_of_cni(host: Throwaway) -> None:
    item = {"name": "a", "driver": "cni", "networks": [{"config": CNI}], "addresses": ["10.44.0.9/24"]}
    bad = {"name": "b", "driver": "cni", "networks": ["nobody"]}
    steps = (
        present(item, check=True),
        present(item),
        present(item),
        present({**item, "name": "c", "addresses": []}, bad),
        absent(*names(item)),
        absent(*names(item)),
    )
    foretold, done, again, failed, gone, gone_again = host.play(*steps)
    assert foretold["failed"] is None and done["failed"] is None
    assert done["attachments"]["networks"][0]["ips"][0]["address"] == "10.44.0.9/24"
    assert not again["attachments"]["changed"] and not changed(again)
    assert "nobody" in failed["failed"]
    assert host.run("ip", "netns", "list") == ""
    assert gone["attachments"]["changed"] and not changed(gone_again)
    assert "10.44.0" not in host.run("find", "/var/lib/cni")


ASK = """
import socket, sys
with socket.create_connection(("127.0.0.1", int(sys.argv[1])), 5) as connection:
    print(connection.recv(99).decode())
"""
SERVE = """
import os, socket
server = socket.create_server(("", 80))
if os.fork():
    os._exit(0)
while True:
    server.accept()[0].send(b"from inside")
"""


def test_ports_of_sandboxes_on_a_bridge(host: Throwaway) -> None:
    first = {"name": "a", "ports": ["8080:80"]}
    second = {"name": "b", "firewall": {"policy": "closed"}}
    taken = {"name": "c", "ports": ["8080:81"]}
    before = host.snapshot()
    steps = (present(first, second, check=True), present(first, second), present(first, second), present(first, taken))
    foretold, done, again, failed = host.play(*steps)
    assert foretold["failed"] is None and done["failed"] is None
    assert done["firewalls"]["sandboxes"][0]["ports"][0]["host_port"] == 8080
    assert not again["firewalls"]["changed"] and not changed(again)
    assert "8080" in failed["failed"] and "c" not in host.run("ip", "netns", "list").split()
    host.run("sh", "-c", 'ip netns exec a python3 -c "$0" >/dev/null 2>&1', SERVE)
    assert host.run("python3", "-c", ASK, "8080") == "from inside\n"
    host.run("sh", "-c", 'kill $(ip netns pids a); while [ -n "$(ip netns pids a)" ]; do sleep 0.05; done')
    gone, gone_again = host.play(absent(*names(first, second)), absent(*names(first, second)))
    assert gone["failed"] is None
    assert gone["firewalls"]["changed"] and not changed(gone_again)
    assert host.snapshot() == before


def test_monitors(host: Throwaway) -> None:
    host.run("sh", "-ec", "mkdir /run/rt; cp /bin/true /run/rt/rt")
    item = {"name": "a", "monitor": {"runtime_path": "/run/rt/rt", "update": "replace"}}
    bad = {"name": "b", "monitor": {"runtime_path": "/run/rt/nobody"}}
    before = host.snapshot()
    steps = (
        present(item, check=True),
        present(item),
        present(item),
        present({"name": "a"}, bad),
        absent(*names(item)),
        absent(*names(item)),
    )
    foretold, done, again, failed, gone, gone_again = host.play(*steps)
    assert foretold["failed"] is None and done["failed"] is None
    assert [one["op"] for one in foretold["monitors"]["operations"]] == [
        one["op"] for one in done["monitors"]["operations"]
    ]
    assert not again["monitors"]["changed"] and not changed(again)
    assert "/run/rt/nobody" in failed["failed"]
    assert gone["monitors"]["changed"] and not gone_again["monitors"]["changed"]
    assert host.snapshot() == before


def test_an_endpoint_that_cannot_be_made_leaves_nothing_of_this_run(host: Throwaway) -> None:
    old, new = {"name": VM1, "endpoint": {"model": "macvtap"}}, {"name": VM2, "endpoint": True}
    bad = {"name": VM3, "endpoint": {"owner": "nobody-of-that-name"}}
    host.play(present(old))
    before = host.snapshot()
    (failed,) = host.play(present(old, new, bad))
    assert failed["failed"].startswith("Wire them to virtual machines: ")
    assert host.snapshot() == before
    assert nodes(host) == [VM1]
    host.play(absent(*names(old)))


def user_mode(result: dict[str, Any]) -> list[str]:
    """What was done about user-mode networks."""
    assert result["failed"] is None, result
    return [one["op"] for one in result["networks"].get("operations", ())]


def fetched(host: Throwaway, port: int) -> str:
    """What a web server answers at a port of the host."""
    return host.run(
        "curl", "--silent", "--retry", "9", "--retry-delay", "1", "--retry-all-errors", f"http://127.0.0.1:{port}/"
    ).strip()


def test_user_mode_networks(host: Throwaway) -> None:
    items: list[dict[str, Any]] = [
        {"name": "web1", "driver": "slirp", "ports": ["8081:80"]},
        {
            "name": "web2",
            "driver": "slirp",
            "ports": ["8082:80"],
            "interface": "net0",
            "slirp": {"cidr": "10.9.0.0/24"},
        },
        {"name": "plain"},
    ]
    taken = {"name": "taken", "driver": "slirp", "ports": ["8081:80"]}
    before = host.snapshot()
    parts = host.play_in_parts(
        [present(*items, check=True), present(*items), present(*items)],
        [present(*items, taken)],
        [absent(*names(*items), check=True), absent(*names(*items))],
    )
    check, made, again = next(parts)
    assert operations(check) == operations(made)
    assert user_mode(check) == user_mode(made)
    assert user_mode(made).count("process.start") == 2
    assert not changed(again)
    assert user_mode(again) == []
    assert host.addresses("web1") == ["10.0.2.100/24"]
    assert host.addresses("web2", "net0") == ["10.9.0.100/24"]
    inside = ("ip", "netns", "exec", "web2")
    assert host.run(*inside, "cat", "/etc/resolv.conf") == MARK + "nameserver 10.9.0.3\n"
    for name in ("web1", "web2"):
        serve = f"mkdir /run/{name}; cd /run/{name}; echo {name} >index.html; exec setsid python3 -m http.server 80"
        host.run("sh", "-c", f"ip netns exec {name} sh -c '{serve}' >/dev/null 2>&1 & echo $! >>/run/servers")
    assert [fetched(host, port) for port in (8081, 8082)] == ["web1", "web2"]

    now = host.snapshot()
    (refused,) = next(parts)
    assert refused["failed"].startswith("Start user-mode networks: ")
    assert "127.0.0.1" in refused["failed"] and "8081" in refused["failed"]
    assert host.snapshot() == now
    assert fetched(host, 8081) == "web1"

    host.run("sh", "-c", "kill $(cat /run/servers)")
    check, gone = next(parts)
    assert operations(check) == operations(gone)
    assert host.snapshot() == before
    assert "supervisor" not in host.run("ps", "-eo", "args")


BAD_INPUT: list[tuple[dict[str, Any], str]] = [
    (
        {"sandbox_list": [{"name": "a"}, {"name": "a"}]},
        "sandbox_list[1] (a): name: a is also the name of",
    ),
    ({"sandbox_list": [{"name": "a", "driver": "magic"}]}, '"magic" is not one of bridge, slirp, cni, none'),
    ({"sandbox_list": [{"name": "a", "driver": "slirp", "ports": ["80:"]}]}, "(a): ports: '80:' is not [HOST_ADDR:]"),
    (
        {"sandbox_list": [{"name": "a", "driver": "none", "ports": ["8080:80"]}]},
        "(a): ports: is not possible with driver: none",
    ),
    ({"sandbox_list": [{"name": "a", "driver": "cni"}]}, "(a): networks: is missing; driver: cni needs one at least"),
    ({"sandbox_list": [{"name": "a", "firewall": {"policy": "lax"}}]}, '(a): firewall: policy: "lax" is not one of'),
    ({"sandbox_list": [{"name": "a", "monitor": {}}]}, "(a): monitor: runtime_path is missing"),
    ({"sandbox_list": [{"name": "a", "mtu": 12}]}, "sandbox_list[0] (a): mtu: 12 is not between"),
    ({"sandbox_list": [{"name": "a", "colour": "red"}]}, "colour"),
    ({"sandbox_list": [{"mtu": 1500}]}, "missing required arguments: name"),
    ({"sandbox_list": [{"name": "a", "subnet": "10.80.0.5/24"}]}, "its subnet is 10.80.0.0/24"),
    (
        {"sandbox_list": [{"name": "a"}], "sandbox_subnets": ["nonsense"]},
        '"nonsense" is not an address',
    ),
    ({"sandbox_list": [{"name": "a", "devices": [{"new_name": "eth1"}]}]}, "devices[0]: device or mac is required"),
    ({"sandbox_list": [{"name": "a", "devices": ["eth0"]}]}, '"eth0" would also be the name of the sandbox\'s own'),
    (
        {"sandbox_list": [{"name": "a", "devices": ["nic0"]}, {"name": "b", "devices": ["nic0"]}]},
        "sandbox_list[1] (b): devices: nic0 is also a device of sandbox_list[0] (a)",
    ),
    ({"sandbox_list": [{"name": "a", "devices": {"device": "nic0"}}]}, "devices"),
    ({"sandbox_list": [{"name": "a", "endpoint": {"queues": 0}}]}, "(a): endpoint: queues: 0 is not between 1 and 256"),
    ({"sandbox_state": "started"}, "sandbox_state must be one of"),
]


@pytest.mark.controller
def test_bad_input_and_nothing_to_do_change_nothing(host: Throwaway) -> None:
    before = host.snapshot()
    refusals: list[Step] = [{"role": "sandbox", "vars": variables} for variables, _text in BAD_INPUT]
    *refused, made, gone = host.play(*refusals, present(), absent())
    assert host.snapshot() == before
    assert not changed(made)
    assert not changed(gone)
    for result, (variables, text) in zip(refused, BAD_INPUT):
        assert text in (result["failed"] or ""), (variables, result)


FORWARDING = ("sysctl", "-n", "net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding")
# What comes through a TCP connection in a second and a half, in bit/s, once it is under way.
RECEIVE = """
import socket, sys, time
one = socket.create_server((sys.argv[1], 5001))
print("ready", flush=True)
one = one.accept()[0]
begin, received = time.monotonic(), 0
while time.monotonic() < begin + 2:
    size = len(one.recv(1 << 16))
    received += size if time.monotonic() > begin + 0.5 else 0
print(received * 8 / 1.5)
"""
SEND = """
import socket, sys
one = socket.create_connection((sys.argv[1], 5001), 5)
try:
    while True:
        one.send(bytes(1 << 16))
except OSError:
    pass
"""


def throughput(host: Throwaway, sender: str | None, receiver: str | None, address: str) -> float:
    """From one sandbox, or the host, to another."""

    def words(netns: str | None, program: str) -> str:
        enter = ["ip", "netns", "exec", netns] if netns else []
        return shlex.join([*enter, "python3", "-c", program, address])

    script = f"""
    {words(receiver, RECEIVE)} >/run/received &
    until grep -q ready /run/received; do sleep 0.05; done
    {words(sender, SEND)} &
    wait
    tail -n 1 /run/received
    """
    return float(host.run("sh", "-c", script))


def test_several_networks(host: Throwaway) -> None:
    """Two sandboxes that meet on a bridge of their own, beside the one that leads out."""
    back = {"bridge": "sbr1", "subnet": ["10.81.0.0/24", "fd00:81::/64"], "mtu": 9000}
    first = {
        "name": "a",
        "networks": [back],
        "ports": ["8080:80"],
        "bandwidth": {"rx_rate": 40_000_000, "tx_rate": 20_000_000},
    }
    second = {
        "name": "b",
        "networks": [
            {**back, "interface": "back0"},
            {"bridge": "sbr2", "addresses": ["10.82.0.5/24"], "gateway": "10.82.0.1"},
        ],
        "firewall": {"policy": "open", "masquerade": True},
    }
    before, forwarding = host.snapshot(), host.run(*FORWARDING)
    rules = host.run("nft", "list", "ruleset")
    parts = host.play_in_parts(
        [present(first, second, check=True), present(first, second), present(first, second)],
        [absent(*names(first, second), check=True), absent(*names(first, second))],
    )
    check, made, again = next(parts)
    assert operations(check) == operations(made)
    assert not changed(again)
    assert made["addresses"] == {
        "a": ["10.80.0.2", "fd00:80::2"],
        "a/eth1": ["10.81.0.2", "fd00:81::2"],
        "b": ["10.80.0.3", "fd00:80::3"],
        "b/back0": ["10.81.0.3", "fd00:81::3"],
        "b/eth2": ["10.82.0.5"],
    }
    assert host.addresses("a", "eth1") == ["10.81.0.2/24", "fd00:81::2/64"]
    assert host.addresses(None, "sbr1") == ["10.81.0.1/24", "fd00:81::1/64"]
    assert host.gateways("a") == ["10.80.0.1", "fd00:80::1"]
    assert host.gateways("b") == ["10.82.0.1", "fd00:80::1"]
    (link,) = host.json("ip", "-json", "-netns", "b", "link", "show", "back0")
    assert link["mtu"] == 9000
    for address in ("10.81.0.1", "fd00:81::1"):
        host.ping("a", address)
    for address in ("10.81.0.2", "fd00:81::2"):  # guarded on every network: nobody gets in
        assert host.process("ip", "netns", "exec", "b", "ping", "-c", "1", "-W", "1", address).returncode
    assert host.run(*FORWARDING).split() == ["1", "1"]  # for the second; a port at 127.0.0.1 needs none
    guarded = {one["name"] for one in made["firewalls"]["sandboxes"][0]["interfaces"]}
    assert guarded == {end_of("a"), link_name("a", "eth1")}
    assert made["firewalls"]["sandboxes"][0]["addresses"][2:] == ["10.81.0.2/24", "fd00:81::2/64"]

    assert 32e6 < throughput(host, None, "a", "10.80.0.2") < 48e6
    assert 16e6 < throughput(host, "a", None, "10.80.0.1") < 24e6

    check, gone = next(parts)
    # To check mode the bridges are as the firewall set them, and would be made again so.
    assert without_restoring(operations(check)) == without_restoring(operations(gone))
    assert changed(gone)
    assert host.snapshot() == before
    assert host.run("nft", "list", "ruleset") == rules
    assert host.run(*FORWARDING) == forwarding


def test_sandboxes_that_outlive_a_reboot(host: Throwaway) -> None:
    a = {"name": "a", "networks": [{"bridge": "sbr1", "subnet": "10.81.0.0/24"}], "ports": ["8080:80"], "persist": True}
    vm = {"name": VM1, "endpoint": {"model": "macvtap"}, "persist": True}
    user = {"name": "u", "driver": "slirp", "ports": ["18080:80"], "persist": True}
    passing = {"name": "passing"}
    every = (a, vm, user, passing)
    before = host.snapshot()
    parts = host.play_in_parts(
        [present(*every, check=True), present(*every), present(*every)],
        [present(*every), present({**a, "persist": False}, vm, user), absent(*names(*every)), absent(*names(*every))],
    )
    check, made, again = next(parts)
    assert check["restores"]["operations"] == made["restores"]["operations"] != []
    assert not changed(again) and not again["restores"]["changed"]
    assert made["restores"]["sandboxes"][3]["state"] == "absent"
    addresses = {name: host.addresses(name) for name in ("a", VM1)}
    _end_the_boot(host, "a", VM1, "u", "passing")
    printed = host.run("/usr/local/sbin/sandbox-network-restore")
    assert printed.splitlines()[-1] == "as described: 3, not: 0"
    assert "passing" not in host.run("ip", "netns", "list")
    assert {name: host.addresses(name) for name in ("a", VM1)} == addresses
    again, forgotten, gone, gone_again = next(parts)
    operations_again = [one for module in MODULES for one in again[module]["operations"]]
    assert {one.get("name") or one.get("path") for one in operations_again if one["op"].startswith("netns.")} == {
        "/run/netns/passing"
    }
    assert not again["networks"]["changed"] and not again["endpoints"]["changed"] and not again["restores"]["changed"]
    assert [one["op"] for one in forgotten["restores"]["operations"]] == ["file.remove"]
    assert changed(gone) and gone["restores"]["changed"]
    assert not changed(gone_again)
    assert host.snapshot() == before
    assert host.run("ls", "/usr/local/sbin").count("sandbox-network-restore") == 0


def _end_the_boot(host: Throwaway, *namespaces: str) -> None:
    """What a reboot leaves of it: files below /etc and /var, and nothing of the kernel."""
    for name in namespaces:
        host.run("ip", "netns", "delete", name)
    for link in host.json("ip", "-json", "link", "show", "type", "bridge"):
        host.run("ip", "link", "delete", link["ifname"])
    host.run("nft", "flush", "ruleset")
    host.run("sh", "-c", "rm -rf /run/sandbox-network /dev/sandbox-network/*")
    host.run("sh", "-c", "while pgrep slirp4netns >/dev/null; do sleep 0.05; done")
