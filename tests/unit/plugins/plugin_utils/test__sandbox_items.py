# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""One item of sandbox_list: what it means, and what is refused."""

from __future__ import annotations

import contextlib
import ipaddress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.sandbox.network.plugins.plugin_utils._link_names import link_name
from ansible_collections.sandbox.network.plugins.plugin_utils._sandbox_endpoint import PARSERS
from ansible_collections.sandbox.network.plugins.plugin_utils._sandbox_items import (
    BadItemError,
    Sandbox,
    parse_sandbox,
)
from ansible_collections.sandbox.network.plugins.plugin_utils._sandbox_wires import Wire, first_host

DEFAULTS = {
    "driver": "bridge",
    "interface": "eth0",
    "bridge": "sbr0",
    "mtu": None,
    "dns": {},
    "sysctl": {},
    "subnets": ["10.80.0.0/24", "fd00:80::/64"],
}


def parse(**item: Any) -> Sandbox:
    return parse_sandbox({"name": "web1", **item}, 3, DEFAULTS)


def wire(**item: Any) -> Wire:
    """The link that the item's own options describe."""
    (found,) = parse(**item).wires
    return found


def problems(**item: Any) -> list[str]:
    with pytest.raises(BadItemError) as caught:
        parse(**item)
    return caught.value.problems


def texts(values: object) -> list[str]:
    return [str(value) for value in values]  # type: ignore[attr-defined]


def test_a_name_is_enough() -> None:
    found = wire()
    assert (parse().driver, found.interface, found.bridge) == ("bridge", "eth0", "sbr0")
    assert texts(found.subnets) == ["10.80.0.0/24", "fd00:80::/64"]
    assert texts(found.gateways) == ["10.80.0.1/24", "fd00:80::1/64"]
    assert found.addresses == ()


def test_given_addresses_replace_the_default_subnets() -> None:
    found = wire(addresses=["10.9.0.5/16"])
    assert found.subnets == ()
    assert texts(found.addresses) == ["10.9.0.5/16"]
    assert texts(found.gateways) == ["10.9.0.1/16"]


def test_addresses_and_a_subnet_go_together() -> None:
    found = wire(addresses=["10.9.0.5/16"], subnet="fd00:9::/64")
    assert texts(found.networks) == ["10.9.0.0/16", "fd00:9::/64"]
    assert texts(found.gateways) == ["10.9.0.1/16", "fd00:9::1/64"]


def test_one_text_is_a_list_of_one() -> None:
    assert parse(subnet="10.9.0.0/24") == parse(subnet=["10.9.0.0/24"])
    assert parse(gateway="10.80.0.9") == parse(gateway=["10.80.0.9"])


def test_a_gateway_replaces_the_default_of_its_family_only() -> None:
    assert texts(wire(gateway="10.80.0.254").gateways) == ["10.80.0.254/24", "fd00:80::1/64"]


def test_an_empty_gateway_means_none() -> None:
    assert wire(gateway=[]).gateways == ()


def test_an_address_that_is_a_network_of_one_has_no_gateway() -> None:
    assert wire(addresses=["10.9.0.5/32", "fd00:9::5/128"]).gateways == ()


def test_link_local_addresses_have_no_gateway() -> None:
    assert wire(addresses=["fe80::5/64"]).gateways == ()


@pytest.mark.parametrize(
    ("network", "first"),
    [
        ("10.0.0.0/8", "10.0.0.1/8"),
        ("10.0.0.8/30", "10.0.0.9/30"),
        ("10.0.0.8/31", "10.0.0.8/31"),
        ("10.0.0.8/32", None),
        ("fd00::/64", "fd00::1/64"),
        ("fd00::8/127", "fd00::8/127"),
        ("fd00::8/128", None),
    ],
)
def test_the_first_host(network: str, first: str | None) -> None:
    found = first_host(ipaddress.ip_network(network))
    assert (found and str(found)) == first


def test_the_driver_none_takes_part_in_no_network() -> None:
    assert parse(driver="none").wires == ()


