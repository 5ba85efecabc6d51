# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Debian with systemd for the tier `systemd`: a directory that is made once, and that tests never write to."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

from paths import SYSTEMD_TREE

PACKAGES = (
    "dbus",
    "dbus-user-session",
    "iproute2",
    "libpam-systemd",
    "nftables",
    "passt",
    "procps",
    "python3",
    "python3-netaddr",
    "python3-pyroute2",
    "slirp4netns",
    "systemd",
    "systemd-sysv",
)
LEFT_OUT = ("/usr/share/doc/*", "/usr/share/locale/*", "/usr/share/man/*")
USER = "tester"

MAKE = (
    *("mmdebstrap", "--quiet", "--variant=minbase", f"--include={','.join(PACKAGES)}"),
    *(f"--dpkgopt=path-exclude={pattern}" for pattern in LEFT_OUT),
    f'--customize-hook=chroot "$1" useradd --create-home {USER}',
)


def make_tree() -> None:
    """Put the tree below .build, unless it is there; `make clean` lets a newer one in."""
    wanted = "\n".join(MAKE)
    stamp = SYSTEMD_TREE.with_name("made-from.txt")
    if SYSTEMD_TREE.is_dir() and stamp.is_file() and stamp.read_text(encoding="utf-8") == wanted:
        return
    print("Making a Debian with systemd", flush=True)
    shutil.rmtree(SYSTEMD_TREE, ignore_errors=True)
    SYSTEMD_TREE.parent.mkdir(parents=True, exist_ok=True)
    sources = _sources()
    if not sources:  # it is the package lists that say which sources are Debian's
        subprocess.run(["apt-get", "-qq", "update"], check=True, stdout=subprocess.DEVNULL)
        sources = _sources()
    with tempfile.TemporaryDirectory(dir=SYSTEMD_TREE.parent) as name:
        tree = Path(name) / "tree"
        # The suite is named by the sources, which it reads from its standard input.
        subprocess.run([*MAKE, "", str(tree), "-"], input=sources, text=True, check=True)
        tree.rename(SYSTEMD_TREE)
    stamp.write_text(wanted, encoding="utf-8")


def _sources() -> str:
    """Where this machine has its own Debian packages from, as lines of sources.list(5)."""
    line = "deb $(REPO_URI) $(CODENAME) $(COMPONENT)"
    command = ["apt-get", "indextargets", "--format", line, "Created-By: Packages", "Origin: Debian"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout
