# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The inventory plugin: sandboxes as hosts that plays run in."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from throwaway import ANSIBLE, BUILD, CONTROLLER, PYTHON, Throwaway

EVIL = "{{ lookup('pipe', 'touch /run/evaluated') }}"
HERE = {"plugin": "sandbox.network.sandboxes"}
HOSTS = {
    "all": {
        "vars": {"ansible_connection": "local", "ansible_python_interpreter": PYTHON, "site": "lab"},
        "hosts": {"node1": {}, "node2": {"color": "red"}},
    }
}


MADE = [
    {"name": "Make sandboxes", "sandbox.network.netns": {"namespaces": [{"name": "web1"}, {"name": "web2"}]}},
    {
        "name": "Give them links",
        "sandbox.network.link": {
            "links": [
                {
                    "name": "eth0",
                    "netns": f"web{number}",
                    "kind": "veth",
                    "peer": {"name": f"p{number}"},
                    "addresses": [f"198.51.100.{number}/24"],
                }
                for number in (1, 2)
            ],
        },
    },
]


@pytest.fixture(scope="module")
def host() -> Iterator[Throwaway]:
    """A host with two sandboxes, and a namespace of somebody else."""
    with Throwaway() as throwaway, tempfile.TemporaryDirectory(dir=BUILD) as directory:
        path = Path(directory, "playbook.json")
        path.write_text(json.dumps([{"hosts": "all", "gather_facts": False, "tasks": MADE}]), encoding="utf-8")
        done = throwaway.ansible_playbook(str(path))
        assert done.returncode == 0, done.stdout + done.stderr
        throwaway.run("ip", "netns", "add", "foreign")
        throwaway.run("ip", "-n", "web1", "link", "set", "eth0", "alias", EVIL)
        yield throwaway


def ansible(host: Throwaway, *command: str, **environment: str) -> str:
    """One of Ansible's programs, on the host."""
    name, *words = command
    extra = ["--extra-vars", json.dumps({"ansible_python_interpreter": PYTHON})] if name == "ansible" else []
    environment = {**ANSIBLE, "ANSIBLE_PYTHON_INTERPRETER": PYTHON, **environment}
    return host.run(str(CONTROLLER / name), *words, *extra, **environment)


def write(host: Throwaway, name: str, content: Any) -> str:
    path = f"/run/{name}"
    host.run("sh", "-c", f"cat > {path} <<'END'\n{json.dumps(content)}\nEND")
    return path


def inventory(host: Throwaway, path: str, **environment: str) -> dict[str, Any]:
    found: dict[str, Any] = plain(json.loads(ansible(host, "ansible-inventory", "-i", path, "--list", **environment)))
    return found


def plain(value: Any) -> Any:
    """Without the mark of what is no template."""
    if isinstance(value, dict):
        return value["__ansible_unsafe"] if "__ansible_unsafe" in value else {k: plain(v) for k, v in value.items()}
    return [plain(one) for one in value] if isinstance(value, list) else value


def test_the_sandboxes_of_this_host(host: Throwaway) -> None:
    path = write(host, "lab.sandboxes.yml", {**HERE, "groups": {"first": "sandbox.name == 'web1'"}})
    found = inventory(host, path)
    variables = found["_meta"]["hostvars"]
    assert sorted(variables) == ["web1", "web2"], "what others made is left out"
    assert found["first"]["hosts"] == ["web1"]
    assert variables["web1"]["ansible_netns"] == "/run/netns/web1"
    assert variables["web1"]["sandbox_host"] == "localhost"
    inside = ansible(
        host, "ansible", "-i", path, "all", "-m", "ansible.builtin.command", "-a", "ip -br address show eth0"
    )
    assert variables["web2"]["sandbox"]["ip_address"] == "198.51.100.2"
    assert "198.51.100.1/24" in inside and "198.51.100.2/24" in inside
    shown = ansible(host, "ansible", "-i", path, "web1", "-m", "ansible.builtin.debug", "-a", "var=sandbox.links")
    assert "lookup('pipe'" in shown.replace("\\u0027", "'")
    assert "evaluated" not in host.run("ls", "/run"), "nothing from inside is a template"


def test_hosts_of_another_inventory(host: Throwaway) -> None:
    write(host, "hosts.yml", HOSTS)
    keyed = [{"key": "sandbox_host", "prefix": "on"}]
    compose = {"where": "site ~ '-' ~ sandbox.name"}
    given = {**HERE, "inventory": ["hosts.yml"], "everything": True, "keyed_groups": keyed, "compose": compose}
    path = write(host, "all.sandboxes.yml", {**given, "gather": []})
    found = inventory(host, path)
    names = [f"{name}.{node}" for name in ("foreign", "web1", "web2") for node in ("node1", "node2")]
    assert sorted(found["_meta"]["hostvars"]) == sorted(names)
    assert sorted(found["on_node2"]["hosts"]) == ["foreign.node2", "web1.node2", "web2.node2"]
    variables = found["_meta"]["hostvars"]["web1.node2"]
    assert (variables["where"], variables["color"], variables["ansible_host"]) == ("lab-web1", "red", "node2")
    assert variables["ansible_netns_connection"] == "local"


def test_a_host_that_does_not_answer(host: Throwaway) -> None:
    broken = {
        "all": {"vars": HOSTS["all"]["vars"], "hosts": {"node1": {}, "gone": {"ansible_connection": "no.such.one"}}}
    }
    write(host, "hosts.yml", broken)
    path = write(host, "all.sandboxes.yml", {**HERE, "inventory": ["hosts.yml"], "gather": []})
    strict = {**ANSIBLE, "ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": "1"}
    done = host.process(str(CONTROLLER / "ansible-inventory"), "-i", path, "--list", **strict)
    assert done.returncode != 0 and "not all hosts answer" in done.stderr
    path = write(host, "all.sandboxes.yml", {**HERE, "inventory": ["hosts.yml"], "gather": [], "skip_failed": True})
    assert sorted(inventory(host, path)["_meta"]["hostvars"]) == ["web1.node1", "web2.node1"]


def test_the_cache(host: Throwaway) -> None:
    cached = {"cache": True, "cache_plugin": "ansible.builtin.jsonfile", "cache_connection": "/run/cache"}
    path = write(host, "lab.sandboxes.yml", {**HERE, **cached, "gather": []})
    assert sorted(inventory(host, path)["_meta"]["hostvars"]) == ["web1", "web2"]
    host.run("ip", "netns", "delete", "web2")  # the last test: its host is that of all
    assert sorted(inventory(host, path)["_meta"]["hostvars"]) == ["web1", "web2"], "nobody was asked"
    shown = ansible(host, "ansible", "-i", path, "--flush-cache", "all", "--list-hosts")
    assert "web1" in shown and "web2" not in shown
