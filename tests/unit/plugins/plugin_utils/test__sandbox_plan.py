# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""What the role asks the modules for."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.sandbox.network.plugins.plugin_utils import _sandbox_firewall
from ansible_collections.sandbox.network.plugins.plugin_utils import _sandbox_plan as plans
from ansible_collections.sandbox.network.plugins.plugin_utils._link_names import (
    ifb_name,
    link_name,
    stable_mac,
)

DEFAULTS = {
    "driver": "bridge",
    "interface": "eth0",
    "bridge": "sbr0",
    "subnets": ["10.80.0.0/24", "fd00:80::/64"],
}


def present(*items: dict[str, Any], **defaults: Any) -> dict[str, plans.Items]:
    sandboxes, problems = plans.wanted(items, {**DEFAULTS, **defaults})
    assert problems == []
    return plans.present(sandboxes)


def problems(*items: dict[str, Any], **defaults: Any) -> list[str]:
    return plans.wanted(items, {**DEFAULTS, **defaults})[1]


def test_one_sandbox() -> None:
    plan = present({"name": "web1"})
    assert plan["leases"] == [
        {
            "owner": "web1",
            "addresses": [],
            "pools": ["10.80.0.0/24", "fd00:80::/64"],
            "exclude": ["10.80.0.1", "fd00:80::1"],
        }
    ]
    assert plan["bridges"] == [
        {
            "name": "sbr0",
            "kind": "bridge",
            "mac": stable_mac("sbr0"),
            "accept_ra": False,
            "addresses": [{"address": "10.80.0.1/24"}, {"address": "fd00:80::1/64", "nodad": True}],
            "up": True,
        }
    ]
    assert plan["namespaces"] == [{"name": "web1"}]
    leases = [{"owner": "web1", "addresses": ["10.80.0.2/24", "fd00:80::2/64"]}]
    assert plans.made_links(plan, leases, [])[1:] == [
        {
            "name": "eth0",
            "netns": "web1",
            "kind": "veth",
            "peer": {
                "name": link_name("web1"),
                "master": "sbr0",
                "ipv6_link_local": False,
                "up": True,
            },
            "accept_ra": False,
            "routes": [
                {"dst": "0.0.0.0/0", "gateway": "10.80.0.1"},
                {"dst": "::/0", "gateway": "fd00:80::1"},
            ],
            "up": True,
            "addresses": [{"address": "10.80.0.2/24"}, {"address": "fd00:80::2/64", "nodad": True}],
        }
    ]
    assert plans.addresses(leases) == {"web1": ["10.80.0.2", "fd00:80::2"]}


def test_options_reach_the_modules() -> None:
    dns = {"servers": ["10.0.0.53"]}
    plan = present({"name": "a", "mac": "02:00:00:00:00:01", "mtu": 1400, "dns": dns, "sysctl": {"net.x": 1}})
    link = plan["links"][0]
    assert (link["mac"], link["mtu"], link["peer"]["mtu"]) == ("02:00:00:00:00:01", 1400, 1400)
    assert plan["namespaces"] == [{"name": "a", "dns": dns, "sysctl": {"net.x": 1}}]


def test_a_bridge_is_asked_for_once_with_every_gateway() -> None:
    plan = present(
        {"name": "a"},
        {"name": "b"},
        {"name": "c", "subnet": "10.81.0.0/24"},
        {"name": "d", "bridge": "sbr1", "addresses": ["10.82.0.5/24"]},
    )
    assert {bridge["name"]: [address["address"] for address in bridge["addresses"]] for bridge in plan["bridges"]} == {
        "sbr0": ["10.80.0.1/24", "fd00:80::1/64", "10.81.0.1/24"],
        "sbr1": ["10.82.0.1/24"],
    }


def test_a_gateway_of_ones_own_choice() -> None:
    plan = present({"name": "a", "gateway": "10.80.0.254"})
    assert plan["bridges"][0]["addresses"][0] == {"address": "10.80.0.254/24"}
    assert plan["links"][0]["routes"][0] == {"dst": "0.0.0.0/0", "gateway": "10.80.0.254"}
    assert plan["leases"][0]["exclude"] == ["10.80.0.254", "fd00:80::1", "10.80.0.1"]


