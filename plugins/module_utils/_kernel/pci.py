# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""PCI devices below sysfs: which driver has one, and how another one gets it.

A driver is chosen by ``driver_override``, which is about one device. The other way, ``new_id``, gives
a driver every device of a make that has no other, and takes network cards from the host.
"""

from __future__ import annotations

import errno
import os
import re
import time
from dataclasses import dataclass

from .errors import KernelError

BUS = "/sys/bus/pci"
MODULES = "/lib/modules"
BRIDGE = 0x06
NONE = "(null)"  # what driver_override says where there is none
PROBING_SECONDS = 5.0
PLACE = re.compile(r"[0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]")


@dataclass(frozen=True)
class Neighbour:
    """Another device in the same IOMMU group: both are given away together, or neither."""

    bdf: str
    driver: str
    is_bridge: bool = False


@dataclass(frozen=True)
class PciDevice:
    """A PCI device; ``driver`` and ``override`` are empty for none, ``group`` None without an IOMMU."""

    bdf: str
    driver: str = ""
    override: str = ""
    vendor: str = ""
    device: str = ""
    group: int | None = None
    neighbours: tuple[Neighbour, ...] = ()
    functions: int = 0
    """How many virtual functions it has, which its driver makes, and takes away when it goes."""

    @property
    def make(self) -> str:
        """The ids of vendor and device, such as ``8086 10d3``."""
        return f"{self.vendor} {self.device}"


def place_of(device: str) -> str:
    """The place on the bus, of a link's device ``pci/0000:01:00.0``; empty for one on another bus."""
    bus, _slash, place = device.partition("/")
    return place if bus == "pci" and PLACE.fullmatch(place) else ""


def read_device(bdf: str) -> PciDevice | None:
    """A device, None where there is none at that place."""
    path = f"{BUS}/devices/{bdf}"
    vendor, device = _text(f"{path}/vendor"), _text(f"{path}/device")
    if not vendor:
        return None
    override = _text(f"{path}/driver_override")
    group = _target(f"{path}/iommu_group")
    return PciDevice(
        bdf,
        driver=_target(f"{path}/driver"),
        override="" if override == NONE else override,
        vendor=vendor[2:],
        device=device[2:],
        group=int(group) if group.isdigit() else None,
        neighbours=tuple(_neighbours(path, bdf)),
        functions=int(_text(f"{path}/sriov_numvfs") or 0),
    )


def problem_with_driver(name: str) -> str:
    """Why no device can get a driver; empty when one can."""
    if os.path.isdir(f"{BUS}/drivers/{name}"):
        return ""
    if _is_module(name):
        return f"is not loaded; modprobe {name}"
    return f"is no driver of this kernel (module {name})"


def group_is_in_use(group: int | None) -> bool:
    """Whether a program has a group open: taking a device from its driver would wait for that to end."""
    try:
        os.close(os.open(f"/dev/vfio/{group}", os.O_RDWR | os.O_CLOEXEC))
    except OSError as error:
        return error.errno == errno.EBUSY
    return False


def bind_by_override(bdf: str, driver: str) -> None:
    """Give one device to a driver that would not take it by itself. Raises KernelError."""
    found = _existing(bdf)
    if found.override != driver:
        _write(f"{BUS}/devices/{bdf}/driver_override", f"{driver}\n")
    if found.driver not in ("", driver):
        _write(f"{BUS}/drivers/{found.driver}/unbind", bdf)
    _probe(bdf, driver)


def bind_back(bdf: str, lent_to: str, driver: str, override: str) -> None:
    """Give one device back to the driver that it had. Raises KernelError, also while a VM has it."""
    found = _existing(bdf)
    if found.driver == lent_to and group_is_in_use(found.group):
        raise KernelError(errno.EBUSY, f"taking {bdf} from {lent_to}", f"a program uses /dev/vfio/{found.group}")
    if found.override != override:
        _write(f"{BUS}/devices/{bdf}/driver_override", f"{override}\n")
    if found.driver == lent_to:
        _write(f"{BUS}/drivers/{lent_to}/unbind", bdf)
    _probe(bdf, driver)


def _probe(bdf: str, driver: str) -> None:
    """Let the kernel look for a driver where a device has none; it may do so in the background."""
    if not _existing(bdf).driver:
        _write(f"{BUS}/drivers_probe", bdf)
    deadline = time.monotonic() + PROBING_SECONDS
    while True:
        found = _existing(bdf).driver
        if found == driver:
            return
        if found or time.monotonic() > deadline:
            text = f"{found} has it" if found else "the driver refused it; the kernel's log may tell why"
            raise KernelError(errno.EIO, f"binding {bdf} to {driver}", text)
        time.sleep(0.02)


def _existing(bdf: str) -> PciDevice:
    found = read_device(bdf)
    if found is None:
        raise KernelError(errno.ENODEV, f"looking for PCI device {bdf}")
    return found


def _neighbours(path: str, bdf: str) -> list[Neighbour]:
    try:
        names = sorted(os.listdir(f"{path}/iommu_group/devices"))
    except OSError:
        return []
    return [_neighbour(f"{path}/iommu_group/devices/{name}", name) for name in names if name != bdf]


def _neighbour(path: str, name: str) -> Neighbour:
    kind = _text(f"{path}/class")
    is_bridge = bool(kind) and int(kind, 16) >> 16 == BRIDGE
    return Neighbour(name, _target(f"{path}/driver"), is_bridge)


def _text(path: str) -> str:
    try:
        with open(path, encoding="ascii", errors="replace") as file:
            return file.read().strip()
    except OSError:
        return ""


def _target(path: str) -> str:
    """The last part of what a symbolic link leads to, empty for none."""
    try:
        return os.path.basename(os.readlink(path))
    except OSError:
        return ""


def _write(path: str, text: str) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.write(descriptor, text.encode())
        finally:
            os.close(descriptor)
    except OSError as error:
        raise KernelError(error.errno or errno.EIO, f"writing {text.strip()!r} to {path}") from None


def _is_module(name: str) -> bool:
    """Whether depmod's table has a file of that name, in which - and _ are the same."""
    wanted = re.compile("(?:.*/)?" + re.sub("[-_]", "[-_]", name) + r"\.ko(?:\.\w+)?:.*")
    try:
        with open(f"{MODULES}/{os.uname().release}/modules.dep", encoding="ascii", errors="replace") as lines:
            return any(wanted.fullmatch(line.rstrip("\n")) for line in lines)
    except OSError:
        return False
