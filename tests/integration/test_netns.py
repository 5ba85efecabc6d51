# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The module netns on the real kernel."""

from __future__ import annotations

import json
import os
import shlex
from typing import Any

import pytest
from box import Box, operations
from promises.runner import KILL_AFTER, Fault, same

WEB1 = "/run/netns/web1"
RESOLV = "/etc/netns/web1/resolv.conf"
MARK = "# Of this namespace alone, made by sandbox.network.\n"


@pytest.mark.parametrize("single", [True, False])
def test_the_whole_life(box: Box, single: bool) -> None:
    args: dict[str, Any] = {"name": "web1"}
    result = box.change("netns", args if single else {"namespaces": [args]})
    told = result["netns"] if single else result["namespaces"][0]
    assert told == {
        "name": "web1",
        "path": WEB1,
        "state": "present",
        "inode": int(box.sh(f"stat -c %i {WEB1}")),
        "nsid": None,
        "created": True,
        "pids": [],
    }
    assert box.sh("ip netns list").split() == ["web1"]
    assert box.sh("ip netns exec web1 cat /proc/net/dev | grep -c :").strip() == "1"
    lo = box.link("lo", "web1")
    assert lo is not None and "UP" in lo["flags"]
    assert box.cidrs("lo", "web1") == []
    args = {"name": "web1", "state": "absent"}
    result = box.change("netns", args if single else {"namespaces": [args]})
    told = result["netns"] if single else result["namespaces"][0]
    assert (told["state"], told["inode"], told["created"]) == ("absent", None, False)
    assert box.names() == [] and box.state_files() == []


def test_loopback_up_and_down_and_up(box: Box) -> None:
    for up in (False, True, False):
        box.change("netns", {"name": "web1", "loopback": up})
        lo = box.link("lo", "web1")
        assert lo is not None and ("UP" in lo["flags"]) == up


SERVICE = (
    "ip -n web1 link set lo up; ip -n web1 addr add 10.5.5.5/32 dev lo; ip -n web1 addr add 2001:db8::5/128 dev lo",
    "ip -n web1 route add 10.6.0.0/16 dev lo; ip -n web1 -6 route add 2001:db8:9::/64 dev lo",
)
IMPOSSIBLE = {"net.ipv4.ip_local_port_range": "9 1"}


def test_a_failure_gives_back_what_was_on_the_loopback(box: Box) -> None:
    box.sh("ip netns add web1", *SERVICE)
    box.fails("netns", {"name": "web1", "loopback": False, "sysctl": IMPOSSIBLE}, "EINVAL")
    box.sh("ip -n web1 link set lo down; ip -n web1 addr add 2001:db8::5/128 dev lo")
    box.fails("netns", {"name": "web1", "sysctl": IMPOSSIBLE}, "EINVAL")


def test_the_loopback_stays_up_for_a_route_that_could_not_be_put_back(box: Box) -> None:
    box.sh("ip netns add web1", *SERVICE, "ip -n web1 route add 10.7.0.0/16 nexthop dev lo nexthop dev lo weight 2")
    box.refused("netns", {"name": "web1", "loopback": False}, "10.7.0.0/16", WEB1)


def test_the_loopback_comes_back_with_what_was_on_it(box: Box) -> None:
    box.sh("ip netns add web1", *SERVICE)
    before = box.snapshot()["namespaces"][WEB1]
    box.change("netns", {"name": "web1", "loopback": False})
    assert box.routes("web1") == []
    assert box.cidrs("lo", "web1") == ["10.5.5.5/32", "2001:db8::5/128"]
    box.change("netns", {"name": "web1", "loopback": True})
    assert box.snapshot()["namespaces"][WEB1] == before


@pytest.mark.parametrize(
    ("key", "value", "path", "found"),
    [
        ("net.ipv4.ip_forward", True, "ipv4/ip_forward", "1"),
        ("net.ipv4.ip_forward", "1", "ipv4/ip_forward", "1"),
        ("net/ipv4/ip_forward", 1, "ipv4/ip_forward", "1"),
        ("net.ipv4.ping_group_range", "0  2147483647", "ipv4/ping_group_range", "0 2147483647"),
        ("net.ipv4.ip_local_port_range", "2000\t3000", "ipv4/ip_local_port_range", "2000 3000"),
        ("net.ipv6.conf.all.forwarding", 1, "ipv6/conf/all/forwarding", "1"),
        ("net.ipv6.conf.default.accept_ra", 0, "ipv6/conf/default/accept_ra", "0"),
        ("net.core.somaxconn", 77, "core/somaxconn", "77"),
    ],
)
def test_settings_are_set_inside_and_only_there(box: Box, key: str, value: Any, path: str, found: str) -> None:
    outside = box.read(path)
    box.change("netns", {"name": "web1", "sysctl": {key: value}})
    assert box.read(path, "web1") == found
    assert box.read(path) == outside


