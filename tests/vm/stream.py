# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""stream.py HOST receive|send: the rate of a TCP stream from or to a virtual machine, in Mbit/s.

The beginning is left out: buffers fill, and what a limit saved up is used up.
"""

from __future__ import annotations

import contextlib
import socket
import sys
import time

WARM_UP, SECONDS, TRIES = 0.7, 2.0, 50
SMALL = 1 << 16  # what is in buffers was not sent yet


def connect(host: str, port: int) -> socket.socket:
    """A connection; what listens may be busy with the end of the one before."""
    for _try in range(TRIES):
        stream = socket.socket()
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SMALL)
        stream.settimeout(20)
        with contextlib.suppress(ConnectionRefusedError):
            stream.connect((host, port))
            return stream
        stream.close()
        time.sleep(0.1)
    raise SystemExit(f"nobody listens at {host} port {port}")


def measure(stream: socket.socket, direction: str) -> float:
    """Mbit/s of payload."""
    buffer = bytearray(SMALL)
    start = time.monotonic() + WARM_UP
    amount = 0
    while True:
        size = stream.send(buffer) if direction == "send" else stream.recv_into(buffer)
        now = time.monotonic()
        if not size:
            raise SystemExit("the stream ended early")
        if now >= start:
            amount += size
        if now >= start + SECONDS:
            return amount * 8 / (now - start) / 1e6


def main() -> None:
    """One measurement."""
    host, direction = sys.argv[1:]
    if direction == "send":
        stream = connect(host, 9)
    else:
        stream = connect(host, 80)
        stream.sendall(b"GET /zeros HTTP/1.0\r\n\r\n")
    with stream:
        print(f"{measure(stream, direction):.2f}")


if __name__ == "__main__":
    main()
