# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The command line of sandbox-netmon: the flags of the original monitor, and those for a whole host."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from .log import LEVELS

NAME = "sandbox-netmon"
STORAGE = "/run/kata-containers/netmon/sbs"
USAGE = f"""Usage: {NAME} -s SANDBOX -r RUNTIME [-d] [-log LEVEL]
       {NAME} -config DIRECTORY [-status FILE] [-metrics FILE] [-d] [-log LEVEL]

Tell a container runtime what changes in the network of its sandboxes.

  -s SANDBOX     id of the sandbox in whose network namespace this runs
  -r RUNTIME     path of the runtime, which is called as
                 RUNTIME kata-network VERB SANDBOX FILE
  -config DIR    watch the sandboxes that the files in DIR describe; can be given several times
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
    directories: list[str] = field(default_factory=list)
    status: str = ""
    metrics: str = ""
    level: str = "warn"
    debug: bool = False
    storage: str = STORAGE
    buffer: int = 0
    ready: int = -1
    only: str = ""
    """``help`` or ``version``: nothing else is to be done."""


VALUES = {
    "s": "sandbox",
    "r": "runtime",
    "log": "level",
    "config": "directories",
    "status": "status",
    "metrics": "metrics",
    "storage": "storage",
    "buffer": "buffer",
    "ready-fd": "ready",
}
OTHER_LEVELS = {"trace": "debug", "warning": "warn", "fatal": "error", "panic": "error"}
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
            _enter(options, name, text)
        else:
            raise Misused(f"flag provided but not defined: -{name}")
    if not options.only:
        _check(options)
    return options


def _enter(options: Options, name: str, text: str) -> None:
    former = getattr(options, VALUES[name])
    if isinstance(former, list):
        former.append(text)
    elif isinstance(former, int):
        if not text.isdigit():
            raise Misused(f"-{name}: {text!r} is not a number")
        setattr(options, VALUES[name], int(text))
    else:
        setattr(options, VALUES[name], text)


def _check(options: Options) -> None:
    options.level = OTHER_LEVELS.get(options.level, options.level)
    if options.level not in LEVELS:
        raise Misused(f"-log: {options.level!r} is not one of {', '.join(LEVELS)}")
    if options.directories:
        if options.sandbox or options.runtime:
            raise Misused("-config cannot be given together with -s or -r")
        return
    if not options.sandbox:
        raise Misused("sandbox id is missing: -s")
    if not is_id(options.sandbox):
        raise Misused(f"-s: {options.sandbox!r} is not an id")
    if not options.runtime:
        raise Misused("runtime path is missing: -r")


def is_id(text: str) -> bool:
    """Whether a sandbox can be called so: one word of a command that is no option of it, and a directory's name."""
    return text not in ("", ".", "..") and "/" not in text and not text.startswith("-") and text.isprintable()