def test_a_bridge_that_was_there_before_is_used_as_it_is() -> None:
    plan = present({"name": "a"})
    foreign = [{"ifname": "sbr0", "address": "00:16:3e:00:00:01"}]
    ours = [{"ifname": "sbr0", "address": stable_mac("sbr0")}]
    assert [link["name"] for link in plans.made_links(plan, [], foreign)] == ["eth0"]
    assert [link["name"] for link in plans.made_links(plan, [], ours)] == ["sbr0", "eth0"]


def test_a_network_of_its_own() -> None:
    plan = present({"name": "a", "gateway": []})
    assert plan["bridges"][0]["addresses"] == []
    assert plan["links"][0]["routes"] == []


def test_one_default_route_for_each_family() -> None:
    plan = present({"name": "a", "subnet": ["10.81.0.0/24", "10.82.0.0/24"]})
    assert plan["links"][0]["routes"] == [{"dst": "0.0.0.0/0", "gateway": "10.81.0.1"}]


def test_the_driver_none_has_a_namespace_and_nothing_else() -> None:
    plan = present({"name": "a", "driver": "none"})
    assert plan == {
        "leases": [],
        "bridges": [],
        "namespaces": [{"name": "a"}],
        "links": [],
        "networks": [],
        "attachments": [],
        "devices": [],
        "endpoints": [],
        "firewalls": [],
        "monitors": [],
        "restores": [{"sandbox": "a", "state": "absent"}],
    }


def test_no_addresses_no_lease() -> None:
    plan = present({"name": "a"}, subnets=[])
    assert plan["leases"] == []
    assert plans.made_links(plan, [], [])[1]["addresses"] == []


def test_nothing_wanted_nothing_asked() -> None:
    assert set(map(str, present().values())) == {"[]"}


def test_a_user_mode_network_and_nothing_else() -> None:
    plan = present(
        {"name": "a", "driver": "slirp", "ports": ["8080:80", {"host_port": 53, "proto": "udp"}]},
        {
            "name": "b",
            "driver": "slirp",
            "interface": "net0",
            "mtu": "1400",
            "slirp": {"backend": "pasta", "ipv6": "yes"},
        },
        {"name": "c", "driver": "slirp", "ports": [], "slirp": {"mtu": 1300, "cidr": None}},
        slirp={"cidr": "10.9.0.0/16"},
    )
    assert plan["networks"] == [
        {
            "netns": "a",
            "interface": "eth0",
            "cidr": "10.9.0.0/16",
            "forwards": ["8080:80", {"host_port": 53, "proto": "udp"}],
            "purge": True,
        },
        {"netns": "b", "interface": "net0", "mtu": 1400, "cidr": "10.9.0.0/16", "backend": "pasta", "ipv6": True},
        {"netns": "c", "interface": "eth0", "mtu": 1300, "forwards": [], "purge": True},
    ]
    assert plan["namespaces"] == [{"name": "a"}, {"name": "b"}, {"name": "c"}]
    assert (plan["leases"], plan["bridges"], plan["links"]) == ([], [], [])


def test_devices_of_all_sandboxes_are_one_list() -> None:
    given = {"mac": "02:AB:00:00:00:01", "new_name": "eth%d", "up": "no", "force": None}
    plan = present({"name": "a", "devices": ["ens4", given]}, {"name": "b", "driver": "none", "devices": "ens5"})
    assert plan["devices"] == [
        {"netns": "a", "device": "ens4"},
        {"netns": "a", "mac": "02:ab:00:00:00:01", "new_name": "eth%d", "up": False},
        {"netns": "b", "device": "ens5"},
    ]


def test_monitors_of_all_sandboxes_are_one_list() -> None:
    told = {"runtime_path": "/opt/runtime", "debounce": "0.5", "enabled": "yes"}
    plan = present({"name": "a", "driver": "none", "monitor": told}, {"name": "b", "monitor": False}, {"name": "c"})
    assert plan["monitors"] == [
        {
            "sandbox_id": "a",
            "netns": "a",
            "state": "started",
            "runtime_path": "/opt/runtime",
            "debounce": 0.5,
            "enabled": True,
        },
        {"sandbox_id": "b", "netns": "b", "state": "absent"},
    ]


