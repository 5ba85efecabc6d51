# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The monitor sandbox-netmon from outside: what it consists of, how it is called, what it says of itself.

It needs the Python that ran the module, and nothing else.
"""

from __future__ import annotations

import functools
import json
import os
import shlex
import signal
import time
from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from . import own_program
from .errors import ProgramError
from .own_program import directory_for, interpreter, program_files
from .processes import KnownProcess
from .systemd import exec_line

if TYPE_CHECKING:  # not executed, yet Ansible sends along what is imported here, and what that imports
    from .._netmon import main

    ENTRY = main.main

LAUNCHER = "/usr/local/sbin/sandbox-netmon"
NAME = "netmon"
PERSISTENT = "/var/lib/sandbox-network/netmon"
UNIT = "sandbox-netmon.service"
UNIT_FILE = f"/etc/systemd/system/{UNIT}"
MARK = "# The monitor of sandbox.network, written by its module netmon_service."
EXEC = "ExecStart="
SETTLING_SECONDS = 10.0


@functools.lru_cache(maxsize=1)
def monitor_files() -> Mapping[str, str]:
    """The program as this collection has it: its text by path, relative to its directory. Read once: plans ask
    for it again and again.
    """
    return MappingProxyType(program_files("_netmon.main", MARK))


def monitor_directory() -> str:
    """Where the program of this collection is installed."""
    return directory_for(NAME, monitor_files())


def files_in(directory: str) -> list[str]:
    """The configuration files of a directory, which may be missing."""
    try:
        return [f"{directory}/{name}" for name in sorted(os.listdir(directory)) if name.endswith(".json")]
    except (FileNotFoundError, NotADirectoryError):
        return []


def launcher(directory: str) -> str:
    """The text of the program in the search path."""
    return own_program.launcher(MARK, interpreter(directory, libraries=False))


def unit_text(command: list[str]) -> str:
    """The unit of systemd."""
    return f"""{MARK}
[Unit]
Description=Monitor of the networks of sandboxes

[Service]
Type=notify
{EXEC}{exec_line(command)}
ExecReload=/bin/kill -HUP $MAINPID
Restart=always
RestartSec=1
KillMode=mixed

[Install]
WantedBy=multi-user.target
"""


def words_of_unit(text: str) -> list[str]:
    """The command of such a unit; empty for one that is not ours."""
    lines = [line[len(EXEC) :] for line in text.splitlines() if line.startswith(EXEC)]
    return [one.replace("%%", "%").replace("$$", "$") for one in shlex.split(lines[0])] if lines else []


def problem_with_runtime(path: str) -> str | None:
    """What is wrong with a runtime that is to be called; empty for nothing, None when there is none."""
    from .._netmon.handover import Untrusted, refuse_untrusted

    try:
        refuse_untrusted(path)
    except FileNotFoundError:
        return None
    except (OSError, Untrusted) as error:
        return str(error)
    return "" if os.path.isfile(path) and os.access(path, os.X_OK) else f"{path} is not a program"


def read_status(path: str) -> dict[str, Any]:
    """What the monitor last said of all sandboxes; empty when it has said nothing."""
    try:
        with open(path, encoding="utf-8") as source:
            found = json.load(source)
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def settle(
    process: KnownProcess | None, status_file: str, wanted: Mapping[str, Mapping[str, Any]], unwanted: Collection[str]
) -> None:
    """Have a monitor read its configuration, and wait until it watches what is wanted as wanted.

    ``wanted``: the configuration by sandbox. What changes inside from then on is told to its runtime.
    Raises ProgramError.
    """
    deadline = time.monotonic() + SETTLING_SECONDS
    asked = False
    while True:
        if process is None or not process.alive:
            raise ProgramError("the monitor has ended; its log may tell why")
        if not asked:
            _ask(process)
            asked = True
        left = _missing(read_status(status_file), wanted, unwanted)
        if not left:
            return
        if time.monotonic() > deadline:
            raise ProgramError(f"the monitor does not follow its configuration: {left}")
        time.sleep(0.01)


def _missing(status: Mapping[str, Any], wanted: Mapping[str, Mapping[str, Any]], unwanted: Collection[str]) -> str:
    """What is not yet as it is to be; empty when all is. A namespace that has ended since is no reason to wait."""
    if "sandboxes" not in status:
        return "it has not said anything"
    watched = {one["id"]: one for one in status["sandboxes"]}
    for name, settings in wanted.items():
        one = watched.get(name)
        if one is None and name not in status["gone"]:
            return f"{name} is not watched"
        if one is not None and one["problem"] and one["state"] != "watched":
            return f"{name}: {one['problem']}"
        if one is not None and (one["state"] != "watched" or not settings.items() <= one["settings"].items()):
            return f"{name} is not watched as it is to be"
    for name in unwanted:
        if name in watched or name in status["gone"]:
            return f"{name} is still watched"
    return ""


def _ask(process: KnownProcess) -> None:
    try:
        descriptor = os.pidfd_open(process.pid)
        try:
            if process.alive:
                signal.pidfd_send_signal(descriptor, signal.SIGHUP)
        finally:
            os.close(descriptor)
    except ProcessLookupError:
        pass
