# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Transient units of systemd, where it is the first process: of the system for root, else of the user."""

from __future__ import annotations

import os
import socket
import subprocess

from .errors import ProgramError
from .finding import ENVIRONMENT, find_program

RUNS = "/run/systemd/system"  # sd_booted(3)


def is_running() -> bool:
    """Whether systemd manages this host, and for a user, whether there is a manager of the user's."""
    if not os.path.isdir(RUNS):
        return False
    if os.geteuid() == 0:
        return True
    with socket.socket(socket.AF_UNIX) as connection:  # the file can be that of a manager that has ended
        return connection.connect_ex(f"/run/user/{os.geteuid()}/systemd/private") == 0


def unit_of(directory: str) -> str:
    """The name of the unit for a helper with that directory."""
    return f"sandbox-network-{os.path.basename(directory)}.service"


def start(unit: str, command: list[str], seconds: float) -> None:
    """Start a unit that says when it is ready, and comes back when it fails. Raises ProgramError."""
    properties = (
        "Type=notify",
        "NotifyAccess=main",
        "Restart=on-failure",
        "RestartSec=1",
        f"RestartPreventExitStatus={os.EX_UNAVAILABLE}",  # it was never ready
        "KillMode=mixed",
        "PrivateTmp=no",
        f"TimeoutStartSec={seconds:g}",
    )
    options = [f"--property={one}" for one in properties]
    said = "--description=User-mode network of a sandbox"
    _run("systemd-run", seconds + 10, "--collect", f"--unit={unit}", said, *options, "--", *command)


def stop(unit: str) -> None:
    """Stop a unit, which is then forgotten; an unknown one is fine. Raises ProgramError."""
    if _run("systemctl", 30, "show", "--property=LoadState", "--value", unit).strip() == "not-found":
        return
    _run("systemctl", 30, "stop", unit)
    _run("systemctl", 30, "reset-failed", unit, check=False)


def _run(name: str, seconds: float, *arguments: str, check: bool = True) -> str:
    program = find_program(name)
    own = [] if os.geteuid() == 0 else ["--user"]
    environment = dict(ENVIRONMENT)
    if own:
        environment["XDG_RUNTIME_DIR"] = f"/run/user/{os.geteuid()}"
    try:
        done = subprocess.run(  # pylint: disable=ansible-bad-function
            [program, *own, *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env=environment,
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise ProgramError(f"{name} {arguments[0]} did not end within {seconds:g} seconds") from None
    if check and done.returncode:
        raise ProgramError(f"{name}: {done.stderr.decode('utf-8', 'replace').strip()}")
    return done.stdout.decode("utf-8", "replace")
