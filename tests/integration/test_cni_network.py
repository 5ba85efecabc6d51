# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Attachments by CNI's plugins: what they bring, what goes with them, and what a failure leaves."""

from __future__ import annotations

import base64
import json
import re
import shlex
from typing import Any

import pytest
from box import Box, only, operations
from throwaway import Throwaway
from traffic import ask, heard, serve

SB = "ip netns add sb; ip -n sb link set lo up"
CACHE = "/run/cni-cache"
NETWORKS = "/run/cni-networks"
RANGE = {"ranges": [[{"subnet": "10.44.0.0/24"}]], "routes": [{"dst": "0.0.0.0/0"}], "dataDir": NETWORKS}
HOST_LOCAL = {"type": "host-local", **RANGE}
BRIDGE = {
    "type": "bridge",
    "bridge": "cni0",
    "isGateway": True,
    "ipMasq": True,
    "hairpinMode": True,
    "capabilities": {"ips": True, "mac": True},
    "ipam": HOST_LOCAL,
}
PORTMAP = {"type": "portmap", "snat": True, "capabilities": {"portMappings": True}}
FIREWALL = {"type": "firewall"}
BANDWIDTH = {"type": "bandwidth", "capabilities": {"bandwidth": True}}
TUNING = {"type": "tuning", "sysctl": {"net.ipv4.conf.eth0.arp_notify": "1"}}


def network(*plugins: dict[str, Any], name: str = "web", version: str = "1.0.0") -> dict[str, Any]:
    """A configuration as data."""
    return {"cniVersion": version, "name": name, "plugins": list(plugins)}


def attachment(*plugins: dict[str, Any], netns: str = "sb", **more: Any) -> dict[str, Any]:
    """The arguments for an attachment."""
    name = more.pop("name", "web")
    return {"netns": netns, "config": network(*plugins, name=name), "cache_dir": CACHE, **more}


def detachment(name: str = "web", **more: Any) -> dict[str, Any]:
    return {"netns": "sb", "network": name, "cache_dir": CACHE, "state": "absent", **more}


def leases(box: Box, name: str = "web") -> list[str]:
    """The addresses that host-local has handed out."""
    found = box.sh(f"ls {NETWORKS}/{name} 2>/dev/null || true").split()
    return [one for one in found if one[0].isdigit()]


def rules(box: Box) -> str:
    """The rules that are of one container."""
    text = box.sh("nft list ruleset 2>/dev/null")
    return "\n".join(line for line in text.splitlines() if "10.44." in line or "CNI-DN-" in line)


def test_a_chain_of_plugins(box: Box) -> None:
    box.sh(SB)
    chain = (BRIDGE, PORTMAP, FIREWALL, BANDWIDTH, TUNING)
    rate = {"ingressRate": 80_000_000, "ingressBurst": 800_000, "egressRate": 80_000_000, "egressBurst": 800_000}
    wanted = attachment(
        *chain,
        ports=["8080:80", "0.0.0.0:8081:80"],
        ips=["10.44.0.77"],
        mac="02:00:00:00:00:77",
        capabilities={"bandwidth": rate},
    )
    result = box.change("cni_network", wanted)
    assert operations(result) == ["cni.add"]
    assert box.cidrs("eth0", "sb") == ["10.44.0.77/24"]
    assert box.gateways("sb") == {"default": "10.44.0.1"}
    assert box.link("eth0", "sb")["address"] == "02:00:00:00:00:77"
    assert result["cni"]["ips"][0]["address"] == "10.44.0.77/24"
    assert box.read("ipv4/conf/eth0/arp_notify", "sb") == "1"
    assert "rate 80Mbit" in box.sh("tc qdisc show")
    serve(box, "inside", "tcp/0.0.0.0/80", netns="sb")
    places = ["tcp/127.0.0.1/8080", "tcp/127.0.0.1/8081", "tcp/10.44.0.1/8081", "tcp/10.44.0.77/80"]
    assert heard(ask(box, *places), "inside") == places
    assert heard(ask(box, "tcp/10.44.0.1/8080", patience=0.5), "inside") == []
    assert leases(box) == ["10.44.0.77"]
    box.change("cni_network", detachment())
    assert box.link("eth0", "sb") is None
    assert leases(box) == []
    assert rules(box) == ""
    assert box.sh(f"find {CACHE} -type f") == ""


# ---------------------------------------------------------------- what plugins do wrong