@pytest.mark.parametrize(
    ("given", "path", "found"),
    [
        ({"net.ipv4.conf.all.rp_filter": "01"}, "ipv4/conf/all/rp_filter", "1"),
        ({"net.ipv4.conf.all.rp_filter": " 0x2 "}, "ipv4/conf/all/rp_filter", "2"),
        ({"net.ipv4.ip_forward": 1, "net.ipv4.conf.all.forwarding": "01"}, "ipv4/ip_forward", "1"),
        ({"net.ipv4.ip_forward": 1, "net.ipv4.conf.default.forwarding": 0}, "ipv4/conf/default/forwarding", "0"),
        ({"net.ipv4.ip_forward": 1, "net/ipv4/conf/lo/forwarding": 0}, "ipv4/conf/lo/forwarding", "0"),
        ({"net.ipv6.conf.all.forwarding": 1, "net.ipv6.conf.lo.forwarding": 0}, "ipv6/conf/lo/forwarding", "0"),
    ],
)
@pytest.mark.parametrize("prepare", ["true", "ip netns add web1"])
def test_what_the_kernel_makes_of_a_setting_is_known(
    box: Box, prepare: str, given: dict[str, Any], path: str, found: str
) -> None:
    box.sh(prepare)
    box.change("netns", {"name": "web1", "sysctl": given})
    assert box.read(path, "web1") == found


def test_a_failure_gives_the_links_their_own_forwarding_back(box: Box) -> None:
    box.sh(
        "ip netns add web1; ip -n web1 link set lo up; ip -n web1 link add r0 type ifb",
        "ip netns exec web1 sysctl -qw net.ipv4.conf.r0.forwarding=1 net.ipv6.conf.r0.forwarding=1",
    )
    wanted = {"net.ipv4.ip_forward": 1, "net.ipv6.conf.all.forwarding": 1}
    box.fails("netns", {"name": "web1", "sysctl": {**wanted, "net.ipv4.ip_local_port_range": "9 1"}}, "EINVAL")


def test_a_setting_that_is_right_is_not_written(box: Box) -> None:
    box.change("netns", {"name": "web1"})
    box.nothing_to_do("netns", {"name": "web1", "sysctl": {"net.ipv4.ip_forward": 0}})
    box.change("netns", {"name": "web1", "sysctl": {"net.ipv4.ip_forward": 1}})
    result = box.change("netns", {"name": "web1", "sysctl": {"net.ipv4.ip_forward": 0, "net.core.somaxconn": 5}})
    assert operations(result).count("sysctl.set") == 2


def test_dns_is_a_file_for_the_namespace(box: Box) -> None:
    dns = {"servers": ["10.0.0.53", "FD00::53"], "search": ["example.org", "lan"], "options": ["ndots:2"]}
    box.change("netns", {"name": "web1", "dns": dns})
    text = MARK + "nameserver 10.0.0.53\nnameserver fd00::53\nsearch example.org lan\noptions ndots:2\n"
    assert box.sh(f"cat {RESOLV}") == text
    assert box.sh("ip netns exec web1 cat /etc/resolv.conf") == text
    assert box.sh(f"stat -c %a {RESOLV}").strip() == "644"
    box.change("netns", {"name": "web1", "dns": {"servers": ["10.0.0.54"]}})
    assert box.sh(f"cat {RESOLV}") == MARK + "nameserver 10.0.0.54\n"
    box.nothing_to_do("netns", {"name": "web1"})
    box.change("netns", {"name": "web1", "state": "absent"})
    assert box.sh("ls /etc/netns 2>/dev/null", check=False) == ""


