# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The module netns_info on the real kernel."""

from __future__ import annotations

import re
from typing import Any

import pytest
from box import Box, only

SANDBOX = (
    "ip netns add web1; ip link add br0 address 02:00:00:00:00:01 type bridge; ip link set br0 up",
    "ip link add vh1 address 02:00:00:00:00:08 type veth peer name eth0 address 02:00:00:00:00:07 netns web1",
    "ip link set vh1 master br0 up",
    "ip -n web1 link set lo up",
    "ip -n web1 link set eth0 mtu 1400 alias 'the uplink' up",
    "ip -n web1 link property add dev eth0 altname uplink",
    "ip -n web1 addr add 10.0.0.2/24 brd + dev eth0",
    "ip -n web1 addr add fd00::2/64 dev eth0 nodad",
    "ip addr add 10.0.0.1/24 dev br0",
    "ip addr add fd00::1/64 dev br0 nodad",
    "ip -n web1 route add default via 10.0.0.1",
    "ip -n web1 -6 route add default via fd00::1",
    "ip -n web1 route add 10.9.0.0/16 via 10.0.0.9 metric 7",
    "ip -n web1 neigh add 10.0.0.77 lladdr 02:00:00:00:00:77 dev eth0 nud permanent",
)


def gather(box: Box, **args: Any) -> dict[str, Any]:
    """The result; not one mutating call is made."""
    outcome = box.run("netns_info", args)
    assert not outcome.failed, outcome
    assert outcome.result["changed"] is False
    assert not outcome.calls, [*map(str, outcome.calls)]
    return outcome.result


def test_everything_about_a_sandbox(box: Box) -> None:
    box.sh(*SANDBOX)
    before = box.snapshot()
    result = gather(box)
    assert box.unlike(before) == []
    found = only(result["namespaces"])
    assert {
        key: found[key]
        for key in (
            "name",
            "path",
            "state",
            "created",
            "ip_address",
            "ip_prefix_len",
            "gateway",
            "global_ipv6_address",
            "global_ipv6_prefix_len",
            "ipv6_gateway",
            "mac_address",
            "sandbox_key",
            "pids",
            "endpoints",
            "forwards",
        )
    } == {
        "name": "web1",
        "path": "/run/netns/web1",
        "state": "present",
        "created": False,
        "ip_address": "10.0.0.2",
        "ip_prefix_len": 24,
        "gateway": "10.0.0.1",
        "global_ipv6_address": "fd00::2",
        "global_ipv6_prefix_len": 64,
        "ipv6_gateway": "fd00::1",
        "mac_address": "02:00:00:00:00:07",
        "sandbox_key": "/run/netns/web1",
        "pids": [],
        "endpoints": [],
        "forwards": [],
    }
    assert found["inode"] == int(box.sh("stat -c %i /run/netns/web1"))
    (eth0,) = [link for link in found["links"] if link["name"] == "eth0"]
    seen = box.link("eth0", "web1")
    assert seen is not None
    assert (eth0["kind"], eth0["mac"], eth0["mtu"], eth0["txqlen"], eth0["ifindex"]) == (
        "veth",
        seen["address"],
        1400,
        seen["txqlen"],
        seen["ifindex"],
    )
    assert (eth0["alias"], eth0["altnames"], eth0["up"]) == ("the uplink", ["uplink"], True)
    assert eth0["peer"] == {"name": "vh1", "netns": None}
    assert {flag.lower() for flag in seen["flags"]} == {*eth0["flags"]} - {"running"}
    addresses = {one["address"]: one for one in eth0["addresses"]}
    assert addresses["10.0.0.2/24"]["broadcast"] == "10.0.0.255" and addresses["10.0.0.2/24"]["family"] == "ipv4"
    assert addresses["fd00::2/64"]["scope"] == "global" and not addresses["fd00::2/64"]["tentative"]
    routes = {(one["dst"], one["gateway"]): one for one in found["routes"]}
    assert routes["0.0.0.0/0", "10.0.0.1"]["link"] == "eth0"
    assert routes["10.9.0.0/16", "10.0.0.9"]["metric"] == 7
    (neighbour,) = [one for one in found["neighbours"] if one["state"] == "permanent" and "." in one["address"]]
    assert (neighbour["address"], neighbour["mac"], neighbour["link"]) == ("10.0.0.77", "02:00:00:00:00:77", "eth0")


