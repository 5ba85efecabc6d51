# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""What went wrong with a program that was run or asked."""

from __future__ import annotations


class ProgramError(Exception):
    """A program that is missing, failed, or did not answer as it should; the text is for users.

    ``errno`` is the number of the system's error where there was one.
    """

    def __init__(self, text: str, errno: int | None = None) -> None:
        super().__init__(text)
        self.errno = errno