def test_settings_are_joined_and_the_item_wins() -> None:
    defaults = {
        **DEFAULTS,
        "sysctl": {"net.a": 1, "net.b": 1},
        "dns": {"servers": ["10.0.0.53"]},
        "mtu": 1400,
    }
    found = parse_sandbox({"name": "web1", "sysctl": {"net.b": 2}}, 0, defaults)
    assert found.sysctl == {"net.a": 1, "net.b": 2}
    assert found.dns == {"servers": ["10.0.0.53"]}
    assert found.wires[0].mtu == 1400


def test_numbers_and_macs_are_normalised() -> None:
    found = wire(mtu="1500", mac="02:AB:00:00:00:01")
    assert (found.mtu, found.mac) == (1500, "02:ab:00:00:00:01")


@pytest.mark.parametrize(
    ("item", "text"),
    [
        ({"name": None}, "sandbox_list[3]: name: is missing or empty"),
        ({"name": ""}, "sandbox_list[3]: name: is missing or empty"),
        ({"name": "-x"}, "'-x' is not a name of letters"),
        ({"name": ".."}, "'..' is not a name of letters"),
        ({"name": "a b"}, "'a b' is not a name of letters"),
        ({"name": "a/b"}, "'a/b' is not a name of letters"),
        ({"name": "a\n"}, "'a\\n' is not a name of letters"),
        ({"name": "wéb"}, "'wéb' is not a name of letters"),
        ({"name": "a" * 256}, "has 256 characters, 255 are allowed"),
        ({"name": 7}, "7 is not a text"),
        ({"driver": "magic"}, 'driver: "magic" is not one of bridge, slirp, cni, none'),
        ({"interface": "lo"}, '"lo" is the loopback'),
        ({"interface": "a" * 16}, "has 16 characters, 15 are allowed"),
        ({"interface": "eth%d"}, "interface: 'eth%d' is not a name of letters"),
        ({"bridge": "a/b"}, "bridge: 'a/b' is not a name of letters"),
        ({"bridge": "all"}, "bridge: 'all' is a name that the kernel has for itself"),
        ({"mac": "02:00"}, '"02:00" is not a MAC address'),
        ({"mac": "01:00:00:00:00:01"}, "is a group or null address"),
        ({"mac": "00:00:00:00:00:00"}, "is a group or null address"),
        ({"mtu": 12}, "mtu: 12 is not between 68 and 65535"),
        ({"mtu": 70000}, "mtu: 70000 is not between 68 and 65535"),
        ({"mtu": "big"}, "mtu: 'big' is not a number"),
        ({"mtu": True}, "mtu: True is not a number"),
        ({"mtu": 1000}, "mtu: 1000 is less than the 1280 that IPv6 needs"),
        (
            {"addresses": ["10.80.0.5"]},
            '"10.80.0.5" is not an address with a prefix length such as',
        ),
        (
            {"addresses": ["10.80.0.500/24"]},
            '"10.80.0.500/24" is not an address with a prefix length such as',
        ),
        ({"addresses": ["fe80::1%eth0/64"]}, '"fe80::1%eth0/64" is not an address'),
        ({"addresses": [167772161]}, '"167772161" is not an address'),
        ({"addresses": ["10.80.0.0/24"]}, "is the network itself"),
        ({"addresses": ["10.80.0.255/24"]}, "or its broadcast address"),
        ({"addresses": ["224.0.0.1/4"]}, "is not an address that an interface can have"),
        ({"addresses": ["10.80.0.1/24"]}, "addresses: 10.80.0.1/24 is the gateway's"),
        ({"addresses": ["10.80.0.5/24", "10.80.0.5/24"]}, "addresses: 10.80.0.5/24 is given twice"),
        ({"subnet": "10.80.0.5/24"}, '"10.80.0.5/24" is an address; its subnet is 10.80.0.0/24'),
        ({"subnet": "10.80.0.5/32"}, '"10.80.0.5/32" has room for one address only'),
        (
            {"subnet": ["10.80.0.0/24", "nonsense"]},
            '"nonsense" is not an address with a prefix length',
        ),
        ({"subnet": "ff00::/8"}, "is not a subnet that interfaces can have addresses of"),
        (
            {"gateway": "10.81.0.1"},
            "10.81.0.1 is in none of its networks (10.80.0.0/24, fd00:80::/64)",
        ),
        ({"gateway": ["10.80.0.1", "10.80.0.2"]}, "10.80.0.0/24 has two, 10.80.0.1 and 10.80.0.2"),
        ({"gateway": "10.80.0.1/24"}, '"10.80.0.1/24" is not an address such as'),
        ({"dns": ["10.0.0.53"]}, "dns: ['10.0.0.53'] is not a dictionary"),
        ({"sysctl": "net.x=1"}, "sysctl: 'net.x=1' is not a dictionary"),
        ({"devices": [7]}, "devices[0]: 7 is not a text"),
        ({"devices": ["ens4", "a/b"]}, "devices[1]: 'a/b' is not the name of a link"),
        ({"devices": ["a" * 16]}, "has 16 bytes, 15 are allowed"),
        ({"devices": ["lo"]}, 'devices[0]: "lo" is the loopback'),
        ({"devices": [{}]}, "devices[0]: device or mac is required"),
        ({"devices": [{"device": None, "mac": None}]}, "devices[0]: device or mac is required"),
        (
            {"devices": [{"device": "ens4", "mac": "02:00:00:00:00:01"}]},
            "devices[0]: mac: 02:00:00:00:00:01 cannot be given together with device: ens4",
        ),
        ({"devices": [{"mac": "02:00"}]}, 'devices[0]: mac: "02:00" is not a MAC address'),
        ({"devices": [{"device": "ens4", "colour": "red"}]}, "devices[0]: colour is not one of device, mac, new_name"),
        ({"devices": [{"device": "ens4", "netns": "b"}]}, "devices[0]: netns is not one of device, mac, new_name"),
        ({"devices": [{"device": "ens4", "new_name": "a b"}]}, "devices[0]: new_name: 'a b' is not a name"),
        ({"devices": [{"device": "ens4", "new_name": "%s"}]}, "new_name: '%s' is not a template"),
        ({"devices": [{"device": "ens4", "new_name": "%d%d"}]}, "new_name: '%d%d' is not a template"),
        ({"devices": [{"device": "ens4", "new_name": "a" * 15 + "%d"}]}, "has 16 characters, 15 are allowed"),
        ({"devices": [{"device": "ens4", "from_netns": "a/b"}]}, "from_netns: 'a/b' is not the name of a namespace"),
        ({"devices": [{"device": "ens4", "from_netns": "pid:x"}]}, "'pid:x' is not the name of a namespace"),
        ({"devices": [{"device": "ens4", "from_netns": "web1"}]}, 'from_netns: "web1" is the sandbox itself'),
        ({"devices": [{"device": "ens4", "from_netns": "/run/netns/web1"}]}, "is the sandbox itself"),
        ({"devices": [{"device": "ens4", "addresses": "keep"}]}, 'addresses: "keep" is not one of preserve, drop'),
        ({"devices": [{"device": "ens4", "routes": True}]}, 'routes: "True" is not one of preserve, drop'),
        ({"devices": [{"device": "ens4", "up": "perhaps"}]}, "up: 'perhaps' is neither true nor false"),
        ({"devices": [{"device": "ens4", "force": []}]}, "force: [] is neither true nor false"),
        (
            {"devices": [{"device": "ens4", "routes": "preserve", "up": False}]},
            "devices[0]: routes: preserve needs up: true",
        ),
        (
            {"devices": ["ens4", {"device": "ens4", "new_name": "x"}]},
            "devices[1]: ens4 is given twice, in devices[0] too",
        ),
        (
            {"devices": [{"device": "ens4", "new_name": "eth0"}]},
            'devices[0]: new_name: "eth0" would also be the name of the sandbox\'s own interface',
        ),
        ({"devices": ["eth0"]}, "of the sandbox's own interface; give it a new_name"),
        ({"devices": ["net0"], "interface": "net0"}, 'devices[0]: device: "net0" would also be the name of'),
        (
            {"devices": [{"device": "ens4", "new_name": "x"}, {"device": "ens5", "new_name": "x"}]},
            'devices[1]: new_name: "x" would also be the name of devices[0]',
        ),
        ({"endpoint": "perhaps"}, "endpoint: 'perhaps' is neither a dictionary nor true or false"),
        ({"endpoint": ["tap0"]}, "endpoint: ['tap0'] is neither a dictionary nor true or false"),
        ({"endpoint": True, "driver": "none"}, "driver: none has no interface of its own to wire"),
        ({"endpoint": {"scan": True}}, "endpoint: scan is not one of type, model, index"),
        ({"endpoint": {"interface": "eth1"}}, "endpoint: interface is not one of"),
        ({"endpoint": {"model": "enlightened"}}, 'endpoint: model: "enlightened" is not one of default, none, bridged'),
        ({"endpoint": {"type": "physical"}}, 'type: "physical" is not one of auto, virtual, vhost-user'),
        ({"endpoint": {"index": 65536}}, "endpoint: index: 65536 is not between 0 and 65535"),
        ({"endpoint": {"tap": "a" * 16}}, "endpoint: tap: "),
        ({"endpoint": {"tap": "eth0"}}, 'endpoint: tap: "eth0" is the name of the sandbox\'s own interface'),
        ({"endpoint": {"tap": "t", "bridge": "t"}}, 'endpoint: bridge: "t" is the name of the tap'),
        ({"endpoint": {"queues": 0}}, "endpoint: queues: 0 is not between 1 and 256"),
        ({"endpoint": {"queue_size": 100}}, "endpoint: queue_size: 100 is not a power of two"),
        ({"endpoint": {"vnet_hdr": "perhaps"}}, "endpoint: vnet_hdr: 'perhaps' is neither true nor false"),
        ({"endpoint": {"vhost": "yes"}}, 'endpoint: vhost: "yes" is not one of auto, required, never'),
        ({"endpoint": {"owner": []}}, "endpoint: owner: "),
        ({"endpoint": {"mac": "01:00:00:00:00:00"}}, "endpoint: mac: "),
        ({"endpoint": {"rx_rate": 1}}, "endpoint: rx_rate: 1 is not between 8000 and"),
        ({"endpoint": {"rx_rate": 9000, "model": "macvtap"}}, "rx_rate: is not possible with model: macvtap"),
        ({"endpoint": {"tx_rate": 9000, "model": "none"}}, "tx_rate: needs a model that wires the endpoint"),
        ({"endpoint": {"vhost_user_dir": "run"}}, "endpoint: vhost_user_dir: 'run' is not an absolute path"),
        ({"driver": "none", "ports": ["8080:80"]}, "ports: is not possible with driver: none"),
        ({"slirp": {}, "driver": "none"}, "slirp: needs driver: slirp"),
        *(
            ({"driver": "slirp", **wrong}, text)
            for wrong, text in (
                ({"endpoint": True}, "driver: slirp has no interface of its own to wire"),
                ({"addresses": ["10.0.0.1/24"]}, "addresses: is not possible with driver: slirp"),
                ({"mac": "02:00:00:00:00:01"}, "mac: is not possible with driver: slirp"),
                ({"devices": ["eth0"]}, "of the sandbox's own interface; give it a new_name"),
                ({"ports": ["80:"]}, "ports: '80:' is not [HOST_ADDR:]HOST_PORT[:GUEST_PORT][/PROTO]"),
                ({"ports": [True]}, "ports: True is not [HOST_ADDR:]HOST_PORT"),
                ({"ports": [{"guest_port": 80}]}, "host_port is missing"),
                ({"ports": [{"host_port": 80, "colour": "red"}]}, "colour is not one of proto, host_addr"),
                ({"slirp": "pasta"}, "slirp: 'pasta' is not a dictionary"),
                ({"slirp": {"netns": "a"}}, "slirp: netns is not one of backend, cidr"),
                ({"slirp": {"backend": "vde"}}, 'slirp: backend: "vde" is not one of slirp4netns, pasta'),
                ({"slirp": {"cidr": "10.0.0.1/24"}}, 'cidr: "10.0.0.1/24" is not a network such as 10.0.2.0/24'),
                ({"slirp": {"cidr": "10.0.0.0/26"}}, "with a prefix length of at most 25"),
                ({"slirp": {"cidr": "fd00::/64"}}, 'cidr: "fd00::/64" is not an IPv4 network'),
                ({"slirp": {"cidr": "10.0.0.0"}}, 'cidr: "10.0.0.0" is not an IPv4 network'),
                ({"slirp": {"mtu": 1000, "ipv6": True}}, "slirp: mtu: 1000 is less than the 1280 that IPv6 needs"),
                ({"slirp": {"mtu": 65521, "backend": "pasta"}}, "slirp: mtu: 65521 is more than the 65520 of pasta"),
                ({"slirp": {"outbound_addr6": "fd00::1"}}, "slirp: outbound_addr6: needs ipv6: true"),
                ({"slirp": {"ready_timeout": 0}}, "slirp: ready_timeout: 0 is not between 0 and 3600"),
                ({"slirp": {"ready_timeout": []}}, "slirp: ready_timeout: [] is not a number of seconds"),
                ({"slirp": {"seccomp": True}}, 'slirp: seccomp: "True" is not one of auto, required, never'),
            )
        ),
    ],
)
def test_what_is_refused_names_item_option_and_value(item: dict[str, Any], text: str) -> None:
    found = problems(**item)
    assert len(found) == 1
    assert text in found[0]
    assert found[0].startswith("sandbox_list[3]")


