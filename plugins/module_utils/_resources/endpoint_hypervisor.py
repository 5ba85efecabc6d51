# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Arguments for virtual machine monitors, ready to use, from the description of an endpoint."""

from __future__ import annotations

from typing import Any

FIRST_DESCRIPTOR = 3
SMALLEST_MTU = 1280  # that cloud-hypervisor takes


def descriptors(endpoint: dict[str, Any], queues: int) -> list[dict[str, Any]]:
    """The files that the VMM must be started with, open for reading and writing: a macvtap has
    no other way in, one for each queue."""
    path = endpoint["tap"]["device"] if endpoint["tap"] else None
    return [{"fd": FIRST_DESCRIPTOR + number, "path": path} for number in range(queues)] if path else []


def arguments(endpoint: dict[str, Any], *, queues: int, queue_size: int, vnet_hdr: bool, vhost: bool) -> dict[str, Any]:
    """For ``qemu`` and ``cloud_hypervisor`` words of a command line, for ``firecracker`` the body
    of ``PUT /network-interfaces/ID``; None for what a VMM cannot do."""
    if endpoint["type"] == "vhost-user":
        return _vhost_user(endpoint, queues, queue_size)
    if endpoint["type"] == "physical":
        return _physical(endpoint["pci"]["bdf"])
    if not endpoint["tap"]:
        return {"qemu": None, "cloud_hypervisor": None, "firecracker": None}
    numbers = [one["fd"] for one in descriptors(endpoint, queues)]
    return {
        "qemu": _qemu(endpoint, numbers, queues, vnet_hdr=vnet_hdr, vhost=vhost),
        "cloud_hypervisor": _cloud_hypervisor(endpoint, numbers, queues, queue_size),
        "firecracker": _firecracker(endpoint, numbers, queues),
    }


def _qemu(endpoint: dict[str, Any], numbers: list[int], queues: int, *, vnet_hdr: bool, vhost: bool) -> list[str]:
    name = f"net{endpoint['index']}"
    backend = ["tap", f"id={name}"]
    if numbers:
        backend.append(f"fd={numbers[0]}" if queues == 1 else "fds=" + ":".join(map(str, numbers)))
    else:
        backend += [f"ifname={endpoint['tap']['name']}", "script=no", "downscript=no"]
        backend += ["vnet_hdr=off"] if not vnet_hdr else []
        backend += [f"queues={queues}"] if queues > 1 else []
    backend.append(f"vhost={'on' if vhost else 'off'}")
    return ["-netdev", ",".join(backend), "-device", _qemu_device(endpoint, name, queues)]


def _qemu_device(endpoint: dict[str, Any], name: str, queues: int) -> str:
    device = ["virtio-net-pci", f"netdev={name}", f"mac={endpoint['hard_addr']}"]
    if endpoint["mtu"]:
        device.append(f"host_mtu={endpoint['mtu']}")
    if queues > 1:  # a vector for each direction of each queue, one for control, one for changes of the configuration
        device += ["mq=on", f"vectors={2 * queues + 2}"]
    return ",".join(device)


def _cloud_hypervisor(endpoint: dict[str, Any], numbers: list[int], queues: int, queue_size: int) -> list[str]:
    if numbers:
        way = f"fd={numbers[0]}" if queues == 1 else f"fd=[{','.join(map(str, numbers))}]"
    else:
        way = f"tap={endpoint['tap']['name']}"
    size = [f"mtu={endpoint['mtu']}"] if (endpoint["mtu"] or 0) >= SMALLEST_MTU else []
    words = [way, f"mac={endpoint['hard_addr']}", *size, f"num_queues={2 * queues}", f"queue_size={queue_size}"]
    return ["--net", ",".join(words)]


def _firecracker(endpoint: dict[str, Any], numbers: list[int], queues: int) -> dict[str, Any] | None:
    if numbers or queues > 1:  # it opens a tap by name, for one queue
        return None
    return {
        "iface_id": f"net{endpoint['index']}",
        "host_dev_name": endpoint["tap"]["name"],
        "guest_mac": endpoint["hard_addr"],
    }


def _physical(bdf: str) -> dict[str, Any]:
    return {
        "qemu": ["-device", f"vfio-pci,host={bdf}"],
        "cloud_hypervisor": ["--device", f"path=/sys/bus/pci/devices/{bdf}/"],
        "firecracker": None,
    }


def _vhost_user(endpoint: dict[str, Any], queues: int, queue_size: int) -> dict[str, Any]:
    name, path = f"net{endpoint['index']}", endpoint["socket_path"]
    many = f",queues={queues}" if queues > 1 else ""
    words = ["vhost_user=true", f"socket={path}", f"mac={endpoint['hard_addr']}"]
    words += [f"num_queues={2 * queues}", f"queue_size={queue_size}"]
    return {
        "qemu": [
            *("-chardev", f"socket,id=char-{name},path={path}"),
            *("-netdev", f"vhost-user,id={name},chardev=char-{name}{many}"),
            *("-device", _qemu_device(endpoint, name, queues)),
        ],
        "cloud_hypervisor": ["--net", ",".join(words)],
        "firecracker": None,
    }
