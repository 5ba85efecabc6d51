# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The plugins of one network called for one interface, as CNI's specification 1.1.0 (sections 3 and 4) wants it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .cni_config import NetworkConfig
from .cni_plugin import PluginError, call_plugin, find_plugin
from .errors import ProgramError
from .finding import ENVIRONMENT

TRY_AGAIN = 11
TRIES = 3
PAUSE = 0.2

Result = Mapping[str, Any]


@dataclass(frozen=True)
class Chain:
    """A network, a container and an interface. ``netns`` is empty when the namespace has gone.

    ``seconds`` is the time for each call; ``record`` the file where a plugin that runs is found.
    """

    config: NetworkConfig
    container: str
    netns: str
    interface: str
    plugin_dirs: tuple[str, ...]
    seconds: float
    record: str
    args: tuple[tuple[str, str], ...] = ()
    capabilities: Mapping[str, Any] = field(default_factory=dict)

    def add(self, keep: Mapping[str, Any]) -> Result:
        """ADD by every plugin in order, each with the result of the one before; the last result. With
        ``keep``, plugins are asked for these addresses. Raises ProgramError; then `delete` has to follow.
        """
        result: Result = {}
        for number, kind in enumerate(self.config.types):
            stdin = self.config.stdin_of(number, self.capabilities, result or None, keep)
            answer = self._patiently("ADD", kind, stdin, 2)
            if not isinstance(answer, dict) or not isinstance(answer.get("cniVersion"), str):
                raise PluginError(kind, "ADD", {"msg": "it answered with what is no result"})
            result = answer
        return result

    def check(self, result: Result) -> dict[str, str]:
        """CHECK by every plugin; what those that find something wrong say, by plugin."""
        found: dict[str, str] = {}
        if not self.config.has_check:
            return found
        for number, kind in enumerate(self.config.types):
            try:
                self._call("CHECK", kind, self.config.stdin_of(number, self.capabilities, result, {}), None)
            except ProgramError as error:
                found[kind] = str(error)
        return found

    def delete(self, result: Result | None) -> None:
        """DEL by every plugin, the last one first. One that fails is asked again: after the half of an
        ADD, some fail at what is missing, and succeed then. Raises ProgramError.
        """
        former = result if self.config.version != "0.3.1" else None
        for number, kind in reversed(list(enumerate(self.config.types))):
            self._patiently("DEL", kind, self.config.stdin_of(number, self.capabilities, former, {}), TRIES)

    def _patiently(self, command: str, kind: str, stdin: Mapping[str, Any], tries: int) -> Any:
        while True:
            tries -= 1
            try:
                return self._call(command, kind, stdin, self.record)
            except PluginError as error:
                if not tries or (command == "ADD" and error.code != TRY_AGAIN):
                    raise
            time.sleep(PAUSE)

    def _call(self, command: str, kind: str, stdin: Mapping[str, Any], record: str | None) -> Any:
        environment = {
            **ENVIRONMENT,
            "CNI_COMMAND": command,
            "CNI_CONTAINERID": self.container,
            "CNI_NETNS": self.netns,
            "CNI_IFNAME": self.interface,
            "CNI_ARGS": ";".join(f"{name}={value}" for name, value in self.args),
            "CNI_PATH": ":".join(self.plugin_dirs),
        }
        program = find_plugin(kind, self.plugin_dirs)
        return call_plugin(program, environment, stdin, self.seconds, record)


def versions_of(program: str, seconds: float) -> list[str]:
    """The versions of the protocol that a plugin knows. Raises ProgramError."""
    stdin = {"cniVersion": "1.0.0"}
    answer = call_plugin(program, {**ENVIRONMENT, "CNI_COMMAND": "VERSION"}, stdin, seconds)
    known = answer.get("supportedVersions") if isinstance(answer, dict) else None
    if not isinstance(known, list):
        raise PluginError(program, "VERSION", {"msg": "it did not tell the versions that it knows"})
    return [str(version) for version in known]
