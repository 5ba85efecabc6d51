# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Programs on the host: found in trusted places only, and asked what they can do."""

from __future__ import annotations

import functools
import os
import re
import stat
import subprocess
from typing import NamedTuple

from .errors import ProgramError, refused

# Whoever runs a task may have a PATH of their own, and become keeps it.
TRUSTED = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")
ENVIRONMENT = {"PATH": ":".join(TRUSTED), "LANG": "C.UTF-8"}
ANSWER_SECONDS = 10.0


class Program(NamedTuple):
    """An installed program: its path, the long options that it knows, and what is wrong with its age."""

    path: str
    options: frozenset[str]
    warning: str = ""


def find_program(name: str, given: str | None = None) -> str:
    """The absolute path of a program: the given one, or the first in the system's directories.

    Raises ProgramError for one that is missing, or that others could have replaced.
    """
    candidates = [given] if given else [os.path.join(directory, name) for directory in TRUSTED]
    for path in candidates:
        if os.path.isfile(path) and os.access(path, os.X_OK):
            refuse_foreign(path)
            return path
    where = given or f"in {', '.join(TRUSTED)}"
    raise ProgramError(f"there is no program {name} {where}; install the package of that name, or passt for pasta")


def read_options(path: str) -> frozenset[str]:
    """The long options that the help of a program names. Raises ProgramError."""
    return frozenset(re.findall(r"--([a-z0-9][a-z0-9-]*)", ask_program(path, "--help")))


@functools.lru_cache(maxsize=16)
def ask_program(path: str, *options: str) -> str:
    """What a program prints when it is asked something such as ``--help``. Raises ProgramError."""
    try:
        done = subprocess.run(  # pylint: disable=ansible-bad-function
            [path, *options],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=ENVIRONMENT,
            timeout=ANSWER_SECONDS,
            check=False,
        )
    except OSError as error:
        raise refused(f"running {path}", error) from None
    except subprocess.TimeoutExpired:
        raise ProgramError(f"{path} {' '.join(options)} did not end within {ANSWER_SECONDS:g} seconds") from None
    return done.stdout.decode("utf-8", "replace")


def refuse_foreign(path: str, used: str = "run") -> None:
    """A program runs with our rights, and as a configuration says: nobody else may be able to change
    either, nor the way to it. Raises ProgramError for what others could change, OSError.
    """
    for place in [*_way_to(path), *_way_to(os.path.realpath(path))]:
        status = os.lstat(place)
        if stat.S_ISLNK(status.st_mode):
            continue
        sticky = stat.S_ISDIR(status.st_mode) and status.st_mode & stat.S_ISVTX  # others cannot rename there
        if status.st_uid not in (0, os.geteuid()) or (status.st_mode & stat.S_IWOTH and not sticky):
            raise ProgramError(f"{path} is not {used}: others than root and this user can change {place}")


def _way_to(path: str) -> list[str]:
    """A path and all directories above it."""
    way = [path]
    while way[-1] != "/":
        way.append(os.path.dirname(way[-1]))
    return way
