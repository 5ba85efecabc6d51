# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""User-mode networks: what comes with slirp4netns and pasta, what goes with them, and what they keep closed."""

from __future__ import annotations

import shlex
import stat
import time
from collections.abc import Callable
from typing import Any

import pytest
from box import Box, only, operations
from promises.runner import FAIL, KILL_AFTER, Fault, Host, Lane
from traffic import ask, heard, listeners, serve

SANDBOX = "ip netns add sb"
OTHERS = "for name in one two three; do ip netns add $name; done"
# The world: another namespace, which the host has its default routes through.
OUTSIDE = """
ip netns add out
ip link add hv address 02:a0:00:00:00:01 type veth peer name hp netns out address 02:a0:00:00:00:02
ip -batch - <<END
link set hv up
addr add 198.18.0.1/24 dev hv
addr add 198.18.0.7/24 dev hv
addr add 2001:db8:1::7/64 nodad dev hv
addr add 2001:db8:1::1/64 nodad dev hv
route add default via 198.18.0.2
route add default via 2001:db8:1::2
END
ip -n out -batch - <<END
link set lo up
link set hp up
addr add 198.18.0.2/24 dev hp
addr add 2001:db8:1::2/64 nodad dev hp
END
"""
SB = {"netns": "sb"}
MARK = "# Of this namespace alone, made by sandbox.network.\n"
GONE = {**SB, "state": "absent"}
ALL_KINDS = ["8080:80", "5353:5353/udp", "9000-9002:9100-9102/tcp,udp"]
BACKENDS = ("slirp4netns", "pasta")
both = pytest.mark.parametrize("backend", BACKENDS)


def running(box: Box, word: str) -> list[int]:
    """The processes with a word in their command lines, but for those that have ended."""
    rows = [line.split(None, 2) for line in box.sh("ps -eo pid=,stat=,args=").splitlines()]
    return [int(row[0]) for row in rows if len(row) == 3 and word in row[2] and not row[1].startswith("Z")]


def helper(box: Box, backend: str) -> int:
    """The one process of the back end."""
    pid: int = only(running(box, f"/{backend} "))
    return pid


def supervisor(box: Box) -> int:
    pid: int = only(running(box, "/supervisor.py "))
    return pid


def nobody_runs(box: Box) -> bool:
    return not any(running(box, word) for word in ("/slirp4netns ", "/pasta ", "/supervisor.py "))


