# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The playbook firewall: sandboxes with their rules, made, found and taken away."""

from __future__ import annotations

import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from throwaway import Throwaway

ASK = "import socket; print(socket.create_connection(('127.0.0.1', 8080), 5).recv(9).decode())"
SERVE = """
import os, socket
one = socket.create_server(("10.80.0.2", 80))
if os.fork() == 0:
    one.accept()[0].send(b"from web1")
"""


def changes(shown: str) -> int:
    """How many tasks of a playbook changed something."""
    found = re.search(r"changed=([0-9]+)", shown)
    assert found, shown
    return int(found[1])


def test_the_rules_of_the_playbook_come_stay_and_go() -> None:
    with Throwaway() as host:
        before, rules = host.snapshot(), host.run("nft", "list", "ruleset")
        assert "127.0.0.1:8080/tcp leads to port 80 of web1" in host.playbook("firewall")
        host.run("ip", "netns", "exec", "web1", "sh", "-c", f"python3 -c '{SERVE}' > /dev/null 2>&1")
        assert host.run("python3", "-c", ASK) == "from web1\n"
        host.run("nft", "flush", "ruleset")
        assert changes(host.playbook("firewall")) == 1
        assert changes(host.playbook("firewall")) == 0
        host.playbook("firewall", sandbox_state="absent")
        assert (host.snapshot(), host.run("nft", "list", "ruleset")) == (before, rules)
