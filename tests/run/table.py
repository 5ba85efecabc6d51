# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""What the runner prints."""

from __future__ import annotations

from steps import Result

TAIL = 60


def show_progress(result: Result) -> None:
    """Print one line when a step has ended, and the end of its log when it failed."""
    if result.failed:
        word = "FAILED"
    elif result.passed:
        word = "ok"
    else:
        word = "skipped"
    print(f"{word:8} {result.step.name} ({result.seconds:.0f} s)", flush=True)
    if result.failed and result.step.log.exists():
        lines = result.step.log.read_text(encoding="utf-8", errors="replace").splitlines()
        print(f"-------- the end of {result.step.log}")
        print("\n".join(f"    {line}" for line in lines[-TAIL:]))
        print("--------", flush=True)


def show_table(results: list[Result], facts: dict[str, str], seconds: float) -> None:
    """Print what was tested with what, a line for every step, and the closing line."""
    width = max(len(result.step.name) for result in results)
    print()
    for name, value in facts.items():
        print(f"{name:24} {value}")
    print(f"\n{'tier':{width}}  passed  failed  skipped  seconds")
    for result in results:
        counts = f"{result.passed:6}  {result.failed:6}  {result.skipped:7}  {result.seconds:7.1f}"
        print(f"{result.step.name:{width}}  {counts}")
        for note in result.notes:
            print(f"{'':{width}}  - {note}")
    passed = sum(result.passed for result in results)
    failed = sum(result.failed for result in results)
    print(f"\nTook {seconds / 60:.1f} minutes. Logs are in .build/logs.\n")
    print(f"{passed} passed, {failed} failed", flush=True)
