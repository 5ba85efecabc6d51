# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Units of systemd, where it is the first process: of the system for root, else of the user."""

from __future__ import annotations

import os
import shlex
import socket
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

from .errors import ProgramError
from .finding import ENVIRONMENT, find_program
from .processes import KnownProcess

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


def start(unit: str, command: list[str], seconds: float, description: str) -> None:
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
    said = (f"--unit={unit}", f"--description={description}")
    _run("systemd-run", seconds + 10, "--collect", *said, *options, "--", *command)


def stop(unit: str) -> None:
    """Stop a unit, which is then forgotten; an unknown one is fine. Raises ProgramError."""
    if _run("systemctl", 30, "show", "--property=LoadState", "--value", unit).strip() == "not-found":
        return
    _run("systemctl", 30, "stop", unit)
    _run("systemctl", 30, "reset-failed", unit, check=False)


@dataclass(frozen=True)
class Unit:
    """A unit that has a file: whether it runs, its main process (None for a foretold one), and whether it is
    started at boot.
    """

    active: bool = False
    enabled: bool = False
    process: KnownProcess | None = None


def read_unit(unit: str) -> Unit:
    """A unit as it is; one that is not known neither runs nor is enabled. Raises ProgramError."""
    names = ("ActiveState", "UnitFileState", "MainPID")
    text = _run("systemctl", 30, "show", *(f"--property={name}" for name in names), unit)
    found = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
    pid = int(found.get("MainPID") or 0)
    active = found.get("ActiveState") in ("active", "reloading")
    return Unit(active, found.get("UnitFileState") == "enabled", KnownProcess.of(pid) if active and pid else None)


def start_unit(unit: str) -> None:
    """Start a unit and wait until it is ready. Raises ProgramError with what it said."""
    _run("systemctl", 30, "reset-failed", unit, check=False)
    try:
        _run("systemctl", 100, "start", unit)
    except ProgramError as error:
        said = _run("systemctl", 30, "status", "--no-pager", "--lines=5", unit, check=False).splitlines()[-5:]
        raise ProgramError(f"{error}; {' | '.join(said)}") from None


def enable(unit: str) -> None:
    """Have a unit started at boot. Raises ProgramError."""
    _run("systemctl", 60, "enable", "--quiet", unit)


def disable(unit: str) -> None:
    """Have it started at boot no more. Raises ProgramError."""
    _run("systemctl", 60, "disable", "--quiet", unit)


def reload() -> None:
    """Have systemd read its unit files again. Raises ProgramError."""
    _run("systemctl", 60, "daemon-reload")


def exec_line(command: Sequence[str]) -> str:
    """A command as ExecStart= takes it (systemd.service(5)): nothing of it is expanded."""
    return " ".join(map(_word, command))


def _word(word: str) -> str:
    """A word as systemd reads it, which quotes other than a shell (systemd.syntax(7), systemd.service(5))."""
    text = word.replace("%", "%%").replace("$", "$$")
    if shlex.quote(text) == text:
        return text
    return '"{}"'.format(text.replace("\\", "\\\\").replace('"', '\\"'))


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