def test_statistics_are_those_of_the_sandbox(box: Box) -> None:
    box.sh(*SANDBOX, "ip netns exec web1 ping -c3 -i0.2 -s 1000 10.0.0.1 >/dev/null")
    (eth0,) = [link for link in only(gather(box)["namespaces"])["links"] if link["name"] == "eth0"]
    (seen,) = box.ip("-s", "link", "show", "dev", "eth0", netns="web1")
    assert eth0["statistics"]["tx_bytes"] >= 3000
    for direction in ("rx", "tx"):
        assert abs(eth0["statistics"][f"{direction}_packets"] - seen["stats64"][direction]["packets"]) <= 2


def test_the_agents_view(box: Box) -> None:
    box.sh(*SANDBOX)
    guest = only(gather(box)["namespaces"])["guest"]
    interface = only(guest["interfaces"])
    assert {key: interface[key] for key in ("Device", "Name", "Mtu", "HwAddr")} == {
        "Device": "eth0",
        "Name": "eth0",
        "Mtu": 1400,
        "HwAddr": "02:00:00:00:00:07",
    }
    assert {(one["Address"], one["Mask"]) for one in interface["IPAddresses"]} == {
        ("10.0.0.2", "24"),
        ("fd00::2", "64"),
    }
    assert {(one["Dest"], one["Gateway"]) for one in guest["routes"]} == {
        ("", "10.0.0.1"),
        ("", "fd00::1"),
        ("10.9.0.0/16", "10.0.0.9"),
    }
    assert {one["Address"] for one in guest["neighbours"]} >= {"10.0.0.77"}


@pytest.mark.parametrize(("model", "tap"), [("none", "tap0_kata"), ("tcfilter", "tap0_kata"), ("bridged", "vm0")])
def test_a_guest_has_what_the_sandbox_had(box: Box, model: str, tap: str) -> None:
    box.sh(*SANDBOX)
    before = only(gather(box)["namespaces"])["guest"]
    named = {"tap": tap} if tap != "tap0_kata" else {}
    box.done("vm_endpoint", {"netns": "web1", "interface": "eth0", "model": model, **named})
    found = only(gather(box)["namespaces"])
    assert found["endpoints"] == [
        {
            "name": "eth0",
            "index": 0,
            "model": model,
            "hard_addr": "02:00:00:00:00:07",
            "tap": tap,
            "bridge": "br0_kata" if model == "bridged" else None,
        }
    ]
    assert {link["name"] for link in found["links"]} >= {"eth0", tap}
    assert in_any_order(found["guest"]) == in_any_order(before)
    assert only(gather(box, gather=["links"])["namespaces"])["guest"]["neighbours"] == []

    box.done("vm_endpoint", {"netns": "web1", "interface": "eth0", "state": "absent"})
    found = only(gather(box)["namespaces"])
    assert found["endpoints"] == []
    assert in_any_order(found["guest"]) == in_any_order(before)


def test_an_endpoint_of_a_namespace_that_is_gone_is_not_one_of_its_successor(box: Box) -> None:
    box.sh(*SANDBOX)
    box.done("vm_endpoint", {"netns": "web1", "interface": "eth0"})
    box.sh("ip netns del web1", "until ! ip link show vh1 2>/dev/null; do sleep 0.05; done")
    box.sh("ip netns add web1", "ip -n web1 link add tap0_kata type veth peer name eth0")
    found = only(gather(box)["namespaces"])
    assert found["endpoints"] == []
    assert {one["Device"] for one in found["guest"]["interfaces"]} == {"eth0", "tap0_kata"}


def in_any_order(guest: dict[str, Any]) -> dict[str, Any]:
    """The description of a guest, sorted; but for neighbours that come and go by themselves."""
    interfaces = [
        {**one, "IPAddresses": sorted(map(str, one["IPAddresses"]))}
        for one in sorted(guest["interfaces"], key=lambda one: str(one["Device"]))
    ]
    permanent = [one for one in guest["neighbours"] if one["State"] == "permanent"]
    return {"interfaces": interfaces, "routes": sorted(map(str, guest["routes"])), "neighbours": permanent}


