# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Sandboxes as hosts of an inventory: asking the hosts that have them, and what becomes of the answers."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

ANSWER = "answer-"
LOCAL = "localhost"
THIS_HOST = f"{LOCAL},"
MAGIC = frozenset(
    [
        "ansible_check_mode", "ansible_collection_name", "ansible_config_file", "ansible_dependent_role_names",
        "ansible_diff_mode", "ansible_facts", "ansible_forks", "ansible_inventory_sources", "ansible_limit",
        "ansible_loop", "ansible_loop_var", "ansible_play_batch", "ansible_play_hosts", "ansible_play_hosts_all",
        "ansible_play_name", "ansible_play_role_names", "ansible_playbook_python", "ansible_role_name",
        "ansible_role_names", "ansible_run_tags", "ansible_search_path", "ansible_skip_tags", "ansible_verbosity",
        "ansible_version", "group_names", "groups", "hostvars", "inventory_dir", "inventory_file",
        "inventory_hostname", "inventory_hostname_short", "omit", "play_hosts", "playbook_dir", "role_name",
        "role_names", "role_path",
    ]
)  # fmt: skip
"""What Ansible itself says of a host: it is not the sandbox's."""


class CannotAsk(Exception):
    """Hosts did not answer."""


def ask_hosts(inventory: Sequence[str], pattern: str, options: Mapping[str, Any], *, become: bool) -> dict[str, Any]:
    """What netns_info returns on the hosts of some inventory sources, by host.

    One that fails is missing, and what was printed of it is under the empty name. Raises CannotAsk when
    Ansible itself fails.
    """
    with tempfile.TemporaryDirectory(prefix="sandboxes-") as directory:
        path = Path(directory, "ask.json")
        play = _play(pattern, options, directory, become=become)
        if list(inventory) == [THIS_HOST]:
            play["connection"] = "local"
        path.write_text(json.dumps([play]), encoding="utf-8")
        sources = [word for source in inventory for word in ("-i", source)]
        done = subprocess.run(
            [sys.executable, "-m", "ansible", "playbook", *sources, str(path)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        answers = [json.loads(one.read_text(encoding="utf-8")) for one in Path(directory).glob(ANSWER + "*")]
    if done.returncode and not answers:
        raise CannotAsk((done.stderr.strip() or done.stdout.strip())[-2000:])
    found = {str(one["host"]): one["result"] for one in answers}
    return {**found, "": done.stdout if done.returncode else ""}


def sandboxes_of(host: str, result: Mapping[str, Any], *, everything: bool) -> list[dict[str, Any]]:
    """The namespaces of an answer that are sandboxes: those that the collection made, or all that are there."""
    return [
        {**one, "host": host}
        for one in result["namespaces"]
        if one["state"] == "present" and (everything or one["created"])
    ]


def variables_for(sandbox: Mapping[str, Any], of_host: Mapping[str, Any]) -> dict[str, Any]:
    """What leads into a sandbox: the variables of its host, with the connection that enters a namespace."""
    host = sandbox["host"]
    variables = {name: value for name, value in of_host.items() if name not in MAGIC}
    variables.setdefault("ansible_host", host)
    parent = variables.get("ansible_connection") or ("local" if host == LOCAL else "ssh")
    return {
        **variables,
        "ansible_connection": "sandbox.network.netns",
        "ansible_netns_connection": parent,
    }


def hosts_named(sandboxes: Sequence[Mapping[str, Any]], *, with_host: bool) -> dict[str, Mapping[str, Any]]:
    """Sandboxes by the names of their inventory hosts. Raises ValueError for two of the same name."""
    found: dict[str, Mapping[str, Any]] = {}
    for sandbox in sandboxes:
        name = f"{sandbox['name']}.{sandbox['host']}" if with_host else str(sandbox["name"])
        if name in found:
            places = " and ".join(str(one["path"]) for one in (found[name], sandbox))
            raise ValueError(f"two sandboxes have the name {name}: {places}")
        found[name] = sandbox
    return found


def _play(pattern: str, options: Mapping[str, Any], directory: str, *, become: bool) -> dict[str, Any]:
    told = {"host": "{{ inventory_hostname }}", "result": "{{ answer }}"}
    tasks = [
        {"name": "Ask", "sandbox.network.netns_info": dict(options), "register": "answer"},
        {
            "name": "Keep the answer",
            "ansible.builtin.copy": {
                "content": "{{ told | to_json }}",
                "dest": f"{directory}/{ANSWER}{{{{ inventory_hostname | hash('sha256') }}}}",
                "mode": "0600",
            },
            "vars": {"told": told},
            "delegate_to": LOCAL,
            "connection": "local",
            "become": False,
        },
    ]
    return {"hosts": pattern, "gather_facts": False, "become": become, "tasks": tasks}
