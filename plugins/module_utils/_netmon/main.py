# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""sandbox-netmon: by hand inside a namespace with the flags of the original, or one for a whole host."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from .configuration import Directory
from .daemon import Daemon
from .handover import Untrusted
from .log import LEVELS, Log
from .sandbox import Settings

VERSION = "1.0.0"
NAME = "sandbox-netmon"
STORAGE = "/run/kata-containers/netmon/sbs"
USAGE = f"""Usage: {NAME} -s SANDBOX -r RUNTIME [-d] [-log LEVEL]
       {NAME} -config DIRECTORY [-status FILE] [-metrics FILE] [-d] [-log LEVEL]

Tell a container runtime what changes in the network of its sandboxes.

  -s SANDBOX     id of the sandbox in whose network namespace this runs
  -r RUNTIME     path of the runtime, which is called as
                 RUNTIME kata-network VERB SANDBOX FILE
  -config DIR    watch the sandboxes that the files in DIR describe
  -status FILE   keep the state of all sandboxes there, as JSON
  -metrics FILE  and there, for Prometheus
  -d             log everything
  -log LEVEL     debug, info, warn (default) or error
  -v, -version   show the version and exit
  -h, -help      show this and exit
"""


class Misused(Exception):
    """A command line that makes no sense."""


@dataclass
class Options:
    """What the command line says."""

    sandbox: str = ""
    runtime: str = ""
    directory: str = ""
    status: str = ""
    metrics: str = ""
    level: str = "warn"
    debug: bool = False
    storage: str = STORAGE
    buffer: int = 0
    ready: int = -1
    only: str = ""  # "help" or "version"


VALUES = {
    "s": "sandbox",
    "r": "runtime",
    "log": "level",
    "config": "directory",
    "status": "status",
    "metrics": "metrics",
    "storage": "storage",
    "buffer": "buffer",
    "ready-fd": "ready",
}
SWITCHES = {"h": "help", "help": "help", "v": "version", "version": "version"}


def parse(words: Sequence[str]) -> Options:
    """The options, in the manner of Go's flags: one dash or two, a value behind "=" or as the next word.

    Raises Misused.
    """
    options, rest = Options(), list(words)
    while rest:
        word = rest.pop(0)
        name, equals, value = word.lstrip("-").partition("=")
        if not word.startswith("-") or word.startswith("---"):
            raise Misused(f"unexpected {word!r}")
        if name in SWITCHES:
            options.only = SWITCHES[name]
        elif name == "d":
            options.debug = value != "false"
        elif name in VALUES:
            if not equals and not rest:
                raise Misused(f"flag needs an argument: -{name}")
            text = value if equals else rest.pop(0)
            number = isinstance(getattr(options, VALUES[name]), int)
            if number and not text.isdigit():
                raise Misused(f"-{name}: {text!r} is not a number")
            setattr(options, VALUES[name], int(text) if number else text)
        else:
            raise Misused(f"flag provided but not defined: -{name}")
    if not options.only:
        _check(options)
    return options


def _check(options: Options) -> None:
    if options.level not in LEVELS:
        raise Misused(f"-log: {options.level!r} is not one of {', '.join(LEVELS)}")
    if options.directory:
        if options.sandbox or options.runtime:
            raise Misused("-config cannot be given together with -s or -r")
        return
    if not options.sandbox:
        raise Misused("sandbox id is missing: -s")
    if "/" in options.sandbox or options.sandbox in (".", ".."):
        raise Misused(f"-s: {options.sandbox!r} is not an id")
    if not options.runtime:
        raise Misused("runtime path is missing: -r")


def main(words: Sequence[str]) -> int:
    """The program; its exit status."""
    try:
        options = parse(words)
    except Misused as problem:
        print(f"{problem}\n{USAGE}", file=sys.stderr, end="")
        return 1
    if options.only:
        print(USAGE if options.only == "help" else f"{NAME} version {VERSION}", end="" if options.only == "help" else "\n")
        return 0
    os.umask(0o027)
    log = Log(NAME, "debug" if options.debug else options.level)
    try:
        daemon = Daemon(
            _source(options, log),
            log,
            buffer=options.buffer,
            status_file=options.status,
            metrics_file=options.metrics,
        )
        return daemon.run(lambda: _tell_ready(options.ready))
    except (OSError, Untrusted) as error:
        log.error("cannot go on", error=error)
        return 1


def _source(options: Options, log: Log) -> Callable[[], list[Settings] | None]:
    if options.directory:
        return Directory(options.directory, log).changed
    runtime = os.path.abspath(options.runtime)
    alone = [Settings(id=options.sandbox, runtime_path=runtime, storage_dir=options.storage)]
    return lambda: alone


def _tell_ready(descriptor: int) -> None:
    if descriptor >= 0:
        os.write(descriptor, b"1")
        os.close(descriptor)