def test_firewalls() -> None:
    plan = present(
        {"name": "a", "ports": ["8080:80"]},
        {"name": "b", "firewall": {"policy": "closed", "allow": "10.0.0.0/8"}, "networks": ["back0"]},
        {"name": "c", "firewall": True},
        {"name": "d", "firewall": False},
        {"name": "e"},
    )
    assert plan["firewalls"] == [
        {"sandbox": "a", "netns": "a", "state": "present", "ports": ["8080:80"]},
        {"sandbox": "b", "netns": "b", "state": "present", "policy": "closed", "allow": ["10.0.0.0/8"]},
        {"sandbox": "c", "netns": "c", "state": "present"},
        {"sandbox": "d", "netns": "d", "state": "absent"},
    ]
    leases = [{"owner": name, "addresses": [f"10.80.0.{number}/24"]} for number, name in enumerate("abcde")]
    guarded = _sandbox_firewall.guarded(
        plan,
        [*leases, {"owner": "c/eth1", "addresses": ["10.81.0.2/24"]}],
        [
            {"netns": "/run/netns/a", "name": "eth0", "model": "tcfilter", "hard_addr": "02:00:00:00:00:02"},
            {"netns": "/run/netns/b", "name": "eth0", "model": "macvtap", "hard_addr": "02:00:00:00:00:01"},
        ],
    )
    assert guarded[0]["addresses"] == ["10.80.0.0/24"] and "interfaces" not in guarded[0]
    machine = {"name": link_name("b"), "mac": "02:00:00:00:00:01"}
    assert guarded[1]["interfaces"] == [machine, {"name": link_name("b", "eth1")}]
    assert guarded[2]["addresses"] == ["10.80.0.2/24", "10.81.0.2/24"]
    assert guarded[3] == plan["firewalls"][3]


@pytest.mark.parametrize(
    ("item", "wanted"),
    [
        ({"firewall": {"masquerade": True}}, True),
        ({"ports": ["0.0.0.0:8080:80"]}, True),
        ({"ports": ["8080:80", "[2001:db8::1]:8080:80"]}, True),
        ({"ports": [{"host_port": 80, "host_addr": "203.0.113.1"}]}, True),
        ({"ports": ["8080:80", 81, "127.0.0.1:82-83:82-83/udp", {"host_port": 84}]}, False),
        ({"firewall": True}, False),
        ({"ports": []}, False),
    ],
)
def test_the_host_forwards_for_those_that_need_it(item: dict[str, Any], wanted: bool) -> None:
    (rules,) = present({"name": "a", **item}, forwarding=True)["firewalls"]
    assert rules.get("forwarding", False) is wanted
    (rules,) = present({"name": "a", **item}, forwarding=False)["firewalls"]
    assert "forwarding" not in rules


def test_several_networks() -> None:
    second = {"bridge": "sbr1", "subnet": "10.81.0.0/24", "mtu": 9000}
    plan = present({"name": "a", "networks": [second, {**second, "interface": "back0"}, "sbr2"]})
    assert [(one["owner"], one["pools"]) for one in plan["leases"]] == [
        ("a", ["10.80.0.0/24", "fd00:80::/64"]),
        ("a/eth1", ["10.81.0.0/24"]),
        ("a/back0", ["10.81.0.0/24"]),
    ]
    assert [(one["name"], [each["address"] for each in one["addresses"]]) for one in plan["bridges"]] == [
        ("sbr0", ["10.80.0.1/24", "fd00:80::1/64"]),
        ("sbr1", ["10.81.0.1/24"]),
        ("sbr2", []),
    ]
    leases = [{"owner": "a", "addresses": ["10.80.0.2/24"]}, {"owner": "a/eth1", "addresses": ["10.81.0.2/24"]}]
    links = plans.made_links(plan, leases, [])[3:]
    assert [(one["name"], [each["address"] for each in one["addresses"]]) for one in links] == [
        ("eth0", ["10.80.0.2/24"]),
        ("eth1", ["10.81.0.2/24"]),
        ("back0", []),
        ("eth3", []),
    ]
    assert [len(one["routes"]) for one in links] == [2, 0, 0, 0]
    assert (links[1]["peer"]["name"], links[1]["peer"]["mtu"]) == (link_name("a", "eth1"), 9000)
    assert [one["peer"].get("alias") for one in links] == [None, "a/eth1", "a/back0", "a/eth3"]


