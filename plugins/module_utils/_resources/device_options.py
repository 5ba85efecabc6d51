# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The options of the resource device, and a device as wanted."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from .._engine.errors import InvalidOption
from .._engine.form import Form
from .._engine.state import Netns
from . import values

TEMPLATE = re.compile(r"[^%]*%d[^%]*")

OPTIONS: dict[str, Any] = {
    "device": {"type": "str"},
    "mac": {"type": "str"},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "netns": {"type": "str"},
    "from_netns": {"type": "str"},
    "new_name": {"type": "str"},
    "addresses": {"type": "str", "choices": ["preserve", "drop"], "default": "preserve"},
    "routes": {"type": "str", "choices": ["preserve", "drop"], "default": "drop"},
    "up": {"type": "bool", "default": True},
    "force": {"type": "bool", "default": False},
}


def of_entry(name: str, value: Any) -> dict[str, Any]:
    """The options of one device from an entry of ``linux.netDevices`` (OCI runtime specification,
    config-linux.md): the name on the host, and a dict with the name in the container or without.
    """
    if value is not None and not isinstance(value, dict):
        raise InvalidOption(f"net_devices[{name}]", value, "is not a dict such as {'name': 'eth0'}")
    entry = value or {}
    unknown = sorted(set(entry) - {"name"})
    if unknown:
        raise InvalidOption(f"net_devices[{name}].{unknown[0]}", entry[unknown[0]], "is not known here")
    new_name = entry.get("name")
    if not isinstance(new_name, (str, type(None))):
        raise InvalidOption(f"net_devices[{name}].name", new_name, "is not a text")
    return {"device": str(name), "mac": None, "new_name": new_name or None}


FORM = Form(
    options=OPTIONS,
    single="device",
    plural="devices",
    constraints={"mutually_exclusive": [("device", "mac")]},
    mapping="net_devices",
    of_entry=of_entry,
)


@dataclass(frozen=True)
class WantedDevice:
    """A device as wanted: ``netns`` is where it goes, ``from_netns`` where it comes from.

    Without ``name`` and ``mac``: all devices that were moved to ``netns`` are to come back.
    """

    name: str | None
    mac: str | None
    present: bool
    netns: str
    from_netns: Netns = None
    new_name: str | None = None
    keep_addresses: bool = True
    keep_routes: bool = False
    up: bool = True
    force: bool = False

    @property
    def called(self) -> str:
        """How messages call the device: as the user does."""
        return self.name or f"with MAC address {self.mac}"

    @property
    def is_any(self) -> bool:
        """Whether every device that was moved to the namespace is meant."""
        return not (self.name or self.mac)

    @property
    def template(self) -> str | None:
        """A new name with ``%d`` for the lowest free number, if it is one."""
        return self.new_name if self.new_name and "%" in self.new_name else None


def parse_device(options: dict[str, Any]) -> WantedDevice:
    """A device as wanted, from the options of the module. Raises InvalidOption."""
    name, mac = options["device"], options["mac"]
    if name is None and mac is None and options["state"] == "present":
        raise InvalidOption("device", None, "or mac is required")
    if name is not None and mac is not None:
        raise InvalidOption("mac", mac, "cannot be given together with device")
    netns = values.namespace_path("netns", values.required("netns", options["netns"]))
    from_netns = values.namespace_path("from_netns", options["from_netns"])
    if netns == from_netns:
        raise InvalidOption("netns", options["netns"], "is where the device is to come from")
    if options["routes"] == "preserve" and not options["up"] and options["state"] == "present":
        raise InvalidOption("routes", "preserve", "needs up: true")
    return WantedDevice(
        name=None if name is None else values.link_name("device", name, new=False),
        mac=values.mac_address("mac", mac),
        present=options["state"] == "present",
        netns=str(netns),
        from_netns=from_netns,
        new_name=_new_name(options["new_name"]),
        keep_addresses=options["addresses"] == "preserve",
        keep_routes=options["routes"] == "preserve",
        up=options["up"],
        force=options["force"],
    )


def name_of_template(template: str, number: int) -> str:
    """The name that a template gives with a number."""
    return template.replace("%d", str(number))


def is_of_template(name: str, template: str) -> bool:
    """Whether a template may have given a name."""
    before, _d, after = template.partition("%d")
    return re.fullmatch(f"{re.escape(before)}[0-9]+{re.escape(after)}", name) is not None


def _new_name(value: str | None) -> str | None:
    if value is None or "%" not in value:
        return None if value is None else values.link_name("new_name", value)
    if not TEMPLATE.fullmatch(value):
        raise InvalidOption("new_name", value, "is not a template: it needs %d once, and no other '%'")
    try:
        values.link_name("new_name", name_of_template(value, 0))
    except InvalidOption as error:
        raise InvalidOption("new_name", value, f"with a number for %d {error.reason}") from None
    return value
