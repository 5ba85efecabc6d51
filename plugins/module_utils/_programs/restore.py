# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The program that makes sandboxes again after a boot, from outside: where it is, what it reads, when it runs."""

from __future__ import annotations

import functools
import os
from collections.abc import Mapping
from types import MappingProxyType

from . import own_program
from .own_program import directory_for, interpreter, program_files
from .systemd import exec_line

NAME = "restore"
ENTRY = "_services.restore"
DOCUMENTS = "/var/lib/sandbox-network/sandboxes"
LAUNCHER = "/usr/local/sbin/sandbox-network-restore"
UNIT = "sandbox-network-restore.service"
UNIT_FILE = f"/etc/systemd/system/{UNIT}"
MARK = "# Makes the sandboxes of sandbox.network again, written by its module restore_service."
JSON = ".json"

# What it waits for may change rules, settings and links of the host; what waits for it uses sandboxes.
AFTER = (
    "local-fs.target",
    "network.target",
    "systemd-modules-load.service",
    "systemd-sysctl.service",
    "systemd-udev-settle.service",
    "nftables.service",
    "firewalld.service",
    "ufw.service",
)
BEFORE = (
    "sandbox-netmon.service",
    "containerd.service",
    "crio.service",
    "docker.service",
    "libvirtd.service",
    "machines.target",
    "podman.service",
    "podman-restart.service",
)


@functools.lru_cache(maxsize=1)
def restore_files() -> Mapping[str, str]:
    """The program as this collection has it: its text by path. Read once. Raises ProgramError."""
    return MappingProxyType(program_files(ENTRY, MARK))


def restore_directory() -> str:
    """Where the program of this collection is installed."""
    return directory_for(NAME, restore_files())


def document_file(sandbox: str) -> str:
    """Where a sandbox is described."""
    return f"{DOCUMENTS}/{sandbox}{JSON}"


def document_files() -> list[str]:
    """The descriptions that are there, by name."""
    try:
        return [f"{DOCUMENTS}/{name}" for name in sorted(os.listdir(DOCUMENTS)) if name.endswith(JSON)]
    except (FileNotFoundError, NotADirectoryError):
        return []


def command() -> list[str]:
    """The words that make everything again."""
    return interpreter(restore_directory(), libraries=True)


def launcher() -> str:
    """The text of the program in the search path."""
    return own_program.launcher(MARK, command())


def unit_text() -> str:
    """The unit of systemd: it runs once, in each boot."""
    return f"""{MARK}
[Unit]
Description=Networks of sandboxes that outlive a reboot
After={" ".join(AFTER)}
Before={" ".join(BEFORE)}

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart={exec_line(command())}
TimeoutStartSec=600

[Install]
WantedBy=multi-user.target
"""
