# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The endpoint of one item of the role's sandbox_list, by which its interface is wired to a VM.

This file is private to the collection: it may change without notice.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from functools import partial
from typing import Any

from ansible_collections.sandbox.network.plugins.plugin_utils import _sandbox_values as values

MODELS = ("default", "none", "bridged", "macvtap", "tcfilter")
STRIPPING_MODELS = ("macvtap", "bridged")
"""With these, a VM takes over the addresses of a link."""
LARGEST_INDEX = 0xFFFF
SLOWEST, FASTEST = 8_000, 1 << 40
MOST_QUEUES = 256
LONGEST_QUEUE = 32768


def _mac_or_random(value: object) -> str:
    return "random" if value == "random" else values.mac(value)


def _power_of_two(value: object) -> int:
    number = values.number(value, 2, LONGEST_QUEUE)
    if number & (number - 1):
        raise ValueError(f"{number} is not a power of two")
    return number


def _user_or_group(value: object) -> str:
    return values.text(str(value) if isinstance(value, int) and not isinstance(value, bool) else value)


PARSERS: dict[str, Any] = {
    "type": partial(values.one_of, ("auto", "virtual", "vhost-user")),
    "model": partial(values.one_of, MODELS),
    "index": lambda value: values.number(value, 0, LARGEST_INDEX),
    "tap": values.interface_name,
    "bridge": values.interface_name,
    "queues": lambda value: values.number(value, 1, MOST_QUEUES),
    "vnet_hdr": values.boolean,
    "vhost": partial(values.one_of, ("auto", "required", "never")),
    "owner": _user_or_group,
    "group": _user_or_group,
    "mac": _mac_or_random,
    "rx_rate": lambda value: values.number(value, SLOWEST, FASTEST),
    "tx_rate": lambda value: values.number(value, SLOWEST, FASTEST),
    "vhost_user_socket": values.absolute_path,
    "vhost_user_dir": values.absolute_path,
    "queue_size": _power_of_two,
}


def parse_endpoint(
    element: object, driver: str, interfaces: Collection[str]
) -> tuple[Mapping[str, Any] | None, list[str]]:
    """The endpoint as vm_endpoint takes it, but for its place, and what is wrong with it.

    ``interfaces`` are the sandbox's own, if it has some. None: nothing is said about an endpoint.
    """
    if element is None:
        return None, []
    if driver != "bridge":
        return None, [f"endpoint: a sandbox with driver: {driver} has no interface of its own to wire"]
    if not isinstance(element, Mapping):
        try:
            return {"state": "present" if values.boolean(element) else "absent"}, []
        except ValueError:
            return None, [f"endpoint: {element!r} is neither a dictionary nor true or false"]
    options, problems = values.parse_options(element, PARSERS)
    wrong = [f"endpoint: {text}" for text in problems or _contradictions(options, interfaces)]
    return {"state": "present", **options}, wrong


def _contradictions(options: Mapping[str, Any], interfaces: Collection[str]) -> Iterator[str]:
    model = options.get("model")
    if model == "macvtap" and "rx_rate" in options:
        yield "rx_rate: is not possible with model: macvtap, which queues nothing on that way"
    for option in ("rx_rate", "tx_rate"):
        if model == "none" and option in options:
            yield f"{option}: needs a model that wires the endpoint, not model: none"
    for option in ("tap", "bridge"):
        if options.get(option) in interfaces:
            yield f'{option}: "{options[option]}" is the name of the sandbox\'s own interface'
    if "tap" in options and options["tap"] == options.get("bridge"):
        yield f'bridge: "{options["bridge"]}" is the name of the tap'
