# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The options of cni_network, parsed, and what plugins are told at run time."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .._engine.errors import InvalidOption
from .._engine.form import Form
from .._programs.cni_config import NAME, NetworkConfig
from .._programs.errors import ProgramError
from .._programs.slirp4netns import Forward
from .._store.attachments import Key
from . import values
from .forwards import parse_forwards

CONF_DIR = "/etc/cni/net.d"
PLUGIN_DIRS = ("/opt/cni/bin", "/usr/lib/cni", "/usr/libexec/cni")
CACHE_DIR = "/var/lib/cni"
LONGEST_KEY = 200  # bytes: it is a file name, with a little more behind it
SHORT_FORMS = {"portMappings": "ports", "ips": "ips", "mac": "mac"}

OPTIONS: dict[str, Any] = {
    "netns": {"type": "str"},
    "container_id": {"type": "str"},
    "network": {"type": "str"},
    "config": {"type": "dict"},
    "conf_dir": {"type": "path", "default": CONF_DIR},
    "plugin_dirs": {"type": "list", "elements": "path", "default": list(PLUGIN_DIRS)},
    "cache_dir": {"type": "path", "default": CACHE_DIR},
    "interface": {"type": "str", "default": "eth0"},
    "ports": {"type": "list", "elements": "raw"},
    "ips": {"type": "list", "elements": "str"},
    "mac": {"type": "str"},
    "args": {"type": "dict"},
    "capabilities": {"type": "dict"},
    "timeout": {"type": "float", "default": 60.0},
    "gc": {"type": "bool", "default": False},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
}
CONSTRAINTS: dict[str, Any] = {"mutually_exclusive": [("network", "config")]}
FORM = Form(options=OPTIONS, single="cni", plural="networks", constraints=CONSTRAINTS)