def wait_until(condition: Callable[[], bool], seconds: float = 5.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it takes too long"
        time.sleep(0.05)


def mounts(box: Box) -> list[str]:
    """The mounts of the host, as the kernel tells them."""
    return box.sh("cut -d' ' -f3- /proc/self/mountinfo | grep -e /run/netns -e /etc").splitlines()


def all_usable(box: Box) -> bool:
    """Whether the namespaces of others are still namespaces, and not only names."""
    found = {box.sh(f"ip netns exec {name} readlink /proc/self/ns/net") for name in ("one", "two", "three")}
    return len(found) == 3


def forwarded(result: dict[str, Any]) -> list[tuple[str, int, int]]:
    return [(one["proto"], one["host_port"], one["guest_port"]) for one in result["forwards"]]


# ---------------------------------------------------------------- it comes and goes


@both
def test_start_and_stop(box: Box, backend: str) -> None:
    box.sh(OUTSIDE, SANDBOX, OTHERS)
    before, mounted = box.snapshot(), mounts(box)
    result = box.change("slirp_network", {**SB, "backend": backend, "mtu": 1400})["slirp"]
    assert (result["alive"], result["state"], result["backend"]) == (True, "started", backend)
    assert result["pid"] == helper(box, backend) and result["argv"][0] == f"/usr/bin/{backend}"
    assert (result["guest_address"], result["gateway"], result["dns"]) == ("10.0.2.100", "10.0.2.2", "10.0.2.3")
    assert box.cidrs("tap0", "sb") == ["10.0.2.100/24"] and box.gateways("sb") == {"default": "10.0.2.2"}
    tap, lo = box.link("tap0", "sb"), box.link("lo", "sb")
    assert tap is not None and lo is not None and "UP" in tap["flags"] and "UP" in lo["flags"] and tap["mtu"] == 1400
    assert box.sh("cat /etc/netns/sb/resolv.conf") == MARK + "nameserver 10.0.2.3\n"
    assert mounts(box) == mounted and all_usable(box)
    box.nothing_to_do("slirp_network", {**SB, "backend": backend, "mtu": 1400, "state": "present"})
    stopped = box.change("slirp_network", GONE)["slirp"]
    assert (stopped["alive"], stopped["state"], stopped["pid"]) == (False, "stopped", None)
    assert nobody_runs(box) and box.unlike(before) == []
    assert mounts(box) == mounted and all_usable(box)
    lo = box.link("lo", "sb")
    assert lo is not None and "UP" not in lo["flags"]
    assert not box.sh("ls -d /etc/netns 2>/dev/null || true") and box.state_files() == []
    assert not box.sh("find /run/sandbox-network/helpers 2>/dev/null || true"), "nothing of it is left on disk"
    box.nothing_to_do("slirp_network", {**SB, "state": "stopped"})


@both
def test_by_path(box: Box, backend: str) -> None:
    box.sh(OUTSIDE, "mkdir /run/spaces; touch /run/spaces/sb; unshare --net=/run/spaces/sb true")
    before = box.snapshot()
    args = {"netns": "/run/spaces/sb", "backend": backend, "interface": "eth0"}
    box.change("slirp_network", args)
    assert box.sh("nsenter --net=/run/spaces/sb ip -br addr show eth0").split()[2] == "10.0.2.100/24"
    assert not box.sh("ls -d /etc/netns 2>/dev/null || true"), "nobody looks for its files by this name"
    box.change("slirp_network", {"netns": "/run/spaces/sb", "state": "stopped"})
    assert box.unlike(before) == []


@both
def test_by_process(box: Box, backend: str) -> None:
    box.sh(OUTSIDE)
    pid = box.process_in_its_own_namespace()
    before = box.snapshot()
    box.change("slirp_network", {"netns": f"pid:{pid}", "backend": backend})
    assert box.sh(f"nsenter -t {pid} -n ip -br addr show tap0").split()[2] == "10.0.2.100/24"
    box.change("slirp_network", {"netns": f"pid:{pid}", "state": "absent"})
    assert box.unlike(before) == []
    box.done("slirp_network", {"netns": f"pid:{pid}", "backend": backend})
    box.sh(f"kill -9 {pid}")
    wait_until(lambda: nobody_runs(box))


@both
def test_lo_that_was_up_stays_up(box: Box, backend: str) -> None:
    box.sh(OUTSIDE, SANDBOX, "ip -n sb link set lo up", "ip -n sb addr add 10.5.5.5/32 dev lo")
    before = box.snapshot()
    box.change("slirp_network", {**SB, "backend": backend})
    box.change("slirp_network", GONE)
    assert box.unlike(before) == []


VETH_INTO_IT = "ip link add peer0 type veth peer name eth0 netns sb"


@both
def test_a_namespace_that_is_deleted_is_freed(box: Box, backend: str) -> None:
    """A helper that holds a tap would keep it, and with it the veth whose other end is seen."""
    box.sh(OUTSIDE, SANDBOX, OTHERS, VETH_INTO_IT)
    box.done("slirp_network", {**SB, "backend": backend, "forwards": ["8080:80"]})
    box.sh("ip netns del sb")
    wait_until(lambda: "peer0" not in box.links() and nobody_runs(box))
    assert listeners(box) == [] and all_usable(box)
    box.change("slirp_network", GONE)
    assert box.state_files() == [] and not box.sh("ls -d /etc/netns 2>/dev/null || true")


@both
def test_a_namespace_that_the_module_deletes_is_freed_at_once(box: Box, backend: str) -> None:
    box.sh(OUTSIDE, OTHERS, "ip netns add gone; ip netns del gone")
    before = box.snapshot()
    box.done("netns", {"name": "sb"})
    box.sh(VETH_INTO_IT)
    box.done("slirp_network", {**SB, "backend": backend, "forwards": ["8080:80"]})
    box.change("netns", {"name": "sb", "state": "absent"})
    assert nobody_runs(box) and listeners(box) == [] and "peer0" not in box.links()
    assert box.unlike(before) == [] and box.state_files() == []


@both
def test_a_namespace_that_was_freed_after_absent(box: Box, backend: str) -> None:
    box.sh(OUTSIDE, SANDBOX, VETH_INTO_IT)
    box.done("slirp_network", {**SB, "backend": backend})
    box.done("slirp_network", GONE)
    box.sh("ip netns del sb")
    wait_until(lambda: "peer0" not in box.links(), 2)


@both
def test_another_namespace_of_the_name(box: Box, backend: str) -> None:
    box.sh(OUTSIDE, SANDBOX)
    args = {**SB, "backend": backend, "forwards": ["8080:80"]}
    box.done("slirp_network", args)
    box.sh("ip netns del sb", "ip netns add sb")
    before = box.snapshot()["namespaces"]["/run/netns/sb"]
    box.change("slirp_network", args)
    assert box.cidrs("tap0", "sb") == ["10.0.2.100/24"] and listeners(box) == ["tcp/127.0.0.1/8080"]
    box.change("slirp_network", GONE)
    assert box.snapshot()["namespaces"]["/run/netns/sb"] == before and nobody_runs(box)


def test_a_list(box: Box) -> None:
    box.sh(OUTSIDE, OTHERS)
    serve(box, "inside", "tcp/0.0.0.0/80", netns="one")
    serve(box, "inside", "tcp/0.0.0.0/80", netns="two")
    before = box.snapshot()
    networks = [
        {"netns": "one", "forwards": ["8081:80"]},
        {"netns": "two", "backend": "pasta", "forwards": ["8082:80"]},
        {"netns": "three", "cidr": "10.0.3.0/24", "interface": "eth0"},
    ]
    result = box.change("slirp_network", {"networks": networks})["networks"]
    assert [one["guest_address"] for one in result] == ["10.0.2.100", "10.0.2.100", "10.0.3.100"]
    assert listeners(box) == ["tcp/127.0.0.1/8081", "tcp/127.0.0.1/8082"]
    assert len(heard(ask(box, "tcp/127.0.0.1/8081", "tcp/127.0.0.1/8082"), "inside")) == 2
    box.change("slirp_network", {"networks": [{"netns": one["netns"]} for one in networks], "state": "absent"})
    assert box.unlike(before) == []


def test_all_of_a_list_or_none(box: Box) -> None:
    """The second cannot be started: its program ends."""
    box.sh(OTHERS)
    path = program(box, ANSWERS + BAD_STARTS["fails"][0])
    networks = [{"netns": "one", "forwards": ["8081:80"]}, {"netns": "two", "program": path}]
    box.fails("slirp_network", {"networks": networks}, "no such thing")
    assert nobody_runs(box)


def test_pasta_without_a_way_out(box: Box) -> None:
    box.sh(OTHERS)
    box.refused("slirp_network", {"netns": "two", "backend": "pasta"}, "backend", "pasta", "default route")


# ---------------------------------------------------------------- how helpers are kept in


@both
def test_a_helper_can_do_little(box: Box, backend: str) -> None:
    """CAP_NET_BIND_SERVICE is all that slirp4netns keeps; pasta has, in its user namespace, also CAP_SYS_ADMIN."""
    box.sh(OUTSIDE, SANDBOX)
    pid = box.done("slirp_network", {**SB, "backend": backend})["slirp"]["pid"]
    status = dict(line.split(":\t") for line in box.sh(f"cat /proc/{pid}/status").splitlines() if ":\t" in line)
    assert (status["Seccomp"], status["NoNewPrivs"]) == ("2", "1")
    allowed = 0x400 if backend == "slirp4netns" else 0x200400
    assert int(status["CapEff"], 16) & ~allowed == 0 and int(status["CapAmb"], 16) == 0
    seen = box.sh(f"ls /proc/{pid}/root/").split()
    assert set(seen) <= ({"etc", "run"} if backend == "slirp4netns" else set()), "it sees a root of its own"


@pytest.mark.parametrize(("option", "flag"), [("sandbox", "--enable-sandbox"), ("seccomp", "--enable-seccomp")])
def test_protection_that_is_not_wanted(box: Box, option: str, flag: str) -> None:
    box.sh(SANDBOX, OUTSIDE)
    argv = box.done("slirp_network", {**SB, option: "required"})["slirp"]["argv"]
    assert flag in argv
    result = box.change("slirp_network", {**SB, option: "never"})
    assert operations(result)[:2] == ["process.stop", "process.start"] and flag not in result["slirp"]["argv"]
    box.refused("slirp_network", {**SB, "backend": "pasta", option: "never"}, option, "pasta cannot be run without")


@both
def test_nothing_of_the_task_goes_along(box: Box, backend: str) -> None:
    """Neither descriptors, nor the environment, nor the session, nor the directory."""
    box.sh(OUTSIDE, SANDBOX)
    box.done("slirp_network", {**SB, "backend": backend, "forwards": ["8080:80"]})
    own = {
        "slirp4netns": ("/dev/null", "/log", "pipe:", "socket:", "/net/tun"),
        "pasta": ("/null", "/helper.log", "/helper.pid", "pipe:", "socket:", "/net/tun", "anon_inode:", "net:["),
    }[backend]
    found = box.sh(f"for one in /proc/{helper(box, backend)}/fd/*; do readlink $one; done").split("\n")
    strange = [one for one in found if one not in ("", "/") and not any(word in one for word in own)]
    assert strange == [], found
    found = box.sh(f"for one in /proc/{supervisor(box)}/fd/*; do readlink $one; done").split()
    assert all(one == "/dev/null" or one.startswith(("pipe:", "anon_inode:[pidfd]")) for one in found), found
    for pid in (helper(box, backend), supervisor(box)):
        environment = box.sh(f"tr '\\0' '\\n' < /proc/{pid}/environ").splitlines()
        assert {line.partition("=")[0] for line in environment} <= {"PATH", "LANG", "LC_CTYPE"}, environment
        assert box.sh(f"readlink /proc/{pid}/cwd").strip() == "/"
    assert box.sh(f"ps -o sid= -p {supervisor(box)}").split() == [str(supervisor(box))]


def test_modes_of_the_files(box: Box) -> None:
    box.sh(SANDBOX)
    socket = box.done("slirp_network", SB)["slirp"]["api_socket"]
    found = dict(line.split(" ", 1) for line in box.sh("find /run/sandbox-network -printf '%p %m %U\\n'").splitlines())
    assert found[socket] == "600 0" and found[socket.rpartition("/")[0]] == "700 0"
    assert {mode for path, mode in found.items() if path != socket} == {"700 0", "600 0"}
    assert stat.S_ISSOCK(int(box.sh(f"stat -c %f {socket}"), 16))
    connect = f"import socket; socket.socket(socket.AF_UNIX).connect({socket!r})"
    told = box.sh(f"setpriv --reuid 65534 --regid 65534 --clear-groups python3 -c {shlex.quote(connect)}", check=False)
    assert "PermissionError" in told


def test_the_directory_is_not_taken_from_others(box: Box) -> None:
    """What lies where the socket is to be goes, and nobody follows it."""
    box.sh(SANDBOX)
    directory = box.done("slirp_network", SB)["slirp"]["api_socket"].rpartition("/")[0]
    box.done("slirp_network", GONE)
    box.sh(f"umask 077; mkdir -p {directory}; echo keep > /run/victim; chmod 644 /run/victim")
    box.sh(f"for name in api.sock log spec.json helper.json process.json; do ln -s /run/victim {directory}/$name; done")
    box.change("slirp_network", SB)
    assert box.sh("cat /run/victim; stat -c %a /run/victim").split() == ["keep", "644"]


def test_a_program_in_the_path_of_the_user_is_not_run(box: Box) -> None:
    box.sh(SANDBOX, "mkdir /run/evil")
    for name in ("slirp4netns", "ip", "python3", "nsenter", "mount"):
        box.sh(f"printf '#!/bin/sh\\ntouch /run/evil/executed\\n' > /run/evil/{name}; chmod 755 /run/evil/{name}")
    path = "PATH=/run/evil:/usr/sbin:/usr/bin:/sbin:/bin"
    with_it = ["env", "-C", "/run/evil", path]
    outcome = box.host.run_directly("slirp_network", {**SB, "forwards": ["8080:80"]}, wrapper=with_it)
    assert not outcome.failed, str(outcome)
    assert outcome.result["slirp"]["argv"][0] == "/usr/bin/slirp4netns"
    box.host.run_directly("slirp_network", GONE, wrapper=with_it)
    assert not box.sh("ls /run/evil/executed 2>/dev/null || true")


# ---------------------------------------------------------------- what is open, and what is closed


@both
def test_the_way_out(box: Box, backend: str) -> None:
    box.sh(OUTSIDE, SANDBOX)
    serve(box, "world", "tcp/0.0.0.0/80", "udp/0.0.0.0/53", "tcp/::/81", "udp/::/54", netns="out")
    box.done("slirp_network", {**SB, "backend": backend, "ipv6": True})
    assert ask(box, "tcp/198.18.0.2/80", "udp/198.18.0.2/53", netns="sb") == {
        "tcp/198.18.0.2/80": "world 198.18.0.1 hello",
        "udp/198.18.0.2/53": "world 198.18.0.1 hello",
    }
    wait_until(lambda: any(one.startswith("fd00::") for one in box.cidrs("tap0", "sb")))
    wait_until(lambda: len(heard(ask(box, "tcp/2001:db8:1::2/81", "udp/2001:db8:1::2/54", netns="sb"), "world")) == 2)


@both
def test_without_ipv6(box: Box, backend: str) -> None:
    box.sh(OUTSIDE, SANDBOX)
    box.done("slirp_network", {**SB, "backend": backend})
    assert box.cidrs("tap0", "sb") == ["10.0.2.100/24"]
    assert [route for route in box.routes("sb") if ":" in route.get("gateway", "")] == []


@pytest.mark.parametrize(("missing", "ipv6"), [("2001:db8:1::2", True), ("198.18.0.2", True), ("198.18.0.2", False)])
def test_a_family_that_the_host_has_no_way_for(box: Box, missing: str, ipv6: bool) -> None:
    """pasta would leave it out, and say nothing."""
    box.sh(OUTSIDE, SANDBOX, f"ip route del default via {missing}")
    before = box.snapshot()
    outcome = box.run("slirp_network", {**SB, "backend": "pasta", "ipv6": ipv6})
    assert outcome.result.get("failed"), f"{box.cidrs('tap0', 'sb')}: {outcome}"
    assert nobody_runs(box) and box.unlike(before) == []


HOST_LOOPBACK = [f"{proto}/{address}/7000" for proto in ("tcp", "udp") for address in ("127.0.0.1", "::1")]
WAYS_BACK = [
    *(f"10.0.2.{number}" for number in (0, 1, 2, 3, 4, 100, 254, 255)),
    *("127.0.0.1", "127.0.0.2", "198.18.0.1", "0.0.0.0"),
    *("::1", "::", "fd00::1", "fd00::2", "fd00::3", "fd00::100", "2001:db8:1::1", "::ffff:127.0.0.1"),
]


@both
def test_the_loopback_of_the_host_is_closed(box: Box, backend: str) -> None:
    box.sh(OUTSIDE, SANDBOX)
    serve(box, "host", *HOST_LOOPBACK)
    box.done("slirp_network", {**SB, "backend": backend, "ipv6": True, "forwards": ALL_KINDS})
    ways = [f"{proto}/{address}/7000" for proto in ("tcp", "udp") for address in WAYS_BACK]
    assert heard(ask(box, *ways, netns="sb", patience=1), "host") == []
    mine = [one for one in listeners(box, "sb") if "10.0.2.100" not in one]
    assert mine == [], "nothing listens on the sandbox's own addresses"


@both
def test_the_loopback_of_the_host_is_open_when_asked_for(box: Box, backend: str) -> None:
    """That the test above would see it."""
    box.sh(OUTSIDE, SANDBOX)
    serve(box, "host", *HOST_LOOPBACK)
    box.done("slirp_network", {**SB, "backend": backend})
    box.change("slirp_network", {**SB, "backend": backend, "host_loopback": True})
    assert heard(ask(box, "tcp/10.0.2.2/7000", "udp/10.0.2.2/7000", netns="sb"), "host")
    box.change("slirp_network", {**SB, "backend": backend})
    assert heard(ask(box, "tcp/10.0.2.2/7000", "udp/10.0.2.2/7000", netns="sb", patience=1), "host") == []


@both
def test_what_is_in_the_sandbox_stays_in_the_sandbox(box: Box, backend: str) -> None:
    box.sh(OUTSIDE, SANDBOX, "ip -n sb link set lo up")
    places = [f"{proto}/{address}/7001" for proto in ("tcp", "udp") for address in ("127.0.0.1", "0.0.0.0", "::1")]
    serve(box, "inside", *(one for one in places if "0.0.0.0" not in one), netns="sb")
    before = listeners(box)
    box.done("slirp_network", {**SB, "backend": backend, "ipv6": True})
    assert listeners(box) == before == []
    assert heard(ask(box, *places, "tcp/198.18.0.1/7001", patience=1), "inside") == []
    assert heard(ask(box, "tcp/198.18.0.1/7001", "udp/198.18.0.1/7001", netns="out", patience=1), "inside") == []


@both
def test_listeners_are_on_the_loopback_only(box: Box, backend: str) -> None:
    box.sh(OUTSIDE, SANDBOX)
    result = box.done("slirp_network", {**SB, "backend": backend, "forwards": ALL_KINDS})
    assert "warnings" not in result or "open to everybody" not in str(result["warnings"])
    assert listeners(box) == sorted(
        ["tcp/127.0.0.1/8080", "udp/127.0.0.1/5353"]
        + [f"{proto}/127.0.0.1/{port}" for proto in ("tcp", "udp") for port in (9000, 9001, 9002)]
    )
    result = box.change("slirp_network", {**SB, "backend": backend, "forwards": ["0.0.0.0:8081:80"]})
    assert "0.0.0.0:8081/tcp: open to everybody" in str(result["warnings"])
    assert "tcp/0.0.0.0/8081" in listeners(box)


def test_udp_from_the_loopback_is_told_to_be_lost(box: Box) -> None:
    box.sh(SANDBOX)
    warnings = box.done("slirp_network", {**SB, "forwards": ["5353:53/udp"]})["warnings"]
    assert "cannot answer UDP clients on 127.0.0.1" in str(warnings)
    assert "UDP" not in str(box.done("slirp_network", {**SB, "forwards": ["5353:53/udp"], "host_loopback": True}))


def test_name_servers_that_are_not_asked_are_told(box: Box) -> None:
    box.sh(OUTSIDE, SANDBOX, "printf '# 192.0.2.53\nnameserver 2001:db8:1::53\n' > /etc/resolv.conf")
    pasta = {**SB, "backend": "pasta"}
    told = "all name servers of this host are IPv6"
    assert told in str(box.done("slirp_network", pasta, check=True)["warnings"])
    assert str(box.done("slirp_network", pasta)["warnings"]).count(told) == 1
    assert told not in str(box.done("slirp_network", {**pasta, "dns": False}))
    assert told not in str(box.done("slirp_network", {**SB, "backend": "slirp4netns"}))
    box.sh("echo nameserver 198.18.0.2 >> /etc/resolv.conf")
    assert told not in str(box.done("slirp_network", pasta))


# ---------------------------------------------------------------- options


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(("cidr", "last"), [("10.9.8.0/24", 100), ("192.168.1.128/25", 228), ("10.0.0.0/8", 100)])
def test_cidr(box: Box, backend: str, cidr: str, last: int) -> None:
    box.sh(OUTSIDE, SANDBOX)
    network, prefix = cidr.split("/")
    base, first = network.rsplit(".", 1)
    result = box.change("slirp_network", {**SB, "backend": backend, "cidr": cidr})["slirp"]
    assert result["guest_address"] == f"{base}.{last}" and result["gateway"] == f"{base}.{int(first) + 2}"
    assert box.cidrs("tap0", "sb") == [f"{base}.{last}/{prefix}"]
    assert box.gateways("sb") == {"default": f"{base}.{int(first) + 2}"}
    assert box.sh("cat /etc/netns/sb/resolv.conf") == f"{MARK}nameserver {base}.{int(first) + 3}\n"


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ({"cidr": "10.0.2.1/24"}, ("cidr", "10.0.2.1/24")),
        ({"cidr": "10.0.2.0/26"}, ("cidr", "10.0.2.0/26", "between 1 and 25")),
        ({"cidr": "10.0.2.128/25"}, ()),  # good: the guest is .228
        ({"cidr": "0.0.0.0/0"}, ("cidr", "0.0.0.0/0")),
        ({"cidr": "fd00::/64"}, ("cidr", "fd00::/64", "not an IPv4 network")),
        ({"cidr": "10.0.2.0"}, ("cidr", "10.0.2.0")),
        ({"cidr": "127.0.0.0/8"}, ("cidr", "127.0.0.0/8")),
        ({"cidr": "224.0.0.0/8"}, ("cidr", "224.0.0")),
        ({"cidr": ""}, ("cidr",)),
        ({"mtu": 67}, ("mtu", "67")),
        ({"mtu": 0}, ("mtu", "0")),
        ({"mtu": -1}, ("mtu", "-1")),
        ({"mtu": 65522}, ("mtu", "65522")),
        ({"mtu": 65521, "backend": "pasta"}, ("mtu", "65521")),
        ({"mtu": 1279, "ipv6": True}, ("mtu", "1279")),
        ({"interface": "lo"}, ("interface", "lo", "somebody else's")),
        ({"interface": "taken0"}, ("interface", "taken0", "exists in /run/netns/sb already")),
        ({"interface": "a" * 16}, ("interface", "at most 15")),
        ({"interface": "a/b"}, ("interface", "a/b")),
        ({"interface": "--help"}, ("interface", "--help")),
        ({"outbound_addr": "fd00::1"}, ("outbound_addr", "fd00::1", "not an IPv4")),
        ({"outbound_addr": "eth0"}, ("outbound_addr", "eth0")),
        ({"outbound_addr6": "2001:db8:1::1"}, ("outbound_addr6", "needs ipv6: true")),
        ({"outbound_addr6": "10.0.0.1", "ipv6": True}, ("outbound_addr6", "not an IPv6")),
        ({"ready_timeout": 0}, ("ready_timeout", "0")),
        ({"ready_timeout": -1}, ("ready_timeout", "-1")),
        ({"ready_timeout": 3601}, ("ready_timeout", "3601")),
        ({"ready_timeout": "nan"}, ("ready_timeout", "nan")),
        ({"user": "nobody-of-this-name"}, ("user", "nobody-of-this-name", "not a user")),
        ({"user": "nobody"}, ("netns", "pid:N")),
        ({"service_manager": "systemd"}, ("service_manager", "systemd", "does not run here")),
        ({"program": "slirp4netns"}, ("program", "slirp4netns", "not an absolute path")),
        ({"netns": None}, ("netns", "required")),
        ({"netns": "pid:1"}, ("netns", "the namespace Ansible itself runs in")),
        ({"netns": "/run/plain"}, ("/run/plain", "not a network namespace")),
        ({"netns": None, "networks": [SB, SB]}, ("netns", "given twice")),
        ({"netns": None, "networks": [SB, {"netns": "sb2", "mtu": 1}]}, ("networks[1].mtu", "1")),
    ],
)
def test_bad_input(box: Box, args: dict[str, Any], words: tuple[str, ...]) -> None:
    box.sh(OUTSIDE, SANDBOX, "ip -n sb link add taken0 type ifb", "ip netns add sb2", "echo x > /run/plain")
    before = box.snapshot()
    wanted = {name: value for name, value in {**SB, **args}.items() if value is not None}
    if not words:
        box.change("slirp_network", wanted)
        return
    box.refused("slirp_network", wanted, *words)
    assert box.unlike(before) == []


