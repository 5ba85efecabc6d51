# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""What went wrong with a program that was run or asked."""

from __future__ import annotations

import errno as errnos


class ProgramError(Exception):
    """A program that is missing, failed, or did not answer as it should; the text is for users.

    ``errno`` is the number of the system's error where there was one.
    """

    def __init__(self, text: str, errno: int | None = None) -> None:
        super().__init__(text)
        self.errno = errno


def refused(action: str, error: OSError) -> ProgramError:
    """What the system refused, with the name of its error."""
    name = errnos.errorcode.get(error.errno or 0, str(error.errno))
    return ProgramError(f"{action}: {name} ({error.strerror or error})", error.errno)


def no_answer(who: str, seconds: float) -> ProgramError:
    """Somebody who was asked something and said nothing in time."""
    return ProgramError(f"{who} did not answer within {seconds:g} seconds (ETIMEDOUT)", errnos.ETIMEDOUT)
