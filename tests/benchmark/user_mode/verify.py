# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Whether network and forwards are as they should be, looked at from outside."""

from __future__ import annotations

import subprocess
from collections.abc import Collection

from verify import ask

from user_mode.sandbox import HOST, INTERFACE, NAMESPACE, answers


def bad_network(*, runs: bool) -> list[str]:
    """The links of the namespace that are missing, or should not be there."""
    inside = {link["ifname"] for link in ask("-netns", NAMESPACE, "link")}
    return sorted(inside ^ ({"lo", INTERFACE} if runs else {"lo"}))


def bad_forwards(ports: Collection[int]) -> list[str]:
    """What nobody listens at, or should not be listened at; the first and the last forward must answer, too."""
    bad = _listened_at() ^ {f"{HOST}:{port}" for port in ports}
    ends = {min(ports), max(ports)} if ports else set()
    return sorted(bad) + [f"{port} does not answer" for port in sorted(ends) if not answers(port)]


def _listened_at() -> set[str]:
    listeners = subprocess.check_output(["ss", "--no-header", "--tcp", "--listening", "--numeric"], text=True)
    return {line.split()[3] for line in listeners.splitlines()}
