# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""A host with systemd as a test sees it: what a Box can do, units, and who answers at a port."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from contextlib import contextmanager

from box import Box, Result
from promises.runner import Host, Servers
from systemd_machine import Machine, Session

# Elsewhere below /run, systemd itself writes all the time.
PLACES = ("/etc", "/run/netns", "/run/sandbox-network", "/run/systemd/transient", "/run/user", "/home")

SERVE = """
import socket
server = socket.create_server(("", 8080))
while True:
    server.accept()[0].send(b"hello")
"""
CONNECT = """
import socket, sys
print(socket.create_connection(("127.0.0.1", int(sys.argv[1])), 5).recv(99).decode())
"""
LIST = """
import socket, sys
with socket.socket(socket.AF_UNIX) as connection:
    connection.connect(sys.argv[1])
    connection.sendall(b'{"execute": "list_hostfwd"}')
    connection.shutdown(socket.SHUT_WR)
    print(connection.recv(65536).decode())
"""


class SystemdHost(Box):
    """A machine with systemd, for one of its users. The units are those of the user's own manager."""

    def __init__(self, host: Host, user: str) -> None:
        super().__init__(host)
        of_user = "XDG_RUNTIME_DIR=/run/user/$(id -u) systemctl --user"
        self.systemctl = "systemctl" if user == "root" else of_user

    def snapshot(self) -> Result:
        """Everything that matters."""
        return self.host.snapshot(*PLACES)

    def unlike(self, expected: Result) -> list[str]:
        """How the host differs from a snapshot."""
        return self.host.unlike(expected, *PLACES)

    def until(self, *conditions: str) -> None:
        """Wait some seconds until commands succeed, one after the other."""
        for one in conditions:
            self.sh(f"for _try in $(seq 200); do if {one}; then break; fi; sleep 0.02; done", one)

    def python(self, program: str, *arguments: str) -> str:
        """A shell command that runs a program in Python."""
        return shlex.join(["python3", "-c", program, *arguments])

    # ------------------------------------------------------------ units

    def units(self) -> list[str]:
        """The names of the units of helpers, whatever their state."""
        listed = self.sh(f"{self.systemctl} list-units --all --plain --no-legend 'sandbox-network-*'")
        return [line.split()[0] for line in listed.splitlines()]

    def show(self, unit: str, name: str) -> str:
        """A property of a unit."""
        return self.sh(f"{self.systemctl} show --property={name} --value {unit}").strip()

    # ------------------------------------------------------------ forwards

    def serve(self, *enter: str) -> None:
        """Let somebody answer at port 8080 of the namespace that these words enter."""
        words = shlex.join(enter)
        self.sh(f"{words} {self.python(SERVE)} &", f"until {words} ss -Hltn | grep -q :8080; do sleep 0.02; done")

    def answer(self, port: int) -> str:
        """What a port of the host answers."""
        return self.sh(self.python(CONNECT, str(port))).strip()

    def listed(self, api_socket: str) -> list[int]:
        """The ports that slirp4netns itself says it listens at."""
        told = json.loads(self.sh(self.python(LIST, api_socket)))
        return [entry["host_port"] for entry in told["entries"]]


@contextmanager
def session(machine: Machine, user: str) -> Iterator[SystemdHost]:
    """What a user can do on a machine."""
    servers = Servers(lambda _lane: Session(machine, user))
    try:
        with Host(machine.lane, servers=servers, network=False) as host:
            yield SystemdHost(host, user)
    finally:
        servers.close()
