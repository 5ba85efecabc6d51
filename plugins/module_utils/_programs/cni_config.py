# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Network configurations of CNI (its specification 1.1.0, section 1): read, checked, and normalised."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .errors import ProgramError, refused
from .finding import refuse_foreign

VERSIONS = ("0.3.1", "0.4.0", "1.0.0", "1.1.0")
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")  # of networks, containers and plugins
LISTS, SINGLES = (".conflist",), (".conf", ".json")
LARGEST = 1 << 20


@dataclass(frozen=True)
class NetworkConfig:
    """A network as its plugins are told about it: the list of them, in the order of ADD."""

    name: str
    version: str
    plugins: tuple[Mapping[str, Any], ...]
    disable_check: bool = False

    @staticmethod
    def from_dict(data: Any) -> NetworkConfig:
        """A list of plugins, or one plugin, which is a list of one. Raises ProgramError that says what is wrong."""
        if not isinstance(data, Mapping):
            raise ProgramError("is not a configuration, which is a dict")
        if "plugins" not in data and "type" not in data:
            raise ProgramError("has neither plugins nor a type")
        plugins = data.get("plugins", [data])
        if not isinstance(plugins, list) or not plugins:
            raise ProgramError("has no list of plugins")
        for number, plugin in enumerate(plugins):
            _check_plugin(f"plugins[{number}]", plugin)
        disabled = data.get("disableCheck", False)
        if isinstance(disabled, str):  # as some write it
            disabled = disabled.lower() == "true"
        return NetworkConfig(_name(data), _version(data), tuple(plugins), bool(disabled))

    def as_dict(self) -> dict[str, Any]:
        """The same as a list of plugins, for files and operations."""
        disabled = {"disableCheck": True} if self.disable_check else {}
        return {
            "cniVersion": self.version,
            "name": self.name,
            **disabled,
            "plugins": [dict(one) for one in self.plugins],
        }

    @property
    def types(self) -> list[str]:
        """The plugins by name."""
        return [plugin["type"] for plugin in self.plugins]

    @property
    def programs(self) -> list[str]:
        """The plugins by name, and those that they call for addresses."""
        ipams = [_ipam(plugin) for plugin in self.plugins]
        return list(dict.fromkeys([*self.types, *filter(None, ipams)]))

    @property
    def capabilities(self) -> set[str]:
        """What some plugin wants to be told at run time."""
        return {name for plugin in self.plugins for name in _capabilities(plugin)}

    @property
    def has_check(self) -> bool:
        """Whether plugins can be asked if all is as they left it."""
        return not self.disable_check and VERSIONS.index(self.version) >= VERSIONS.index("0.4.0")

    @property
    def address_management(self) -> list[Mapping[str, Any]]:
        """How addresses are chosen, plugin by plugin."""
        return [plugin["ipam"] for plugin in self.plugins if plugin.get("ipam")]

    def stdin_of(
        self,
        number: int,
        capabilities: Mapping[str, Any],
        former: Mapping[str, Any] | None,
        keep: Mapping[str, Any],
    ) -> dict[str, Any]:
        """What one plugin is told: its own part, those ``capabilities`` that it wants, the ``former``
        result, and which addresses to ``keep`` (``ips``, ``mac``), as plugins that can take them do.
        """
        plugin = dict(self.plugins[number])
        wanted = {name: capabilities[name] for name in _capabilities(plugin) if name in capabilities}
        if wanted:
            plugin["runtimeConfig"] = wanted
        kept = {name: value for name, value in keep.items() if value and _takes(plugin, name)}
        if kept:
            args = plugin.get("args") or {}
            plugin["args"] = {**args, "cni": {**(args.get("cni") or {}), **kept}}
        if former is not None:
            plugin["prevResult"] = dict(former)
        return {**plugin, "name": self.name, "cniVersion": self.version}


