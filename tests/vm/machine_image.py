# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The root of a small virtual machine: busybox, the drivers of its network card, and what its link is to be."""

from __future__ import annotations

import shlex
import shutil
from pathlib import Path
from typing import Any

from archive import Archive
from image import shared_libraries

HERE = Path(__file__).resolve().parent
DRIVERS = ("virtio_pci", "virtio_net")
APPLETS = ("sh", "awk", "cat", "grep", "httpd", "insmod", "ip", "ls", "mkdir", "mount", "seq", "sleep", "true")
INIT_WAIT = 100  # tenths of a second, for the network card


def write_small_image(kernel: Path, work: Path, setup: list[str]) -> Path:
    """Write the archive into the directory `work`; its file."""
    image = work / "initrd"
    busybox, iperf = (shutil.which(name) for name in ("busybox", "iperf3"))
    assert busybox and iperf, "busybox or iperf3 is missing, which `make setup` installs"
    modules = _in_order(next((kernel / "lib/modules").iterdir()))
    (work / "link.sh").write_text("\n".join([*setup, ""]), encoding="utf-8")
    (work / "modules").write_text("".join(f"/modules/{path.name}\n" for path in modules), encoding="utf-8")
    with image.open("wb") as file:
        archive = Archive(file)
        for name in ("dev", "proc", "sys", "tmp"):
            archive.directory(f"/{name}")
        archive.file("/init", HERE / "init", executable=True)
        archive.file("/usr/bin/busybox", Path(busybox), executable=True)
        archive.file("/usr/bin/iperf3", Path(iperf), executable=True)
        for name in APPLETS:
            archive.link(f"/usr/bin/{name}", "busybox")
        for path in shared_libraries([Path(busybox), Path(iperf)]):
            archive.file(str(path), path, executable=True)
        for path in modules:
            archive.file(f"/modules/{path.name}", path)
        for name in ("link.sh", "modules"):
            archive.file(f"/etc/{name}", work / name)
        archive.close()
    return image


def _in_order(modules: Path) -> list[Path]:
    """The files of the drivers, each after those that it needs."""
    needs = {}
    for line in (modules / "modules.dep").read_text(encoding="utf-8").splitlines():
        path, _colon, others = line.partition(":")
        needs[Path(path).stem.replace("-", "_")] = [*reversed(others.split()), path]
    return [modules / path for path in dict.fromkeys(path for name in DRIVERS for path in needs[name])]


def commands_for(guest: dict[str, Any], mac: str) -> list[str]:
    """Shell commands by which a machine sets up the link that has an address, as netns_info describes it.

    As the agent of a microVM does it: found by its hardware address, renamed, then the addresses, then
    the routes, those without a gateway first.
    """
    (interface,) = [one for one in guest["interfaces"] if one["HwAddr"] == mac]
    device = interface["Device"]
    commands = [
        f"for _try in $(seq {INIT_WAIT}); do",
        f"    found=$(grep -lx {mac} /sys/class/net/*/address) && break",
        "    sleep 0.1",
        "done",
        "found=${found%/address}",
        f'[ "${{found##*/}}" = {device} ] || ip link set "${{found##*/}}" name {device}',
        f"ip link set {device} mtu {interface['Mtu']}",
        f"ip link set {device} up",
    ]
    for one in interface["IPAddresses"]:
        commands.append(_ip(one["Address"], "address", "add", f"{one['Address']}/{one['Mask']}", "dev", device))
    for one in sorted(guest["routes"], key=lambda route: bool(route["Gateway"])):
        if one["Device"] == device:
            gateway = ["via", one["Gateway"]] if one["Gateway"] else []
            source = ["src", one["Source"]] if one["Source"] else []
            place = one["Dest"] or "default"
            commands.append(_ip(one["Gateway"] or one["Dest"], "route", "add", place, *gateway, "dev", device, *source))
    return commands


def _ip(of_the_family: str, *words: str) -> str:
    return shlex.join(["ip", "-6" if ":" in of_the_family else "-4", *words])
