# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""What the kernel answered when it refused, in one typed exception."""

from __future__ import annotations

import errno as errnos


class KernelError(Exception):
    """A request that the kernel refused.

    ``errno`` is the number, ``text`` what the kernel said in its extended
    acknowledgement (may be empty), ``action`` what was being tried, to what.
    """

    def __init__(self, errno: int, action: str = "", text: str = "") -> None:
        super().__init__(errno, action, text)
        self.errno = errno
        self.action = action
        self.text = text

    @property
    def name(self) -> str:
        """The symbolic name of the errno, such as ``EEXIST``."""
        if self.errno == errnos.EOPNOTSUPP:  # Python calls it ENOTSUP, the kernel does not
            return "EOPNOTSUPP"
        return errnos.errorcode.get(self.errno, str(self.errno))

    def while_doing(self, action: str) -> KernelError:
        """The same refusal, saying what was being tried."""
        return KernelError(self.errno, action, self.text)

    def __str__(self) -> str:
        answer = f"{self.name} ({self.text})" if self.text else self.name
        return f"{self.action}: {answer}" if self.action else answer


class UnstableRead(Exception):
    """The kernel's tables changed so often that no read of them was consistent."""


class NotANamespace(Exception):
    """A path that exists and is not a network namespace."""


class NoSuchNamespace(Exception):
    """A network namespace that does not exist."""