# A plugin that writes down how it is called, and does what its configuration says for a command.
FAKE = r"""#!/usr/bin/python3 -IS
import json, os, sys, time
given = json.load(sys.stdin)
command, kind = os.environ["CNI_COMMAND"], os.path.basename(sys.argv[0])
if command == "VERSION":
    print(json.dumps({"cniVersion": "1.0.0", "supportedVersions": ["0.3.1", "0.4.0", "1.0.0", "1.1.0"]}))
    sys.exit()
with open("/run/box/calls.map", "a") as log:
    log.write(json.dumps([command, kind, {k: v for k, v in os.environ.items()}, given]) + "\n")
todo = given.get("do", {}).get(command, "")
if os.path.exists("/run/box/well"):
    todo = ""
if todo == "fail":
    print(json.dumps({"cniVersion": "1.0.0", "code": 100 + len(kind), "msg": "no luck", "details": "at all"}))
    sys.exit(1)
if todo == "once" and not os.path.exists("/run/box/once"):
    open("/run/box/once", "w")
    print(json.dumps({"code": 11, "msg": "a little later"}))
    sys.exit(1)
if todo == "hang":
    time.sleep(600)
if todo == "slow":
    time.sleep(1.5)
if todo == "flood":
    while True:
        os.write(1, b"x" * 65536)
if todo == "garbage":
    print("no JSON here")
    sys.exit()
if todo == "words":
    print("out of order", file=sys.stderr)
    sys.exit(3)
if todo == "killed":
    os.kill(os.getpid(), 9)
if todo == "daemon" and not os.fork():
    os.setsid()
    time.sleep(5)
    os._exit(0)
if command == "ADD":
    result = given.get("prevResult") or {"cniVersion": given["cniVersion"], "ips": [], "interfaces": [
        {"name": "eth0", "sandbox": os.environ["CNI_NETNS"], "mac": "02:00:00:00:00:01"}]}
    if not given.get("prevResult"):
        os.system(f"ip -n sb link add eth0 type ifb")
    print(json.dumps(result))
if command == "DEL" and kind == "one":
    os.system("ip -n sb link del eth0 2>/dev/null")
"""


def fakes(box: Box, *names: str) -> dict[str, Any]:
    """Plugins of ours; the options that find them."""
    box.sh("mkdir -p /run/fake")
    for name in names:
        box.sh(f"cat > /run/fake/{name} <<'EOF'\n{FAKE}\nEOF\nchmod 755 /run/fake/{name}")
    return {"plugin_dirs": ["/run/fake", "/usr/lib/cni"], "timeout": 2}


def calls(box: Box) -> list[list[Any]]:
    """How the fakes were called since the last time."""
    text = box.sh("cat /run/box/calls.map 2>/dev/null || true; rm -f /run/box/calls.map")
    return [json.loads(line) for line in text.splitlines()]


def commands(box: Box) -> list[str]:
    return [f"{command} {kind}" for command, kind, _environment, _given in calls(box)]


def test_how_plugins_are_called(box: Box) -> None:
    box.sh(SB)
    options = fakes(box, "one", "two", "three")
    one = {"type": "one", "capabilities": {"aliases": True}}
    config = network(one, {"type": "two"}, {"type": "three"})
    wanted = {**attachment(), "config": config, **options, "args": {"A": "b", "C": 1}}
    result = box.done("cni_network", {**wanted, "capabilities": {"aliases": ["web"]}})
    (added, *_rest) = [call for call in calls(box) if call[0] == "ADD"]
    environment, given = added[2], added[3]
    assert {name: value for name, value in environment.items() if name.startswith("CNI_")} == {
        "CNI_COMMAND": "ADD",
        "CNI_CONTAINERID": "sb",
        "CNI_NETNS": "/run/netns/sb",
        "CNI_IFNAME": "eth0",
        "CNI_ARGS": "A=b;C=1",
        "CNI_PATH": "/run/fake:/usr/lib/cni",
    }
    others = {name for name in environment if not name.startswith("CNI_")}
    assert others <= {"PATH", "LANG", "PWD", "LC_CTYPE"}
    assert given["runtimeConfig"] == {"aliases": ["web"]}
    assert (given["name"], given["cniVersion"]) == ("web", "1.0.0")
    cached = json.loads(box.sh(f"cat {CACHE}/results/web-sb-eth0"))
    assert json.loads(base64.b64decode(cached.pop("config"))) == config
    told = cached.pop("result")
    assert told["interfaces"] == result["cni"]["interfaces"]
    assert cached == {
        "kind": "cniCacheV1",
        "containerId": "sb",
        "ifName": "eth0",
        "networkName": "web",
        "netns": "/run/netns/sb",
        "cniArgs": [["A", "b"], ["C", "1"]],
        "capabilityArgs": {"aliases": ["web"]},
    }
    assert box.sh(f"stat -c %a {CACHE}/results {CACHE}/results/web-sb-eth0").split() == ["700", "600"]
    box.nothing_to_do("cni_network", {**wanted, "capabilities": {"aliases": ["web"]}})
    assert commands(box) == ["CHECK one", "CHECK two", "CHECK three"]
    box.done("cni_network", detachment(**options), check=True)
    assert commands(box) == []
    box.done("cni_network", detachment(**options))
    found = calls(box)
    assert [call[:2] for call in found] == [["DEL", "three"], ["DEL", "two"], ["DEL", "one"]]
    assert all(call[3]["prevResult"] == told for call in found)
    assert found[0][2]["CNI_ARGS"] == "A=b;C=1"


