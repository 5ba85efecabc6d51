# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The namespace that the option netns names: there, not there, or not what it should be."""

from __future__ import annotations

from .._engine.errors import TaskError
from .._kernel.errors import NotANamespace
from .._kernel.namespaces import Identity, identify, own_identity


def identify_given(path: str) -> Identity | None:
    """The identity of a namespace that the option netns names, None when it is missing. Raises TaskError."""
    try:
        return identify(path)
    except NotANamespace as error:
        raise TaskError(f"netns: {error}") from None


def identify_sandbox(path: str) -> Identity | None:
    """The same for that of a sandbox, which is another one than Ansible's own. Raises TaskError."""
    identity = identify_given(path)
    if identity is not None and identity == own_identity():
        raise TaskError(f"netns: {path} is the namespace Ansible itself runs in")
    return identity
