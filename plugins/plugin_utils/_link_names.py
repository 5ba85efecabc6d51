# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Names and MAC addresses of links that follow from what the links are for.

This file is private to the collection: it may change without notice.
"""

from __future__ import annotations

import base64
import hashlib
import re

LINK_NAME_BYTES = 15
HASH_CHARACTERS = 7
READABLE_CHARACTERS = LINK_NAME_BYTES - HASH_CHARACTERS - 1


def link_name(owner: str, purpose: str = "") -> str:
    """A link name for one purpose of one owner: the same every time, 15 bytes at most.

    It begins as the owner's name does, for the reader; the hash of both keeps names
    apart whose beginnings are equal (35 bits: one clash in 70,000 hosts of 1,000 links).
    """
    readable = re.sub(r"[^A-Za-z0-9_]", "", owner)[:READABLE_CHARACTERS]
    whole = f"{owner}/{purpose}" if purpose else owner
    digest = hashlib.sha256(whole.encode()).digest()
    short = base64.b32encode(digest).decode().lower()[:HASH_CHARACTERS]
    return f"{readable}-{short}" if readable else f"sb-{short}"


def ifb_name(owner: str, interface: str) -> str:
    """The name of the ifb that limits what an interface of an owner sends."""
    return link_name(owner, f"{interface}/ifb")  # no interface is called so


def stable_mac(seed: str) -> str:
    """A locally administered unicast MAC address that follows from a text."""
    digest = hashlib.sha256(seed.encode()).digest()
    return ":".join(f"{byte:02x}" for byte in (0x02, *digest[:5]))
