# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The command that a killed monitor was waiting for: it would tell an old state after our new one."""

from __future__ import annotations

import contextlib
import os
import select
import signal

MILLISECONDS = 1000


def end_orphans(path: str) -> None:
    """Kill the commands that were called with this hand-over file, and what they have started."""
    for name in os.listdir("/proc"):
        if not name.isdigit() or not _was_called_with(name, path):
            continue
        with contextlib.suppress(ProcessLookupError):
            descriptor = os.pidfd_open(int(name))
            try:
                if _was_called_with(name, path):  # still that process
                    os.killpg(os.getpgid(int(name)), signal.SIGKILL)
                    poll = select.poll()
                    poll.register(descriptor, select.POLLIN)
                    poll.poll(MILLISECONDS)
            finally:
                os.close(descriptor)


def _was_called_with(pid: str, path: str) -> bool:
    """Whether the words of a process end like those of a command: kata-network VERB SANDBOX FILE."""
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as source:
            words = source.read().split(b"\0")[:-1]
    except OSError:
        return False
    return words[-4:-3] == [b"kata-network"] and words[-1] == os.fsencode(path)
