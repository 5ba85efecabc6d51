# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""sandbox-netmon: by hand inside a namespace with the flags of the original, or one for a whole host."""

from __future__ import annotations

import contextlib
import os
import socket
import sys
from collections.abc import Sequence

from .command_line import NAME, USAGE, Misused, Options, parse
from .configuration import Directories
from .daemon import Daemon, Source
from .handover import Untrusted, refuse_untrusted
from .log import Log
from .sandbox import Settings

VERSION = "1.0.0"


def main(words: Sequence[str]) -> int:
    """The program; its exit status."""
    _open_standard_descriptors()
    try:
        options = parse(words)
    except Misused as problem:
        sys.stderr.write(f"{problem}\n{USAGE}")
        return 1
    if options.only:
        sys.stdout.write(USAGE if options.only == "help" else f"{NAME} version {VERSION}\n")
        return 0
    os.umask(0o027)
    log = Log(NAME, "debug" if options.debug else options.level)
    try:
        if options.ready >= 0:
            os.set_inheritable(options.ready, False)
        daemon = Daemon(
            _source(options, log),
            log,
            buffer=options.buffer,
            status_file=options.status,
            metrics_file=options.metrics,
        )
        return daemon.run(lambda: _tell_ready(options.ready), forget=not options.directories)
    except (OSError, Untrusted) as error:
        log.error("cannot go on", error=error)
        return 1


class _Alone:
    """The one sandbox whose namespace we were started in."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def changed(self, *, asked: bool = False) -> list[Settings] | None:
        return [self._settings] if asked else None


def _source(options: Options, log: Log) -> Source:
    """What is to be watched. Raises OSError, Untrusted for a runtime that cannot be called."""
    if options.directories:
        return Directories(options.directories, log)
    runtime = os.path.abspath(options.runtime)
    refuse_untrusted(runtime)
    return _Alone(Settings(id=options.sandbox, runtime_path=runtime, storage_dir=options.storage, log_level=log.level))


def _tell_ready(descriptor: int) -> None:
    """To whoever started us, if that still listens: a byte, or a notification of a service (sd_notify(3))."""
    if descriptor >= 0:
        with contextlib.suppress(BrokenPipeError):
            os.write(descriptor, b"1")
        os.close(descriptor)
    address = os.environ.get("NOTIFY_SOCKET", "")
    if address:
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as connection:
            connection.sendto(b"READY=1", "\0" + address[1:] if address.startswith("@") else address)


def _open_standard_descriptors() -> None:
    """Where they were closed nothing else may get their numbers: messages would go there."""
    while True:
        descriptor = os.open(os.devnull, os.O_RDWR)
        if descriptor > 2:
            os.close(descriptor)
            return
        os.set_inheritable(descriptor, True)
