# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The way from the LAN into a sandbox: what goes through, and how fast new connections are there."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import struct
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import Process
from pathlib import Path
from typing import Any

from libc import CLONE_NEWNET, check, libc

from firewall.host import CLIENT, GUEST_PORT

SECONDS = 3
CONNECTIONS = 5000
PAYLOAD = 64  # bytes of a UDP packet
PATIENCE = 5.0  # seconds
ANSWER = b"1"
RESET = struct.pack("=ii", 1, 0)
"""SO_LINGER that leaves no connection behind which waits for its end."""


def measure_path(netns: str, address: str, port: int) -> dict[str, float]:
    """From the client to a sandbox, by a place that leads to GUEST_PORT there.

    Bits per second of one TCP stream, packets per second of UDP that arrived, and connections per second that
    were opened, answered and closed one after the other.
    """
    with _answering(netns), _inside(CLIENT):
        before = time.monotonic()
        for _number in range(CONNECTIONS):
            _connect(address, port)
        connections = CONNECTIONS / (time.monotonic() - before)
    with _iperf_server(netns):
        stream = _iperf(address, port)
        packets = _iperf(address, port, "--udp", "--bandwidth", "0", "--length", str(PAYLOAD))
    received = packets["sum"]["packets"] - packets["sum"]["lost_packets"]
    return {
        "tcp": stream["sum_received"]["bits_per_second"],
        "udp": received / packets["sum"]["seconds"],
        "connections": connections,
    }


def answers(netns: str, address: str, port: int) -> bool:
    """Whether a server in a sandbox answers the client there."""
    with _answering(netns), _inside(CLIENT):
        try:
            _connect(address, port)
        except OSError:
            return False
        return True


def _connect(address: str, port: int) -> None:
    with socket.create_connection((address, port), PATIENCE) as connection:
        if connection.recv(1) != ANSWER:
            raise OSError("no answer")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)


@contextmanager
def _answering(netns: str) -> Iterator[None]:
    with _inside(netns):
        listener = socket.create_server(("", GUEST_PORT), backlog=1024)
    server = Process(target=_serve, args=(listener,), daemon=True)
    server.start()
    listener.close()
    yield
    server.kill()
    server.join()


def _serve(listener: socket.socket) -> None:
    while True:
        connection, _peer = listener.accept()
        with connection, contextlib.suppress(ConnectionError):
            connection.sendall(ANSWER)
            connection.recv(1)  # until the client has ended it


@contextmanager
def _inside(netns: str) -> Iterator[None]:
    home, inside = (os.open(path, os.O_RDONLY) for path in ("/proc/self/ns/net", f"/run/netns/{netns}"))
    check(libc.setns(inside, CLONE_NEWNET))
    try:
        yield
    finally:
        check(libc.setns(home, CLONE_NEWNET))
        os.close(inside)
        os.close(home)


def _iperf(address: str, port: int, *more: str) -> dict[str, Any]:
    command = ["ip", "netns", "exec", CLIENT, "iperf3", "--client", address, "--port", str(port)]
    done = subprocess.run(
        [*command, "--time", str(SECONDS), "--json", *more], stdout=subprocess.PIPE, check=False, text=True
    )
    found: dict[str, Any] = json.loads(done.stdout)
    if "error" in found:
        raise RuntimeError(f"iperf3: {found['error']}")
    end: dict[str, Any] = found["end"]
    return end


@contextmanager
def _iperf_server(netns: str) -> Iterator[None]:
    command = ["ip", "netns", "exec", netns, "iperf3", "--server", "--port", str(GUEST_PORT)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as server:
        deadline = time.monotonic() + PATIENCE
        while not _listens(server.pid):
            if time.monotonic() > deadline:
                raise RuntimeError("iperf3 does not listen")
            time.sleep(0.01)
        yield
        server.kill()


def _listens(pid: int) -> bool:
    tables = (Path(f"/proc/{pid}/net/{name}").read_text(encoding="ascii") for name in ("tcp", "tcp6"))
    fields = [line.split() for table in tables for line in table.splitlines()[1:]]
    return any(int(one[1].rpartition(":")[2], 16) == GUEST_PORT and one[3] == "0A" for one in fields)