def test_a_path_that_is_too_long_for_a_socket(box: Box) -> None:
    box.sh(OUTSIDE, SANDBOX)
    args = {**SB, "state_dir": "/run/" + "a" * 90}
    for check in (True, False):
        outcome = box.run("slirp_network", args, check=check)
        assert outcome.result.get("failed"), str(outcome)
        for word in ("state_dir", "socket", "107"):
            assert word in outcome.result["msg"]
    assert nobody_runs(box) and box.links("sb") == {"lo"}
    box.change("slirp_network", {**args, "backend": "pasta"})


def test_a_missing_namespace(box: Box) -> None:
    """In check mode it is foretold: an earlier task of the play may make it."""
    outcome = box.run("slirp_network", SB)
    assert outcome.result.get("failed") and "there is no network namespace /run/netns/sb" in outcome.result["msg"]
    foretold = box.done("slirp_network", {**SB, "forwards": ["8080:80"]}, check=True)
    assert foretold["changed"] and forwarded(foretold["slirp"]) == [("tcp", 8080, 80)]
    box.nothing_to_do("slirp_network", GONE)


def test_the_limits_of_mtu(box: Box) -> None:
    box.sh(OUTSIDE, SANDBOX)
    for backend, mtu in (("slirp4netns", 65521), ("slirp4netns", 68), ("pasta", 65520), ("pasta", 68)):
        box.change("slirp_network", {**SB, "backend": backend, "mtu": mtu})
        tap = box.link("tap0", "sb")
        assert tap is not None and tap["mtu"] == mtu