def test_bandwidth_of_links() -> None:
    second = {"bridge": "sbr1", "bandwidth": {"rx_rate": "8000"}}
    limited = {"name": "a", "bandwidth": {"rx_rate": 2_000_000, "tx_rate": 1_000_000}, "networks": [second]}
    ifb, veth, further = present(limited)["links"]
    assert (ifb["name"], ifb["kind"], ifb["alias"], ifb["tx_rate"]) == (
        ifb_name("a", "eth0"),
        "ifb",
        "a/eth0",
        1_000_000,
    )
    assert (veth["peer"]["tx_rate"], veth["peer"]["rx_ifb"]) == (2_000_000, ifb["name"])
    assert further["peer"]["tx_rate"] == 8000 and "rx_ifb" not in further["peer"]
    veth, gone = present({"name": "a", "bandwidth": {"tx_rate": 0}})["links"]
    assert veth["peer"]["rx_ifb"] == "" and "tx_rate" not in veth["peer"]
    assert gone == {"name": ifb["name"], "kind": "ifb", "state": "absent"}
    made = plans.made_links(present(limited), [{"owner": "a", "addresses": ["10.80.0.2/24"]}], [])
    assert [one.get("addresses") for one in made[2:]] == [None, [{"address": "10.80.0.2/24"}], []]


def test_bandwidth_of_endpoints_and_plugins() -> None:
    rates = {"rx_rate": 20_000_000, "tx_rate": 0}
    plan = present({"name": "a", "bandwidth": rates, "endpoint": {"queues": 2}}, {"name": "b", "endpoint": False})
    assert plan["endpoints"][0]["rx_rate"] == 20_000_000 and "tx_rate" not in plan["endpoints"][0]
    assert "tx_rate" not in plan["links"][0]["peer"]
    (attachment,) = present({"name": "c", "driver": "cni", "networks": ["web"], "bandwidth": rates})["attachments"]
    assert attachment["capabilities"] == {"bandwidth": {"ingressRate": 20_000_000, "ingressBurst": 2_000_000}}


@pytest.mark.parametrize(
    ("item", "words"),
    [
        ({"bandwidth": 7}, "bandwidth: 7 is not a dictionary"),
        ({"bandwidth": {}}, "bandwidth: rx_rate or tx_rate is missing"),
        ({"bandwidth": {"rx_rate": 7}}, "bandwidth: rx_rate: 7 is neither 0 nor between 8000 and"),
        ({"bandwidth": {"rate": 8000}}, "bandwidth: rate is not one of rx_rate, tx_rate"),
        ({"driver": "slirp", "bandwidth": {"rx_rate": 8000}}, "bandwidth: is not possible with driver: slirp, whose"),
        ({"driver": "none", "bandwidth": {"rx_rate": 8000}}, "bandwidth: is not possible with driver: none, which"),
        (
            {"endpoint": {"rx_rate": 9000}, "bandwidth": {"rx_rate": 8000}},
            "bandwidth: rx_rate is also given for the endpoint",
        ),
        ({"endpoint": {"model": "macvtap"}, "bandwidth": {"rx_rate": 8000}}, "bandwidth: rx_rate is not possible with"),
        (
            {
                "driver": "cni",
                "networks": [{"network": "a", "capabilities": {"bandwidth": {}}}],
                "bandwidth": {"rx_rate": 8000},
            },
            "bandwidth: is also given in the capabilities",
        ),
    ],
)
def test_bandwidth_that_makes_no_sense(item: dict[str, Any], words: str) -> None:
    (problem,) = problems({"name": "a", **item})
    assert words in problem


