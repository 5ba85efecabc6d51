# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""nft as a program: what it is asked, and what its complaints mean. A script stands in its place."""

from __future__ import annotations

import errno
import time
from pathlib import Path

import pytest

from ansible_collections.sandbox.network.plugins.module_utils._programs import nft
from ansible_collections.sandbox.network.plugins.module_utils._programs.errors import ProgramError


def put_in_place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, script: str) -> Path:
    """A program in the place of nft."""
    program = tmp_path / "nft"
    program.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setattr(nft, "find_program", lambda _name: str(program))
    return tmp_path


def test_a_batch_is_handed_over_as_it_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    place = put_in_place(monkeypatch, tmp_path, f'echo "$@" > {tmp_path}/words; cat > {tmp_path}/text')
    nft.run_batch("add table inet mine\n")
    assert (place / "words").read_text(encoding="utf-8") == "-f -\n"
    assert (place / "text").read_text(encoding="utf-8") == "add table inet mine\n"


def test_a_missing_table_is_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    put_in_place(monkeypatch, tmp_path, "echo 'Error: No such file or directory' >&2; exit 1")
    assert nft.list_table("inet", "mine") is None


def test_a_table_is_a_list_of_objects(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    put_in_place(monkeypatch, tmp_path, """echo '{"nftables": [{"metainfo": {}}, {"table": {"name": "mine"}}]}'""")
    assert nft.list_table("inet", "mine") == [{"metainfo": {}}, {"table": {"name": "mine"}}]


@pytest.mark.parametrize("answer", ["", "[]", "no json", '{"else": 1}'])
def test_an_answer_without_sense_is_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, answer: str) -> None:
    put_in_place(monkeypatch, tmp_path, f"echo '{answer}'")
    with pytest.raises(ProgramError, match="no JSON"):
        nft.list_table("inet", "mine")


def test_tables_are_listed_side_by_side(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    both = f"[ -e {tmp_path}/inet ] && [ -e {tmp_path}/bridge ]"
    answer = """echo '{"nftables": [{"table": {"family": "'$5'"}}]}'"""
    put_in_place(monkeypatch, tmp_path, f"touch {tmp_path}/$5\nuntil {both}; do sleep 0.01; done\n{answer}")
    with nft.Listing(("inet", "bridge"), "mine") as listing:
        for family in ("inet", "bridge"):
            assert listing.table(family) == [{"table": {"family": family}}]


def test_a_listing_that_nobody_waits_for_is_ended(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    place = put_in_place(
        monkeypatch, tmp_path, f"echo $$ > {tmp_path}/new; mv {tmp_path}/new {tmp_path}/pid; exec sleep 60"
    )
    with nft.Listing(("inet",), "mine"):
        while not (place / "pid").exists():
            time.sleep(0.01)
    assert not Path("/proc", (place / "pid").read_text(encoding="ascii").strip()).exists()


def test_a_program_that_is_missing_is_told_when_its_answer_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(_name: str) -> str:
        raise ProgramError("there is no program nft")

    monkeypatch.setattr(nft, "find_program", missing)
    with nft.Listing(("inet",), "mine") as listing, pytest.raises(ProgramError, match="package nftables"):
        listing.table("inet")


@pytest.mark.parametrize(
    ("said", "number"),
    [
        ("/dev/stdin:1:1-9: Error: Could not process rule: Device or resource busy\nadd rule x\n", errno.EBUSY),
        ("Error: Could not process rule: Operation not permitted", errno.EPERM),
        ("netlink: Error: cache initialization failed: Operation not permitted", errno.EPERM),
        ("/dev/stdin:1:1-3: Error: syntax error, unexpected string", None),
        ("", None),
    ],
)
def test_a_complaint_has_the_errno_of_the_kernel(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, said: str, number: int | None
) -> None:
    assert nft.errno_of(said) == number
    (tmp_path / "said").write_text(said, encoding="utf-8")
    put_in_place(monkeypatch, tmp_path, f"cat {tmp_path}/said >&2; exit 1")
    with pytest.raises(ProgramError) as error:
        nft.run_batch("add rule x\n")
    assert error.value.errno == number
    assert said.partition("\n")[0] in str(error.value)
    assert (errno.errorcode[number] if number else "nft") in str(error.value)


def test_a_nft_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    put_in_place(monkeypatch, tmp_path, "exec sleep 60")
    monkeypatch.setattr(nft, "SECONDS", 0.2)
    with pytest.raises(ProgramError, match="ETIMEDOUT"):
        nft.run_batch("")
