# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""What went wrong with state on disk, in one typed exception."""

from __future__ import annotations

import errno as errnos


class StoreError(Exception):
    """State on disk that cannot be read or written; the message names the file.

    ``errno`` is the number of the system's refusal, None where the content is wrong.
    """

    def __init__(self, message: str, errno: int | None = None) -> None:
        super().__init__(message)
        self.errno = errno


def refused(action: str, path: str, error: OSError, advice: str = "") -> StoreError:
    """A StoreError for a refusal of the system."""
    name = errnos.errorcode.get(error.errno or 0, str(error.errno))
    return StoreError(f"cannot {action} {path}: {name} ({error.strerror}){advice}", error.errno)