@pytest.mark.parametrize("content", ["nameserver 192.0.2.1\\n", "", "# \\377 no text\\n"])
def test_a_dns_file_that_was_there_is_put_back(box: Box, content: str) -> None:
    box.sh(
        "mkdir -p /etc/netns/web1",
        f"printf '{content}' > {RESOLV}",
        f"chown 1000:1001 {RESOLV}; chmod 640 {RESOLV}; echo kept > /etc/netns/web1/hosts",
    )
    before = box.sh(f"stat -c '%a %u %g' {RESOLV}; od -c {RESOLV}; ls /etc/netns/web1")
    box.change("netns", {"name": "web1", "dns": {"servers": ["10.0.0.53"]}})
    assert box.sh(f"cat {RESOLV}") == MARK + "nameserver 10.0.0.53\n"
    box.change("netns", {"name": "web1", "dns": {"servers": ["10.0.0.54"]}})
    box.change("netns", {"name": "web1", "state": "absent"})
    assert box.sh(f"stat -c '%a %u %g' {RESOLV}; od -c {RESOLV}; ls /etc/netns/web1") == before


def test_somebody_elses_file_beside_ours_keeps_the_directory(box: Box) -> None:
    box.change("netns", {"name": "web1", "dns": {"servers": ["10.0.0.53"]}})
    box.sh("echo 10.0.0.9 db > /etc/netns/web1/hosts")
    box.change("netns", {"name": "web1", "state": "absent"})
    assert box.sh("find /etc/netns -type f").split() == ["/etc/netns/web1/hosts"]


@pytest.mark.parametrize("order", [("web1", "web2"), ("web2", "web1")])
def test_the_last_dns_file_takes_the_directory_with_it(box: Box, order: tuple[str, str]) -> None:
    for name in ("web1", "web2"):
        box.change("netns", {"name": name, "dns": {"servers": ["10.0.0.53"]}})
    box.change("netns", {"name": order[0], "state": "absent"})
    box.change("netns", {"name": "web3", "dns": {"servers": ["10.0.0.53"]}})
    for name in (order[1], "web3"):
        box.change("netns", {"name": name, "state": "absent"})
    assert box.sh("find /etc -name netns") == ""


def test_a_directory_that_was_there_before_the_dns_files_stays(box: Box) -> None:
    box.sh("mkdir /etc/netns")
    for name in ("web1", "web2"):
        box.change("netns", {"name": name, "dns": {"servers": ["10.0.0.53"]}})
    box.change("netns", {"state": "absent", "namespaces": [{"name": "web1"}, {"name": "web2"}]})
    assert box.sh("ls /etc/netns") == ""


@pytest.mark.parametrize("made_again", [False, True])
def test_a_dns_file_of_an_earlier_boot_goes_with_its_namespace(box: Box, made_again: bool) -> None:
    web1 = {"name": "web1", "dns": {"servers": ["10.0.0.53"]}}
    before = box.sh("find /etc -name netns")
    box.change("netns", web1)
    box.sh("ip netns delete web1", "rm -r /run/sandbox-network")  # as a reboot does
    if made_again:
        box.change("netns", web1)
        box.change("netns", {"name": "web1", "dns": {"servers": ["10.0.0.54"]}})
    box.change("netns", {"name": "web1", "state": "absent"})
    assert box.sh("find /etc -name netns") == before


def test_a_dns_file_of_somebody_else_stays_after_a_reboot(box: Box) -> None:
    box.sh("mkdir -p /etc/netns/web1", f"echo nameserver 192.0.2.1 > {RESOLV}", "ip netns add web1")
    box.change("netns", {"name": "web1", "state": "absent"})
    assert box.sh(f"cat {RESOLV}") == "nameserver 192.0.2.1\n"


def test_a_dns_file_that_is_a_link_is_left_alone(box: Box) -> None:
    box.sh("mkdir -p /etc/netns/web1; echo mine > /run/victim", f"ln -s /run/victim {RESOLV}")
    box.refused("netns", {"name": "web1", "dns": {"servers": ["10.0.0.53"]}}, RESOLV)
    assert box.sh("cat /run/victim") == "mine\n"


def test_a_dns_file_that_nobody_asks_about_is_not_looked_at(box: Box) -> None:
    box.sh("mkdir -p /etc/netns/web1", f"ln -s /run/systemd/resolve/resolv.conf {RESOLV}")
    box.change("netns", {"name": "web1"})
    box.change("netns", {"name": "web1", "state": "absent"})
    assert box.sh(f"readlink {RESOLV}").strip() == "/run/systemd/resolve/resolv.conf"