@dataclass(frozen=True)
class WantedCni:
    """One interface of a container at a network, as wanted; or with ``gc`` nothing of those that have ended.

    ``network`` is empty for gc in all networks, and ``netns`` where only the container is named.
    """

    network: str
    container: str
    interface: str
    netns: str
    present: bool
    cache_dir: str
    conf_dir: str
    plugin_dirs: tuple[str, ...]
    seconds: float
    gc: bool = False
    config: NetworkConfig | None = None
    ports: tuple[Forward, ...] = ()
    ips: tuple[str, ...] = ()
    mac: str | None = None
    args: tuple[tuple[str, str], ...] = ()
    capabilities: Mapping[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> Key:
        """Which attachment it is."""
        return Key(self.network, self.container, self.interface)

    @property
    def called_with(self) -> dict[str, Any]:
        """Where plugins are, and how long each call may take, for operations."""
        return {"plugin_dirs": list(self.plugin_dirs), "timeout": self.seconds}


def parse_cni(options: dict[str, Any]) -> WantedCni:
    """One object from the options of the module. Raises InvalidOption."""
    present = options["state"] == "present"
    common: dict[str, Any] = {
        "present": present,
        "cache_dir": values.directory("cache_dir", options["cache_dir"] or CACHE_DIR),
        "conf_dir": values.directory("conf_dir", options["conf_dir"] or CONF_DIR),
        "plugin_dirs": _directories(options["plugin_dirs"]),
        "seconds": _seconds(options["timeout"]),
    }
    if options["gc"]:
        return _parse_gc(options, common)
    config = None if options["config"] is None else _config(options["config"])
    network = config.name if config else _name("network", options["network"])
    if present:
        values.required("netns", options["netns"])
    netns = values.namespace_path("netns", options["netns"]) or ""
    wanted = WantedCni(
        network,
        _container(options["container_id"], netns),
        values.link_name("interface", options["interface"] or "eth0"),
        netns,
        config=config,
        **common,
        **(_run_time(options) if present else {}),
    )
    if len(os.fsencode(str(wanted.key))) > LONGEST_KEY:
        raise InvalidOption("container_id", wanted.container, f"is too long: {wanted.key} is the name of a file")
    return wanted


def run_time_of(wanted: WantedCni, config: NetworkConfig) -> tuple[tuple[tuple[str, str], ...], dict[str, Any]]:
    """CNI_ARGS and capabilities as plugins are told them. Raises InvalidOption for what no plugin wants."""
    told: dict[str, Any] = dict(wanted.capabilities)
    if wanted.ports:
        told["portMappings"] = [_port_mapping(one) for one in wanted.ports]
    if wanted.ips:
        told["ips"] = list(wanted.ips)
    if wanted.mac:
        told["mac"] = wanted.mac
    args = dict(wanted.args)
    for name in [name for name in told if name not in config.capabilities]:
        option = SHORT_FORMS.get(name, "capabilities") if name not in wanted.capabilities else "capabilities"
        if option == "ips" and len(wanted.ips) == 1:  # the older way, which is for one address
            args["IP"] = wanted.ips[0]
        elif option == "mac":
            args["MAC"] = str(wanted.mac)
        else:
            raise InvalidOption(
                option,
                name if option == "capabilities" else _text(told[name]),
                f"cannot be told to any plugin of {config.name}: none has the capability {name!r} in its configuration",
            )
        del told[name]
        args.setdefault("IgnoreUnknown", "1")  # the other plugins of the list are told as well
    return tuple(args.items()), told


def _parse_gc(options: Mapping[str, Any], common: dict[str, Any]) -> WantedCni:
    if common["present"]:
        raise InvalidOption("gc", True, "is for state: absent")
    for name in ("netns", "container_id", "config", "ports", "ips", "mac", "args", "capabilities"):
        if options[name]:
            raise InvalidOption(name, options[name], "cannot be given together with gc")
    network = _name("network", options["network"]) if options["network"] else ""
    return WantedCni(network, "", "", "", gc=True, **common)


def _run_time(options: Mapping[str, Any]) -> dict[str, Any]:
    ports = parse_forwards("ports", options["ports"] or ())
    for one in ports:
        if one.guest_addr:
            raise InvalidOption("ports", one.guest_addr, "cannot be chosen: ports lead to the addresses of the sandbox")
    capabilities = options["capabilities"] or {}
    for name, option in SHORT_FORMS.items():
        if name in capabilities and options[option]:
            raise InvalidOption("capabilities", name, f"is given by {option} already")
    return {
        "ports": ports,
        "ips": _ips(options["ips"] or ()),
        "mac": values.mac_address("mac", options["mac"]),
        "args": _args(options["args"] or {}),
        "capabilities": _plain("capabilities", capabilities),
    }


def _config(data: Mapping[str, Any]) -> NetworkConfig:
    try:
        return NetworkConfig.from_dict(_plain("config", data))
    except ProgramError as error:
        raise InvalidOption("config", data.get("name"), str(error)) from None


def _plain(option: str, data: Any) -> Any:
    """As it comes back from a file."""
    try:
        return json.loads(json.dumps(data))
    except (TypeError, ValueError) as error:
        raise InvalidOption(option, data, f"cannot be told as JSON: {error}") from None


def _container(given: str | None, netns: str) -> str:
    """The name of a container; that of its namespace, unless another is given."""
    if given is not None:
        return _name("container_id", given)
    name = "" if netns.startswith("/proc/") else os.path.basename(netns)
    if not NAME.fullmatch(name):
        raise InvalidOption("container_id", None, "is required where netns has no name that could be it")
    return name


def _name(option: str, value: Any) -> str:
    text = values.required(option, value)
    if not NAME.fullmatch(text):
        raise InvalidOption(
            option,
            value,
            "is not a name for CNI: letters, digits, '_', '.' and '-' only, no mark in front",
        )
    return text


def _directories(given: Sequence[str] | None) -> tuple[str, ...]:
    found = tuple(values.directory("plugin_dirs", one) for one in given or PLUGIN_DIRS)
    for one in found:
        if ":" in one:
            raise InvalidOption("plugin_dirs", one, "has ':' in it")
    return tuple(dict.fromkeys(found))


def _seconds(given: float | None) -> float:
    seconds = 60.0 if given is None else given
    if not 0.1 <= seconds <= 3600:
        raise InvalidOption("timeout", given, "is not between 0.1 and 3600 seconds")
    return seconds


def _ips(given: Sequence[str]) -> tuple[str, ...]:
    found = []
    for text in given:
        if "/" in text:
            found.append("{}/{}".format(*values.ip_interface("ips", text)))
        else:
            found.append(str(values.ip_address("ips", text)))
    values.no_duplicates("ips", [one.partition("/")[0] for one in found])
    return tuple(found)


def _args(given: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """CNI_ARGS is one text, with '=' and ';' between."""
    found = []
    for name, value in given.items():
        text = str(value).lower() if isinstance(value, bool) else str(value)
        if not re.fullmatch(r"[A-Za-z0-9_.-]+", str(name)):
            raise InvalidOption("args", name, "is not a name: letters, digits, '_', '.' and '-' only")
        if re.search(r"[;\0\n]", text):
            raise InvalidOption(f"args.{name}", value, "has ';' in it, or the end of a line")
        found.append((str(name), text))
    return tuple(found)


def _port_mapping(one: Forward) -> dict[str, Any]:
    return {
        "hostPort": one.host_port,
        "containerPort": one.guest_port,
        "protocol": one.proto,
        "hostIP": one.host_addr,
    }


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