def test_a_failed_add_is_taken_back(box: Box) -> None:
    box.sh(SB)
    options = fakes(box, "one", "two", "three")
    plugins = [{"type": "one"}, {"type": "two", "do": {"ADD": "fail"}}, {"type": "three"}]
    wanted = {**attachment(*plugins), **options}
    result = box.fails("cni_network", wanted, "ADD of the plugin two", "no luck", "at all", "103")
    assert result["cni_error"] == {
        "plugin": "two",
        "command": "ADD",
        "code": 103,
        "msg": "no luck",
        "details": "at all",
    }
    assert commands(box) == ["ADD one", "ADD two", "DEL three", "DEL two", "DEL one"]
    assert "config" not in str(result["operations"])
    box.sh("touch /run/box/well")
    box.change("cni_network", wanted)


MISBEHAVIOUR = {
    "hang": ["did not answer within 2 seconds"],
    "flood": ["said more than"],
    "garbage": ["not JSON"],
    "words": ["it ended with 3", "out of order"],
    "killed": ["SIGKILL"],
}


def test_a_plugin_that_misbehaves(box: Box) -> None:
    box.sh(SB)
    options = fakes(box, "one", "two")
    for what, words in MISBEHAVIOUR.items():
        wanted = {**attachment({"type": "one"}, {"type": "two", "do": {"ADD": what}}), **options}
        box.fails("cni_network", wanted, "the plugin two", *words)
        assert commands(box) == ["ADD one", "ADD two", "DEL two", "DEL one"]
    assert "/run/fake" not in box.sh("ps -eo args=")


def test_one_that_asks_for_patience(box: Box) -> None:
    box.sh(SB)
    options = fakes(box, "one", "two")
    wanted = {**attachment({"type": "one"}, {"type": "two", "do": {"ADD": "once", "DEL": "once"}}), **options}
    box.done("cni_network", wanted)
    assert commands(box)[:3] == ["ADD one", "ADD two", "ADD two"]
    box.sh("rm /run/box/once")
    box.done("cni_network", detachment(**options))
    assert commands(box)[-3:] == ["DEL two", "DEL two", "DEL one"]


def test_one_that_leaves_a_daemon(box: Box) -> None:
    box.sh(SB)
    options = fakes(box, "one")
    box.done("cni_network", {**attachment({"type": "one", "do": {"ADD": "daemon"}}), **options})


def test_a_failed_del_keeps_the_attachment(box: Box) -> None:
    box.sh(SB)
    options = fakes(box, "one", "two")
    box.done("cni_network", {**attachment({"type": "one"}, {"type": "two", "do": {"DEL": "fail"}}), **options})
    outcome = box.run("cni_network", detachment(**options))
    assert "DEL of the plugin two: no luck" in outcome.result["msg"]
    assert box.link("eth0", "sb") is not None
    box.sh("touch /run/box/well")
    box.change("cni_network", detachment(**options))
    assert box.link("eth0", "sb") is None


def begin(box: Box, wanted: dict[str, Any], plugin: str) -> None:
    """Start a task, and wait until a plugin has been called. Its result goes to /run/box/result.map."""
    text = json.dumps({"ANSIBLE_MODULE_ARGS": wanted})
    lane = box.host.lane
    command = shlex.join([lane.python, str(lane.module_file("cni_network")), "/run/box/args.map"])
    box.sh(
        f"echo {shlex.quote(text)} > /run/box/args.map",
        f"PYTHONPATH={lane.python_path} setsid {command} >/run/box/result.map 2>&1 & echo $! > /run/box/module.map",
        f"until grep -q {plugin} /run/box/calls.map 2>/dev/null; do sleep 0.02; done",
    )


def test_what_a_killed_task_began_is_waited_for(box: Box) -> None:
    """The plugin goes on; the next task undoes what it did."""
    box.sh(SB)
    options = {**fakes(box, "one", "two"), "timeout": 10}
    wanted = {**attachment({"type": "one", "do": {"ADD": "slow"}}, {"type": "two"}), **options}
    begin(box, wanted, "one")
    box.sh("env kill -KILL -- -$(cat /run/box/module.map)")
    assert "/run/fake/one" in box.sh("ps -eo args=")
    result = box.done("cni_network", wanted)
    assert [one["op"] for one in result["recovered"]] == ["cni.add"]
    assert commands(box)[:4] == ["ADD one", "DEL two", "DEL one", "ADD one"]
    box.nothing_to_do("cni_network", wanted)


