# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The options of the resource endpoint, and an endpoint as wanted."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from .._engine.errors import InvalidOption
from .._engine.form import Form
from . import values
from .link_options import user_or_group

MODELS = ("default", "none", "bridged", "macvtap", "tcfilter")
TYPES = ("auto", "virtual", "physical", "vhost-user")
DRIVER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
LARGEST_INDEX = 0xFFFF  # two bytes of a MAC address
SLOWEST, FASTEST = 8_000, 1 << 40

OPTIONS: dict[str, Any] = {
    "netns": {"type": "str"},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "interface": {"type": "str"},
    "scan": {"type": "bool", "default": False},
    "index": {"type": "int"},
    "type": {"type": "str", "choices": list(TYPES), "default": "auto"},
    "model": {"type": "str", "default": "default"},
    "tap": {"type": "str"},
    "bridge": {"type": "str"},
    "queues": {"type": "int", "default": 1},
    "vnet_hdr": {"type": "bool", "default": True},
    "vhost": {"type": "str", "choices": ["auto", "required", "never"], "default": "auto"},
    "owner": {"type": "str"},
    "group": {"type": "str"},
    "mac": {"type": "str"},
    "rx_rate": {"type": "int"},
    "tx_rate": {"type": "int"},
    "vhost_user_socket": {"type": "str"},
    "vhost_user_dir": {"type": "str", "default": "/run"},
    "queue_size": {"type": "int", "default": 256},
    "network_json": {"type": "path"},
    "vfio_driver": {"type": "str", "default": "vfio-pci"},
    "force": {"type": "bool", "default": False},
}
FORM = Form(
    options=OPTIONS,
    single="endpoints",
    plural="endpoints",
    constraints={},
    merged=("endpoints", "unsupported", "not_restored"),
)


@dataclass(frozen=True)
class WantedEndpoint:
    """An endpoint as wanted. Without ``interface``: one for each eligible link of the namespace."""

    netns: str
    present: bool
    interface: str | None = None
    index: int | None = None
    type: str = "auto"
    model: str = "tcfilter"
    tap: str | None = None
    bridge: str | None = None
    queues: int = 1
    vnet_hdr: bool = True
    vhost: str = "auto"
    owner: int | None = None
    group: int | None = None
    mac: str | None = None
    rx_rate: int | None = None
    tx_rate: int | None = None
    socket: str | None = None
    socket_dir: str = "/run"
    queue_size: int = 256
    network_json: str | None = None
    vfio_driver: str = "vfio-pci"
    force: bool = False

    def index_of(self, interface: str, position: int) -> int:
        """The index given, or what the name of the interface or its place in their order says."""
        return index_of_name(interface, position) if self.index is None else self.index


def parse_endpoint(options: dict[str, Any]) -> WantedEndpoint:
    """An endpoint as wanted, from the options of the module. Raises InvalidOption."""
    netns = values.namespace_path("netns", values.required("netns", options["netns"]))
    interface, scan, present = options["interface"], options["scan"], options["state"] == "present"
    if interface is None and not scan and present:
        raise InvalidOption("interface", None, "or scan: true is required")
    if interface is not None and scan:
        raise InvalidOption("scan", True, "cannot be given together with interface")
    if scan:
        for name in ("index", "tap", "bridge", "mac", "vhost_user_socket"):
            if options[name] is not None and options[name] != "random":
                raise InvalidOption(name, options[name], "is for one interface, not for scan: true")
    model = _model(options["model"])
    if options["rx_rate"] is not None and model == "macvtap":
        raise InvalidOption(
            "rx_rate", options["rx_rate"], "is not possible with model macvtap, which queues nothing on that way"
        )
    for name in ("rx_rate", "tx_rate"):
        if options[name] is not None and model == "none":
            raise InvalidOption(name, options[name], "needs a model that wires the endpoint")
    return WantedEndpoint(
        netns=str(netns),
        present=present,
        interface=None if interface is None else values.link_name("interface", interface, new=False),
        index=values.number("index", options["index"], 0, LARGEST_INDEX),
        type=options["type"],
        model=model,
        tap=_name("tap", options["tap"]),
        bridge=_name("bridge", options["bridge"]),
        queues=values.number("queues", options["queues"], 1, 256) or 1,
        vnet_hdr=options["vnet_hdr"],
        vhost=options["vhost"],
        owner=user_or_group("owner", options["owner"]),
        group=user_or_group("group", options["group"]),
        mac=_mac(options["mac"]),
        rx_rate=values.number("rx_rate", options["rx_rate"], SLOWEST, FASTEST),
        tx_rate=values.number("tx_rate", options["tx_rate"], SLOWEST, FASTEST),
        socket=None
        if options["vhost_user_socket"] is None
        else values.absolute_path("vhost_user_socket", options["vhost_user_socket"]),
        socket_dir=values.directory("vhost_user_dir", options["vhost_user_dir"]),
        queue_size=_queue_size(options["queue_size"]),
        network_json=None
        if options["network_json"] is None
        else values.absolute_path("network_json", options["network_json"]),
        vfio_driver=_driver(options["vfio_driver"]),
        force=options["force"],
    )


def index_of_name(name: str, position: int) -> int:
    """The number in the name of an interface, or else its place in the order of names."""
    digits = re.search(r"[0-9]+", name)
    number = int(digits[0]) if digits else position
    return number if number <= LARGEST_INDEX else position


def synthetic_mac(index: int) -> str:
    """What the sandbox's own link gets, when the VM gets its address."""
    return f"02:00:ca:fe:{index >> 8:02x}:{index & 0xFF:02x}"


def bridge_mac(index: int) -> str:
    """What the bridge of an endpoint gets."""
    return f"02:00:ca:ff:{index >> 8:02x}:{index & 0xFF:02x}"


def _model(value: str) -> str:
    if value == "enlightened":
        raise InvalidOption("model", value, "is a name without a meaning: no VMM was ever wired by it; use " + _list())
    if value not in MODELS:
        raise InvalidOption("model", value, f"is none of {_list()}")
    return "tcfilter" if value == "default" else value


def _list() -> str:
    return ", ".join(MODELS)


def _name(option: str, value: str | None) -> str | None:
    return None if value is None else values.link_name(option, value)


def _mac(value: str | None) -> str | None:
    return value if value == "random" else values.mac_address("mac", value)


def _driver(value: str) -> str:
    if not DRIVER.fullmatch(value):
        raise InvalidOption("vfio_driver", value, "is no name of a driver")
    return value


def _queue_size(value: int) -> int:
    if not 2 <= value <= 32768 or value & (value - 1):
        raise InvalidOption("queue_size", value, "is not a power of two from 2 to 32768")
    return value
