# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The demonstration, as a newcomer sees it."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from throwaway import LOCAL, Throwaway

SEEN = (
    "item=web3 asks web1 at fd00:80::2",
    "item=the host asks web2 at 10.80.0.3",
    "changed=0",
    "flowchart LR",
    "+            - 10.80.0.3/24",
    "Check mode names two operations",
    "No link but lo, no namespace, no record and no process is left.",
)


def test_the_demonstration_shows_what_it_promises() -> None:
    with Throwaway() as host:
        before = host.snapshot()
        shown = {"ANSIBLE_CALLBACK_RESULT_FORMAT": "yaml", "ANSIBLE_DISPLAY_SKIPPED_HOSTS": "false"}
        done = host.ansible("ansible-playbook", *LOCAL, "sandbox.network.demo", **shown)
        assert done.returncode == 0, done.stdout + done.stderr
        for text in SEEN:
            assert text in done.stdout
        assert "WARNING" not in done.stdout + done.stderr
        assert host.snapshot() == before