def find_config(directory: str, name: str) -> NetworkConfig:
    """The configuration of a network: in the first file, by name, that has it; lists before single
    plugins. Files without a configuration are passed over. Raises ProgramError.
    """
    problems = []
    for path in _candidates(directory):
        try:
            data = read_json(path)
            if not isinstance(data, dict) or data.get("name") != name:
                continue
        except ProgramError as error:
            problems.append(str(error))
            continue
        refuse_others_file(path)
        try:
            return NetworkConfig.from_dict(data)
        except ProgramError as error:
            raise ProgramError(f"{path} {error}") from None
    aside = f" ({'; '.join(problems[:3])})" if problems else ""
    raise ProgramError(f"no file in {directory} has a network of that name{aside}")


def refuse_others_file(path: str) -> None:
    """Programs run as a configuration says, with our rights. Raises ProgramError."""
    try:
        refuse_foreign(path, "used")
    except OSError as error:
        raise refused(f"looking at {path}", error) from None


def read_json(path: str) -> Any:
    """What a file of at most one MiB says. Raises ProgramError."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as source:
            raw = source.read(LARGEST + 1)
    except OSError as error:
        raise refused(f"reading {path}", error) from None
    if len(raw) > LARGEST:
        raise ProgramError(f"{path} is larger than {LARGEST} bytes")
    try:
        return json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise ProgramError(f"{path} is not JSON: {error}") from None


def _candidates(directory: str) -> Iterator[str]:
    try:
        names = sorted(os.listdir(directory))
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        raise refused(f"reading {directory}", error) from None
    for endings in (LISTS, SINGLES):
        yield from (os.path.join(directory, name) for name in names if name.endswith(endings))


def _name(data: Mapping[str, Any]) -> str:
    name = data.get("name")
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise ProgramError(
            f"has the name {name!r}: letters, digits, '_', '.' and '-' only, the first a letter or a digit"
        )
    return name


def _version(data: Mapping[str, Any]) -> str:
    """The newest version of those offered that is known here."""
    offered = data.get("cniVersions") or []
    given = [*(offered if isinstance(offered, list) else [offered]), data.get("cniVersion")]
    known = [version for version in VERSIONS if version in given]
    if not known:
        told = ", ".join(repr(one) for one in given if one is not None) or "none"
        raise ProgramError(f"has no cniVersion that is known here: {told}; known are {', '.join(VERSIONS)}")
    return known[-1]


def _check_plugin(place: str, plugin: Any) -> None:
    if not isinstance(plugin, Mapping):
        raise ProgramError(f"has {place} that is not a dict")
    for where, owner in ((f"{place}.type", plugin), (f"{place}.ipam.type", plugin.get("ipam"))):
        if owner is None or (where.endswith("ipam.type") and not owner):
            continue
        kind = owner.get("type") if isinstance(owner, Mapping) else owner
        if not isinstance(kind, str) or not NAME.fullmatch(kind):  # it would lead to another directory
            raise ProgramError(f"has {where} {kind!r}, which is not the name of a plugin")
    declared = plugin.get("capabilities", {})
    if not isinstance(declared, Mapping):
        raise ProgramError(f"has {place}.capabilities that is not a dict")
    args = plugin.get("args", {})
    if args is not None and not (isinstance(args, Mapping) and isinstance(args.get("cni", {}), (Mapping, type(None)))):
        raise ProgramError(f"has {place}.args that is not a dict")


def _ipam(plugin: Mapping[str, Any]) -> str | None:
    ipam = plugin.get("ipam") or {}
    kind: str | None = ipam.get("type")
    return kind


def _capabilities(plugin: Mapping[str, Any]) -> list[str]:
    return [name for name, on in (plugin.get("capabilities") or {}).items() if on]


def _takes(plugin: Mapping[str, Any], what: str) -> bool:
    """Whether a plugin takes addresses by its arguments, and ignores nothing for them: ``static`` would
    forget its gateways.
    """
    return _ipam(plugin) == "host-local" if what == "ips" else plugin["type"] in ("bridge", "macvlan")