def test_nsid(box: Box) -> None:
    result = box.change("netns", {"name": "web1", "nsid": 7})
    assert result["netns"]["nsid"] == 7
    assert {one["nsid"]: one.get("name") for one in box.ip("netns", "list-id")} == {7: "web1"}
    box.refused("netns", {"name": "web1", "nsid": 8}, "nsid", "8", "7")
    box.change("netns", {"name": "web1", "state": "absent"})
    # the kernel clears away behind our back
    box.sh("for i in $(seq 50); do ip netns list-id | grep -q . || exit 0; sleep 0.1; done; exit 1")


def test_an_nsid_that_another_namespace_has(box: Box) -> None:
    box.sh("ip netns add other; ip netns set other 7")
    box.refused("netns", {"name": "web1", "nsid": 7}, "nsid", "7", "web1")
    box.sh("ip netns add web1")
    box.refused("netns", {"name": "web1", "nsid": 7}, "nsid", "7", "web1")
    box.nothing_to_do("netns", {"name": "other", "nsid": 7, "loopback": False})


def test_an_nsid_that_was_free_a_moment_ago(box: Box) -> None:
    for _time in range(3):
        box.change("netns", {"name": "web1", "nsid": 7})
        box.change("netns", {"name": "web1", "state": "absent"})


def test_path_and_directory(box: Box) -> None:
    box.sh("mkdir -p /run/user/7/netns")
    result = box.change("netns", {"path": "/run/user/7/netns/web1"})
    assert result["netns"]["name"] == "web1"
    assert box.sh("nsenter --net=/run/user/7/netns/web1 cat /proc/net/dev | grep -c :").strip() == "1"
    box.change("netns", {"name": "web2", "netns_dir": "/run/user/7/netns"})
    assert box.sh("ls /run/user/7/netns").split() == ["web1", "web2"]
    box.change("netns", {"name": "web1", "netns_dir": "/run/user/7/netns", "state": "absent"})
    box.change("netns", {"path": "/run/user/7/netns/web2", "state": "absent"})
    assert box.sh("ls /run/user/7/netns") == ""


def test_generated_names_are_new_every_time(box: Box) -> None:
    args = {"name": "ci", "generate": True}
    foretold = box.done("netns", args, check=True)
    assert foretold["changed"] and foretold["netns"]["name"] is None
    names = {box.done("netns", args)["netns"]["name"] for _time in range(3)}
    assert len(names) == 3 and all(name.startswith("ci-") for name in names)
    assert set(box.names()) == names
    result = box.done("netns", {"namespaces": [{"generate": True}, {"generate": True}]})
    assert len({one["name"] for one in result["namespaces"]}) == 2


def test_what_a_name_will_be_is_not_foretold(box: Box) -> None:
    item = {"name": "ci", "generate": True, "sysctl": {"net.ipv4.ip_forward": 1}, "dns": {"servers": ["10.0.0.1"]}}
    args = {"namespaces": [item, item]}
    foretold = box.done("netns", args, check=True)
    assert "ci-" not in json.dumps({**foretold, "invocation": None})
    assert [one["name"] for one in foretold["namespaces"]] == [None, None]
    assert sorted(foretold["diff"]["after"]["namespaces"]) == ["/run/netns/(generated 1)", "/run/netns/(generated 2)"]
    real = box.done("netns", args)
    assert operations(foretold) == operations(real)
    assert all(same(one, other) for one, other in zip(foretold["operations"], real["operations"]))


def test_a_generated_name_that_cannot_be(box: Box) -> None:
    box.refused("netns", {"name": "ci", "generate": True, "state": "absent"}, "generate")
    box.refused("netns", {"name": "x" * 250, "generate": True}, "name", "255")


@pytest.mark.parametrize("mode", ["0", "644"])
def test_a_left_over_file_is_repaired(box: Box, mode: str) -> None:
    box.sh(f"mkdir -p /run/netns; touch {WEB1}; chmod {mode} {WEB1}")
    result = box.change("netns", {"name": "web1"})
    assert result["netns"]["repaired"] is True and result["netns"]["created"] is True
    box.sh("ip netns exec web1 true")


def test_a_left_over_file_is_removed_by_absent(box: Box) -> None:
    box.sh(f"mkdir -p /run/netns; touch {WEB1}")
    box.change("netns", {"name": "web1", "state": "absent"})
    assert box.names() == []


