# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""PCI devices, read from a made-up sysfs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ansible_collections.sandbox.network.plugins.module_utils._kernel import pci
from ansible_collections.sandbox.network.plugins.module_utils._kernel.pci import (
    Neighbour,
    PciDevice,
    place_of,
    problem_with_driver,
    read_device,
)

FIRST, SECOND, BRIDGE = "0000:01:00.0", "0000:01:00.1", "0000:00:1c.0"


@pytest.fixture
def bus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two functions and the bridge before them, all in group 7."""
    monkeypatch.setattr(pci, "BUS", str(tmp_path))
    monkeypatch.setattr(pci, "MODULES", str(tmp_path / "modules"))
    group = tmp_path / "groups/7"
    (group / "devices").mkdir(parents=True)
    for bdf, kind, driver in (
        (FIRST, "0x020000", "e1000e"),
        (SECOND, "0x020000", ""),
        (BRIDGE, "0x060400", "pcieport"),
    ):
        device = tmp_path / "devices" / bdf
        device.mkdir(parents=True)
        for name, text in {"vendor": "0x8086", "device": "0x10d3", "class": kind, "driver_override": "(null)"}.items():
            (device / name).write_text(f"{text}\n")
        (device / "iommu_group").symlink_to(group)
        (group / "devices" / bdf).symlink_to(device)
        if driver:
            (tmp_path / "drivers" / driver).mkdir(parents=True)
            (device / "driver").symlink_to(tmp_path / "drivers" / driver)
    return tmp_path


def test_a_device(bus: Path) -> None:
    found = read_device(FIRST)
    neighbours = (Neighbour(BRIDGE, "pcieport", is_bridge=True), Neighbour(SECOND, ""))
    assert found == PciDevice(FIRST, "e1000e", "", "8086", "10d3", 7, neighbours)
    assert found.make == "8086 10d3"
    (bus / "devices" / SECOND / "driver_override").write_text("vfio-pci\n")
    second = read_device(SECOND)
    assert second is not None and (second.driver, second.override) == ("", "vfio-pci")


def test_virtual_functions(bus: Path) -> None:
    (bus / "devices" / FIRST / "sriov_numvfs").write_text("4\n")
    found = read_device(FIRST)
    assert found is not None and found.functions == 4


def test_no_iommu(bus: Path) -> None:
    (bus / "devices" / FIRST / "iommu_group").unlink()
    found = read_device(FIRST)
    assert found is not None and found.group is None and found.neighbours == ()


@pytest.mark.usefixtures("bus")
def test_no_device() -> None:
    assert read_device("0000:09:00.0") is None


@pytest.mark.parametrize(
    ("device", "place"),
    [
        ("pci/0000:01:00.0", "0000:01:00.0"),
        ("pci/10000:e1:00.7", "10000:e1:00.7"),
        ("pci/../../etc", ""),
        ("virtio/virtio0", ""),
        ("usb/1-1:1.0", ""),
        ("", ""),
    ],
)
def test_places(device: str, place: str) -> None:
    assert place_of(device) == place


def test_drivers(bus: Path) -> None:
    assert problem_with_driver("e1000e") == ""
    assert "no driver of this kernel" in problem_with_driver("vfio-pci")
    table = bus / "modules" / os.uname().release / "modules.dep"
    table.parent.mkdir(parents=True)
    table.write_text("kernel/drivers/vfio/pci/vfio-pci.ko.xz: kernel/drivers/vfio/vfio.ko.xz\nkernel/a/xvfio.ko:\n")
    assert problem_with_driver("vfio-pci") == "is not loaded; modprobe vfio-pci"
    assert problem_with_driver("vfio_pci") == "is not loaded; modprobe vfio_pci"
    assert "no driver of this kernel" in problem_with_driver("vfio")
