# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The fork server on a host with systemd: what it opens is that host itself, for it is thrown away as a whole."""

from __future__ import annotations

import mmap
import os

import server
import snapshot


class Itself(server.Host):
    """The host that this process is on."""

    @staticmethod
    def build(own_network: bool) -> None:
        assert not own_network
        os.makedirs(snapshot.PRIVATE, exist_ok=True)
        os.environ.update(server.ENVIRONMENT)


class Agent(server.Server):
    """Preloads, and serves on the host that is there."""

    def fork_host(self, message: server.Message) -> int:
        Itself(self.channel, self.control).serve(message)
        return 0


def main() -> None:
    """Start as server.py is started."""
    with open(server.MAP, "r+b") as file:
        control = mmap.mmap(file.fileno(), 0)
    Agent(server.Channel(), control).serve()
