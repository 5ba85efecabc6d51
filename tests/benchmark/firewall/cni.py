# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The peer: CNI's plugins bridge, portmap and firewall, run as a runtime runs them.

Each plugin is a process for each sandbox, which knows of no other. What many of them would enter is, for the
sandboxes that are not measured, entered at once: the rules of one, with other names, addresses and ports.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from cost import Cost, measured
from scenario import INTERFACE

from firewall.host import GUEST_PORT, HOST_ADDRESS, PROTOCOLS, Published

PLUGINS = Path("/usr/lib/cni")
VERSION = "1.0.0"
TABLES = {"portmap": "nat", "firewall": "filter"}
"""Where the rules of a plugin are."""


class Plugins:
    """The plugins for some sandboxes, whose namespaces are there."""

    def __init__(self, directory: Path) -> None:
        self._leases = str(directory / "leases")
        self._results: dict[str, dict[str, Any]] = {}

    def wire(self, ones: Sequence[Published]) -> None:
        """Run bridge, with host-local, for each of them."""
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            results = pool.map(lambda one: self._run("bridge", "ADD", one), ones)
            self._results = {one.name: json.loads(result) for one, result in zip(ones, results)}

    def address(self, one: Published) -> str:
        """The address that a sandbox has got."""
        cidr: str = self._results[one.name]["ips"][0]["address"]
        return cidr.partition("/")[0]

    def run(self, command: str, ones: Iterable[Published], *plugins: str) -> Cost:
        """Run plugins with a command for each of them."""
        with measured() as cost:
            for one in ones:
                for plugin in plugins:
                    self._run(plugin, command, one)
        return cost

    def fill(self, plugin: str, template: Published, others: Sequence[Published]) -> None:
        """Enter the rules of a plugin for others, as it has entered them for one."""
        table = TABLES[plugin]
        saved = subprocess.check_output(["iptables-save", "-t", table], text=True).splitlines()
        marks = [f" {self.address(template)}/32 ", f'\\"{template.name}\\"']
        chains = {line.split()[-1] for line in saved if marks[1] in line}
        rules = [line for line in saved if any(mark in line for mark in (*marks, *chains))]
        given = [self._written_for(one, number, template, rules, chains) for number, one in enumerate(others)]
        text = "\n".join([f"*{table}", *given, "COMMIT", ""])
        subprocess.run(["iptables-restore", "--noflush"], input=text, text=True, check=True)

    def _written_for(
        self, one: Published, number: int, template: Published, rules: Sequence[str], chains: Iterable[str]
    ) -> str:
        meanings = {
            template.name: one.name,
            str(template.port): str(one.port),
            template.sandbox.bridge.name: one.sandbox.bridge.name,
            self.address(template): self.address(one),
            template.sandbox.bridge.subnets[0]: one.sandbox.bridge.subnets[0],
            **{chain: f"{chain[:-6]}{number:06}" for chain in chains},
        }
        words = re.compile("|".join(rf"\b{re.escape(word)}\b" for word in sorted(meanings, key=len, reverse=True)))
        return words.sub(lambda found: meanings[found[0]], "\n".join(rules))

    def _run(self, plugin: str, command: str, one: Published) -> bytes:
        given = {"cniVersion": VERSION, "name": one.sandbox.bridge.name, **self._config(plugin, one)}
        if plugin != "bridge":
            given["prevResult"] = self._results[one.name]
        environment = {
            "PATH": os.environ["PATH"],
            "CNI_PATH": str(PLUGINS),
            "CNI_COMMAND": command,
            "CNI_CONTAINERID": one.name,
            "CNI_NETNS": one.sandbox.path,
            "CNI_IFNAME": INTERFACE,
        }
        done = subprocess.run(
            [str(PLUGINS / plugin)],
            input=json.dumps(given).encode(),
            stdout=subprocess.PIPE,
            env=environment,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"{plugin} {command} {one.name}: {done.stdout.decode()}")
        return done.stdout

    def _config(self, plugin: str, one: Published) -> dict[str, Any]:
        if plugin == "portmap":
            mappings = [
                {"hostIP": HOST_ADDRESS, "hostPort": one.port, "containerPort": GUEST_PORT, "protocol": proto}
                for proto in PROTOCOLS
            ]
            return {"type": plugin, "snat": True, "runtimeConfig": {"portMappings": mappings}}
        if plugin == "firewall":
            return {"type": plugin}
        ranges = [[{"subnet": one.sandbox.bridge.subnets[0]}]]
        ipam = {"type": "host-local", "ranges": ranges, "routes": [{"dst": "0.0.0.0/0"}], "dataDir": self._leases}
        return {
            "type": plugin,
            "bridge": one.sandbox.bridge.name,
            "isGateway": True,
            "hairpinMode": True,
            "ipam": ipam,
        }


def rule_count(chain: str, table: str) -> int:
    """How many rules a chain has."""
    printed = subprocess.check_output(["iptables", "-t", table, "-S", chain], text=True)
    return sum(line.startswith("-A ") for line in printed.splitlines())