def test_a_task_that_is_told_to_end(box: Box) -> None:
    """The plugin comes to an end of its own; then all is taken back."""
    box.sh(SB)
    options = {**fakes(box, "one", "two"), "timeout": 10}
    wanted = {**attachment({"type": "one", "do": {"ADD": "slow"}}, {"type": "two"}), **options}
    begin(box, wanted, "one")
    box.sh("kill $(cat /run/box/module.map); until [ -s /run/box/result.map ]; do sleep 0.02; done")
    result = json.loads(box.sh("cat /run/box/result.map"))
    assert result["rolled_back"] is True
    assert "ended by SIGTERM" in result["msg"]
    assert commands(box) == ["ADD one", "DEL two", "DEL one"]
    assert box.links("sb") == {"lo"}


# Ends the plugin, or the iptables that it runs, with SIGKILL at one of the requests to the kernel.
KILLED = """#!/bin/sh
[ "$CNI_COMMAND" = ADD ] && [ -e /run/box/when.map ] || exec /usr/lib/cni/bridge
inject=sendto:signal=KILL:when=$(cat /run/box/when.map)
exec strace -f -o /dev/null -e trace=sendto -e inject=$inject /usr/lib/cni/bridge
"""


def test_a_plugin_that_is_killed_half_way(box: Box) -> None:
    """DEL of the plugin bridge fails after some of these ends, and succeeds when it is tried again."""
    box.sh(SB, "mkdir /run/fake", f"cat > /run/fake/bridge <<'EOF'\n{KILLED}\nEOF\nchmod 755 /run/fake/bridge")
    wanted = attachment(BRIDGE, plugin_dirs=["/run/fake", "/usr/lib/cni"])
    box.done("cni_network", wanted)
    box.done("cni_network", detachment())
    before = box.snapshot()
    for when in range(1, 40, 4):
        box.sh(f"echo {when} > /run/box/when.map")
        outcome = box.run("cni_network", wanted)
        if not outcome.failed:  # it makes fewer requests
            assert when > 8
            break
        assert "ADD of the plugin bridge" in outcome.result["msg"]
        assert outcome.result["rolled_back"] is True, str(outcome)
        assert leases(box) == []
        assert box.unlike(before) == [], when
    box.change("cni_network", detachment())


# ---------------------------------------------------------------- networks and their kinds


def test_several_networks_in_the_order_given(box: Box) -> None:
    """A bridge, a macvlan and a pair; the routes of the first one come first. All go in one task."""
    box.sh(SB, "ip netns add sc", "ip link add up0 type ifb; ip link set up0 up")
    routed = {"type": "host-local", "ranges": [[{"subnet": "10.45.0.0/24"}]], "dataDir": NETWORKS}
    macvlan = {"type": "macvlan", "master": "up0", "mode": "bridge", "mtu": 1400, "capabilities": {"mac": True}}
    addresses = [{"address": "10.46.0.9/24"}, {"address": "fd00:46::9/64"}]
    static = {**macvlan, "ipam": {"type": "static", "addresses": addresses}}
    ptp = {"type": "ptp", "ipMasq": True, "ipam": routed}
    networks = [
        attachment(BRIDGE, name="one"),
        attachment(static, name="two", interface="eth1", mac="02:00:00:00:00:46"),
        attachment(ptp, name="three", interface="eth2"),
        attachment(BRIDGE, name="one", netns="sc"),
    ]
    result = box.change("cni_network", {"networks": networks})
    assert [operation["network"] for operation in result["operations"]] == ["one", "two", "three", "one"]
    assert [one["interface"] for one in result["networks"]] == ["eth0", "eth1", "eth2", "eth0"]
    assert box.cidrs("eth1", "sb") == ["10.46.0.9/24", "fd00:46::9/64"]
    assert box.link("eth1", "sb")["address"] == "02:00:00:00:00:46"
    assert box.cidrs("eth2", "sb") == ["10.45.0.2/24"]
    assert leases(box, "one") == ["10.44.0.2", "10.44.0.3"]
    box.sh("ip netns exec sb ping -q -c 1 -W 2 10.44.0.3")
    gone = [{**one, "state": "absent"} for one in networks]
    result = box.change("cni_network", {"networks": gone})
    assert [operation["network"] for operation in result["operations"]] == ["one", "three", "two", "one"]
    assert box.links("sb") == {"lo"}
    assert leases(box, "one") == leases(box, "three") == []


