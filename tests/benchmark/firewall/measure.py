# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""One contestant on one throw-away host: publish two ports of each sandbox, look, go through, take them back, look."""

from __future__ import annotations

import os
from dataclasses import asdict
from functools import partial
from pathlib import Path

from cost import Phases, phases_of
from ours import Modules

from firewall.bare import Tables
from firewall.cni import Plugins
from firewall.host import GUEST_PORT, HOST_ADDRESS, named, wired
from firewall.ours import MODULE, Rules
from firewall.path import measure_path
from firewall.verify import bad_chains, bad_ends, bad_tables, bad_without

SCRATCH = Path(os.environ["TMPDIR"])
MEASURED = 20
"""The first and the last sandboxes, whose rules CNI's plugins are measured with."""


def measure_floor(number: int, python: str) -> Phases:
    """nft itself, with tables that the collection has made before; and the way without any rules."""
    with wired(number, SCRATCH) as ones:
        last = ones[-1]
        path = {"nothing": measure_path(last.name, last.address, GUEST_PORT)}
        Rules(_modules(python), ones).present()
        tables = Tables(last, SCRATCH)
        tables.absent()
        bad = bad_without(ones)
        costs = {"create": tables.create()}
        bad += bad_tables(ones)
        costs["again"] = tables.read()
        costs["one"] = tables.one_changed()
        bad += bad_tables(ones, elsewhere=last)
        costs["absent"] = tables.absent()
        return {**phases_of(costs, bad + bad_without(ones)), "path": path}


def measure_ours(number: int, python: str) -> Phases:
    """The collection; what the module costs that has nothing to do is taken off."""
    with wired(number, SCRATCH) as ones:
        rules, last = Rules(_modules(python), ones), ones[-1]
        bad, costs, path = bad_without(ones), {}, {}
        for phase, run, must_change in (
            ("create", rules.present, True),
            ("again", rules.present, False),
            ("check", partial(rules.present, check=True), False),
            ("one", rules.one_changed, True),
            ("alone", rules.changed_back, True),
            ("absent", rules.absent, True),
        ):
            changed, costs[phase] = run()
            if changed != must_change:
                bad.append(f"{phase}: changed is {changed}")
            if phase != "absent":
                bad += bad_tables(ones, elsewhere=last if phase == "one" else None)
            if phase == "alone":
                path["ours"] = measure_path(last.name, HOST_ADDRESS, last.port)
        bad += bad_without(ones)
        return {**phases_of(costs, bad), "path": path, "start": asdict(rules.starts[MODULE])}


def measure_cni(number: int, _python: str) -> Phases:
    """CNI's plugins: the first sandboxes and the last ones by the plugins, those between as the plugins would do it."""
    with named(number, SCRATCH) as ones:
        plugins = Plugins(SCRATCH)
        plugins.wire(ones)
        first, between, last = ones[:MEASURED], ones[MEASURED:-MEASURED], ones[-MEASURED:]
        bad, costs, path = bad_without(ones), {}, {}
        for plugin, way in (("portmap", "portmap"), ("firewall", "portmap and firewall")):
            costs[f"{plugin} first"] = plugins.run("ADD", first, plugin)
            plugins.fill(plugin, first[-1], between)
            costs[f"{plugin} last"] = plugins.run("ADD", last, plugin)
            bad += bad_chains(ones, filtered=plugin == "firewall")
            path[way] = measure_path(last[-1].name, HOST_ADDRESS, last[-1].port)
        costs["one"] = plugins.run("DEL", last, "portmap") + plugins.run("ADD", last, "portmap")
        bad += bad_ends(ones)
        for plugin in ("firewall", "portmap"):
            costs[f"{plugin} absent"] = plugins.run("DEL", last, plugin)
        return {**phases_of(costs, bad), "path": path, "measured": MEASURED}


def _modules(python: str) -> Modules:
    return Modules(python, os.environ["SANDBOX_COLLECTIONS"], os.environ["SANDBOX_ANSIBLE_LIB"], SCRATCH)


CONTESTANTS = {
    "floor": measure_floor,
    "ours": measure_ours,
    "cni": measure_cni,
}
