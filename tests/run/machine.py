# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""What the machine must have: Debian packages and Python interpreters."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

# What the demo needs, and what the tests need besides.
DEMO_PACKAGES = (
    "curl",
    "iproute2",
    "python3-netaddr",
    "python3-pyroute2",
    "python3-venv",
)
TEST_PACKAGES = (
    *DEMO_PACKAGES,
    "busybox",
    "containernetworking-plugins",
    "gcc",
    "git",
    "iperf3",
    "iptables",
    "iputils-ping",
    "jq",
    "kmod",
    "libc6-dev",
    "mmdebstrap",
    "nftables",
    "openssh-client",
    "openssh-server",
    "passt",
    "qemu-system-x86",
    "shellcheck",
    "slirp4netns",
    "strace",
    "sudo",
    "systemd-container",
)

# Debian's own interpreter, which is lane "debian".
SYSTEM_PYTHON = Path("/usr/bin/python3")

POLICY = Path("/usr/sbin/policy-rc.d")


def install_packages(packages: tuple[str, ...]) -> None:
    """Install those Debian packages that are missing; without any, need no network."""
    missing = [name for name in packages if not _is_installed(name)]
    if not missing:
        return
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise SystemExit(f"Debian packages are missing that only root can install: {' '.join(missing)}")
    print(f"Installing Debian packages: {' '.join(missing)}", flush=True)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    with _no_service_started():
        for arguments in (["update"], ["install", "-y", "--no-install-recommends", *missing]):
            subprocess.run(
                ["apt-get", "-qq", *arguments],
                env=environment,
                check=True,
                stdout=subprocess.DEVNULL,
            )


def _is_installed(package: str) -> bool:
    query = ["dpkg-query", "-W", "-f", "${db:Status-Status}", package]
    with contextlib.suppress(FileNotFoundError):
        return subprocess.run(query, capture_output=True, text=True, check=False).stdout == "installed"
    return False


@contextlib.contextmanager
def _no_service_started() -> Iterator[None]:
    """Keep a freshly installed server from being started on the machine."""
    if POLICY.exists():
        yield
        return
    POLICY.write_text("#!/bin/sh\nexit 101\n", encoding="utf-8")
    POLICY.chmod(0o755)
    try:
        yield
    finally:
        POLICY.unlink()


def find_pythons() -> dict[str, Path]:
    """Find the interpreters that can make virtual environments, by version: {"3.11": Path(...)}.

    Debian's own come first, so that a developer's machine and a fresh one agree.
    """
    found: dict[str, Path] = {}
    for directory in _directories():
        for minor in range(9, 15):
            version = f"3.{minor}"
            candidate = directory / f"python{version}"
            if version not in found and candidate.is_file():
                real = _real_interpreter(candidate)
                if real:
                    found[version] = real
    return found


def _directories() -> list[Path]:
    directories = [Path("/usr/bin"), Path("/usr/local/bin")]
    homes = [
        os.environ.get("PYENV_ROOT", ""),
        "~/.pyenv",
        pwd.getpwuid(os.getuid()).pw_dir + "/.pyenv",
    ]
    for home in homes:
        if home:
            directories += sorted(Path(home).expanduser().glob("versions/*/bin"), reverse=True)
    directories += [Path(entry) for entry in os.environ.get("PATH", "").split(":") if entry]
    return list(dict.fromkeys(directories))


def _real_interpreter(candidate: Path) -> Path | None:
    """Ask the interpreter where it lies: a shim may stand for another file, or for none."""
    question = "import sys, venv, ensurepip\nprint(sys.executable if sys.prefix == sys.base_prefix else '')"
    answer = subprocess.run([str(candidate), "-c", question], capture_output=True, text=True, check=False)
    path = answer.stdout.strip()
    return Path(path) if answer.returncode == 0 and path else None
