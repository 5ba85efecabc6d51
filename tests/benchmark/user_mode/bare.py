# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The bare script: slirp4netns, called as the module calls it, and its API socket. No look before or afterwards."""

from __future__ import annotations

import json
import os
import socket
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from user_mode.sandbox import GUEST, GUEST_PORT, HOST, INTERFACE, NAMESPACE


class Bare:
    """A network and its forwards; the requests that enter them are encoded before the clock starts."""

    def __init__(self, ports: Sequence[int], directory: Path) -> None:
        self._socket = str(directory / "api.sock")
        self._log = directory / "log"
        self._adding = [_request("add_hostfwd", _forward(port)) for port in ports]
        self._ids: list[int] = []
        self._leave = -1

    def start(self) -> None:
        """Start slirp4netns, in a mount namespace of its own, and wait until it is ready."""
        ready, ready_inside = os.pipe()
        leave_inside, self._leave = os.pipe()
        command = _command(ready_inside, leave_inside, self._socket)
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                pass_fds=(ready_inside, leave_inside),
            )
        for inside in (ready_inside, leave_inside):
            os.close(inside)
        if os.read(ready, 1) != b"1":
            raise RuntimeError("slirp4netns did not become ready")

    def stop(self) -> None:
        """End it."""
        os.close(self._leave)
        self._process.wait()

    def add(self) -> None:
        """Enter all forwards."""
        self._ids = [self._ask(request)["id"] for request in self._adding]

    def remove(self) -> None:
        """Take them out again."""
        for one in self._ids:
            self._ask(_request("remove_hostfwd", {"id": one}))

    def _ask(self, request: bytes) -> dict[str, Any]:
        """One request, which is a connection of its own."""
        reply = b""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.connect(self._socket)
            connection.sendall(request)
            connection.shutdown(socket.SHUT_WR)
            while chunk := connection.recv(4096):
                reply += chunk
        answer: dict[str, Any] = json.loads(reply)["return"]
        return answer


def _command(ready: int, leave: int, api_socket: str) -> list[str]:
    slirp4netns = ["slirp4netns", "--configure", "--mtu=65520", "--cidr=10.0.2.0/24"]
    slirp4netns += [f"--ready-fd={ready}", f"--exit-fd={leave}", f"--api-socket={api_socket}"]
    slirp4netns += ["--disable-host-loopback", "--enable-sandbox", "--enable-seccomp"]
    slirp4netns += ["--netns-type=path", f"/run/netns/{NAMESPACE}", INTERFACE]
    return ["unshare", "--mount", "--propagation", "slave", *slirp4netns]


def _forward(port: int) -> dict[str, Any]:
    return {"proto": "tcp", "host_addr": HOST, "host_port": port, "guest_addr": GUEST, "guest_port": GUEST_PORT}


def _request(name: str, arguments: dict[str, Any]) -> bytes:
    return json.dumps({"execute": name, "arguments": arguments}).encode()