@pytest.mark.parametrize(
    ("subject", "key"),
    [
        ("links", "links"),
        ("routes", "routes"),
        ("neighbours", "neighbours"),
        ("networks", "networks"),
        ("endpoints", "endpoints"),
        ("forwards", "forwards"),
        ("firewall", "firewall"),
        ("attachments", "attachments"),
        ("processes", "pids"),
    ],
)
def test_only_what_is_asked_for(box: Box, subject: str, key: str) -> None:
    box.sh(*SANDBOX)
    found = only(gather(box, gather=[subject])["namespaces"])
    keys = {"links", "routes", "neighbours", "networks", "endpoints", "forwards", "firewall", "attachments", "pids"}
    assert keys & found.keys() == {key}
    if subject == "links":
        assert "addresses" not in found["links"][0] and "statistics" not in found["links"][0]
    if subject == "networks":
        assert only(found["networks"])["ip_address"] == "10.0.0.2" and "statistics" not in found["networks"][0]


def test_processes(box: Box) -> None:
    box.sh("ip netns add web1; ip netns exec web1 sleep 600 >/dev/null 2>&1 & echo $! > /run/box/pid; sleep 0.3")
    assert only(gather(box)["namespaces"])["pids"] == [int(box.sh("cat /run/box/pid"))]


def test_the_user_mode_network(box: Box) -> None:
    box.sh("ip netns add web1; ip netns add web2")
    box.done("slirp_network", {"netns": "web1", "forwards": ["18080:80"]})
    web1, web2 = gather(box)["namespaces"]
    (pid,) = box.sh("pgrep -x slirp4netns").split()
    health = web1["user_mode"]
    assert (health["backend"], health["pid"]) == ("slirp4netns", int(pid)) and health["alive"] and health["answers"]
    assert (health["interface"], health["guest"], health["problem"]) == ("tap0", "10.0.2.100", None)
    details = {"proto": "tcp", "host_addr": "127.0.0.1", "host_port": 18080, "guest_addr": "10.0.2.100"}
    assert web1["forwards"] == [{"id": 1, **details, "guest_port": 80, "by": "slirp4netns"}]
    network = only(web1["networks"])
    assert (network["interface"], network["driver"], network["network"]) == ("tap0", "slirp", None)
    assert (network["ip_address"], network["gateway"]) == ("10.0.2.100", "10.0.2.2")
    assert web2["user_mode"] is None and web2["forwards"] == []
    box.sh(f"kill -STOP {pid}")
    (hung, _other) = gather(box)["namespaces"]
    assert hung["user_mode"]["alive"] and not hung["user_mode"]["answers"]
    assert "did not answer" in hung["user_mode"]["problem"] and hung["forwards"][0]["host_port"] == 18080
    box.sh(f"kill -KILL {pid}", "sleep 0.2")
    (dead, _other) = gather(box)["namespaces"]
    assert not dead["user_mode"]["alive"] and dead["user_mode"]["pid"] is None
    assert [(one["id"], one["host_port"]) for one in dead["forwards"]] == [(None, 18080)]