def test_a_left_over_file_beside_a_namespace_that_is_called_alike(box: Box) -> None:
    box.sh(f"ip netns add web1.sandbox-network; touch {WEB1}")
    box.fails("netns", {"name": "web1", "sysctl": IMPOSSIBLE}, "EINVAL")
    box.change("netns", {"name": "web1"})
    assert box.names() == ["web1", "web1.sandbox-network"]
    box.sh("ip netns exec web1.sandbox-network true")


def test_a_left_over_file_with_a_long_name(box: Box) -> None:
    name = "x" * 255
    box.sh(f"mkdir -p /run/netns; touch /run/netns/{name}")
    box.fails("netns", {"name": name, "sysctl": IMPOSSIBLE}, "EINVAL")
    box.change("netns", {"name": name})
    box.change("netns", {"name": name, "state": "absent"})


@pytest.mark.parametrize(
    "make",
    [
        f"echo precious > {WEB1}",
        f"mkdir {WEB1}",
        f"mkfifo {WEB1}",
        f"mknod {WEB1} c 1 5",
        f"ln -s /etc/passwd {WEB1}",
        f"ln -s web1 {WEB1}",
        f"ln -s $(printf '%0300d') {WEB1}",
        f"touch {WEB1}; mount --bind /proc/self/ns/uts {WEB1}",
    ],
)
@pytest.mark.parametrize("state", ["present", "absent"])
def test_what_is_no_namespace_is_left_alone(box: Box, make: str, state: str) -> None:
    box.sh("mkdir -p /run/netns", make)
    before = box.sh(f"stat -c '%F %s' {WEB1}")
    box.refused("netns", {"name": "web1", "state": state}, WEB1, "left alone")
    assert box.sh(f"stat -c '%F %s' {WEB1}") == before


def test_the_namespace_of_a_process(box: Box) -> None:
    pid = box.process_in_its_own_namespace()
    inode = os.path.basename(box.sh(f"stat -L -c %i /proc/{pid}/ns/net").strip())
    result = box.change("netns", {"name": "web1", "pid": pid})
    assert result["netns"] | {"nsid": None} == {
        "name": "web1",
        "path": WEB1,
        "state": "present",
        "inode": int(inode),
        "nsid": None,
        "created": False,
        "pids": [pid],
    }
    assert operations(result)[0] == "netns.create"
    lo = box.link("lo", "web1")
    assert lo is not None and "UP" not in lo["flags"]
    box.change("netns", {"name": "web1", "state": "absent"})
    assert box.names() == [] and box.state_files() == []
    box.sh(f"test -e /proc/{pid}")


def test_what_was_changed_in_the_namespace_of_a_process_is_put_back(box: Box) -> None:
    pid = box.process_in_its_own_namespace()
    args = {"name": "web1", "pid": pid, "loopback": True, "sysctl": {"net.ipv4.ip_forward": 1, "net.core.somaxconn": 9}}
    inside = f"nsenter -t {pid} -n"
    look = f"{inside} cat /proc/sys/net/ipv4/ip_forward /proc/sys/net/core/somaxconn; {inside} ip -br link show lo"
    before = box.sh(look)
    box.change("netns", args)
    assert box.sh(look).splitlines()[:2] == ["1", "9"] and "LOOPBACK,UP" in box.sh(look)
    box.change("netns", {**args, "sysctl": {"net.ipv4.ip_forward": 1, "net.core.somaxconn": 11}})
    box.change("netns", {"name": "web1", "state": "absent"})
    assert box.sh(look) == before


def test_a_name_that_another_namespace_has_is_not_given_to_a_process(box: Box) -> None:
    pid = box.process_in_its_own_namespace()
    box.sh("ip netns add web1")
    box.refused("netns", {"name": "web1", "pid": pid}, WEB1, str(pid))


def test_processes_inside_are_named_and_spared(box: Box) -> None:
    box.change("netns", {"name": "web1"})
    box.sh("ip netns exec web1 sleep 600 >/dev/null 2>&1 & echo $! > /run/box/pid; sleep 0.3")
    pid = box.sh("cat /run/box/pid").strip()
    assert box.nothing_to_do("netns", {"name": "web1"})["netns"]["pids"] == [int(pid)]
    box.refused("netns", {"name": "web1", "state": "absent"}, WEB1, pid, "force")
    box.change("netns", {"name": "web1", "state": "absent", "force": True})
    assert box.names() == []
    box.sh(f"test -e /proc/{pid}")


