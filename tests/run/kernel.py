# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Debian's kernel for the machines of the tiers `guest` and `vm`: fetched and unpacked, never installed."""

from __future__ import annotations

import lzma
import os
import shutil
import struct
import subprocess
import tempfile
from pathlib import Path

from paths import KERNEL

# With what these need. Those of link kinds are loaded by the kernel itself, at the first link.
MODULES = (
    "8021q",
    "act_mirred",
    "bonding",
    "br_netfilter",
    "bridge",
    "cls_matchall",
    "cls_u32",
    "dummy",
    "e1000e",
    "ifb",
    "ipvlan",
    "ipvtap",
    "macvlan",
    "macvtap",
    "overlay",
    "sch_fq",
    "sch_htb",
    "sch_ingress",
    "sch_netem",
    "sch_prio",
    "sch_sfq",
    "sch_tbf",
    "tun",
    "veth",
    "vfio-pci",
    "vfio_iommu_type1",
    "virtio_console",
    "virtio_net",
    "virtio_pci",
    "vrf",
    "vxlan",
)

# The setup header of a bzImage, as Documentation/arch/x86/boot.rst of the kernel has it.
SETUP_SECTORS, PAYLOAD_OFFSET, PAYLOAD_LENGTH = 0x1F1, 0x248, 0x24C
XZ = b"\xfd7zXZ"


def fetch_kernel() -> None:
    """Put kernel and modules below .build, unless they are there; `make clean` lets a newer one in."""
    wanted = "\n".join(MODULES)
    stamp = KERNEL / "made-from.txt"
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == wanted:
        return
    print("Fetching the kernel of the guest", flush=True)
    shutil.rmtree(KERNEL, ignore_errors=True)
    KERNEL.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=KERNEL.parent) as name:
        whole, reduced = Path(name) / "whole", Path(name) / "reduced"
        subprocess.run(["dpkg-deb", "--extract", str(_download(Path(name))), str(whole)], check=True)
        (release,) = os.listdir(whole / "lib/modules")
        _copy_modules(whole, reduced, release)
        image = (whole / "boot" / f"vmlinuz-{release}").read_bytes()
        (reduced / "kernel").write_bytes(_unpacked(image))
        (reduced / "made-from.txt").write_text(wanted, encoding="utf-8")
        reduced.rename(KERNEL)


def kernel_release() -> str:
    """Return what the guest's kernel calls itself."""
    return next(iter(os.listdir(KERNEL / "lib/modules")), "none")


def _download(directory: Path) -> Path:
    """Download the package that Debian's meta package stands for; its file."""
    try:
        _apt_get_download(directory)
    except (subprocess.CalledProcessError, StopIteration):
        # No package lists, or older ones than the mirror's.
        subprocess.run(["apt-get", "-qq", "update"], check=True, stdout=subprocess.DEVNULL)
        _apt_get_download(directory)
    return next(directory.glob("linux-image-*.deb"))


def _apt_get_download(directory: Path) -> None:
    listed = subprocess.run(["apt-cache", "depends", "linux-image-amd64"], capture_output=True, text=True, check=True)
    words = listed.stdout.split()
    package = next(word for word in words[1:] if word.startswith("linux-image-"))
    # It downloads as root, for the directory is root's; and says so, which is of no interest.
    command = ["apt-get", "-qq", "-o", "APT::Sandbox::User=root", "download", package]
    subprocess.run(command, cwd=directory, check=True, stdout=subprocess.DEVNULL)


def _copy_modules(whole: Path, reduced: Path, release: str) -> None:
    """Copy the modules that are wanted and those that they need, with the lists that modprobe reads."""
    subprocess.run(["depmod", "--basedir", str(whole), release], check=True)
    source, target = (root / "lib/modules" / release for root in (whole, reduced))
    needs: dict[str, list[str]] = {}
    for line in (source / "modules.dep").read_text(encoding="utf-8").splitlines():
        path, _colon, others = line.partition(":")
        needs[Path(path).stem.replace("-", "_")] = [path, *others.split()]
    for path in sorted({path for name in MODULES for path in needs[name.replace("-", "_")]}):
        (target / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source / path, target / path)
    for name in ("modules.builtin", "modules.builtin.modinfo", "modules.order"):
        shutil.copyfile(source / name, target / name)
    subprocess.run(["depmod", "--basedir", str(reduced), release], check=True)


def _unpacked(image: bytes) -> bytes:
    """Return the ELF file inside a bzImage, which an emulated processor would unpack slowly."""
    start = ((image[SETUP_SECTORS] or 4) + 1) * 512 + struct.unpack_from("<I", image, PAYLOAD_OFFSET)[0]
    payload = image[start : start + struct.unpack_from("<I", image, PAYLOAD_LENGTH)[0]]
    # The decompressor stops where the archive ends: four bytes with its unpacked size follow.
    return lzma.LZMADecompressor().decompress(payload) if payload.startswith(XZ) else image