def test_a_device_of_the_host(box: Box) -> None:
    box.sh(SB, "ip link add nic0 type ifb")
    ipam = {"type": "static", "addresses": [{"address": "10.47.0.9/24"}]}
    box.change("cni_network", attachment({"type": "host-device", "device": "nic0", "ipam": ipam}))
    assert box.cidrs("eth0", "sb") == ["10.47.0.9/24"]
    assert box.link("nic0") is None
    box.change("cni_network", detachment())
    assert box.link("nic0") is not None


def test_configurations_in_a_directory(box: Box) -> None:
    box.sh(SB, "mkdir -p /etc/cni/net.d")
    files = {
        "10-other.conflist": "{ broken",
        "20-web.conf": json.dumps({"cniVersion": "0.4.0", "name": "web", **BRIDGE}),
        "30-web.conflist": json.dumps(network({**BRIDGE, "mtu": 1300}, FIREWALL)),
        "40-old.conf": json.dumps({"cniVersion": "0.3.1", "name": "old", **BRIDGE}),
    }
    for name, text in files.items():
        box.sh(f"cat > /etc/cni/net.d/{name} <<'EOF'\n{text}\nEOF")
    wanted = {"netns": "sb", "network": "web", "cache_dir": CACHE}
    assert box.change("cni_network", wanted)["cni"]["cni_version"] == "1.0.0"
    assert box.link("eth0", "sb")["mtu"] == 1300
    box.sh("rm /etc/cni/net.d/30-web.conflist")
    result = box.change("cni_network", wanted)  # what the file says now, with the address of before
    assert operations(result) == ["cni.delete", "cni.add"]
    assert (box.link("eth0", "sb")["mtu"], box.cidrs("eth0", "sb")) == (1500, ["10.44.0.2/24"])
    box.sh("rm -r /etc/cni/net.d/20-web.conf")
    box.change("cni_network", {**wanted, "state": "absent"})
    box.change("cni_network", {**wanted, "network": "old"})
    box.change("cni_network", {**wanted, "network": "old", "state": "absent"})
    message = box.refused("cni_network", wanted, "network: 'web' cannot be used: no file in /etc/cni/net.d")
    assert "10-other.conflist is not JSON" in message
    box.sh("chmod 666 /etc/cni/net.d/40-old.conf")
    box.refused("cni_network", {**wanted, "network": "old"}, "others than root and this user can change")


def test_ports_change_and_the_address_stays(box: Box) -> None:
    box.sh(SB, "ip netns add sc")
    box.done("cni_network", attachment(BRIDGE, PORTMAP, netns="sc"))
    box.change("cni_network", attachment(BRIDGE, PORTMAP, ports=["8080:80"]))
    before = box.link("eth0", "sb")["address"]
    box.done("cni_network", detachment(netns="sc"))
    result = box.change("cni_network", attachment(BRIDGE, PORTMAP, ports=["8080:80", "8443:443"]))
    assert operations(result) == ["cni.delete", "cni.add"]
    assert box.cidrs("eth0", "sb") == ["10.44.0.3/24"]
    assert box.link("eth0", "sb")["address"] == before


def test_a_port_that_another_has(box: Box) -> None:
    box.sh(SB, "ip netns add sc")
    box.done("cni_network", attachment(BRIDGE, PORTMAP, netns="sc", ports=["8080:80"]))
    taken = attachment(BRIDGE, PORTMAP, ports=["0.0.0.0:8080:80"])
    box.refused("cni_network", taken, "ports: '0.0.0.0:8080/tcp' is led to the container sc of web")
    box.change("cni_network", attachment(BRIDGE, PORTMAP, ports=["127.0.0.2:8080:80", "8080:80/udp"]))


REFUSED: list[tuple[dict[str, Any], list[str]]] = [
    ({"container_id": "../x"}, ["container_id: '../x' is not a name"]),
    ({"interface": "a/b"}, ["interface: 'a/b'"]),
    ({"netns": "/proc/self/ns/net", "container_id": "me"}, ["the namespace Ansible itself runs in"]),
    ({"config": {"name": "web", "plugins": []}}, ["config: 'web' has no list of plugins"]),
    ({"config": network({"type": "../../bin/sh"})}, ["config: 'web' has plugins[0].type '../../bin/sh'"]),
    ({"config": network({"type": "x", "ipam": {"type": "/x"}})}, ["plugins[0].ipam.type '/x'"]),
    ({"config": network(BRIDGE, version="7.0.0")}, ["'7.0.0'; known are 0.3.1"]),
    ({"config": network(BRIDGE, version="1.1.0")}, ["/usr/lib/cni/bridge does not know cniVersion 1.1.0"]),
    ({"config": network({"type": "nothere"})}, ["there is no plugin nothere in /opt/cni/bin"]),
    ({"plugin_dirs": ["/run/open"]}, ["bridge is not run: others than root"]),
    ({"ports": ["8080:80"]}, ["ports: ", "none has the capability 'portMappings'"]),
    ({"capabilities": {"aliases": ["x"]}}, ["capabilities: 'aliases' cannot be told to any plugin of web"]),
    ({"ips": ["10.44.0.300"]}, ["ips: '10.44.0.300' is not an IP address"]),
    ({"mac": "01:00:00:00:00:01"}, ["mac: "]),
    ({"args": {"a;b": "c"}}, ["args: 'a;b' is not a name"]),
    ({"args": {"a": "b;c=d"}}, ["args.a: 'b;c=d' has ';' in it"]),
    ({"timeout": 0}, ["timeout: 0.0 is not between"]),
    ({"gc": True}, ["gc: True is for state: absent"]),
    ({"cache_dir": "/"}, ["cache_dir: '/' is the root directory"]),
]


