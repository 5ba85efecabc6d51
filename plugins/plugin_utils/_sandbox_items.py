# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""One item of the role's sandbox_list: parsed, checked, its defaults filled in.

This file is private to the collection: it may change without notice.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ansible_collections.sandbox.network.plugins.plugin_utils import _sandbox_bandwidth as bandwidths
from ansible_collections.sandbox.network.plugins.plugin_utils import _sandbox_values as values
from ansible_collections.sandbox.network.plugins.plugin_utils._sandbox_cni import parse_cni
from ansible_collections.sandbox.network.plugins.plugin_utils._sandbox_devices import Device, parse_devices
from ansible_collections.sandbox.network.plugins.plugin_utils._sandbox_endpoint import parse_endpoint
from ansible_collections.sandbox.network.plugins.plugin_utils._sandbox_firewall import parse_firewall
from ansible_collections.sandbox.network.plugins.plugin_utils._sandbox_monitor import parse_monitor
from ansible_collections.sandbox.network.plugins.plugin_utils._sandbox_options import Options
from ansible_collections.sandbox.network.plugins.plugin_utils._sandbox_slirp import parse_slirp
from ansible_collections.sandbox.network.plugins.plugin_utils._sandbox_wires import Wire, parse_wires


class BadItemError(ValueError):
    """An item that cannot be carried out; ``problems`` says why, one text each."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


@dataclass(frozen=True)
class Sandbox:
    """One sandbox as wanted. ``wires`` are its links to bridges, none with another driver.
    ``endpoint`` is what vm_endpoint is asked for, or None when nothing is said about one;
    ``network`` what slirp_network is, or None with another driver; ``monitor`` what netmon_service is,
    or None when nothing is said about one; ``attachments`` what cni_network is;
    ``firewall`` what the module firewall is, or None when nothing is said about one; ``persist`` says whether
    it outlives a reboot."""

    name: str
    where: str
    driver: str
    interface: str
    wires: tuple[Wire, ...] = ()
    dns: Mapping[str, Any] = field(default_factory=dict)
    sysctl: Mapping[str, Any] = field(default_factory=dict)
    devices: tuple[Device, ...] = ()
    endpoint: Mapping[str, Any] | None = None
    network: Mapping[str, Any] | None = None
    monitor: Mapping[str, Any] | None = None
    attachments: tuple[Mapping[str, Any], ...] = ()
    firewall: Mapping[str, Any] | None = None
    persist: bool = False


def parse_sandbox(item: object, position: int, defaults: Mapping[str, Any]) -> Sandbox:
    """The sandbox that an item describes. Raises BadItemError with everything wrong in it."""
    if not isinstance(item, Mapping):
        raise BadItemError([f'sandbox_list[{position}]: {item!r} is not a dictionary with a "name"'])
    name = item.get("name")
    where = f"sandbox_list[{position}] ({name})" if name else f"sandbox_list[{position}]"
    return _parse(Options(item, where, defaults))


def _parse(options: Options) -> Sandbox:
    """The parsed item; everything is looked at before anything is complained about."""
    item, defaults = options.item, options.defaults
    name = options.option("name", values.namespace_name) or ""
    driver = options.option("driver", values.driver) or "bridge"
    interface = options.option("interface", values.interface_name) or ""
    dns = options.option("dns", values.dictionary) or {}
    persist = options.option("persist", values.boolean) or False
    sysctl = {**(defaults.get("sysctl") or {}), **(options.option("sysctl", values.dictionary) or {})}
    wires: tuple[Wire, ...] = ()
    mtu = None
    if driver == "bridge":
        wires, wrong_wires = parse_wires(options, name, interface)
        options.problems += wrong_wires
    else:
        options.option("bridge", values.link_name)
        options.option("mac", values.mac)
        mtu = options.option("mtu", values.mtu)
    inside = [] if driver == "none" else [interface, *(wire.interface for wire in wires[1:])]
    devices, wrong_devices = parse_devices(values.as_list(item.get("devices")), name, inside)
    endpoint, wrong_endpoint = parse_endpoint(item.get("endpoint"), driver, inside)
    network, wrong_network = parse_slirp(item, driver, interface, mtu, defaults)
    monitor, wrong_monitor = parse_monitor(item.get("monitor"))
    attachments, wrong_attachments = parse_cni(item, driver, interface)
    firewall, wrong_firewall = parse_firewall(item, driver, forwarding=defaults.get("forwarding"))
    wires, endpoint, attachments, wrong_bandwidth = _limited(options, driver, wires, endpoint, attachments)
    wrong = [
        *wrong_devices,
        *wrong_endpoint,
        *wrong_network,
        *wrong_monitor,
        *wrong_attachments,
        *wrong_firewall,
        *wrong_bandwidth,
    ]
    for problem in wrong:
        options.complain(problem)
    if options.problems:
        raise BadItemError(options.problems)
    return Sandbox(
        name=name,
        where=options.where,
        driver=driver,
        interface=interface,
        wires=wires,
        dns=dns,
        sysctl=sysctl,
        devices=tuple(devices),
        endpoint=endpoint,
        network=network,
        monitor=monitor,
        attachments=tuple(attachments),
        firewall=firewall,
        persist=persist,
    )


def _limited(
    options: Options,
    driver: str,
    wires: tuple[Wire, ...],
    endpoint: Mapping[str, Any] | None,
    attachments: list[dict[str, Any]],
) -> tuple[tuple[Wire, ...], Mapping[str, Any] | None, list[dict[str, Any]], list[str]]:
    """The rates of the first network where they belong: at its link, or with the endpoint or the plugin that has it."""
    if driver == "bridge":
        if wires[0].rates and endpoint is not None and endpoint["state"] == "present":
            endpoint, wrong = bandwidths.of_endpoint(endpoint, wires[0].rates)
            return (replace(wires[0], rates={}), *wires[1:]), endpoint, attachments, wrong
        return wires, endpoint, attachments, []
    if options.item.get("bandwidth") is None:
        return wires, endpoint, attachments, []
    if driver != "cni":
        reason = "whose packets no queue of the host sees" if driver == "slirp" else "which has no network"
        return wires, endpoint, attachments, [f"bandwidth: is not possible with driver: {driver}, {reason}"]
    rates = options.option("bandwidth", bandwidths.bandwidth)
    if not rates or not attachments:
        return wires, endpoint, attachments, []
    first, wrong = bandwidths.of_attachment(attachments[0], rates)
    return wires, endpoint, [first, *attachments[1:]], wrong