def test_networks_of_several_sandboxes_are_checked_against_each_other() -> None:
    second = {"bridge": "sbr1", "addresses": ["10.81.0.5/24"]}
    assert problems({"name": "a", "networks": [second]}, {"name": "b", "networks": [second]}) == [
        "sandbox_list[1] (b): networks[0]: addresses: 10.81.0.5 is also an address of sandbox_list[0] (a): networks[0]"
    ]
    (overlap,) = problems({"name": "a"}, {"name": "b", "networks": [{"bridge": "x", "subnet": "10.80.0.0/16"}]})
    assert "10.80.0.0/24 on bridge sbr0 overlaps 10.80.0.0/16 on bridge x" in overlap


@pytest.mark.parametrize(
    ("item", "words"),
    [
        ({"firewall": "maybe"}, "firewall: 'maybe' is neither a dictionary nor true or false"),
        ({"firewall": {"policy": "lax"}}, 'firewall: policy: "lax" is not one of isolate, open, closed'),
        ({"firewall": {"rules": []}}, "firewall: rules is not one of"),
        ({"firewall": False, "ports": ["80:80"]}, "ports: need the firewall, which is false"),
        ({"driver": "slirp", "firewall": True}, "firewall: is not possible with driver: slirp"),
    ],
)
def test_firewalls_that_make_no_sense(item: dict[str, Any], words: str) -> None:
    _sandboxes, wrong = plans.wanted([{"name": "a", **item}], DEFAULTS)
    assert len(wrong) == 1 and words in wrong[0]


def test_networks_of_cni() -> None:
    second = {"config": {"name": "storage", "plugins": []}}
    item = {"name": "a", "driver": "cni", "networks": ["web", second], "ports": ["80:80"], "addresses": "10.4.0.9/24"}
    plan = present(item)
    assert plan["attachments"] == [
        {"netns": "a", "interface": "eth0", "network": "web", "ips": ["10.4.0.9/24"], "ports": ["80:80"]},
        {"netns": "a", "interface": "eth1", **second},
    ]
    assert plan["links"] == [] and plan["leases"] == []
    assert absent(item)["attachments"] == [
        {"netns": "/run/netns/a", "container_id": "a", "network": "web", "interface": "eth0"},
        {"netns": "/run/netns/a", "container_id": "a", "network": "storage", "interface": "eth1"},
    ]


@pytest.mark.parametrize(
    ("item", "words"),
    [
        ({"driver": "cni"}, "networks: is missing; driver: cni needs one at least"),
        ({"driver": "none", "networks": ["web"]}, "networks: needs driver: cni"),
        ({"driver": "cni", "networks": ["web"], "gateway": "10.0.0.1"}, "gateway: is not possible with driver: cni"),
        ({"driver": "cni", "networks": [{"interface": "x"}]}, "networks[0]: either network or config"),
        ({"driver": "cni", "networks": [{"network": "a", "size": 1}]}, "networks[0]: size is not one of"),
        ({"driver": "cni", "networks": ["a", {"network": "b", "interface": "eth0"}]}, "eth0 is the interface of two"),
        ({"driver": "none", "ports": ["80:80"]}, "ports: is not possible with driver: none"),
    ],
)
def test_networks_of_cni_that_make_no_sense(item: dict[str, Any], words: str) -> None:
    _sandboxes, wrong = plans.wanted([{"name": "a", **item}], DEFAULTS)
    assert len(wrong) == 1 and words in wrong[0]


@pytest.mark.parametrize(
    ("monitor", "words"),
    [
        (True, "monitor: True is neither a dictionary nor false"),
        ({}, "monitor: runtime_path is missing"),
        ({"runtime_path": "runtime"}, "monitor: runtime_path"),
        ({"runtime_path": "/r", "debounce": 61}, "monitor: debounce: 61 is not between 0 and 60"),
        ({"runtime_path": "/r", "sandbox_id": "b"}, "monitor: sandbox_id is not one of"),
        ({"runtime_path": "/r", "update": "add"}, "monitor: update"),
    ],
)
def test_a_monitor_that_makes_no_sense(monitor: object, words: str) -> None:
    _sandboxes, wrong = plans.wanted([{"name": "a", "monitor": monitor}], DEFAULTS)
    assert len(wrong) == 1 and words in wrong[0]