def test_what_is_refused(box: Box) -> None:
    box.sh(SB, "mkdir /run/open; cp /usr/lib/cni/bridge /run/open; chmod 777 /run/open/bridge")
    for options, words in REFUSED:
        box.refused("cni_network", {**attachment(BRIDGE), **options}, *words)


def test_a_namespace_that_is_not_there_yet(box: Box) -> None:
    result = box.done("cni_network", attachment(BRIDGE), check=True)
    assert result["cni"]["ips"] is None
    assert "there is no network namespace /run/netns/sb; foretold" in str(result["warnings"])
    outcome = box.run("cni_network", attachment(BRIDGE))
    assert "there is no network namespace" in outcome.result["msg"]


def test_an_interface_of_somebody_else(box: Box) -> None:
    box.sh(SB, "ip -n sb link add eth0 type ifb")
    box.refused("cni_network", attachment(BRIDGE), "interface: 'eth0' exists in /run/netns/sb already")
    box.nothing_to_do("cni_network", detachment())
    box.sh("ip -n sb link del eth0")
    box.done("cni_network", attachment(BRIDGE))
    box.refused("cni_network", attachment(BRIDGE, name="other"), "is attached to web")
    box.nothing_to_do("cni_network", detachment(name="other"))


def test_without_the_capability_in_the_older_way(box: Box) -> None:
    box.sh(SB)
    plain = {**BRIDGE, "capabilities": {}}
    box.change("cni_network", attachment(plain, TUNING, ips=["10.44.0.99"], mac="02:00:00:00:00:99"))
    assert box.cidrs("eth0", "sb") == ["10.44.0.99/24"]
    assert box.link("eth0", "sb")["address"] == "02:00:00:00:00:99"


# ---------------------------------------------------------------- what others change


DAMAGE = [
    "ip -n sb address flush dev eth0",
    "ip -n sb link del eth0",
    "ip -n sb route del default",
    "nft flush ruleset",
    "ip netns exec sb sysctl -q net.ipv4.conf.eth0.arp_notify=0",
]


def test_damage_is_repaired_with_the_same_addresses(box: Box) -> None:
    box.sh(SB, "ip netns add sc")
    wanted = attachment(BRIDGE, PORTMAP, FIREWALL, TUNING, ports=["8080:80"])
    box.done("cni_network", attachment(BRIDGE, netns="sc"))
    box.done("cni_network", wanted)
    before = (box.cidrs("eth0", "sb"), box.link("eth0", "sb")["address"])
    serve(box, "inside", "tcp/0.0.0.0/80", netns="sb")
    for damage in DAMAGE:
        box.sh(damage)
        result = box.change("cni_network", wanted)
        assert operations(result) == ["cni.delete", "cni.add"], damage
        assert result["operations"][0]["problem"]
        assert (box.cidrs("eth0", "sb"), box.link("eth0", "sb")["address"]) == before, damage
        assert box.gateways("sb") == {"default": "10.44.0.1"}
        assert heard(ask(box, "tcp/127.0.0.1/8080"), "inside") == ["tcp/127.0.0.1/8080"], damage


def test_another_namespace_of_the_same_name(box: Box) -> None:
    """The attachment was in the one that has gone: the new one is left alone until it is attached itself."""
    box.sh(SB)
    wanted = attachment(BRIDGE, FIREWALL)
    box.done("cni_network", wanted)
    box.sh("ip netns del sb", "ip netns add sb", "ip -n sb link add eth0 type ifb")
    box.change("cni_network", detachment())
    assert box.link("eth0", "sb") is not None
    assert leases(box) == []
    box.sh("ip -n sb link del eth0")
    box.done("cni_network", wanted)
    box.sh("ip netns del sb", "ip netns add sb")
    box.change("cni_network", wanted)
    assert leases(box) == ["10.44.0.3"] == [one.split("/")[0] for one in box.cidrs("eth0", "sb")]