@both
def test_dns(box: Box, backend: str) -> None:
    """The first server of the host, which may be one on its loopback, answers; without dns nobody does."""
    box.sh(OUTSIDE, SANDBOX, "echo nameserver 127.0.0.1 > /etc/resolv.conf")
    serve(box, "resolver", "udp/127.0.0.1/53")
    serve(box, "host", "udp/127.0.0.1/54", "tcp/127.0.0.1/54")
    args = {**SB, "backend": backend}
    result = box.done("slirp_network", args)["slirp"]
    assert result["dns"] == "10.0.2.3" and heard(ask(box, "udp/10.0.2.3/53", netns="sb"), "resolver")
    others = [f"{proto}/10.0.2.{number}/54" for proto in ("tcp", "udp") for number in (2, 3)]
    assert heard(ask(box, *others, netns="sb", patience=1), "host") == [], "nothing but port 53"
    result = box.change("slirp_network", {**args, "dns": False})["slirp"]
    assert result["dns"] is None
    assert not box.sh("ls -d /etc/netns 2>/dev/null || true"), "no resolv.conf that leads nowhere"
    ways = [f"{proto}/10.0.2.{number}/53" for proto in ("tcp", "udp") for number in (2, 3)]
    assert heard(ask(box, *ways, netns="sb", patience=1), "resolver") == []
    box.change("slirp_network", args)
    assert box.sh("cat /etc/netns/sb/resolv.conf") == MARK + "nameserver 10.0.2.3\n"


@both
def test_a_resolv_conf_of_somebody_else_is_left_alone(box: Box, backend: str) -> None:
    box.sh(OUTSIDE, SANDBOX, "mkdir -p /etc/netns/sb; echo nameserver 192.0.2.1 > /etc/netns/sb/resolv.conf")
    before = box.snapshot()
    for args in ({}, {"dns": False}, {"dns": True}):
        box.change("slirp_network", {**SB, "backend": backend, **args})
        assert box.sh("cat /etc/netns/sb/resolv.conf") == "nameserver 192.0.2.1\n"
    box.change("slirp_network", GONE)
    assert box.unlike(before) == []


def test_the_resolv_conf_of_the_module_netns(box: Box) -> None:
    """Both modules can write it. The explicit one wins, whichever comes first, and nothing is left."""
    dns = {"name": "sb", "dns": {"servers": ["192.0.2.53"]}}
    for order in (("netns", "slirp_network"), ("slirp_network", "netns")):
        box.done("netns", {"name": "sb"})
        for module in order:
            box.done(module, dns if module == "netns" else SB)
        box.nothing_to_do("slirp_network", SB)
        box.nothing_to_do("netns", dns)
        assert box.sh("cat /etc/netns/sb/resolv.conf") == MARK + "nameserver 192.0.2.53\n", f"{order}"
        box.done("slirp_network", GONE)
        box.done("netns", {"name": "sb", "state": "absent"})
        assert not box.sh("ls -d /etc/netns 2>/dev/null || true"), f"{order}"