def test_each_network_in_full(box: Box) -> None:
    """A bridge, a routed veth, a macvlan and a device of the host, as `ip` tells of them inside."""
    box.sh(
        *SANDBOX,
        "ip -n web1 addr add 10.0.0.3/24 dev eth0; ip -n web1 addr add fd00::3/64 dev eth0 nodad",
        "ip link add vh2 type veth peer name eth1 netns web1; ip link set vh2 up; ip addr add 10.5.0.1/30 dev vh2",
        "ip -n web1 link set eth1 up; ip -n web1 addr add 10.5.0.2/30 dev eth1",
        "ip -n web1 route add default via 10.5.0.1 metric 200",
        "ip -n web1 route add default metric 100 nexthop via 10.5.0.9 dev eth1 onlink",
        "ip link add mv0 link vh2 netns web1 type macvlan mode bridge; ip -n web1 link set mv0 name mv0 up",
        "ip link add nic0 type ifb; ip addr add 198.51.100.7/24 dev nic0",
        "ip netns exec web1 ping -q -c 3 -i 0.2 -s 1000 10.0.0.1 > /dev/null",
        "ip netns exec web1 ping -q -c 2 -i 0.2 -s 700 10.5.0.1 > /dev/null",
    )
    box.done("netdev_move", {"device": "nic0", "netns": "web1"})
    found = only(gather(box)["namespaces"])
    networks = {one["interface"]: one for one in found["networks"]}
    assert list(networks) == [link["name"] for link in found["links"] if link["name"] != "lo"]
    assert {name: (one["driver"], one["network"]) for name, one in networks.items()} == {
        "eth0": ("bridge", "br0"),
        "eth1": ("veth", None),
        "mv0": ("macvlan", None),
        "nic0": ("device", None),
    }
    eth0, eth1 = networks["eth0"], networks["eth1"]
    assert {key: eth0[key] for key in eth0 if key not in ("statistics", "driver", "network", "interface")} == {
        "ip_address": "10.0.0.2",
        "ip_prefix_len": 24,
        "gateway": "10.0.0.1",
        "global_ipv6_address": "fd00::3",  # the kernel has the latest first
        "global_ipv6_prefix_len": 64,
        "ipv6_gateway": "fd00::1",
        "mac_address": "02:00:00:00:00:07",
        "secondary_ip_addresses": ["10.0.0.3/24"],
        "secondary_ipv6_addresses": ["fd00::2/64"],
    }
    assert (eth1["ip_address"], eth1["ip_prefix_len"], eth1["gateway"]) == ("10.5.0.2", 30, "10.5.0.9")
    assert (eth1["global_ipv6_address"], eth1["ipv6_gateway"]) == (None, None)
    assert (networks["nic0"]["ip_address"], networks["mv0"]["ip_address"]) == ("198.51.100.7", None)
    assert {key: found[key] for key in eth0 if key in found} == {key: eth0[key] for key in eth0 if key in found}
    for link in box.ip("-s", "link", "show", netns="web1"):
        if link["ifname"] in ("eth0", "eth1"):
            told = networks[link["ifname"]]
            assert told["mac_address"] == link["address"]
            for direction in ("rx", "tx"):
                for what, most in (("packets", 4), ("bytes", 500)):
                    assert abs(told["statistics"][f"{direction}_{what}"] - link["stats64"][direction][what]) <= most
    assert eth0["statistics"]["tx_bytes"] > 3000 and 1400 < eth1["statistics"]["rx_bytes"] < 3000
    box.done("vm_endpoint", {"netns": "web1", "interface": "eth0", "model": "bridged"})
    lent = only(gather(box)["namespaces"])["networks"]
    assert [one["interface"] for one in lent] == list(networks), "what wires a VM is no network"
    of_ipv6 = {"global_ipv6_address": "fd00::2", "secondary_ipv6_addresses": ["fd00::3/64"]}  # as they came
    assert {**lent[0], "statistics": {}} == {**eth0, **of_ipv6, "statistics": {}}, "the VM has what the sandbox had"