def test_everything_wrong_is_told_at_once() -> None:
    assert len(problems(driver="vm", mac="x", mtu=1, addresses=["x", "y"])) == 5


def test_devices_of_a_sandbox_without_an_interface_may_have_its_name() -> None:
    (device,) = parse(driver="none", devices=["eth0"]).devices
    assert device.options == {"device": "eth0"}


def test_templates_and_unknown_names_clash_with_nothing() -> None:
    devices = [
        {"device": "ens4", "new_name": "eth%d"},
        {"device": "ens5", "new_name": "eth%d"},
        {"mac": "02:00:00:00:00:01"},
        {"mac": "02:00:00:00:00:02"},
    ]
    assert len(parse(devices=devices).devices) == 4


def test_an_endpoint_is_as_the_module_takes_it() -> None:
    assert parse().endpoint is None
    assert parse(endpoint="yes").endpoint == {"state": "present"}
    assert parse(endpoint=False).endpoint == {"state": "absent"}
    options = {"model": "bridged", "tap": "vmtap0", "owner": 1000, "mac": "random", "rx_rate": "1000000", "vhost": None}
    assert parse(endpoint=options).endpoint == {
        "state": "present",
        "model": "bridged",
        "tap": "vmtap0",
        "owner": "1000",
        "mac": "random",
        "rx_rate": 1000000,
    }


