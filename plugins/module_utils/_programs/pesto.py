# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""pesto, by which the forwards of a running pasta change (pesto(1), in passt since May 2026).

One rule for each call: those of 2026 do not take an addition after a deletion in one call. A rule
whose port is busy is accepted and never listened for, so whoever adds one looks afterwards.
"""

from __future__ import annotations

import re
import subprocess

from .errors import ProgramError, no_answer, refused
from .finding import ENVIRONMENT
from .slirp4netns import Forward

FLAGS = {"tcp": "--tcp-ports", "udp": "--udp-ports"}
RULE = re.compile(
    r"^\s+(?P<proto>TCP|UDP) (?:\[(?P<address>[^\]]*)\]|\*)?:?(?P<first>\d+)(?:-(?P<last>\d+))?\s+=>\s+(?P<to>\d+)",
    re.M,
)


def list_forwards(program: str, path: str, seconds: float) -> list[Forward]:
    """The inbound forwards of the pasta at a control socket, without guest addresses. Raises ProgramError."""
    inbound = _run(program, seconds, path).partition("SPLICE")[0]
    found = []
    for rule in RULE.finditer(inbound):
        first, to = int(rule["first"]), int(rule["to"])
        for offset in range(int(rule["last"] or first) - first + 1):
            address = rule["address"] or "0.0.0.0"
            found.append(Forward(rule["proto"].lower(), address, first + offset, "", to + offset))
    return found


def add_forward(program: str, path: str, forward: Forward, seconds: float) -> None:
    """Enter a forward; one that is there already stays. Raises ProgramError."""
    if not _is_there(program, path, forward, seconds):
        _run(program, seconds, "--add", FLAGS[forward.proto], specification(forward), path)


def remove_forward(program: str, path: str, forward: Forward, seconds: float) -> None:
    """Remove a forward; one that is not there is fine. Raises ProgramError."""
    if _is_there(program, path, forward, seconds):
        _run(program, seconds, "--delete", FLAGS[forward.proto], specification(forward), path)


def specification(forward: Forward) -> str:
    """A forward as passt and pesto take it (passt(1), --tcp-ports)."""
    return f"{forward.host_addr}/{forward.host_port}:{forward.guest_port}"


def _is_there(program: str, path: str, forward: Forward, seconds: float) -> bool:
    wanted = (*forward.host_side, forward.guest_port)
    return any((*one.host_side, one.guest_port) == wanted for one in list_forwards(program, path, seconds))


def _run(program: str, seconds: float, *words: str) -> str:
    try:
        done = subprocess.run(  # pylint: disable=ansible-bad-function
            [program, *words],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env=ENVIRONMENT,
            timeout=seconds,
            check=False,
        )
    except OSError as error:
        raise refused(f"running {program}", error) from None
    except subprocess.TimeoutExpired:
        raise no_answer(words[-1], seconds) from None
    if done.returncode:
        said = (done.stderr or done.stdout).decode("utf-8", "replace").strip()
        raise ProgramError(f"{program} {' '.join(words)}: {said}")
    return done.stdout.decode("utf-8", "replace")