def test_the_rules_of_a_sandbox(box: Box) -> None:
    """What the firewall has for it, and whether that is in force; what was before a reboot is not believed."""
    box.sh(*SANDBOX, "ip netns add web2; ip link add vh2 type veth peer name eth0 netns web2; ip link set vh2 up")
    box.sh("ip -n web2 link set eth0 up; ip -n web2 addr add 10.5.0.2/30 dev eth0; ip addr add 10.5.0.1/30 dev vh2")
    ports = ["8080:80", "10.0.0.1:8053:53/udp", "[fd00::1]:8443:443"]
    rules = {"sandbox": "web1", "masquerade": True, "ports": ports, "deny": ["22/tcp"]}
    told = box.done("firewall", rules)["firewall"]
    box.done("firewall", {"sandbox": "second", "netns": "web2", "policy": "closed"})
    web1, web2 = gather(box, gather=["forwards", "firewall"])["namespaces"]
    del told["state"], told["guarded"]
    assert web1["firewall"] == [{**told, "in_force": True}]
    assert (told["policy"], told["masquerade"], told["antispoof"]) == ("isolate", True, True)
    assert [(one["sandbox"], one["policy"]) for one in web2["firewall"]] == [("second", "closed")]
    assert web2["forwards"] == []
    places = [(one["proto"], one["host_addr"], one["host_port"]) for one in web1["forwards"]]
    local = [("tcp", "127.0.0.1", 8080), ("tcp", "::1", 8080)]
    assert places == [*local, ("udp", "10.0.0.1", 8053), ("tcp", "fd00::1", 8443)]
    assert {(one["by"], one["id"]) for one in web1["forwards"]} == {("firewall", None)}
    assert web1["forwards"][3]["guest_addr"] == "fd00::2" and web1["forwards"][3]["guest_port"] == 443

    def in_force() -> list[bool]:
        return [one["firewall"][0]["in_force"] for one in gather(box, gather=["firewall"])["namespaces"]]

    box.sh("nft delete element inet sandbox_network closed4 '{ 10.5.0.2 }'")
    assert in_force() == [True, False]
    box.sh("nft insert rule inet sandbox_network forward accept")
    assert in_force() == [False, False]
    box.done("firewall", {"sandbox": "web1", "ports": ports})
    assert in_force() == [True, True]
    box.sh("nft flush ruleset")
    assert in_force() == [False, False]
    assert gather(box, gather=["forwards"])["namespaces"][0]["forwards"] == web1["forwards"]
    box.sh("touch /run/box/none", "mount --bind /run/box/none /usr/sbin/nft")
    assert in_force() == [False, False], "there is no nft to ask"
    box.sh("umount /usr/sbin/nft")
    box.sh(
        """sed -i 's/"boot_id": *"./"boot_id": "-/' /run/sandbox-network/records/firewall/*.json""",
        "rm -f /run/sandbox-network/records/firewall/*.previous",
    )
    after = gather(box, gather=["forwards", "firewall"])["namespaces"]
    assert [(one["firewall"], one["forwards"]) for one in after] == [([], []), ([], [])]


def test_a_namespace_that_several_sandboxes_share(box: Box) -> None:
    """A pod: one namespace, three names and a process; each tells the same, and it is drawn once."""
    box.sh(
        *SANDBOX,
        "ip netns add alone",
        "touch '/run/netns/the app'; mount --bind /run/netns/web1 '/run/netns/the app'",
        "mkdir /run/elsewhere; touch /run/elsewhere/web3; mount --bind /run/netns/web1 /run/elsewhere/web3",
        "ip netns exec web1 sleep 600 > /dev/null 2>&1 & echo $! > /run/box/pid; sleep 0.3",
    )
    pid = int(box.sh("cat /run/box/pid"))
    box.done("slirp_network", {"netns": "/run/elsewhere/web3", "cidr": "10.9.2.0/24", "forwards": ["18080:80"]})
    box.done("vm_endpoint", {"netns": "web1", "interface": "eth0"})
    box.done("firewall", {"sandbox": "pod", "netns": "web1", "antispoof": False, "ports": ["10.0.0.1:8081:81"]})
    result = gather(box)
    alone, app, web1 = result["namespaces"]
    assert [one["name"] for one in result["namespaces"]] == ["alone", "the app", "web1"]
    paths = ["/run/elsewhere/web3", "/run/netns/the app", "/run/netns/web1"]
    assert (app["shared_with"], web1["shared_with"]) == ([paths[0], paths[2]], paths[:2])
    assert alone["shared_with"] == [] and alone["user_mode"] is None and alone["networks"] == []
    own = ("name", "path", "sandbox_key", "shared_with", "created")
    for one, other in ((app, web1), (web1, app)):
        assert one["sandbox_key"] == one["path"] != other["path"]
        assert {key: one[key] for key in one if key not in own} == {key: other[key] for key in other if key not in own}
    assert app["pids"] == [pid] and app["user_mode"]["alive"]
    assert [one["driver"] for one in app["networks"]] == ["bridge", "slirp"]
    assert {(one["by"], one["host_port"]) for one in app["forwards"]} == {("slirp4netns", 18080), ("firewall", 8081)}
    assert [one["name"] for one in app["endpoints"]] == ["eth0"] and len(app["firewall"]) == 1
    assert result["topology"]["mermaid"].count("subgraph") == 3, "the host, alone, and the pod"
    assert '["the app = web1"]' in result["topology"]["mermaid"]
    by_process = only(gather(box, name=[f"pid:{pid}"])["namespaces"])
    assert by_process["shared_with"] == paths
    assert by_process["networks"][0]["ip_address"] == "10.0.0.2" and by_process["user_mode"]["alive"]
    assert only(gather(box, name=["the app"], gather=[])["namespaces"])["shared_with"] == [paths[0], paths[2]]
    box.sh("umount '/run/netns/the app'; mount -t tmpfs none /run/elsewhere")
    assert only(gather(box, name=["web1"], gather=[])["namespaces"])["shared_with"] == [], (
        "nothing leads there any more"
    )