def test_an_item_that_is_no_dictionary() -> None:
    with pytest.raises(BadItemError, match="'web1' is not a dictionary"):
        parse_sandbox("web1", 0, DEFAULTS)


@given(
    st.dictionaries(
        st.sampled_from(
            [
                "name",
                "driver",
                "interface",
                "mac",
                "mtu",
                "addresses",
                "subnet",
                "gateway",
                "dns",
                "devices",
                "endpoint",
            ]
        ),
        st.one_of(st.none(), st.booleans(), st.integers(), st.text(), st.lists(st.text(), max_size=3)),
    )
)
def test_nothing_that_a_user_can_type_is_a_traceback(item: dict[str, Any]) -> None:
    with contextlib.suppress(BadItemError):
        parse_sandbox(item, 0, DEFAULTS)


@given(
    st.dictionaries(
        st.sampled_from(["device", "mac", "new_name", "from_netns", "addresses", "routes", "up", "force"]),
        st.one_of(st.none(), st.booleans(), st.integers(), st.text(), st.lists(st.text(), max_size=3)),
    )
)
def test_nothing_that_a_user_can_type_of_a_device_is_a_traceback(device: dict[str, Any]) -> None:
    with contextlib.suppress(BadItemError):
        parse(devices=[device])


@given(
    st.dictionaries(
        st.sampled_from([*PARSERS, "scan"]),
        st.one_of(st.none(), st.booleans(), st.integers(), st.text(), st.lists(st.text(), max_size=3)),
    )
)
def test_nothing_that_a_user_can_type_of_an_endpoint_is_a_traceback(endpoint: dict[str, Any]) -> None:
    with contextlib.suppress(BadItemError):
        parse(endpoint=endpoint)