def test_a_container_whose_namespace_has_gone(box: Box) -> None:
    """It is enough to name the container. Without the plugin nothing is forgotten."""
    box.sh(SB)
    options = {**fakes(box, "one"), "container_id": "c1"}
    box.done("cni_network", {**attachment({"type": "one"}), **options})
    box.sh("ip netns del sb", "mv /run/fake/one /run/fake/two")
    gone = {**detachment(**options), "netns": None}
    assert "there is no plugin one" in box.run("cni_network", gone).result["msg"]
    box.sh("mv /run/fake/two /run/fake/one")
    calls(box)
    result = box.change("cni_network", gone)
    assert result["cni"]["state"] == "absent"
    (call,) = [call for call in calls(box) if call[0] == "DEL"]
    assert (call[2]["CNI_CONTAINERID"], call[2]["CNI_NETNS"]) == ("c1", "")
    box.nothing_to_do("cni_network", gone)


def test_what_is_left_of_namespaces_that_have_ended(box: Box) -> None:
    box.sh(SB, "ip netns add sc", "ip netns add sd")
    chain = (BRIDGE, PORTMAP, FIREWALL, BANDWIDTH)
    for name, port in (("sb", 8080), ("sc", 8081), ("sd", 8082)):
        box.done("cni_network", attachment(*chain, netns=name, ports=[f"{port}:80"]))
    box.done("cni_network", attachment(BRIDGE, name="other", netns="sc", interface="eth1"))
    box.sh(f"touch {NETWORKS}/web/10.44.0.200", "ip netns del sb", "ip netns del sc")
    collect = {"gc": True, "state": "absent", "cache_dir": CACHE}
    box.sh("mv /run/sandbox-network /run/moved")  # as after a reboot
    result = box.change("cni_network", {**collect, "network": "web"})
    assert [one["container_id"] for one in result["cni"]["collected"]] == ["sb", "sc"]
    assert result["cni"]["freed_leases"] == [{"directory": f"{NETWORKS}/web", "addresses": ["10.44.0.200"]}]
    assert leases(box) == ["10.44.0.4"]
    assert "dport 8080" not in box.sh("nft list ruleset 2>/dev/null")
    assert "dport 8082" in box.sh("nft list ruleset 2>/dev/null")
    result = box.change("cni_network", collect)
    assert [one["network"] for one in result["cni"]["collected"]] == ["other"]
    assert set(re.findall(r"10\.44\.0\.[1-9]", rules(box))) == {"10.44.0.4"}
    assert box.cidrs("eth0", "sd") == ["10.44.0.4/24"]


def test_another_boot(box: Box) -> None:
    """Leases outlive a reboot, and what they were for does not."""
    box.sh(SB)
    wanted = attachment(BRIDGE, FIREWALL)
    box.done("cni_network", wanted)
    own = f"{CACHE}/sandbox-network/web-sb-eth0"
    reboot = (
        "rm -r /run/sandbox-network; ip netns del sb; ip link del cni0; nft flush ruleset",
        f'sed -i \'s/"boot_id": "[^"]*"/"boot_id": "another"/\' {own}',
    )
    box.sh(*reboot, SB)
    result = box.change("cni_network", wanted)
    assert operations(result) == ["cni.delete", "cni.add"]
    assert box.cidrs("eth0", "sb") == ["10.44.0.2/24"]
    box.sh(*reboot)
    box.change("cni_network", {"gc": True, "state": "absent", "cache_dir": CACHE})
    assert leases(box) == []


def test_what_another_runtime_attached(box: Box) -> None:
    """A result as libcni wrote it before it had namespaces in it."""
    box.sh(SB)
    box.done("cni_network", attachment(BRIDGE))
    cached = json.loads(box.sh(f"cat {CACHE}/results/web-sb-eth0"))
    del cached["netns"]
    box.sh(f"rm -r {CACHE}/sandbox-network /run/sandbox-network")
    box.sh(f"echo {shlex.quote(json.dumps(cached))} > {CACHE}/results/web-sb-eth0")
    box.nothing_to_do("cni_network", attachment(BRIDGE))
    options = fakes(box, "firewall")
    broken = {**network(BRIDGE, {"type": "firewall", "do": {"ADD": "fail"}}), "name": "web"}
    outcome = box.run("cni_network", {**attachment(), **options, "config": broken})
    assert outcome.result["rolled_back"] is True, str(outcome)
    assert box.cidrs("eth0", "sb") == ["10.44.0.2/24"], "it is attached again as it was"
    box.change("cni_network", detachment())
    assert box.links("sb") == {"lo"}
    assert leases(box) == []


