# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""One contestant on one throw-away host: forwards with their network, or added to one; look, take them back, look."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from cost import Phases, measured, phases_of
from ours import Modules, measure_task

from user_mode.bare import Bare
from user_mode.ours import Forwards
from user_mode.sandbox import NAMESPACE, prepare, wait_for_answer
from user_mode.verify import bad_forwards, bad_network

SCRATCH = Path(os.environ["TMPDIR"])


def measure_bare(number: int, _python: str) -> Phases:
    """A bare script: slirp4netns with forwards. Without the processor time of slirp4netns, which outlives the phase."""
    ports = prepare(number, SCRATCH)
    bare = Bare(ports, SCRATCH)
    bad = bad_network(runs=False) + bad_forwards(())
    with measured() as start:
        with measured() as ready:
            bare.start()
        bare.add()
        wait_for_answer(ports[-1])
    bad += bad_network(runs=True) + bad_forwards(ports)
    with measured() as stop:
        bare.stop()
    bad += bad_network(runs=False) + bad_forwards(())
    return {**phases_of({"ready": ready, "start": start, "stop": stop}, bad), "program": _version()}


def measure_ours(number: int, python: str) -> Phases:
    """The collection: the network with its forwards; what the module costs that has nothing to do is taken off."""
    ports = prepare(number, SCRATCH)

    def bad_when(state: str) -> list[str]:
        runs = state == "present"
        return bad_network(runs=runs) + bad_forwards(ports if runs else ())

    return measure_task(Forwards(_modules(python), "slirp_network", ports), "start", "stop", bad_when)


def measure_bare_portfwd(number: int, _python: str) -> Phases:
    """A bare script: forwards, to a network that runs."""
    ports = prepare(number, SCRATCH)
    bare = Bare(ports, SCRATCH)
    bare.start()
    bad = bad_network(runs=True) + bad_forwards(())
    with measured() as add:
        bare.add()
        wait_for_answer(ports[-1])
    bad += bad_forwards(ports)
    with measured() as remove:
        bare.remove()
    bad += bad_network(runs=True) + bad_forwards(())
    bare.stop()
    return phases_of({"add": add, "remove": remove}, bad)


def measure_portfwd(number: int, python: str) -> Phases:
    """The collection: the same."""
    ports = prepare(number, SCRATCH)
    modules = _modules(python)
    modules.run("slirp_network", {"netns": NAMESPACE})

    def bad_when(state: str) -> list[str]:
        return bad_network(runs=True) + bad_forwards(ports if state == "present" else ())

    return measure_task(Forwards(modules, "slirp_portfwd", ports), "add", "remove", bad_when)


def _modules(python: str) -> Modules:
    return Modules(python, os.environ["SANDBOX_COLLECTIONS"], os.environ["SANDBOX_ANSIBLE_LIB"], SCRATCH)


def _version() -> str:
    lines = subprocess.check_output(["slirp4netns", "--version"], text=True).splitlines()
    return ", ".join(line for line in lines if line.startswith(("slirp4netns", "libslirp")))


CONTESTANTS = {
    "bare": measure_bare,
    "ours": measure_ours,
    "bare portfwd": measure_bare_portfwd,
    "portfwd": measure_portfwd,
}