SECOND = {"bridge": "sbr1", "subnet": "10.81.0.0/24"}


def test_several_networks() -> None:
    third = {
        "bridge": "sbr2",
        "interface": "data0",
        "addresses": "fd00:82::5/64",
        "mac": "02:AB:00:00:00:02",
        "mtu": 9000,
    }
    own, second, data, plain = parse(networks=[SECOND, third, "sbr3"]).wires
    assert (own.owner, own.interface, own.port) == ("web1", "eth0", link_name("web1"))
    assert (second.owner, second.interface, second.bridge) == ("web1/eth1", "eth1", "sbr1")
    assert (texts(second.subnets), texts(second.gateways)) == (["10.81.0.0/24"], ["10.81.0.1/24"])
    assert (data.owner, data.interface, data.mac, data.mtu) == ("web1/data0", "data0", "02:ab:00:00:00:02", 9000)
    assert (plain.interface, plain.bridge, plain.networks, plain.gateways) == ("eth3", "sbr3", (), ())
    ports = [one.port for one in (own, second, data, plain)]
    assert ports == [link_name("web1"), *(link_name("web1", name) for name in ("eth1", "data0", "eth3"))]


def test_default_routes_go_to_the_gateway_that_is_named() -> None:
    def routers(**item: Any) -> list[list[str]]:
        return [[str(one.ip) for one in wire.routers] for wire in parse(**item).wires]

    assert routers(networks=[SECOND]) == [["10.80.0.1", "fd00:80::1"], []]
    assert routers(networks=[{**SECOND, "gateway": "10.81.0.9"}]) == [["fd00:80::1"], ["10.81.0.9"]]
    assert routers(gateway=[], networks=[SECOND]) == [[], []]
    (problem,) = problems(gateway="10.80.0.1", networks=[SECOND, {**SECOND, "gateway": "10.81.0.9"}])
    assert "(web1): networks[1]: gateway: is a second default route of IPv4, beside that of sandbox_list[3]" in problem


