# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""What every contestant forwards to: a server in a namespace, which listens before the clock starts."""

from __future__ import annotations

import os
import socket
import time
from multiprocessing import Process
from pathlib import Path

from cost import run
from libc import CLONE_NEWNET, check, libc

NAMESPACE, INTERFACE = "box", "tap0"
HOST, FIRST_PORT = "127.0.0.1", 20001
GUEST, GUEST_PORT = "10.0.2.100", 8080
ANSWER = b"1"
PATIENCE = 10.0  # seconds


def prepare(number: int, directory: Path) -> range:
    """The namespace and its server; the ports of the host that shall lead there."""
    run(("ip", "netns", "add", NAMESPACE), directory / "output")
    Process(target=_serve, args=(_listen_inside(),), daemon=True).start()
    return range(FIRST_PORT, FIRST_PORT + number)


def answers(port: int) -> bool:
    """Whether a connection to a port of the host is answered from inside."""
    try:
        with socket.create_connection((HOST, port), PATIENCE) as connection:
            return connection.recv(1) == ANSWER
    except OSError:
        return False


def wait_for_answer(port: int) -> None:
    """Connect until it is answered."""
    deadline = time.monotonic() + PATIENCE
    while not answers(port):
        if time.monotonic() > deadline:
            raise RuntimeError(f"port {port} does not answer")
        time.sleep(0.001)


def _listen_inside() -> socket.socket:
    home, inside = (os.open(path, os.O_RDONLY) for path in ("/proc/self/ns/net", f"/run/netns/{NAMESPACE}"))
    check(libc.setns(inside, CLONE_NEWNET))
    listener = socket.create_server(("", GUEST_PORT))
    check(libc.setns(home, CLONE_NEWNET))
    return listener


def _serve(listener: socket.socket) -> None:
    while True:
        connection, _peer = listener.accept()
        with connection:
            connection.sendall(ANSWER)