def test_by_name_path_and_process(box: Box) -> None:
    box.sh("ip netns add web1; ip netns add web2")
    pid = box.process_in_its_own_namespace()
    result = gather(box, name=["web2", "/run/netns/web1", f"pid:{pid}", "no-such"])
    assert [one["state"] for one in result["namespaces"]] == ["present", "present", "present", "absent"]
    assert [one["path"] for one in result["namespaces"]] == [
        "/run/netns/web2",
        "/run/netns/web1",
        f"/proc/{pid}/ns/net",
        "/run/netns/no-such",
    ]
    assert only(gather(box, name="web1")["namespaces"])["name"] == "web1"
    box.refused("netns_info", {"name": ["web1", "/run/netns/web1"]}, "name", "web1", "twice")
    box.refused("netns_info", {"name": ["../x"]}, "name", "../x")


def test_a_host_without_namespaces(box: Box) -> None:
    assert gather(box)["namespaces"] == []
    box.sh("mkdir -p /run/netns")
    assert gather(box)["namespaces"] == []


def test_things_of_others_in_the_directory_do_not_hide_the_rest(box: Box) -> None:
    box.sh(
        "ip netns add web1",
        "mkdir /run/netns/directory",
        "echo x > /run/netns/file",
        "mkfifo /run/netns/fifo",
        "touch /run/netns/leftover",
        "ln -s loop /run/netns/loop; ln -s $(printf '%0300d') /run/netns/long",
        "ln -s /no/such /run/netns/dangling; ln -s web1 /run/netns/link; mknod /run/netns/null c 1 3",
        "touch /run/netns/me; mount --bind /proc/self/ns/net /run/netns/me",
    )
    states = {one["name"]: one["state"] for one in gather(box)["namespaces"]}
    assert states["web1"] == "present" and states["leftover"] == "leftover"
    for name in ("directory", "file", "fifo", "null"):
        box.refused("netns_info", {"name": [name]}, name)


def test_created_says_who_made_it(box: Box) -> None:
    box.change("netns", {"name": "web1"})
    assert only(gather(box)["namespaces"])["created"] is True
    box.sh("ip netns del web1; ip netns add web1")
    assert only(gather(box)["namespaces"])["created"] is False


def test_names_that_are_no_text(box: Box) -> None:
    box.sh(
        """ip netns add tmp; cd /run/netns; python3 -c 'open(b"x\\xff", "w")'; mount --bind tmp "$(printf 'x\\377')"
        umount tmp; rm tmp"""
    )
    assert only(gather(box)["namespaces"])["name"] == "x\\xff"


NASTY = ['x"]; evil', "a|b", "<script>", "{}", "a\\b", "end", "n0"]


def test_the_picture(box: Box) -> None:
    box.sh(*SANDBOX)
    pictures = gather(box)["topology"]
    for text in pictures.values():
        for word in ("host", "web1", "eth0", "vh1", "br0", "10.0.0.2/24", "fd00::2/64", "veth", "port"):
            assert word in text
    assert pictures["mermaid"].startswith("flowchart LR\n")
    assert len(re.findall(r"---\|veth\|", pictures["mermaid"])) == 1


@pytest.mark.parametrize("name", NASTY)
def test_a_picture_of_nasty_names(box: Box, name: str) -> None:
    box.sh(
        "ip netns add tmp",
        f"touch '/run/netns/{name}'",
        f"mount --bind /run/netns/tmp '/run/netns/{name}'",
        "umount /run/netns/tmp",
        "rm /run/netns/tmp",
    )
    pictures = gather(box)["topology"]
    for line in pictures["mermaid"].splitlines()[1:]:
        assert re.fullmatch(
            r'  (subgraph n\d+\["[^"\[\]{}<>|\\]*"\]|end|  \w+\["[^"\[\]{}|\\]*"\]|\w+ ---\|\w+\| \w+)',
            line,
        ), line
    assert all(line.count('"') % 2 == 0 for line in pictures["graphviz"].splitlines())
