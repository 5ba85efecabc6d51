# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""nft, by which nftables is spoken to (nft(8)): read as JSON, written as one batch, which is one transaction."""

from __future__ import annotations

import errno
import json
import os
import subprocess
from typing import Any

from .errors import ProgramError, no_answer, refused
from .finding import ENVIRONMENT, TRUSTED, find_program

SECONDS = 60.0
NAME = "nft"
ERRNOS = {os.strerror(number): number for number in errno.errorcode}
MISSING = f"there is no program nft in {', '.join(TRUSTED)}; install the package nftables"


def list_table(family: str, table: str) -> list[dict[str, Any]] | None:
    """A table as JSON, one object for each set, chain and rule; None when there is none. Protocols are numbers.

    Raises ProgramError.
    """
    try:
        printed = _run(["-j", "-p", "list", "table", family, table])
    except ProgramError as error:
        if error.errno == errno.ENOENT:
            return None
        raise
    try:
        found = json.loads(printed)["nftables"]
    except (ValueError, KeyError, TypeError):
        raise ProgramError(f"nft list table {family} {table} printed no JSON") from None
    return [dict(one) for one in found]


def list_text(family: str, table: str) -> str:
    """A table as nft reads it again. Raises ProgramError."""
    return _run(["list", "table", family, table])


def run_batch(text: str) -> None:
    """Carry commands out, all or none. Raises ProgramError with the kernel's errno where nft tells it."""
    _run(["-f", "-"], text)


def _run(words: list[str], text: str = "") -> str:
    try:
        program = find_program(NAME)
    except ProgramError as error:
        raise (ProgramError(MISSING) if "there is no program" in str(error) else error) from None
    what = "nft list" if "list" in words else "changing the table of sandboxes by nft"
    try:
        done = subprocess.run(  # pylint: disable=ansible-bad-function
            [program, *words],
            input=text.encode(),
            capture_output=True,
            env=ENVIRONMENT,
            timeout=SECONDS,
            check=False,
        )
    except OSError as error:
        raise refused(f"running {program}", error) from None
    except subprocess.TimeoutExpired:
        raise no_answer(program, SECONDS) from None
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip()
        number = errno_of(said)
        name = f"{errno.errorcode[number]}: " if number else ""
        first = said.splitlines()[0] if said else f"exit code {done.returncode}"
        raise ProgramError(f"{what}: {name}{first}", number)
    return done.stdout.decode("utf-8", "replace")


def errno_of(said: str) -> int | None:
    """The number of the error whose text the first line of a complaint ends with, None for none."""
    text = said.partition("\n")[0].rpartition(": ")[2].strip()
    return ERRNOS.get(text)