def test_many_at_the_same_time(box: Box) -> None:
    """Each has an address of its own, though the plugins make the same bridge."""
    names = [f"s{number}" for number in range(6)]
    box.sh(*(f"ip netns add {name}" for name in names))
    outcomes = box.host.run_together([("cni_network", attachment(BRIDGE, FIREWALL, netns=name)) for name in names])
    assert [str(outcome) for outcome in outcomes if outcome.failed] == []
    assert len({only(box.cidrs("eth0", name)) for name in names}) == 6


@pytest.mark.controller
def test_the_example_playbook() -> None:
    with Throwaway() as host:
        before = host.snapshot()
        host.playbook("cni")
        assert host.addresses("web1") == ["10.46.0.2/24"]
        host.ping("web1", "10.46.0.3")
        host.playbook("cni", sandbox_state="absent")
        after = host.snapshot()
        del after["namespaces"]["host"], before["namespaces"]["host"]  # the bridge stays
        assert after == before


def test_netns_info_tells_of_every_network(box: Box) -> None:
    """Of a namespace with two names, each of which is a container of its own; and of another one."""
    box.sh(SB, "ip netns add sc", "ip link add up0 type ifb; ip link set up0 up")
    box.sh("touch /run/netns/side; mount --bind /run/netns/sb /run/netns/side")
    addresses = [{"address": "fd00:46::9/64", "gateway": "fd00:46::1"}, {"address": "10.46.0.9/24"}]
    macvlan = {"type": "macvlan", "master": "up0", "ipam": {"type": "static", "addresses": addresses}}
    networks = [
        attachment(BRIDGE, PORTMAP, ports=["8080:80", "0.0.0.0:8053:53/udp"]),
        attachment(macvlan, name="two", interface="net1", netns="side"),
        attachment(BRIDGE, PORTMAP, netns="sc"),
    ]
    told = box.done("cni_network", {"networks": networks})["networks"]
    ask_for = {"gather": ["attachments", "networks", "forwards"], "cni_cache_dir": CACHE}
    sb, sc, side = box.done("netns_info", ask_for)["namespaces"]
    assert sb["attachments"] == side["attachments"] and sb["networks"] == side["networks"]
    assert [(one["network"], one["container_id"]) for one in sb["attachments"]] == [("web", "sb"), ("two", "side")]
    assert [one["container_id"] for one in sc["attachments"]] == ["sc"] and sc["forwards"] == []
    assert told[0].items() <= sb["attachments"][0].items()
    one, two = sb["attachments"]
    assert (one["ip_address"], one["ip_prefix_len"], one["gateway"]) == ("10.44.0.2", 24, "10.44.0.1")
    assert (two["global_ipv6_address"], two["ipv6_gateway"], two["ip_address"]) == (
        "fd00:46::9",
        "fd00:46::1",
        "10.46.0.9",
    )
    assert [two["mac_address"]] == [box.link("net1", "sb")["address"]]
    found = {one["interface"]: one for one in sb["networks"]}
    assert [(name, found[name]["driver"], found[name]["network"]) for name in sorted(found)] == [
        ("eth0", "cni", "web"),
        ("net1", "cni", "two"),
    ]
    assert (found["net1"]["ip_address"], found["net1"]["mac_address"]) == ("10.46.0.9", two["mac_address"])
    assert sb["forwards"] == [
        {"id": None, "proto": proto, "host_addr": host, "host_port": port, "guest_addr": "10.44.0.2", "guest_port": to}
        | {"by": "cni"}
        for proto, host, port, to in (("tcp", "127.0.0.1", 8080, 80), ("udp", "0.0.0.0", 8053, 53))
    ]
    # what another runtime keeps, by another path of the namespace, and without the ports' addresses
    cached = json.loads(box.sh(f"cat {CACHE}/results/web-sb-eth0"))
    mapping = [{"hostPort": 8080, "containerPort": 80}, {"strange": 1}]
    cached.update(netns="/run/netns/side", capabilityArgs={"portMappings": mapping})
    box.sh(f"rm -r {CACHE}/sandbox-network; echo {shlex.quote(json.dumps(cached))} > {CACHE}/results/web-sb-eth0")
    for space in box.done("netns_info", {**ask_for, "name": ["sb", "side"]})["namespaces"]:
        assert [one["network"] for one in space["attachments"]] == ["web", "two"]
        assert [(one["host_addr"], one["host_port"], one["by"]) for one in space["forwards"]] == [
            ("0.0.0.0", 8080, "cni")
        ]
    box.sh(f"ip netns del sb; umount /run/netns/side; echo broken > {CACHE}/results/web-sc-eth0; ip netns add sb")
    assert [
        space["attachments"] for space in box.done("netns_info", {**ask_for, "name": ["sb", "sc"]})["namespaces"]
    ] == [
        [],
        [],
    ]