def test_endpoints_of_all_sandboxes_are_one_list() -> None:
    plan = present(
        {"name": "a", "endpoint": True},
        {"name": "b"},
        {"name": "c", "interface": "net3", "endpoint": {"model": "macvtap", "queues": "4", "index": None}},
        {"name": "d", "endpoint": False},
    )
    assert plan["endpoints"] == [
        {"netns": "a", "interface": "eth0", "state": "present"},
        {"netns": "c", "interface": "net3", "state": "present", "model": "macvtap", "queues": 4},
        {"netns": "d", "interface": "eth0", "state": "absent"},
    ]


def test_macvtaps_go_before_their_links() -> None:
    deleted = {"op": "link.delete", "netns": "/run/netns/a", "mtu": 1500}
    unwiring = [{**deleted, "name": "tap0_kata", "kind": "macvtap"}, {**deleted, "name": "tap1", "kind": "tap"}]
    links = plans.removed_links(absent({"name": "a"}), [], keep_bridges=False, unwiring=unwiring)
    assert links[0] == {"name": "tap0_kata", "netns": "/run/netns/a", "kind": "macvtap"}
    assert [link["name"] for link in links[1:]] == [link_name("a")]


def test_a_link_is_not_given_what_a_vm_has_of_it() -> None:
    plan = present(*({"name": name, "mac": "02:00:00:00:00:01"} for name in ("a", "b", "c", "d")))
    leases = [{"owner": name, "addresses": ["10.80.0.2/24"]} for name in ("a", "b", "c", "d")]
    unwiring = [
        {"op": "link.set", "netns": "/run/netns/a", "name": "eth0"},
        _drop("a", "macvtap"),
        {"op": "redirect.delete", "netns": "/run/netns/b", "link": "eth0"},
        _drop("b", "tcfilter"),
        _drop("c", "bridged"),  # of a link that is no more
    ]
    links = plans.made_links(plan, leases, [], unwiring)[1:]
    given = {link["netns"]: sorted({"mac", "routes", "addresses"} & set(link)) for link in links}
    whole = ["addresses", "mac", "routes"]
    assert given == {"a": [], "b": whole, "c": whole, "d": whole}
    assert links[0]["peer"]["master"] == "sbr0"


def _drop(sandbox: str, model: str) -> dict[str, Any]:
    before = {"netns": f"/run/netns/{sandbox}", "interface": "eth0", "model": model}
    return {"op": "record.drop", "kind": "endpoint", "name": f"/run/netns/{sandbox}:eth0", "before": before}


ATTACHED = {"network": "web", "container_id": "a", "interface": "eth0", "cache_dir": "/var/lib/cni"}


def test_what_was_made_is_what_was_not_there_before() -> None:
    leases = {"operations": [_put("lease", "a"), _put("lease", "b", before={"addresses": []})]}
    namespaces = {"operations": [{"op": "netns.create", "path": "/run/netns/a"}, _put("netns", "/run/netns/a")]}
    veth = {"op": "link.add", "name": "eth0", "netns": "/run/netns/a", "kind": "veth", "peer": {"name": "a-1"}}
    bridge = {"op": "link.add", "name": "sbr0", "netns": None, "kind": "bridge"}
    links = {"operations": [bridge, veth, {"op": "link.set", "name": "eth0"}, _put("link", "x")]}
    networks = {"operations": [_put("slirp", "/run/netns/a"), _put("slirp", "/run/netns/b", before={"forwards": []})]}
    record = {"netns": "/run/netns/a", "name": "lan", "origin": {"name": "ens4", "netns": None}}
    renamed = _put("device", "y", record, before=record)
    devices = {"operations": [{"op": "link.move"}, _put("device", "x", record), renamed]}
    endpoint = {"netns": "/run/netns/a", "interface": "eth0", "model": "macvtap"}
    rewired = _put("endpoint", "/run/netns/a:eth1", endpoint, before=endpoint)
    endpoints = {"operations": [_put("endpoint", "/run/netns/a:eth0", endpoint), rewired]}
    watched = {"op": "file.write", "path": "/run/sandbox-network/netmon/sandboxes/a.json", "before": None}
    firewalls = {
        "operations": [_put("firewall", "4026532254:a"), _put("firewall", "4026532254:b", before={"ports": []})]
    }
    attached = {"operations": [{"op": "cni.add", "sandbox": "/run/netns/a", "timeout": 60.0, **ATTACHED}]}
    program = {"op": "file.write", "path": "/usr/local/sbin/sandbox-netmon", "before": None}
    monitors = {"operations": [program, watched, {**watched, "path": "/x/netmon/b.json", "before": {"content": ""}}]}
    assert plans.made([leases, namespaces, links, networks, devices, endpoints, monitors, attached, firewalls]) == {
        "firewalls": [{"sandbox": "a"}],
        "attachments": [dict(ATTACHED, netns="/run/netns/a")],
        "monitors": [{"sandbox_id": "a"}],
        "endpoints": [{"netns": "/run/netns/a", "interface": "eth0"}],
        "devices": [{"device": "ens4", "netns": "/run/netns/a", "from_netns": None}],
        "links": [{"name": "eth0", "netns": "/run/netns/a", "kind": "veth"}],
        "bridges": [{"name": "sbr0", "netns": None, "kind": "bridge"}],
        "networks": [{"netns": "/run/netns/a"}],
        "namespaces": [{"name": "a"}],
        "leases": [{"owner": "a"}],
    }


