# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""What is on disk about CNI attachments: the results that libcni keeps, and what is under way.

    CACHE/results/NETWORK-CONTAINER-INTERFACE           as libcni and its users write and read it
    CACHE/sandbox-network/NETWORK-CONTAINER-INTERFACE   ours: begun or done, and in which namespace

libcni knows of what is done. That an ADD was begun has to be known as well, also after a reboot, which
leaves address leases behind: so ours is beside the result, and not in the state directory.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from .errors import StoreError, refused
from .files import list_directory, prepare_directory, read_file, remove_dead_temporaries, remove_file, sync_directory
from .files import write_file as write_state_file

KIND = "cniCacheV1"  # libcni/api.go, CNICacheV1
LARGEST = 8 << 20
ADDING, ATTACHED, DELETING = "adding", "attached", "deleting"


@dataclass(frozen=True)
class Key:
    """Which attachment: a network, a container and an interface."""

    network: str
    container: str
    interface: str

    def __str__(self) -> str:
        return f"{self.network}-{self.container}-{self.interface}"


@dataclass(frozen=True)
class Attachment:
    """An attachment as the files tell of it. ``phase`` is where its last task got to; ``fingerprint``
    that of its namespace, None when somebody else attached it or in another boot; ``expected``
    what plugins find wrong with what they have just made.
    """

    key: Key
    netns: str
    config: Mapping[str, Any]
    args: tuple[tuple[str, str], ...] = ()
    capabilities: Mapping[str, Any] = field(default_factory=dict)
    result: Mapping[str, Any] | None = None
    phase: str = ATTACHED
    fingerprint: tuple[int, ...] | None = None
    this_boot: bool = True
    ours: bool = True
    expected: Mapping[str, str] = field(default_factory=dict)


class Attachments:
    """The attachments of a cache directory."""

    def __init__(self, cache_dir: str) -> None:
        self._results = os.path.join(cache_dir, "results")
        self._own = os.path.join(cache_dir, "sandbox-network")

    def read(self, key: Key) -> Attachment | None:
        """An attachment, or None. Raises StoreError for a file that cannot be believed."""
        cached = self._read_result(os.path.join(self._results, str(key)))
        if cached is not None and cached.key != key:
            raise StoreError(f"{self.path_of(key)} is about {cached.key}, of other names that are joined alike")
        try:
            body, this_boot = read_file(os.path.join(self._own, str(key)))
        except FileNotFoundError:
            return cached
        return _merged(key, body, this_boot, cached, self._own)

    def all(self) -> list[Attachment]:
        """Every attachment. What is no attachment in these directories, or damaged, is passed over."""
        found = []
        for key in dict.fromkeys(filter(None, map(self._key_in, self._names()))):
            with contextlib.suppress(StoreError):
                found += [one for one in [self.read(key)] if one is not None]
        return found

    def put(self, attachment: Attachment) -> None:
        """Write how far an attachment has got; with ATTACHED, first its result. Durable on return.
        Raises StoreError.
        """
        self.tidy()
        if attachment.phase == ATTACHED:
            self._write_result(attachment)
        write_state_file(os.path.join(self._own, str(attachment.key)), _body_of(attachment))

    def forget(self, key: Key) -> None:
        """Nothing is attached any more. Raises StoreError."""
        try:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self.path_of(key))
        except OSError as error:
            raise refused("remove", self.path_of(key), error) from None
        remove_file(os.path.join(self._own, str(key)))
        self.tidy()

    def tidy(self) -> None:
        """Remove what killed writers left."""
        remove_dead_temporaries(self._own)

    def path_of(self, key: Key) -> str:
        """The file of a result."""
        return os.path.join(self._results, str(key))

    def running(self, key: Key) -> str:
        """Where a plugin that runs for an attachment is found. Raises StoreError when that place cannot be made."""
        prepare_directory(self._own)
        return os.path.join(self._own, f".{key}.running")

    def _names(self) -> Iterator[tuple[str, str]]:
        for directory in (self._results, self._own):
            for name in list_directory(directory):
                if not name.startswith(".") and not name.endswith(".previous") and ".new-" not in name:
                    yield directory, name

    def _key_in(self, place: tuple[str, str]) -> Key | None:
        directory, name = place
        with contextlib.suppress(StoreError, FileNotFoundError):
            if directory == self._results:
                cached = self._read_result(os.path.join(directory, name))
                return cached.key if cached else None
            body, _boot = read_file(os.path.join(directory, name))
            return Key(body["network"], body["container"], body["interface"])
        return None

    def _read_result(self, path: str) -> Attachment | None:
        """Raises StoreError."""
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
            with os.fdopen(descriptor, "rb") as source:
                raw = source.read(LARGEST + 1)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise refused("read", path, error) from None
        try:
            return _from_cache(json.loads(raw))
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            raise StoreError(f"{path} is not a result as libcni keeps it; move it away to go on") from None

    def _write_result(self, attachment: Attachment) -> None:
        path = self.path_of(attachment.key)
        prepare_directory(os.path.dirname(path))
        prepare_directory(self._own)
        temporary = os.path.join(self._own, f"{attachment.key}.new-{os.getpid()}")
        try:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(temporary)
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            with os.fdopen(os.open(temporary, flags, 0o600), "wb") as target:
                target.write(json.dumps(_as_cache(attachment)).encode())
                target.flush()
                os.fsync(target.fileno())
            os.rename(temporary, path)
            sync_directory(os.path.dirname(path))
        except OSError as error:
            raise refused("write", path, error) from None


