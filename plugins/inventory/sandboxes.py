# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Sandboxes as hosts, which plays reach through the connection plugin."""

from __future__ import annotations

DOCUMENTATION = r"""
name: sandboxes
short_description: The sandboxes of hosts as hosts themselves
version_added: 1.1.0
author: The sandbox.network authors (@sandbox-network)
description:
  - Asks hosts for their sandboxes, with M(sandbox.network.netns_info), and makes each a host of the inventory.
    Plays run inside a sandbox through P(sandbox.network.netns#connection).
  - A host of the inventory has the name of its sandbox. Where other hosts than C(localhost) are asked, it is
    V(SANDBOX.HOST).
  - It has the variables of the host that the sandbox is on, C(sandbox_host) with the name of that host, and
    C(sandbox) with all that netns_info tells of the namespace.
  - What comes from inside a sandbox, such as the alias of a link, is never taken for a template.
  - The name of the file must end in C(sandboxes.yml) or C(sandboxes.yaml).
extends_documentation_fragment:
  - ansible.builtin.constructed
  - ansible.builtin.inventory_cache
options:
  plugin:
    description: Must be V(sandbox.network.sandboxes).
    type: str
    required: true
    choices: [sandbox.network.sandboxes]
  inventory:
    description:
      - Where the hosts to ask are listed, as for C(ansible -i). A path is relative to the directory of this file.
      - Left out, C(localhost) is asked.
    type: list
    elements: str
  hosts:
    description: Which of them to ask, as a pattern.
    type: str
    default: all
  become:
    description: Whether to ask as root. Only root sees into namespaces.
    type: bool
    default: true
  everything:
    description: Whether all namespaces are hosts, not only those that this collection made.
    type: bool
    default: false
  skip_failed:
    description: Whether hosts that do not answer are left out with a warning. Otherwise they are an error.
    type: bool
    default: false
  gather:
    description: What C(sandbox) tells, as O(sandbox.network.netns_info#module:gather) has it.
    type: list
    elements: str
    default: [links, addresses, routes, endpoints, forwards, monitors]
  netns_dir:
    description: The directory of named namespaces.
    type: path
    default: /run/netns
  state_dir:
    description: Where the collection remembers what it did.
    type: path
    default: /run/sandbox-network
"""

EXAMPLES = r"""
# all.sandboxes.yml: the sandboxes of all hypervisors, in groups by their hosts and by what they have.
# The first line alone is an inventory of the sandboxes of this host.
plugin: sandbox.network.sandboxes
inventory: [hosts.yml]
hosts: hypervisors
keyed_groups:
  - key: sandbox_host
    prefix: on
groups:
  published: sandbox.forwards | length > 0
  ipv6: sandbox.global_ipv6_address is not none
compose:
  sandbox_address: sandbox.ip_address
"""

import os
from typing import Any

from ansible.errors import AnsibleParserError
from ansible.inventory.manager import InventoryManager
from ansible.plugins.inventory import BaseInventoryPlugin, Cacheable, Constructable
from ansible.utils.unsafe_proxy import wrap_var
from ansible.vars.manager import VariableManager

from ansible_collections.sandbox.network.plugins.plugin_utils._sandbox_hosts import (
    LOCAL,
    THIS_HOST,
    CannotAsk,
    ask_hosts,
    hosts_named,
    sandboxes_of,
    variables_for,
)


class InventoryModule(BaseInventoryPlugin, Constructable, Cacheable):
    """The plugin, as Ansible looks for it."""

    NAME = "sandbox.network.sandboxes"

    def verify_file(self, path: str) -> bool:
        """Whether a file is one of this plugin."""
        return bool(super().verify_file(path)) and path.endswith(("sandboxes.yml", "sandboxes.yaml"))

    def parse(self, inventory: Any, loader: Any, path: str, cache: bool = True) -> None:
        """Fill the inventory. Raises AnsibleParserError."""
        super().parse(inventory, loader, path)
        self._read_config_data(path)
        given = self.get_option("inventory")
        sources = [_source(one, path) for one in given] if given else [THIS_HOST]
        answers = self._answers(sources, self.get_cache_key(path), use=cache, ask=not cache)
        everything, with_host = self.get_option("everything"), set(answers) != {LOCAL}
        sandboxes = [
            one for host, result in answers.items() for one in sandboxes_of(host, result, everything=everything)
        ]
        try:
            named = hosts_named(sandboxes, with_host=with_host)
        except ValueError as error:
            raise AnsibleParserError(f"{path}: {error}") from None
        parents = self._variables_of_hosts(sources)
        for name, sandbox in named.items():
            self._add(name, sandbox, parents[sandbox["host"]])

    def _add(self, name: str, sandbox: Any, of_host: dict[str, Any]) -> None:
        self.inventory.add_host(name)
        for variable, value in variables_for(sandbox, of_host).items():
            self.inventory.set_variable(name, variable, value)
        self.inventory.set_variable(name, "ansible_netns", wrap_var(sandbox["path"]))
        self.inventory.set_variable(name, "sandbox_host", sandbox["host"])
        self.inventory.set_variable(name, "sandbox", wrap_var(sandbox))
        strict = self.get_option("strict")
        variables = self.inventory.get_host(name).get_vars()
        self._set_composite_vars(self.get_option("compose"), variables, name, strict=strict)
        variables = self.inventory.get_host(name).get_vars()
        self._add_host_to_composed_groups(self.get_option("groups"), variables, name, strict=strict)
        self._add_host_to_keyed_groups(self.get_option("keyed_groups"), variables, name, strict=strict)

    def _answers(self, sources: list[str], key: str, *, use: bool, ask: bool) -> dict[str, Any]:
        """What the hosts say, or said when the cache was filled. ``ask``: the cache is to be filled anew."""
        caching = self.get_option("cache")
        if caching and use and not ask:
            try:
                return dict(self._cache[key])
            except KeyError:  # nothing yet, or too old
                pass
        options = {name: self.get_option(name) for name in ("gather", "netns_dir", "state_dir")}
        try:
            answers = ask_hosts(sources, self.get_option("hosts"), options, become=self.get_option("become"))
        except CannotAsk as error:
            raise AnsibleParserError(f"the hosts cannot be asked: {error}") from None
        failed = answers.pop("")
        if failed and not self.get_option("skip_failed"):
            raise AnsibleParserError(f"not all hosts answer (skip_failed leaves them out): {failed[-2000:]}")
        if failed:
            self.display.warning(f"Not all hosts answer: {failed[-2000:]}")
        if caching:
            self._cache[key] = answers
        return answers

    def _variables_of_hosts(self, sources: list[str]) -> dict[str, dict[str, Any]]:
        """The variables of the hosts that were asked, as plays on them would have them."""
        manager = InventoryManager(loader=self.loader, sources=sources)
        variables = VariableManager(loader=self.loader, inventory=manager)
        hosts = {host.name: host for host in manager.get_hosts(self.get_option("hosts"))}
        return {name: variables.get_vars(host=host, include_hostvars=False) for name, host in hosts.items()}


def _source(given: str, path: str) -> str:
    """An inventory source as Ansible takes it: a list of hosts has a comma, anything else is a path."""
    return given if "," in given else os.path.join(os.path.dirname(os.path.abspath(path)), given)