@both
def test_outbound_address(box: Box, backend: str) -> None:
    box.sh(OUTSIDE, SANDBOX)
    serve(box, "world", "tcp/0.0.0.0/80", "udp/0.0.0.0/53", netns="out")
    args = {**SB, "backend": backend}
    box.done("slirp_network", args)
    box.change("slirp_network", {**args, "outbound_addr": "198.18.0.7"})
    assert ask(box, "tcp/198.18.0.2/80", "udp/198.18.0.2/53", netns="sb") == {
        "tcp/198.18.0.2/80": "world 198.18.0.7 hello",
        "udp/198.18.0.2/53": "world 198.18.0.7 hello",
    }


@both
def test_outbound_address_of_ipv6(box: Box, backend: str) -> None:
    box.sh(OUTSIDE, SANDBOX)
    serve(box, "world", "tcp/::/80", netns="out")
    place = "tcp/2001:db8:1::2/80"
    for address in ("2001:db8:1::1", "2001:db8:1::7"):
        box.done("slirp_network", {**SB, "backend": backend, "ipv6": True, "outbound_addr6": address})
        wait_until(lambda: heard(ask(box, place, netns="sb", patience=1), "world") == [place], 10)
        assert ask(box, place, netns="sb") == {place: f"world {address} hello"}


@both
def test_restarted(box: Box, backend: str) -> None:
    box.sh(OUTSIDE, SANDBOX)
    args = {**SB, "backend": backend, "forwards": ["8080:80"]}
    first = box.done("slirp_network", args)["slirp"]
    again = {**SB, "backend": backend, "state": "restarted"}
    foretold = box.done("slirp_network", again, check=True)
    second = box.done("slirp_network", again)
    assert foretold["changed"] and second["changed"] and second["slirp"]["restarted"] and not first["restarted"]
    assert second["slirp"]["pid"] not in (first["pid"], None) and helper(box, backend) == second["slirp"]["pid"]
    assert forwarded(second["slirp"]) == [("tcp", 8080, 80)] and listeners(box) == ["tcp/127.0.0.1/8080"]
    box.nothing_to_do("slirp_network", args)


@pytest.mark.parametrize(
    "change", [{"mtu": 1400}, {"interface": "eth0"}, {"dns": False}, {"cidr": "10.9.8.0/24"}, {"ipv6": True}], ids=str
)
@both
def test_a_change_keeps_the_forwards(box: Box, backend: str, change: dict[str, Any]) -> None:
    box.sh(OUTSIDE, SANDBOX, "ip -n sb link set lo up")
    serve(box, "inside", "tcp/0.0.0.0/80", netns="sb")
    box.done("slirp_network", {**SB, "backend": backend, "forwards": ["8080:80", "0.0.0.0:8081:80"]})
    result = box.change("slirp_network", {**SB, "backend": backend, **change})["slirp"]
    assert forwarded(result) == [("tcp", 8080, 80), ("tcp", 8081, 80)] and result["restarted"]
    assert result["forwards"][1]["guest_addr"] == result["guest_address"]
    assert len(heard(ask(box, "tcp/127.0.0.1/8080", "tcp/198.18.0.1/8081"), "inside")) == 2


def test_another_back_end_keeps_the_forwards(box: Box) -> None:
    box.sh(OUTSIDE, SANDBOX, "ip -n sb link set lo up")
    serve(box, "inside", "tcp/0.0.0.0/80", netns="sb")
    before = box.snapshot()
    box.done("slirp_network", {**SB, "forwards": ["8080:80"]})
    for backend in ("pasta", "slirp4netns"):
        result = box.change("slirp_network", {**SB, "backend": backend})["slirp"]
        assert forwarded(result) == [("tcp", 8080, 80)] and result["backend"] == backend
        assert heard(ask(box, "tcp/127.0.0.1/8080"), "inside")
    box.change("slirp_network", GONE)
    assert box.unlike(before) == []


def test_forwards_of_two_sandboxes_that_meet(box: Box) -> None:
    """Told before anything is started, as one given twice is."""
    box.sh(OTHERS)
    same = [{"netns": "one", "forwards": ["8080:80"]}, {"netns": "two", "forwards": ["8080:80"]}]
    box.refused("slirp_network", {"networks": same}, "forwards", "127.0.0.1")
    wide = [{"netns": "one", "forwards": ["8080:80"]}, {"netns": "two", "forwards": ["0.0.0.0:8080:80"]}]
    box.refused("slirp_network", {"networks": wide}, "forwards", "0.0.0.0:8080/tcp", "127.0.0.1:8080/tcp")


def test_one_port_on_two_addresses(box: Box) -> None:
    """slirp4netns can, and pasta cannot: it would end with an error of its own."""
    box.sh(OUTSIDE, SANDBOX)
    forwards = ["8080:80", "198.18.0.1:8080:80"]
    box.change("slirp_network", {**SB, "forwards": forwards})
    box.done("slirp_network", GONE)
    box.refused("slirp_network", {**SB, "backend": "pasta", "forwards": forwards}, "forwards", "198.18.0.1:8080/tcp")


def test_udp_to_a_lower_port_by_an_old_pasta(box: Box) -> None:
    """Before 2024_08 it writes beyond a table, and leads other ports of the sandbox's loopback to the host's."""
    box.sh(OUTSIDE, SANDBOX)
    args = {**SB, "backend": "pasta", "forwards": ["5353:53/udp"]}
    if "--map-host-loopback" in box.sh("pasta --help 2>&1", check=False):
        box.change("slirp_network", args)
        assert listeners(box, "sb") == []
    else:
        box.refused("slirp_network", args, "forwards", "127.0.0.1:5353/udp")


# ---------------------------------------------------------------- the program

ANSWERS = """case "$*" in
    *--version*) printf 'slirp4netns version 1.2.0\\nlibslirp: 4.7.0\\n'; exit;;
    *--help*) echo --disable-host-loopback --disable-dns --enable-sandbox --enable-seccomp --outbound-addr; exit;;
esac
"""
REAL = 'exec /usr/bin/slirp4netns "$@"'


def program(box: Box, text: str, mode: str = "755") -> str:
    """A program that is not quite slirp4netns."""
    path = "/run/fake/slirp4netns"
    box.sh(f"mkdir -p /run/fake; cat > {path} <<'END'\n#!/bin/sh\n{text}\nEND", f"chmod {mode} {path}")
    return path


def test_a_program_elsewhere(box: Box) -> None:
    box.sh(SANDBOX)
    path = program(box, f"{ANSWERS}{REAL}")
    result = box.change("slirp_network", {**SB, "program": path})["slirp"]
    assert result["argv"][0] == path and box.cidrs("tap0", "sb") == ["10.0.2.100/24"]
    box.change("slirp_network", GONE)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("echo something else 3.0", ("does not say that it is slirp4netns", "something else 3.0")),
        ("exit 3", ("does not say that it is slirp4netns",)),
        (ANSWERS.replace("1.2.0", "0.3.9"), ("older than 0.4.0",)),
        (ANSWERS.replace("--disable-host-loopback", ""), ("host_loopback", "--disable-host-loopback")),
    ],
)
def test_a_program_of_no_use(box: Box, text: str, words: tuple[str, ...]) -> None:
    box.sh(SANDBOX)
    path = program(box, text)
    before = box.snapshot()
    box.refused("slirp_network", {**SB, "program": path}, path, *words)
    assert box.unlike(before) == []


def test_a_program_that_is_not_there(box: Box) -> None:
    box.sh(SANDBOX)
    box.refused("slirp_network", {**SB, "program": "/run/fake/slirp4netns"}, "program", "/run/fake/slirp4netns")
    path = program(box, f"{ANSWERS}{REAL}", mode="644")
    box.refused("slirp_network", {**SB, "program": path}, "program", path)
    box.nothing_to_do("slirp_network", {**GONE, "program": "/run/fake/nothing"})


@pytest.mark.parametrize(
    "spoil",
    [
        "chmod o+w /run/fake/slirp4netns",
        "chmod o+w /run/fake",
        "chown 65534 /run/fake/slirp4netns",
        "chown 65534 /run/fake",
        "mv /run/fake/slirp4netns /run/open; chmod 777 /run/open; ln -s /run/open /run/fake/slirp4netns",
        "mkdir -m 777 /run/anybody; mv /run/fake/slirp4netns /run/anybody; ln -s /run/anybody/slirp4netns /run/fake/",
        "mkdir -m 777 /run/anybody; mv /run/fake /run/anybody; ln -s /run/anybody/fake /run/fake",
    ],
)
def test_a_program_that_others_can_change(box: Box, spoil: str) -> None:
    box.sh(SANDBOX)
    path = program(box, f"touch /run/fake/executed\n{ANSWERS}{REAL}")
    box.sh(spoil)
    box.refused("slirp_network", {**SB, "program": path}, "program", "can change")
    assert not box.sh("ls /run/fake/executed 2>/dev/null || true")