def test_a_found_namespace_is_used_and_ends_with_absent(box: Box) -> None:
    box.sh("ip netns add web1; ip -n web1 link add br0 type bridge")
    result = box.change("netns", {"name": "web1"})
    assert result["netns"]["created"] is False
    assert box.links("web1") == {"lo", "br0"}
    box.change("netns", {"name": "web1", "state": "absent"})
    assert box.names() == []


def test_created_is_not_said_of_what_somebody_made_later(box: Box) -> None:
    box.change("netns", {"name": "web1"})
    box.sh("ip netns del web1; ip netns add other; ip netns add web1")
    assert box.nothing_to_do("netns", {"name": "web1", "loopback": False})["netns"]["created"] is False


def test_settings_of_a_namespace_that_has_a_second_name_are_put_back(box: Box) -> None:
    box.sh("ip netns add web1; touch /run/netns/alias; mount --bind /run/netns/web1 /run/netns/alias")
    box.change("netns", {"name": "alias", "sysctl": {"net.ipv4.ip_forward": 1}})
    box.change("netns", {"name": "alias", "state": "absent"})
    assert box.names() == ["web1"]
    assert box.read("ipv4/ip_forward", "web1") == "0"


@pytest.mark.parametrize(
    ("keep", "seconds"),
    [
        ("touch /run/box/alias; mount --bind /run/netns/web1 /run/box/alias", 0.9),
        ("sleep 600 3< /run/netns/web1 > /dev/null 2>&1 &", 2.5),
    ],
)
def test_a_namespace_that_lives_on_is_not_waited_for(box: Box, keep: str, seconds: float) -> None:
    box.sh("ip netns add web1; ip link add peer type veth peer name eth0 netns web1", keep)
    outcome = box.run("netns", {"name": "web1", "state": "absent"})
    assert box.names() == [] and "peer" in box.links(), outcome
    assert outcome.seconds < seconds


@pytest.mark.parametrize(
    "name", ["-x", "a b", "ü", "$(id)", "a;b", "x\ny", "%d", "web", "web11", "web1.sandbox-network"]
)
def test_foreign_names_survive(box: Box, name: str) -> None:
    quoted = shlex.quote(f"/run/netns/{name}")
    box.sh(
        f"ip netns add tmp; touch {quoted}; mount --bind /run/netns/tmp {quoted}",
        "umount /run/netns/tmp; rm /run/netns/tmp",
    )
    before = box.snapshot()["namespaces"].keys()
    box.change("netns", {"name": "web1", "dns": {"servers": ["10.0.0.1"]}})
    info = box.done("netns_info", {})
    assert sorted(one["name"] for one in info["namespaces"]) == sorted(["web1", name])
    box.change("netns", {"name": "web1", "state": "absent"})
    assert box.snapshot()["namespaces"].keys() == before
    box.change("netns", {"name": name, "state": "absent"})
    assert box.names() == []


def test_names_that_begin_alike_are_different(box: Box) -> None:
    names = ["web", "web1", "web11", "web1.sandbox-network", "eb1", "WEB1"]
    box.change("netns", {"namespaces": [{"name": name} for name in names]})
    box.change("netns", {"name": "web1", "state": "absent"})
    assert sorted(box.names()) == sorted({*names} - {"web1"})


def test_a_list_may_make_and_take_away(box: Box) -> None:
    box.change("netns", {"namespaces": [{"name": "a"}, {"name": "b"}]})
    result = box.change(
        "netns", {"namespaces": [{"name": "a", "state": "absent"}, {"name": "c", "nsid": 5}, {"name": "b"}]}
    )
    assert [(one["name"], one["state"]) for one in result["namespaces"]] == [
        ("a", "absent"),
        ("c", "present"),
        ("b", "present"),
    ]
    assert box.names() == ["b", "c"]
    box.change("netns", {"state": "absent", "namespaces": [{"name": "b"}, {"name": "c"}]})
    assert box.names() == []


def test_an_item_that_says_present_is_present(box: Box) -> None:
    box.change("netns", {"namespaces": [{"name": "a"}, {"name": "b"}]})
    args = {"state": "absent", "namespaces": [{"name": "a"}, {"name": "b", "state": "present"}]}
    outcome = box.run("netns", args)
    assert "b" in box.names(), outcome


