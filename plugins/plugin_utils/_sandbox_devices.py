# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The devices of one item of the role's sandbox_list: parsed, and checked against each other.

This file is private to the collection: it may change without notice.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.sandbox.network.plugins.plugin_utils import _sandbox_values as values

NETNS_DIR = "/run/netns"
PARSERS: dict[str, Any] = {
    "device": values.found_link_name,
    "mac": values.mac,
    "new_name": values.new_name,
    "from_netns": values.namespace,
    "addresses": values.preserve_or_drop,
    "routes": values.preserve_or_drop,
    "up": values.boolean,
    "force": values.boolean,
}


@dataclass(frozen=True)
class Device:
    """One device as wanted. ``options`` are those given, as the module takes them;
    ``where`` is its place in the item."""

    where: str
    options: Mapping[str, Any]

    @property
    def called(self) -> str:
        """The device and where it comes from: the same text for the same device."""
        name = str(self.options.get("device") or self.options.get("mac"))
        origin = self.options.get("from_netns")
        return f"{name} in {namespace_path(origin)}" if origin else name

    @property
    def inside(self) -> tuple[str, str | None]:
        """The option that gives its name in the sandbox, and the name; None: only the host knows it."""
        new_name = self.options.get("new_name")
        if new_name is None:
            return "device", self.options.get("device")
        return "new_name", None if "%" in new_name else new_name


def namespace_path(namespace: str) -> str:
    """One text for one namespace, however it is named."""
    return namespace if namespace.startswith(("/", "pid:")) else f"{NETNS_DIR}/{namespace}"


def parse_devices(
    elements: Sequence[object], sandbox: str, interfaces: Sequence[str]
) -> tuple[list[Device], list[str]]:
    """The devices, and what is wrong with them. ``interfaces`` are the sandbox's own, if it has some."""
    devices: list[Device] = []
    problems: list[str] = []
    for position, element in enumerate(elements):
        device, wrong = _parse_device(element, f"devices[{position}]")
        problems += wrong
        if not wrong:
            devices.append(device)
    problems += _from_the_sandbox_itself(devices, sandbox)
    problems += _given_twice(devices)
    problems += _same_name(devices, interfaces)
    return devices, problems


def _parse_device(element: object, where: str) -> tuple[Device, list[str]]:
    """A name alone is short for a dictionary with nothing else."""
    if not isinstance(element, Mapping):
        try:
            return Device(where, {"device": values.found_link_name(element)}), []
        except ValueError as problem:
            return Device(where, {}), [f"{where}: {problem}"]
    options, problems = values.parse_options(element, PARSERS)
    return Device(where, options), [f"{where}: {text}" for text in problems or _contradictions(options)]


def _contradictions(options: Mapping[str, Any]) -> Iterator[str]:
    if "device" in options and "mac" in options:
        yield f"mac: {options['mac']} cannot be given together with device: {options['device']}"
    if "device" not in options and "mac" not in options:
        yield "device or mac is required"
    if options.get("routes") == "preserve" and options.get("up") is False:
        yield "routes: preserve needs up: true"


def _from_the_sandbox_itself(devices: Sequence[Device], sandbox: str) -> Iterator[str]:
    for device in devices:
        origin = device.options.get("from_netns")
        if origin and namespace_path(origin) == namespace_path(sandbox):
            yield f'{device.where}: from_netns: "{origin}" is the sandbox itself'


def _given_twice(devices: Sequence[Device]) -> Iterator[str]:
    holders: dict[str, Device] = {}
    for device in devices:
        holder = holders.setdefault(device.called, device)
        if holder is not device:
            yield f"{device.where}: {device.called} is given twice, in {holder.where} too"


def _same_name(devices: Sequence[Device], interfaces: Sequence[str]) -> Iterator[str]:
    holders = dict.fromkeys(interfaces, "the sandbox's own interface")
    for device in devices:
        option, name = device.inside
        if name is None:
            continue
        holder = holders.setdefault(name, device.where)
        if holder != device.where:
            hint = "; give it a new_name" if option == "device" else ""
            yield f'{device.where}: {option}: "{name}" would also be the name of {holder}{hint}'