def test_an_old_libslirp_is_warned_of(box: Box) -> None:
    box.sh(SANDBOX)
    path = program(box, ANSWERS.replace("4.7.0", "4.4.0") + REAL)
    result = box.done("slirp_network", {**SB, "program": path})
    assert "CVE-2021-3592" in str(result["warnings"]) and "4.4.0" in str(result["warnings"])


def test_without_the_protection_that_a_program_lacks(box: Box) -> None:
    box.sh(SANDBOX)
    path = program(box, ANSWERS.replace("--enable-sandbox --enable-seccomp", "") + REAL)
    box.refused("slirp_network", {**SB, "program": path, "sandbox": "required"}, "sandbox", "--enable-sandbox")
    box.refused("slirp_network", {**SB, "program": path, "seccomp": "required"}, "seccomp", "--enable-seccomp")
    argv = box.change("slirp_network", {**SB, "program": path})["slirp"]["argv"]
    assert not {"--enable-sandbox", "--enable-seccomp"} & set(argv)


# What opens the API socket, says that it is ready, answers what it likes (REPLY is a statement), and goes when told to.
SERVER = """import _thread, os, socket, sys, time
_thread.start_new_thread(lambda: (os.read(4, 1), os._exit(0)), ())
path = next(word[13:] for word in sys.argv if word.startswith("--api-socket="))
listener = socket.socket(socket.AF_UNIX)
listener.bind(path)
listener.listen()
os.write(3, b"1")
while True:
    one = listener.accept()[0]
    one.recv(4096)
    try:
        REPLY
    except OSError:
        pass
    one.close()
"""


def answering(reply: str) -> str:
    """The text of a program."""
    return f"{ANSWERS}exec python3 -I -S - \"$@\" <<'PYTHON'\n{SERVER.replace('REPLY', reply)}\nPYTHON"


UNTIL_TOLD_TO_END = "read -r told <&4"  # --exit-fd
STUBBORN = "import signal, time; [signal.signal(one, signal.SIG_IGN) for one in (1, 2, 15)]; time.sleep(600)"
BAD_STARTS = {
    "sleeps": (f"echo so tired >&2; {UNTIL_TOLD_TO_END}", ("not ready within 1 seconds", "so tired")),
    "ends": ("echo no such thing >&2; exit 0", ("no such thing",)),
    "fails": ("echo no such thing >&2; exit 7", ("no such thing",)),
    "is killed": ("echo about to end >&2; kill -9 $$", ("about to end",)),
    "says 0": ("echo not today >&2; printf 0 >&3; exec sleep 600", ("did not become ready", "not today")),
    "closes": (f"echo never ready >&2; exec 3>&-; {UNTIL_TOLD_TO_END}", ("did not become ready", "never ready")),
    "floods": (
        f"yes all is lost | head -c 100000000 >&2; {UNTIL_TOLD_TO_END}",
        ("not ready within 1 seconds", "all is lost"),
    ),
    "will not end": (f"exec python3 -c '{STUBBORN}'", ("not ready within 1 seconds",)),
}
BAD_ANSWERS = {
    "garbage": ('one.sendall(b"rubbish")', "rubbish"),
    "null": ('one.sendall(b"null")', "null"),
    "no list": ('one.sendall(b\'{"return": {"entries": 7}}\')', "7"),
    "deep": ('one.sendall(b"[" * 100000)', "[[["),
    "strange entries": ('one.sendall(b\'{"entries": [{"id": 1}]}\')', "entries"),
    "endless": ('[one.sendall(b"x" * 65536) for _ in range(10 ** 6)]', "without an end"),
    "nothing": ("time.sleep(600)", "did not answer within 5 seconds"),
    "drop by drop": ("[(one.sendall(b' '), time.sleep(0.2)) for _ in range(3000)]", "did not answer within 5 seconds"),
    "end": ("os._exit(3)", ""),
}


@pytest.mark.parametrize("how", BAD_STARTS)
def test_a_program_that_does_not_start(box: Box, how: str) -> None:
    text, words = BAD_STARTS[how]
    box.sh(SANDBOX, OTHERS)
    path = program(box, ANSWERS + text)
    started = time.monotonic()
    result = box.fails("slirp_network", {**SB, "program": path, "ready_timeout": 1}, *words)
    assert time.monotonic() - started < 9 and len(result["msg"]) < 10000
    assert not box.sh("ls /run/sandbox-network/helpers 2>/dev/null || true") and nobody_runs(box)
    assert all_usable(box)


@pytest.mark.parametrize("how", BAD_ANSWERS)
def test_a_program_that_answers_what_nobody_asked(box: Box, how: str) -> None:
    reply, word = BAD_ANSWERS[how]
    box.sh(SANDBOX)
    path = program(box, answering(reply))
    started = time.monotonic()
    result = box.fails("slirp_network", {**SB, "program": path, "ready_timeout": 3}, word)
    assert time.monotonic() - started < 14 and len(result["msg"]) < 10000
    assert not box.sh("ls /run/sandbox-network/helpers 2>/dev/null || true") and nobody_runs(box)


def test_forwards_by_a_program_that_answers_what_nobody_asked(box: Box) -> None:
    reply, word = BAD_ANSWERS["garbage"]
    box.sh(SANDBOX)
    path = program(box, answering(reply))
    args = {**SB, "program": path, "ready_timeout": 3, "forwards": ["8080:80", "8081:80", "8082:80"]}
    box.fails("slirp_network", args, word)
    assert nobody_runs(box)


def test_a_log_that_grows_is_cut(box: Box) -> None:
    box.sh(SANDBOX)
    path = program(box, ANSWERS + "yes all is lost | head -c 100000000 >&2\n" + REAL)
    box.done("slirp_network", {**SB, "program": path})
    assert int(box.sh("cat /run/sandbox-network/helpers/*/log | wc -c")) <= 1 << 20
    assert box.cidrs("tap0", "sb") == ["10.0.2.100/24"]


# ---------------------------------------------------------------- helpers that die, or do not answer


@both
@pytest.mark.parametrize("victims", ["helper", "supervisor", "both"])
def test_a_helper_that_is_killed(box: Box, backend: str, victims: str) -> None:
    box.sh(OUTSIDE, SANDBOX)
    args = {**SB, "backend": backend, "forwards": ["8080:80", "8081:80"]}
    before = box.snapshot()
    box.done("slirp_network", args)
    found = {"helper": [helper(box, backend)], "supervisor": [supervisor(box)]}
    doomed = found.get(victims) or [*found["supervisor"], *found["helper"]]
    box.sh(f"kill -9 {' '.join(map(str, doomed))}")
    if victims == "helper" or backend == "slirp4netns":
        wait_until(lambda: nobody_runs(box))
    for same in (SB, args):
        foretold = box.done("slirp_network", {**same, "backend": backend}, check=True)
        assert foretold["changed"] and foretold["slirp"]["restarted"]
    result = box.change("slirp_network", {**SB, "backend": backend})["slirp"]
    assert result["restarted"] and forwarded(result) == [("tcp", 8080, 80), ("tcp", 8081, 80)]
    assert listeners(box) == ["tcp/127.0.0.1/8080", "tcp/127.0.0.1/8081"]
    assert result["pid"] == helper(box, backend)
    box.nothing_to_do("slirp_network", args)
    box.change("slirp_network", GONE)
    assert box.unlike(before) == [] and nobody_runs(box)


@both
def test_a_dead_helper_can_be_told_to_go(box: Box, backend: str) -> None:
    box.sh(OUTSIDE, SANDBOX)
    before = box.snapshot()
    box.done("slirp_network", {**SB, "backend": backend, "forwards": ["8080:80"]})
    box.sh(f"kill -9 {supervisor(box)} {helper(box, backend)}")
    box.change("slirp_network", GONE)
    assert box.unlike(before) == []