def test_an_empty_list_is_nothing_to_do(box: Box) -> None:
    box.change("netns", {"name": "web1"})
    assert box.nothing_to_do("netns", {"namespaces": []})["namespaces"] == []


def test_two_hundred_in_one_task(box: Box) -> None:
    items = [
        {"name": f"s{number}", "sysctl": {"net.ipv4.ip_forward": 1}, "dns": {"servers": ["10.0.0.53"]}}
        for number in range(200)
    ]
    box.change("netns", {"namespaces": items})
    assert len(box.names()) == 200
    assert box.read("ipv4/ip_forward", "s199") == "1"
    box.change("netns", {"state": "absent", "namespaces": items})
    assert box.names() == [] and box.state_files() == []


def test_one_that_fails_takes_all_with_it(box: Box) -> None:
    items = [{"name": "a"}, {"name": "b", "sysctl": {"net.ipv4.ip_local_port_range": "9 1"}}, {"name": "c"}]
    result = box.fails("netns", {"namespaces": items}, "ip_local_port_range", "9 1", "EINVAL")
    assert result["errno"] == "EINVAL"
    assert box.names() == []


@pytest.mark.parametrize("loopback", [True, False])
def test_what_a_killed_run_left_is_undone_before_anything_else(box: Box, loopback: bool) -> None:
    box.change("netns", {"name": "other"})
    box.host.run("netns", {"name": "web1", "dns": {"servers": ["10.0.0.1"]}}, fault=Fault(KILL_AFTER, _calls(box) // 2))
    args = {"name": "web1", "loopback": loopback}
    foretold = box.done("netns", args, check=True)
    result = box.done("netns", args)
    assert result["changed"] and result["recovered"]
    assert [one["op"] for one in foretold["recovered"]] == operations({"operations": result["recovered"]})
    assert operations(foretold) == operations(result)
    box.nothing_to_do("netns", args)
    assert not [name for name in box.state_files() if "/journals/" in name]


def _calls(box: Box) -> int:
    """How many mutating calls a run makes."""
    return len(box.run("netns", {"name": "counted", "dns": {"servers": ["10.0.0.1"]}}).calls)


def test_what_replaced_a_killed_runs_namespace_is_not_touched(box: Box) -> None:
    box.change("netns", {"name": "first"})
    for at in range(4, 16):
        outcome = box.host.run("netns", {"name": "web1", "loopback": True}, fault=Fault(KILL_AFTER, at))
        if not outcome.killed:
            break
        box.sh("umount /run/netns/web1 2>/dev/null || true; rm -f /run/netns/web1")
        box.sh("ip netns add web1; ip -n web1 link set lo up; ip -n web1 link add br7 type bridge")
        box.done("link", {"name": "br8", "netns": "web1", "kind": "bridge"})
        lo = box.link("lo", "web1")
        assert lo is not None and "UP" in lo["flags"], f"killed {outcome.calls[-1]}"
        assert box.links("web1") == {"lo", "br7", "br8"}, f"killed {outcome.calls[-1]}"
        box.change("netns", {"name": "web1", "state": "absent"})


def test_the_result_is_json_for_everybody(box: Box) -> None:
    result = box.change("netns", {"name": "web1", "dns": {"search": ["example.org"]}})
    assert json.dumps(result).isascii()


# Candidates stay until one has the number that has become free: the lowest free one is the next one's.
THE_SAME_INODE = """
inode=$(stat -c %i /run/netns/web1)
ip netns del web1
for number in $(seq 60); do
    ip netns add c$number
    if [ "$(stat -c %i /run/netns/c$number)" = "$inode" ]; then
        touch /run/netns/web1
        mount --bind /run/netns/c$number /run/netns/web1
        break
    fi
done
for one in $(ip netns list | grep -o '^c[0-9]*'); do ip netns del $one; done
if [ -e /run/netns/web1 ]; then echo again; fi
"""


def test_a_record_is_not_believed_of_a_namespace_with_the_same_inode(box: Box) -> None:
    for _attempt in range(20):  # somebody else on this machine may have been faster
        box.change("netns", {"name": "web1", "loopback": False})
        if box.sh(THE_SAME_INODE):
            break
    assert box.done("netns", {"name": "web1"})["netns"]["created"] is False
    (found,) = box.done("netns_info", {"name": ["web1"]})["namespaces"]
    assert found["created"] is False