def _as_cache(attachment: Attachment) -> dict[str, Any]:
    """As libcni's cachedInfo."""
    key = attachment.key
    return {
        "kind": KIND,
        "containerId": key.container,
        "config": base64.b64encode(json.dumps(attachment.config, sort_keys=True).encode()).decode(),
        "ifName": key.interface,
        "networkName": key.network,
        "netns": attachment.netns,
        **({"cniArgs": [list(pair) for pair in attachment.args]} if attachment.args else {}),
        **({"capabilityArgs": dict(attachment.capabilities)} if attachment.capabilities else {}),
        "result": attachment.result,
    }


def _from_cache(data: Mapping[str, Any]) -> Attachment:
    """Raises ValueError, KeyError, TypeError."""
    if data["kind"] != KIND:
        raise ValueError
    result = data.get("result")
    if result is not None and not isinstance(result, dict):
        raise TypeError
    return Attachment(
        Key(str(data["networkName"]), str(data["containerId"]), str(data["ifName"])),
        str(data.get("netns") or _sandbox_in(result, data["ifName"])),
        dict(json.loads(base64.b64decode(data["config"], validate=True))),
        tuple((str(name), str(value)) for name, value in data.get("cniArgs") or ()),
        dict(data.get("capabilityArgs") or {}),
        result,
        ours=False,
    )


def _sandbox_in(result: Mapping[str, Any] | None, name: str) -> str:
    """Where an interface is, as its result tells it: libcni before 1.2 does not say it otherwise."""
    interfaces = (result or {}).get("interfaces") or []
    return next((str(one["sandbox"]) for one in interfaces if one.get("name") == name and one.get("sandbox")), "")


def _body_of(attachment: Attachment) -> dict[str, Any]:
    key = attachment.key
    return {
        "network": key.network,
        "container": key.container,
        "interface": key.interface,
        "phase": attachment.phase,
        "netns": attachment.netns,
        "fingerprint": list(attachment.fingerprint) if attachment.fingerprint else None,
        "config": dict(attachment.config),
        "args": [list(pair) for pair in attachment.args],
        "capabilities": dict(attachment.capabilities),
        "result": attachment.result if attachment.phase != ATTACHED else None,
        "expected": dict(attachment.expected),
    }


def _merged(
    key: Key, body: Mapping[str, Any], this_boot: bool, cached: Attachment | None, directory: str
) -> Attachment:
    """Ours and libcni's. What somebody else did to the attachment since shows in the latter."""
    try:
        phase, fingerprint = str(body["phase"]), body["fingerprint"]
        ours = Attachment(
            key,
            str(body["netns"]),
            dict(body["config"]),
            tuple((str(name), str(value)) for name, value in body["args"]),
            dict(body["capabilities"]),
            cached.result if cached else body["result"],
            phase,
            tuple(map(int, fingerprint)) if fingerprint and this_boot else None,
            this_boot,
            True,
            {str(name): str(text) for name, text in body["expected"].items()},
        )
    except (KeyError, TypeError, ValueError, AttributeError):
        raise StoreError(f"{directory}/{key} is not as this version writes it; move it away to go on") from None
    if phase != ATTACHED:
        return ours
    if cached is None:  # somebody else has detached it: DEL once more does no harm, and what is left goes
        return replace(ours, phase=DELETING)
    same = (cached.config, cached.args, cached.capabilities) == (ours.config, ours.args, ours.capabilities)
    return ours if same and cached.netns in ("", ours.netns) else cached