@pytest.mark.parametrize(
    ("network", "words"),
    [
        ({}, "networks[0]: bridge: is missing"),
        ({"bridge": "sbr1", "colour": "red"}, "networks[0]: colour is not one of bridge, interface, addresses"),
        ("no such bridge", "networks[0]: bridge: 'no such bridge' is not a name"),
        ({**SECOND, "interface": "lo"}, 'networks[0]: interface: "lo" is the loopback'),
        ({**SECOND, "interface": "eth0"}, 'networks[0]: interface: "eth0" is the sandbox\'s own, too'),
        ({**SECOND, "mac": "1"}, 'networks[0]: mac: "1" is not a MAC address'),
        ({**SECOND, "mtu": 12}, "networks[0]: mtu: 12 is not between"),
        ({"bridge": "b", "subnet": "fd00:1::/64", "mtu": 1000}, "networks[0]: mtu: 1000 is less than the 1280"),
        ({**SECOND, "gateway": "10.80.0.1"}, "networks[0]: gateway: 10.80.0.1 is in none of its networks"),
        ({"bridge": "b", "addresses": "10.81.0.1/24"}, "networks[0]: addresses: 10.81.0.1/24 is the gateway's"),
        ({**SECOND, "subnet": "10.81.0.7/24"}, "networks[0]: subnet: "),
    ],
)
def test_networks_that_make_no_sense(network: Any, words: str) -> None:
    (problem,) = problems(networks=[network])
    assert problem.startswith(f"sandbox_list[3] (web1): {words}")


def test_interfaces_of_further_networks_are_the_sandbox_s_own() -> None:
    assert "would also be the name of the sandbox's own interface" in problems(networks=[SECOND], devices=["eth1"])[0]
    assert "is the name of the sandbox's own interface" in problems(networks=[SECOND], endpoint={"tap": "eth1"})[0]
    assert 'eth1" is that of networks[0], too' in problems(networks=[SECOND, {**SECOND, "interface": "eth1"}])[0]
