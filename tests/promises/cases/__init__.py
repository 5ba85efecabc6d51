# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The list of promise cases, in a file for each module."""

from __future__ import annotations

from promises.cases.case import Args, Case, Step
from promises.cases.cni import CNI
from promises.cases.device import MOVE
from promises.cases.endpoint import ENDPOINT
from promises.cases.firewall import FIREWALL
from promises.cases.lease import LEASE
from promises.cases.link import LINK
from promises.cases.netmon import NETMON
from promises.cases.netns import NETNS
from promises.cases.reading import READING
from promises.cases.restore import RESTORE
from promises.cases.rootless import ROOTLESS
from promises.cases.slirp import SLIRP

__all__ = ["CASES", "Args", "Case", "Step", "named"]

CASES: list[Case] = [
    *NETNS,
    *LINK,
    *MOVE,
    *ENDPOINT,
    *LEASE,
    *SLIRP,
    *CNI,
    *RESTORE,
    *ROOTLESS,
    *NETMON,
    *FIREWALL,
    *READING,
]


def named(name: str) -> Case:
    """The case of a name."""
    return next(case for case in CASES if case.name == name)
