# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""nft, by which nftables is spoken to (nft(8)): read as JSON, written as one batch, which is one transaction."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import subprocess
from collections.abc import Iterable
from typing import Any

from .errors import ProgramError, no_answer, refused
from .finding import ENVIRONMENT, TRUSTED, find_program

SECONDS = 60.0
NAME = "nft"
ERRNOS = {os.strerror(number): number for number in errno.errorcode}
MISSING = f"there is no program nft in {', '.join(TRUSTED)}; install the package nftables"


class Listing:
    """Tables that nft lists, each by a process of its own, while something else is read. A context: whatever
    still runs at its end is ended.
    """

    def __init__(self, families: Iterable[str], table: str) -> None:
        self._families = families
        self._table = table
        self._calls: dict[str, _Call] = {}

    def __enter__(self) -> Listing:
        with contextlib.suppress(ProgramError):  # which whoever asks for the answer is told
            for family in self._families:
                self._calls[family] = _Call(_listing(family, self._table))
        return self

    def __exit__(self, *_error: object) -> None:
        for call in self._calls.values():
            call.end()

    def table(self, family: str) -> list[dict[str, Any]] | None:
        """A table as JSON, as ``list_table`` has it. Raises ProgramError."""
        call = self._calls.get(family) or _Call(_listing(family, self._table))
        return _listed(call, family, self._table)


def list_table(family: str, table: str) -> list[dict[str, Any]] | None:
    """A table as JSON, one object for each set, chain and rule; None when there is none. Protocols are numbers.

    Raises ProgramError.
    """
    with Listing((family,), table) as listing:
        return listing.table(family)


def _listing(family: str, table: str) -> list[str]:
    return ["-j", "-p", "list", "table", family, table]


def _listed(call: _Call, family: str, table: str) -> list[dict[str, Any]] | None:
    try:
        printed = call.answer()
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
    call = _Call(words)
    try:
        return call.answer(text)
    finally:
        call.end()


class _Call:
    """A process of nft, which has begun. Raises ProgramError."""

    def __init__(self, words: list[str]) -> None:
        try:
            self._program = find_program(NAME)
        except ProgramError as error:
            raise (ProgramError(MISSING) if "there is no program" in str(error) else error) from None
        self._what = "nft list" if "list" in words else "changing the table of sandboxes by nft"
        try:
            self._process = subprocess.Popen(  # pylint: disable=ansible-bad-function,consider-using-with
                [self._program, *words],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=ENVIRONMENT,
            )
        except OSError as error:
            raise refused(f"running {self._program}", error) from None

    def answer(self, text: str = "") -> str:
        """What it prints when it is told a text. Raises ProgramError."""
        try:
            printed, complaint = self._process.communicate(text.encode(), SECONDS)
        except OSError as error:
            raise refused(f"running {self._program}", error) from None
        except subprocess.TimeoutExpired:
            raise no_answer(self._program, SECONDS) from None
        if self._process.returncode:
            said = complaint.decode("utf-8", "replace").strip()
            number = errno_of(said)
            name = f"{errno.errorcode[number]}: " if number else ""
            first = said.splitlines()[0] if said else f"exit code {self._process.returncode}"
            raise ProgramError(f"{self._what}: {name}{first}", number)
        return printed.decode("utf-8", "replace")

    def end(self) -> None:
        """End it if it still runs, and close what leads to it."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()


def errno_of(said: str) -> int | None:
    """The number of the error whose text the first line of a complaint ends with, None for none."""
    text = said.partition("\n")[0].rpartition(": ")[2].strip()
    return ERRNOS.get(text)
