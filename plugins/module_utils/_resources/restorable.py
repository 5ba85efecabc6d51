# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""What can be made again after a boot: the modules by their names, and what a sandbox's description says."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from .._engine.errors import TaskError
from .._engine.form import Form
from .._engine.resource import Resource
from . import cni_options, device_options, endpoint_options, firewall_options, lease, link_options, netns, slirp_options
from .cni import CniResource
from .device import DeviceResource
from .endpoint import EndpointResource
from .firewall import FirewallResource
from .link import LinkResource
from .slirp import SlirpResource

SCHEMA = 1


class Restorable(NamedTuple):
    """A module: its resource, and how it is called."""

    resource: Resource[Any]
    form: Form


MODULES: Mapping[str, Restorable] = {
    "address_lease": Restorable(lease.LeaseResource(), lease.FORM),
    "cni_network": Restorable(CniResource(), cni_options.FORM),
    "firewall": Restorable(FirewallResource(), firewall_options.FORM),
    "link": Restorable(LinkResource(), link_options.FORM),
    "netdev_move": Restorable(DeviceResource(), device_options.FORM),
    "netns": Restorable(netns.NetnsResource(), netns.FORM),
    "slirp_network": Restorable(SlirpResource(), slirp_options.FORM),
    "vm_endpoint": Restorable(EndpointResource(), endpoint_options.FORM),
}


class Step(NamedTuple):
    """One task: a module, and the objects that it is asked for, by their options."""

    module: str
    items: list[dict[str, Any]]


@dataclass(frozen=True)
class Document:
    """The tasks that make a sandbox, in order."""

    sandbox: str
    state_dir: str
    steps: tuple[Step, ...]

    def as_text(self) -> str:
        """What its file says."""
        tasks = [{one.module: one.items} for one in self.steps]
        content = {"schema": SCHEMA, "sandbox": self.sandbox, "state_dir": self.state_dir, "tasks": tasks}
        return json.dumps(content, indent=1) + "\n"


def read_document(path: str, text: str) -> Document:
    """The opposite of as_text: options that a newer collection knows besides have their defaults. Raises TaskError."""
    try:
        content = json.loads(text)
        schema = content["schema"]
        if schema != SCHEMA:
            raise TaskError(f"{path} has schema {schema!r}, which this version does not know (it knows {SCHEMA})")
        return Document(content["sandbox"], content["state_dir"], tuple(_step(one) for one in content["tasks"]))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise TaskError(f"{path} is damaged ({type(error).__name__}: {error}); restore it, or remove it") from None


def _step(task: Mapping[str, Any]) -> Step:
    ((module, items),) = task.items()
    options = MODULES[module].form.options
    return Step(module, [complete(options, item) for item in items])


def complete(options: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Options as a module gets them: those that are not given have their defaults, also inside others."""
    found = {name: option.get("default") for name, option in options.items()}
    for name, value in given.items():
        inner = options.get(name, {}).get("options")
        if inner and isinstance(value, Mapping):
            found[name] = complete(inner, value)
        elif inner and isinstance(value, list):
            found[name] = [complete(inner, one) for one in value]
        else:
            found[name] = value
    return found


def essential(options: Mapping[str, Any], item: Mapping[str, Any]) -> dict[str, Any]:
    """Options without those that were left out, also inside others: the opposite of complete."""
    found: dict[str, Any] = {}
    for name, value in item.items():
        inner = options.get(name, {}).get("options")
        if inner and isinstance(value, Mapping):
            found[name] = essential(inner, value)
        elif inner and isinstance(value, list):
            found[name] = [essential(inner, one) for one in value]
        elif value is not None:
            found[name] = value
    return found