def test_a_task_that_failed_or_was_not_run_made_nothing() -> None:
    failed = {"failed": True, "operations": [{"op": "netns.create", "path": "/run/netns/a"}]}
    assert not any(plans.made([{}, failed]).values())


def _put(kind: str, name: str, value: Any = None, before: Any = None) -> dict[str, Any]:
    return {"op": "record.put", "kind": kind, "name": name, "value": value, "before": before}


def absent(*items: dict[str, Any]) -> dict[str, plans.Items]:
    sandboxes, wrong = plans.wanted(items, DEFAULTS)
    assert wrong == []
    return plans.absent(sandboxes)


def test_absent_needs_the_name_only() -> None:
    assert absent({"name": "a"}) == {
        "leases": [{"owner": "a", "recurse": True}],
        "bridges": [{"name": "sbr0"}],
        "namespaces": [{"name": "a", "force": False}],
        "links": [{"name": link_name("a"), "kind": "veth", "peer": {"name": "eth0", "netns": "a"}}],
        "attachments": [],
        "devices": [{"netns": "a"}],
        "endpoints": [{"netns": "a"}],
        "firewalls": [{"sandbox": "a"}],
        "monitors": [{"sandbox_id": "a"}],
        "restores": [{"sandbox": "a"}],
    }


def removed(plan: dict[str, plans.Items], *found: dict[str, Any], keep_bridges: bool = False) -> list[str]:
    return [link["name"] for link in plans.removed_links(plan, found, keep_bridges=keep_bridges)]


def bridge(name: str, mac: str = "") -> dict[str, Any]:
    return {"ifname": name, "address": mac or stable_mac(name)}


def port(name: str, master: str) -> dict[str, Any]:
    return {"ifname": name, "master": master, "address": "02:00:00:00:00:01"}


def test_links_of_further_networks_go_though_the_list_says_nothing_of_them() -> None:
    plan, further = absent({"name": "a"}), link_name("a", "eth1")
    of_another, foreign, ifb = link_name("b", "eth1"), "vethdeadbeef", ifb_name("a", "eth1")
    leading = {name: {"ifname": name, "ifalias": "a/eth1", "master": "sbr1"} for name in (further, foreign)}
    elsewhere = {"ifname": of_another, "ifalias": "b/eth1", "master": "sbr0"}
    limiting = {"ifname": ifb, "ifalias": "a/eth1"}
    assert removed(plan, bridge("sbr0"), bridge("sbr1"), leading[further], elsewhere, limiting) == [
        link_name("a"),
        further,
        ifb,
        "sbr1",
    ]
    assert removed(plan, bridge("sbr1"), *leading.values()) == [link_name("a"), further]


def test_a_bridge_goes_with_the_last_link_on_it() -> None:
    plan, end = absent({"name": "a"}), link_name("a")
    assert removed(plan, bridge("sbr0"), port(end, "sbr0")) == [end, "sbr0"]
    assert removed(plan, bridge("sbr0"), port(end, "sbr0"), port("other", "sbr0")) == [end]
    assert removed(plan, bridge("sbr0"), port(end, "sbr0"), keep_bridges=True) == [end]
    assert removed(plan, bridge("sbr0", "00:16:3e:00:00:01"), port(end, "sbr0")) == [end]
    assert removed(plan, bridge("sbr0")) == [end, "sbr0"]
    assert removed(plan) == [end]