def test_what_a_dead_helper_said_is_told(box: Box) -> None:
    box.sh(SANDBOX)
    path = program(box, ANSWERS + REAL)
    box.done("slirp_network", {**SB, "program": path})
    box.sh("echo these are my last words >> $(ls /run/sandbox-network/helpers/*/log)")
    box.sh(f"kill -9 {only(running(box, '/usr/bin/slirp4netns '))}")
    wait_until(lambda: nobody_runs(box))
    outcome = box.run("slirp_portfwd", {**SB, "host_port": "8080"})
    assert "is dead" in outcome.result["msg"] and "these are my last words" in outcome.result["msg"]


@both
def test_a_supervisor_that_is_told_to_end_takes_its_helper_along(box: Box, backend: str) -> None:
    box.sh(OUTSIDE, SANDBOX)
    box.done("slirp_network", {**SB, "backend": backend})
    box.sh(f"kill {supervisor(box)}")
    wait_until(lambda: nobody_runs(box), 3)
    assert box.link("tap0", "sb") is None


def test_a_helper_that_hangs(box: Box) -> None:
    box.sh(SANDBOX)
    forwards = ["8080:80", "0.0.0.0:5353:53/udp"]
    box.done("slirp_network", {**SB, "forwards": forwards})
    box.sh(f"kill -STOP {helper(box, 'slirp4netns')}")
    started = time.monotonic()
    outcome = box.run("slirp_network", SB)
    assert time.monotonic() - started < 7
    assert outcome.result.get("failed") and "did not answer within 5 seconds" in outcome.result["msg"]
    assert "state: restarted" in outcome.result["msg"]
    started = time.monotonic()
    result = box.done("slirp_network", {**SB, "state": "restarted"})["slirp"]
    assert time.monotonic() - started < 12
    assert result["alive"] and len(result["forwards"]) == len(forwards) == len(listeners(box))
    box.nothing_to_do("slirp_network", {**SB, "forwards": forwards})


def test_a_helper_that_hangs_can_be_told_to_go(box: Box) -> None:
    box.sh(SANDBOX)
    before = box.snapshot()
    box.done("slirp_network", {**SB, "forwards": ["8080:80"]})
    box.sh(f"kill -STOP {helper(box, 'slirp4netns')} {supervisor(box)}")
    started = time.monotonic()
    box.done("slirp_network", GONE)
    assert time.monotonic() - started < 15 and box.unlike(before) == []


# Runs the module, and stays to bury its orphans, so that their numbers can be used again.
REAPER = """
import ctypes, os, sys, time
ended = os.pipe()
if os.fork():
    os._exit(os.read(ended[0], 1)[0])
os.setsid()
ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)
module = os.fork()
if module == 0:
    os.execv(sys.argv[1], sys.argv[1:])
status = os.waitpid(module, 0)[1]
null = os.open("/dev/null", os.O_RDWR)
for number in (0, 1, 2):
    os.dup2(null, number)
os.write(ended[1], bytes([os.waitstatus_to_exitcode(status)]))
while True:
    try:
        os.wait()
    except ChildProcessError:
        time.sleep(0.05)
"""


def give_numbers_to_others(box: Box, pids: list[int]) -> None:
    """Start processes with these numbers."""
    box.sh("echo 20000 > /proc/sys/kernel/ns_last_pid")
    for pid in pids:
        wait_until(lambda pid=pid: not box.sh(f"ls -d /proc/{pid} 2>/dev/null || true"))
    start = "echo {} > /proc/sys/kernel/ns_last_pid; sleep 600 >/dev/null 2>&1 & echo $!"
    told = box.sh(*(start.format(pid - 1) for pid in pids)).split()
    assert [*map(int, told)] == pids, "the numbers are not free"


@both
def test_a_stranger_with_the_number_of_a_dead_one_is_not_touched(box: Box, backend: str) -> None:
    box.sh(OUTSIDE, SANDBOX)
    before = box.snapshot()
    args = {**SB, "backend": backend, "forwards": ["8080:80"]}
    wrapper = ["/usr/bin/python3", "-I", "-S", "-c", REAPER]
    assert not box.host.run_directly("slirp_network", args, wrapper=wrapper).failed
    for state in ("started", "absent"):
        dead = [supervisor(box), helper(box, backend)]
        box.sh(f"kill -9 {dead[0]} {dead[1]}")
        give_numbers_to_others(box, dead)
        outcome = box.host.run_directly("slirp_network", {**args, "state": state}, wrapper=wrapper)
        assert not outcome.failed and outcome.result["changed"], str(outcome)
        assert [box.sh(f"cat /proc/{pid}/comm").strip() for pid in dead] == ["sleep", "sleep"]
    assert [line for line in box.unlike(before) if "sleep 600" not in line and "python3 -I -S -c" not in line] == []


# ---------------------------------------------------------------- tasks that are killed or fail


def number_of(lane: Lane, prepare: tuple[str, ...], runs: list[dict[str, Any]], word: str) -> int:
    """The number of the last call of the last run that has a word in its text."""
    with Host(lane, prepare) as twin:
        outcomes = [twin.run("slirp_network", args) for args in runs]
    return [call.number for call in outcomes[-1].calls if word in call.text][-1]


@both
def test_a_killed_task_whose_helper_dies_too(box: Box, lane: Lane, backend: str) -> None:
    """What it removed cannot be entered again anywhere; the next task starts anew."""
    box.sh(OUTSIDE, SANDBOX)
    before = box.snapshot()
    first = {**SB, "backend": backend, "forwards": ["8080:80", "8081:80"]}
    second = {**SB, "backend": backend, "forwards": ["8082:80"], "purge": True}
    at = number_of(lane, (OUTSIDE, SANDBOX), [first, second], "rename /run/sandbox-network/records")
    box.done("slirp_network", first)
    assert box.host.run("slirp_network", second, fault=Fault(KILL_AFTER, at)).killed
    box.sh(f"kill -9 {supervisor(box)} {helper(box, backend)}")
    result = box.done("slirp_network", second)
    assert forwarded(result["slirp"]) == [("tcp", 8082, 80)] and listeners(box) == ["tcp/127.0.0.1/8082"]
    box.nothing_to_do("slirp_network", second)
    box.done("slirp_network", GONE)
    assert box.unlike(before) == []


@both
@pytest.mark.parametrize("way", ["netns", "slirp_network"])
def test_a_killed_task_whose_namespace_goes_too(box: Box, lane: Lane, backend: str, way: str) -> None:
    """There is nothing to start the helper for again; that stands in nobody's way."""
    box.sh(OUTSIDE, SANDBOX)
    started = {**SB, "backend": backend, "forwards": ["8080:80"]}
    box.done("slirp_network", started)
    at = number_of(lane, (OUTSIDE, SANDBOX), [started, GONE], "rmdir /run/sandbox-network/helpers/")
    assert box.host.run("slirp_network", GONE, fault=Fault(KILL_AFTER, at)).killed
    box.sh("ip netns del sb")
    box.done(way, GONE if way == "slirp_network" else {"name": "sb", "state": "absent"})
    assert nobody_runs(box) and box.state_files() == []
    box.sh("ip netns add sb")
    box.done("slirp_network", started)
    box.nothing_to_do("slirp_network", started)


CHANGES: dict[str, dict[str, Any]] = {
    "mtu": {"mtu": 1400, "forwards": ["8082:80"]},
    "cidr": {"cidr": "10.9.8.0/24"},
    "interface": {"interface": "eth0", "forwards": ["8080:81"], "purge": True},
}


@both
@pytest.mark.parametrize("change", [*CHANGES, "backend"])
def test_a_failure_on_the_way_puts_the_former_helper_back(box: Box, lane: Lane, backend: str, change: str) -> None:
    box.sh(OUTSIDE, SANDBOX, "ip -n sb link set lo up")
    serve(box, "inside", "tcp/0.0.0.0/80", netns="sb")
    first = {**SB, "backend": backend, "forwards": ["8080:80", "198.18.0.1:8081:80"]}
    other = {"backend": only([one for one in BACKENDS if one != backend])}
    second = {**SB, "backend": backend, **CHANGES.get(change, other)}
    at = number_of(lane, (OUTSIDE, SANDBOX), [first, second], "records/slirp")
    former = box.done("slirp_network", first)["slirp"]
    outcome = box.host.run("slirp_network", second, fault=Fault(FAIL, at, 0, 28))
    assert outcome.result.get("failed") and outcome.result["rolled_back"] is True, str(outcome)
    assert len(heard(ask(box, "tcp/127.0.0.1/8080", "tcp/198.18.0.1/8081"), "inside")) == 2
    again = box.nothing_to_do("slirp_network", first)["slirp"]
    assert {**again, "pid": None, "restarted": None} == {**former, "pid": None, "restarted": None}
    tap = box.link("tap0", "sb")
    assert tap is not None and tap["mtu"] == 65520 and box.cidrs("tap0", "sb") == ["10.0.2.100/24"]


