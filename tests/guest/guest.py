# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The guest as a test sees it: a host whose network is the machine's own, with its physical links."""

from __future__ import annotations

from box import Args, Box, Result
from machine import NICS


class Guest(Box):
    """What a Box can do, in the first network namespace of a machine.

    After each test its files below /run and /etc, its processes and the namespaces that it named are
    gone. Links, addresses, routes and settings are not: a test takes away what it has made, or fails.
    """

    def module(self, name: str, args: Args, check: bool = False) -> Result:
        """The result of a module of the collection, whatever it is."""
        return self.run(name, args, check=check).result

    def nic(self, number: int) -> str:
        """The name of the link of a network card: 0 and 1 reach each other, 2 is on a cable of its own."""
        (name,) = self.sh(f"cd /sys/class/net; grep -lx {NICS[number].mac} */device/net/*/address").split()
        return name.split("/")[0]