def test_the_bridge_is_the_one_that_the_sandbox_was_on() -> None:
    plan, end = absent({"name": "a"}), link_name("a")
    assert removed(plan, bridge("other"), port(end, "other")) == [end, "other"]
    assert removed(plan, bridge("other"), bridge("third")) == [end]


@pytest.mark.parametrize(
    ("items", "text"),
    [
        (
            [{"name": "a"}, {"name": "a"}],
            "sandbox_list[1] (a): name: a is also the name of sandbox_list[0] (a)",
        ),
        (
            [
                {"name": "a", "addresses": ["10.80.0.5/24"]},
                {"name": "b", "addresses": ["10.80.0.5/16"]},
            ],
            "sandbox_list[1] (b): addresses: 10.80.0.5 is also an address of sandbox_list[0] (a)",
        ),
        (
            [{"name": "a", "addresses": ["10.80.0.1/24"], "gateway": []}, {"name": "b"}],
            "sandbox_list[0] (a): addresses: 10.80.0.1 is the gateway of sandbox_list[1] (b)",
        ),
        (
            [{"name": "a", "devices": ["ens4"]}, {"name": "b", "devices": [{"device": "ens4", "new_name": "x"}]}],
            "sandbox_list[1] (b): devices: ens4 is also a device of sandbox_list[0] (a)",
        ),
        (
            [
                {"name": "a", "devices": [{"device": "x0", "from_netns": "c"}]},
                {"name": "b", "devices": [{"device": "x0", "from_netns": "/run/netns/c"}]},
            ],
            "sandbox_list[1] (b): devices: x0 in /run/netns/c is also a device of sandbox_list[0] (a)",
        ),
        (
            [{"name": "a"}, {"name": "b", "bridge": "sbr1"}],
            "sandbox_list[1] (b): 10.80.0.0/24 on bridge sbr1 overlaps 10.80.0.0/24 on bridge",
        ),
        (
            [
                {"name": "a", "subnet": "10.81.0.128/25"},
                {"name": "b", "subnet": "10.81.0.0/16", "bridge": "sbr1"},
            ],
            "sandbox_list[0] (a): 10.81.0.128/25 on bridge sbr0 overlaps 10.81.0.0/16 on bridge",
        ),
    ],
)
def test_items_that_contradict_each_other(items: list[dict[str, Any]], text: str) -> None:
    assert any(found.startswith(text) for found in problems(*items)), problems(*items)


def test_networks_without_gateways_may_be_on_several_bridges() -> None:
    assert problems({"name": "a", "gateway": []}, {"name": "b", "bridge": "sbr1", "gateway": []}) == []


def test_overlapping_networks_on_one_bridge_are_fine() -> None:
    assert problems({"name": "a", "subnet": "10.81.0.0/16"}, {"name": "b", "subnet": "10.81.128.0/24"}) == []


def test_names_that_are_prefixes_of_others_are_different() -> None:
    assert problems({"name": "web1"}, {"name": "web10"}, {"name": "web"}) == []


def test_more_than_a_bridge_takes() -> None:
    items = [{"name": f"a{number}"} for number in range(1024)]
    assert problems(*items, subnets=["10.80.0.0/16"]) == [
        "sandbox_list: 1024 are on bridge sbr0, which takes 1023: use several"
    ]


def test_what_outlives_a_reboot() -> None:
    runtime = {"runtime_path": "/usr/bin/runtime"}
    plan = present(
        {"name": "a", "persist": True, "monitor": runtime},
        {"name": "b", "persist": "yes", "monitor": {**runtime, "enabled": False}},
        {"name": "c", "monitor": runtime},
        {"name": "d", "persist": True, "monitor": False},
    )
    states = {one["sandbox"]: one["state"] for one in plan["restores"]}
    assert states == {"a": "present", "b": "present", "c": "absent", "d": "present"}
    assert [one.get("enabled") for one in plan["monitors"]] == [True, False, None, None]