@pytest.mark.parametrize("how", ["sleeps", "will not end"])
def test_a_task_that_is_told_to_end(box: Box, how: str) -> None:
    """While it waits for a helper that takes its time."""
    box.sh(SANDBOX, OTHERS)
    path = program(box, ANSWERS + BAD_STARTS[how][0])
    before = box.snapshot()
    begun = "ls /run/sandbox-network/helpers/*/helper.json >/dev/null 2>&1"
    end_it = f'"$@" & until {begun}; do sleep 0.05; done; kill $!; wait $!'
    started = time.monotonic()
    outcome = box.host.run_directly("slirp_network", {**SB, "program": path}, wrapper=["sh", "-c", end_it, "sh"])
    assert time.monotonic() - started < 15
    assert outcome.result["rolled_back"] is True and "SIGTERM" in outcome.result["msg"], str(outcome)
    assert box.unlike(before) == [] and nobody_runs(box) and all_usable(box)


def test_what_a_killed_task_left_is_undone_by_the_other_module(box: Box, lane: Lane) -> None:
    box.sh(SANDBOX)
    first, second = {**SB, "forwards": ["8080:80"]}, {**SB, "mtu": 1400, "forwards": ["8081:81"]}
    at = number_of(lane, (SANDBOX,), [first, second], "fork")
    box.done("slirp_network", first)
    assert box.host.run("slirp_network", second, fault=Fault(KILL_AFTER, at)).killed
    foretold = box.done("slirp_portfwd", {**SB, "forwards": ["8082:82"]}, check=True)
    result = box.done("slirp_portfwd", {**SB, "forwards": ["8082:82"]})
    assert foretold["changed"] and result["recovered"]
    assert listeners(box) == ["tcp/127.0.0.1/8080", "tcp/127.0.0.1/8082"]
    tap = box.link("tap0", "sb")
    assert tap is not None and tap["mtu"] == 65520


# ---------------------------------------------------------------- others are there at the same time


def test_a_task_that_ends_the_last_other_helper_meanwhile(box: Box, lane: Lane) -> None:
    """They share a directory, which goes with the last."""
    box.sh(OTHERS)
    at = number_of(lane, (OTHERS,), [{"netns": "one"}, {"netns": "two"}], "mkdir /run/sandbox-network/helpers/")
    box.done("slirp_network", {"netns": "one"})
    box.host.run_until("slirp_network", {"netns": "two"}, at)
    box.done("slirp_network", {"netns": "one", "state": "absent"})
    outcome = box.host.let_go()
    assert not outcome.failed, str(outcome)
    box.nothing_to_do("slirp_network", {"netns": "two"})


def test_many_tasks_at_the_same_time(box: Box) -> None:
    names = [f"sb{number}" for number in range(6)]
    box.sh(*(f"ip netns add {name}" for name in names))
    before = box.snapshot()
    for _round in range(2):
        started = [("slirp_network", {"netns": name, "forwards": [f"80{name[2:]}0:80"]}) for name in names]
        for outcome in box.host.run_together(started):
            assert not outcome.failed, str(outcome)
        assert len(running(box, "/slirp4netns ")) == 6
        assert {f"tcp/127.0.0.1/80{number}0" for number in range(6)} <= {*listeners(box)}
        half = [("slirp_network", {"netns": name, "state": "absent"}) for name in names[:3]]
        half += [("slirp_portfwd", {"netns": name, "host_port": f"81{name[2:]}0"}) for name in names[3:]]
        for outcome in box.host.run_together(half):
            assert not outcome.failed, str(outcome)
        assert len(listeners(box)) == 6 and len(running(box, "/slirp4netns ")) == 3
    for outcome in box.host.run_together([("slirp_network", {"netns": name, "state": "absent"}) for name in names]):
        assert not outcome.failed, str(outcome)
    assert box.unlike(before) == []


@both
@pytest.mark.parametrize("word", ["mkdir /run/sandbox-network/helpers/", "fork", "records/slirp"])
def test_a_namespace_that_is_replaced_meanwhile(box: Box, lane: Lane, backend: str, word: str) -> None:
    """The new one under the name is somebody else's."""
    box.sh(OUTSIDE, SANDBOX)
    args = {**SB, "backend": backend}
    at = number_of(lane, (OUTSIDE, SANDBOX), [args], word)
    box.host.run_until("slirp_network", args, at)
    box.sh("ip netns del sb; ip netns add sb")
    fresh = box.snapshot()["namespaces"]["/run/netns/sb"]
    outcome = box.host.let_go()
    assert outcome.failed and not outcome.traceback, str(outcome)
    wait_until(lambda: nobody_runs(box))
    assert box.snapshot()["namespaces"]["/run/netns/sb"] == fresh
    box.change("slirp_network", args)
    box.change("slirp_network", GONE)
    assert box.snapshot()["namespaces"]["/run/netns/sb"] == fresh and box.state_files() == []


# ---------------------------------------------------------------- users


@both
def test_for_a_user(box: Box, backend: str) -> None:
    """As rootless containers have it: the namespace of a process in a user namespace of its own."""
    box.sh(OUTSIDE, "useradd -M tester; chmod 666 /dev/net/tun")
    box.sh(
        "setpriv --reuid tester --regid tester --clear-groups unshare -Urn sleep 600 >/dev/null 2>&1 &",
        "echo $! > /run/box/sleeper",
        "until [ $(readlink /proc/$(cat /run/box/sleeper)/ns/net) != $(readlink /proc/self/ns/net) ]",
        "do sleep 0.02",
        "done",
    )
    pid = int(box.sh("cat /run/box/sleeper"))
    before = box.snapshot()
    args = {"netns": f"pid:{pid}", "user": "tester", "backend": backend, "forwards": ["8080:80"]}
    result = box.change("slirp_network", args)["slirp"]
    assert box.sh(f"ps -o user= -p {result['pid']}").split() == ["tester"]
    if backend == "slirp4netns":
        assert box.sh(f"stat -c '%U %a' {result['api_socket']}").split() == ["tester", "600"]
    assert box.sh(f"nsenter -t {pid} -U -n --preserve-credentials ip -br addr show tap0").split()[2] == "10.0.2.100/24"
    box.sh(f"kill -9 {supervisor(box)}")
    if backend == "slirp4netns":
        wait_until(lambda: nobody_runs(box))
    box.change("slirp_network", args)
    box.change("slirp_network", {"netns": f"pid:{pid}", "state": "absent"})
    assert (
        nobody_runs(box)
        and box.unlike(before) == []
        and not box.sh("ls -d /run/sandbox-network-users/*/* 2>/dev/null || true")
    )


def test_a_user_cannot_lead_root_elsewhere(box: Box) -> None:
    """By a link in the place of a directory where root works for the user."""
    box.sh("useradd -M tester; chmod 666 /dev/net/tun", SANDBOX)
    of_root = box.done("slirp_network", SB)["slirp"]["api_socket"].rpartition("/")[0]
    box.sh(
        "setpriv --reuid tester --regid tester --clear-groups unshare -Urn sleep 600 >/dev/null 2>&1 &",
        "echo $! > /run/box/sleeper",
        "until [ $(readlink /proc/$(cat /run/box/sleeper)/ns/net) != $(readlink /proc/self/ns/net) ]",
        "do sleep 0.02",
        "done",
    )
    own = {"netns": f"pid:{int(box.sh('cat /run/box/sleeper'))}", "user": "tester"}
    of_user = box.done("slirp_network", own)["slirp"]["api_socket"].rpartition("/")[0]
    swap = f"mv {of_user} {of_user}.old; ln -s {of_root} {of_user}; rm -rf {of_user}.old"
    box.sh(f"setpriv --reuid tester --regid tester --clear-groups sh -c '{swap}' 2>/dev/null || true")
    box.done("slirp_network", {**own, "state": "absent"})
    box.nothing_to_do("slirp_network", SB)
