# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The arguments for virtual machine monitors, against what their documentation says that they take."""

from __future__ import annotations

import re
from typing import Any

import pytest

from ansible_collections.sandbox.network.plugins.module_utils._resources.endpoint_hypervisor import (
    arguments,
    descriptors,
)

MAC = "02:c0:00:00:00:02"
# `cloud-hypervisor --help`, of --net. Numbers of queues count both directions.
CLOUD_HYPERVISOR = {
    "tap": r"[^,/ ]{1,15}",
    "mac": r"[0-9a-f]{2}(:[0-9a-f]{2}){5}",
    "fd": r"[0-9]+|\[[0-9]+(,[0-9]+)+\]",
    "mtu": r"[0-9]+",
    "num_queues": r"[0-9]+",
    "queue_size": r"[0-9]+",
    "vhost_user": r"true",
    "socket": r"/[^,]+",
}


def endpoint(**changes: Any) -> dict[str, Any]:
    """An endpoint as the module describes it."""
    tap = {"name": "tap0_kata", "ifindex": 4, "device": None}
    plain = {"type": "virtual", "index": 0, "hard_addr": MAC, "tap": tap, "mtu": 1400, "socket_path": None}
    return {**plain, **changes}


def macvtap(**changes: Any) -> dict[str, Any]:
    """One that has a device node."""
    node = {"name": "tap0_kata", "ifindex": 4, "device": "/dev/sandbox-network/box-eth0"}
    return endpoint(tap=node, **changes)


def vhost_user() -> dict[str, Any]:
    """One that has a socket instead of a tap."""
    return endpoint(type="vhost-user", tap=None, socket_path="/run/vhostuser_10.9.0.2/vhu.sock")


def made(one: dict[str, Any], queues: int = 1, **options: Any) -> dict[str, Any]:
    return arguments(one, **{"queues": queues, "queue_size": 256, "vnet_hdr": True, "vhost": False, **options})


def parsed(words: list[str]) -> dict[str, str]:
    """What cloud-hypervisor makes of the value of --net: a list in brackets has commas of its own."""
    option, value = words
    assert option == "--net"
    pairs = re.findall(r"([a-z_]+)=(\[[^]]*\]|[^,]*)(?:,|$)", value)
    assert ",".join(f"{key}={what}" for key, what in pairs) == value
    assert len({key for key, _what in pairs}) == len(pairs)
    for key, what in pairs:
        assert re.fullmatch(CLOUD_HYPERVISOR[key], what), f"{key}={what}"
    return dict(pairs)


def split(word: str) -> tuple[str, dict[str, str]]:
    """The kind and the properties of a word of QEMU's."""
    kind, *properties = word.split(",")
    return kind, dict(one.split("=", 1) for one in properties)


def test_cloud_hypervisor_opens_a_tap_by_its_name() -> None:
    assert parsed(made(endpoint())["cloud_hypervisor"]) == {
        "tap": "tap0_kata",
        "mac": MAC,
        "mtu": "1400",
        "num_queues": "2",
        "queue_size": "256",
    }
    assert parsed(made(endpoint(), queues=2)["cloud_hypervisor"])["num_queues"] == "4"


@pytest.mark.parametrize(("queues", "value"), [(1, "3"), (2, "[3,4]")])
def test_cloud_hypervisor_is_given_a_file_for_each_queue_of_a_macvtap(queues: int, value: str) -> None:
    words = parsed(made(macvtap(), queues=queues)["cloud_hypervisor"])
    assert words["fd"] == value
    assert "tap" not in words
    assert words["num_queues"] == str(2 * queues)


@pytest.mark.parametrize(("mtu", "told"), [(None, False), (1279, False), (1280, True), (9000, True)])
def test_cloud_hypervisor_is_told_no_mtu_that_it_refuses(mtu: int | None, told: bool) -> None:
    assert ("mtu" in parsed(made(endpoint(mtu=mtu))["cloud_hypervisor"])) is told


def test_cloud_hypervisor_connects_to_a_socket() -> None:
    words = parsed(made(vhost_user(), queue_size=1024)["cloud_hypervisor"])
    assert (words["vhost_user"], words["socket"]) == ("true", "/run/vhostuser_10.9.0.2/vhu.sock")
    assert (words["queue_size"], words["mac"]) == ("1024", MAC)


def test_firecracker_opens_a_tap_by_its_name() -> None:
    body = made(endpoint())["firecracker"]
    assert body == {"iface_id": "net0", "host_dev_name": "tap0_kata", "guest_mac": MAC}
    assert re.fullmatch("[A-Za-z0-9_]{1,64}", body["iface_id"])


@pytest.mark.parametrize(("one", "queues"), [(macvtap(), 1), (endpoint(), 2), (vhost_user(), 1)])
def test_firecracker_has_no_other_way(one: dict[str, Any], queues: int) -> None:
    assert made(one, queues=queues)["firecracker"] is None


def test_qemu_opens_a_tap_by_its_name_and_runs_no_script() -> None:
    netdev, backend, device, card = made(endpoint())["qemu"]
    assert (netdev, device) == ("-netdev", "-device")
    assert split(backend) == (
        "tap",
        {"id": "net0", "ifname": "tap0_kata", "script": "no", "downscript": "no", "vhost": "off"},
    )
    assert split(card) == ("virtio-net-pci", {"netdev": "net0", "mac": MAC, "host_mtu": "1400"})


def test_qemu_has_vectors_for_all_queues() -> None:
    _netdev, backend, _device, card = made(endpoint(), queues=2, vnet_hdr=False, vhost=True)["qemu"]
    properties = split(backend)[1]
    assert (properties["queues"], properties["vnet_hdr"], properties["vhost"]) == ("2", "off", "on")
    assert (split(card)[1]["mq"], split(card)[1]["vectors"]) == ("on", "6")


@pytest.mark.parametrize(("queues", "name", "value"), [(1, "fd", "3"), (2, "fds", "3:4")])
def test_qemu_is_given_a_file_for_each_queue_of_a_macvtap(queues: int, name: str, value: str) -> None:
    _netdev, backend, _device, _card = made(macvtap(), queues=queues)["qemu"]
    # QEMU refuses ifname, script, queues and vnet_hdr together with a descriptor.
    assert split(backend) == ("tap", {"id": "net0", name: value, "vhost": "off"})


def test_qemu_connects_to_a_socket() -> None:
    chardev, socket, netdev, backend, device, _card = made(vhost_user(), queues=2)["qemu"]
    assert (chardev, netdev, device) == ("-chardev", "-netdev", "-device")
    assert split(socket) == ("socket", {"id": "char-net0", "path": "/run/vhostuser_10.9.0.2/vhu.sock"})
    assert split(backend) == ("vhost-user", {"id": "net0", "chardev": "char-net0", "queues": "2"})


def test_descriptors_follow_the_standard_ones() -> None:
    assert descriptors(endpoint(), 2) == []
    node = "/dev/sandbox-network/box-eth0"
    assert descriptors(macvtap(), 2) == [{"fd": 3, "path": node}, {"fd": 4, "path": node}]


def test_nothing_without_a_tap_or_a_socket() -> None:
    assert made(endpoint(tap=None)) == {"qemu": None, "cloud_hypervisor": None, "firecracker": None}
