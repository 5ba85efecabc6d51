# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The kernel settings of a namespace: parsed, observed, set, and put back."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from .._engine.errors import InvalidOption
from .._engine.operation import Operation
from .._engine.state import NamespaceState, Netns
from .._kernel.namespaces import Namespace
from .._kernel.sysctl import (
    HOST_WIDE,
    changed_along,
    changes_others,
    is_writable,
    read_changed_along,
    read_sysctl,
    same_value,
    sysctl_key,
    sysctl_path,
)
from . import values

SYSCTL_KEY = re.compile(r"net[./][^\s\0]+")

Settings = Mapping[str, "str | None"]


def parse_settings(given: dict[str, Any] | None) -> tuple[tuple[str, str], ...]:
    """Settings as wanted, each by the one name that it has here. Raises InvalidOption."""
    parsed = []
    for key, told in sorted((given or {}).items()):
        if not SYSCTL_KEY.fullmatch(key) or ".." in sysctl_path(key).split("/"):
            raise InvalidOption("sysctl", key, "is not a net.* setting")
        value = int(told) if isinstance(told, bool) else told
        if not isinstance(value, (str, int)) or str(value).strip() == "":
            raise InvalidOption(f"sysctl.{key}", value, "is not a text or a number")
        parsed.append((sysctl_key(key), " ".join(str(value).split())))
    values.no_duplicates("sysctl", [key for key, _value in parsed])
    _refuse_contradictions(dict(parsed))
    return tuple(parsed)


def observe_settings(handle: Namespace, namespace: NamespaceState, wanted: Settings) -> None:
    """Read the settings, and all that the kernel will change along with those that differ."""
    for key in sorted(wanted):
        found = namespace.sysctls[key] = read_sysctl(handle, key)
        value = wanted[key]
        if found is None or value is None or same_value(found, value):
            continue
        _observe_whether_fixed(handle, namespace, key)
        for other, there in read_changed_along(handle, key).items():
            namespace.sysctls.setdefault(other, there)


def observe_own_settings(handle: Namespace, namespace: NamespaceState, keys: Iterable[str]) -> None:
    """Read the settings where Ansible runs: a new namespace will have those that are here."""
    for key in sorted(set(keys)):
        namespace.sysctls[key] = read_sysctl(handle, key)
        _observe_whether_fixed(handle, namespace, key)


def plan_settings(
    path: Netns,
    wanted: Mapping[str, str],
    namespace: NamespaceState | None,
    own: NamespaceState,
    originals: dict[str, Any],
) -> Iterator[Operation]:
    """Set what differs, and remember what was there. Raises InvalidOption."""
    current = dict(namespace.sysctls) if namespace else {}
    for key in _in_order(wanted):
        before, value = current.get(key), wanted[key]
        _refuse_impossible(key, value, namespace, own)
        if before is None or not same_value(before, value):
            operation = _set(path, key, value, current)
            originals["sysctl"] = {key: before, **operation.args.get("along", {}), **originals["sysctl"]}
            yield operation


def plan_original_settings(path: Netns, originals: Settings, namespace: NamespaceState) -> Iterator[Operation]:
    """Put back what was there."""
    current = dict(namespace.sysctls)
    for key in _in_order(originals):
        original, found = originals[key], current.get(key)
        if original is not None and found is not None and not same_value(found, original):
            yield _set(path, key, original, current)


def _observe_whether_fixed(handle: Namespace, namespace: NamespaceState, key: str) -> None:
    if namespace.sysctls[key] is not None and not is_writable(handle, key):
        namespace.fixed_sysctls.add(key)


def _set(path: Netns, key: str, value: str, current: dict[str, str | None]) -> Operation:
    """Set one setting, also in ``current`` with all that the kernel changes along with it.

    ``along`` holds those that setting it back would not put back.
    """
    before = current.get(key)
    args: dict[str, Any] = {"netns": path, "key": key, "value": value, "before": before}
    if before is not None:
        back = changed_along(key, before, current)
        along = {other: current[other] for other in back if current[other] not in (None, back[other])}
        args.update({"along": along} if along else {})
    current.update({key: value, **changed_along(key, value, current)})
    return Operation("sysctl.set", args)


def _in_order(keys: Iterable[str]) -> list[str]:
    """First what changes others, then those others."""
    return sorted(keys, key=lambda key: (not changes_others(key), key))


def _refuse_contradictions(wanted: Mapping[str, str]) -> None:
    """One setting of the kernel under two names."""
    both = [key for key in wanted if changes_others(key)]
    for key in both:
        for other, value in changed_along(key, wanted[key], both).items():
            if not same_value(value, wanted[other]):
                raise InvalidOption(f"sysctl.{other}", wanted[other], f"contradicts {key}: they are the same setting")


def _refuse_impossible(key: str, value: str, namespace: NamespaceState | None, own: NamespaceState) -> None:
    known = namespace or own
    found = known.sysctls.get(key)
    if found is None:
        raise InvalidOption("sysctl", key, "is not a setting of this kernel")
    if key in known.fixed_sysctls and not same_value(found, value):
        raise InvalidOption("sysctl", key, f"is read-only inside; its value is {found}")
    if namespace is None and key in HOST_WIDE:
        raise InvalidOption("sysctl", key, "is one of the whole host: no namespace has its own")
