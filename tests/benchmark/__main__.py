# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Measure, write the results as JSON, and put them into docs/performance.md."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import report
from endpoints import report as endpoints_report
from firewall import report as firewall_report
from monitor import report as monitor_report
from moves import report as moves_report
from tables import CONTESTANTS
from user_mode import report as user_mode_report

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
BUILD = ROOT / ".build"
RESULTS = BUILD / "benchmark"
CONTROLLER = Path(os.environ.get("SANDBOX_CONTROLLER", BUILD / "venv/core-2.19/bin"))
COLLECTIONS = os.environ.get("SANDBOX_COLLECTIONS", str(BUILD / "collections"))
ANSIBLE_LIB = os.environ.get("SANDBOX_ANSIBLE_LIB", str(BUILD / "ansible-lib"))
LANES = {"debian": "/usr/bin/python3", "newest": str(BUILD / "venv/newest/bin/python")}
if "SANDBOX_LANE" in os.environ:
    LANES = {os.environ["SANDBOX_LANE"]: os.environ["SANDBOX_PYTHON"]}

Options = argparse.Namespace
Runs = Iterator[dict[str, Any]]


@dataclass(frozen=True)
class Scenario:
    """Something to measure: where its results go, what it runs, and who writes the tables."""

    results: str
    runs: Callable[[Options], Runs]
    write_report: Callable[[dict[str, Any], Path | None], str]


VERSIONS = """
import json, sys
from importlib.metadata import version
print(json.dumps({
    "Python": sys.version.split()[0], "pyroute2": version("pyroute2"), "netaddr": version("netaddr"),
}))
"""


def main() -> int:
    """Run the benchmark; 1 when a sandbox, a device, an endpoint or a forward was not as it should be."""
    parser = argparse.ArgumentParser(prog="tests/benchmark/run", description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[10, 100, 1000])
    parser.add_argument("--moves", type=int, nargs="+", default=[1, 100], help="devices (default: 1 100)")
    parser.add_argument("--endpoints", type=int, nargs="+", default=[100], help="for each model (default: 100)")
    parser.add_argument("--forwards", type=int, nargs="+", default=[1, 200], help="of ports (default: 1 200)")
    parser.add_argument(
        "--watched", type=int, nargs="+", default=[1, 100, 1000], help="sandboxes (default: 1 100 1000)"
    )
    parser.add_argument("--published", type=int, nargs="+", default=[1000], help="sandboxes (default: 1000)")
    parser.add_argument("--only", choices=SCENARIOS, help="measure nothing else")
    parser.add_argument("--rounds", type=int, default=5, help="for each size (default: 5)")
    parser.add_argument("--lanes", nargs="+", choices=LANES, default=list(LANES))
    parser.add_argument("--role", type=int, default=100, help="sandboxes for the role's playbook")
    parser.add_argument("--no-docs", action="store_true", help="leave docs/performance.md alone")
    options = parser.parse_args()
    bad = []
    for name in [options.only] if options.only else SCENARIOS:
        bad += _measure_all(name, options)
    print("\n".join(bad) or "nothing was bad", file=sys.stderr)
    return 1 if bad else 0


def _measure_all(name: str, options: Options) -> list[str]:
    scenario = SCENARIOS[name]
    runs = []
    for one in scenario.runs(options):
        print(f"{name}: {one['lane']} {one['contestant']} {one['number']}", file=sys.stderr, flush=True)
        runs.append({**one, **_measure(name, one["contestant"], one["number"], LANES[one["lane"]])})
    results = {"machine": _machine(options.lanes), "runs": runs}
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / scenario.results).write_text(json.dumps(results, indent=1) + "\n")
    print(scenario.write_report(results, None if options.no_docs else ROOT / "docs/performance.md"))
    return [f"{name}: {one['contestant']} {one['number']}: {one['bad'][:5]}" for one in runs if one["bad"]]


def _sandbox_runs(options: Options) -> Runs:
    yield from _in_turns(options.sizes, options)
    for round_ in range(options.rounds):
        for lane in options.lanes:
            yield {"round": round_, "lane": lane, "contestant": "tasks", "number": 0}
            yield {"round": round_, "lane": lane, "contestant": "role", "number": options.role}


def _move_runs(options: Options) -> Runs:
    yield from _in_turns(options.moves, options)


def _endpoint_runs(options: Options) -> Runs:
    yield from _in_turns(options.endpoints, options, endpoints_report.CONTESTANTS)


def _forward_runs(options: Options) -> Runs:
    yield from _in_turns(options.forwards, options, user_mode_report.CONTESTANTS)


def _firewall_runs(options: Options) -> Runs:
    yield from _in_turns(options.published, options, firewall_report.CONTESTANTS)


def _monitor_runs(options: Options) -> Runs:
    yield from _in_turns([1], options, monitor_report.CONTESTANTS)
    for number in options.watched:
        for lane in options.lanes:
            yield {"round": 0, "lane": lane, "contestant": "memory", "number": number}


def _in_turns(sizes: list[int], options: Options, contestants: Sequence[str] = CONTESTANTS) -> Runs:
    """The contestants interleaved, so that what disturbs one disturbs its neighbours."""
    for number in sizes:
        for round_ in range(options.rounds):
            for lane in options.lanes:
                for contestant in contestants:
                    yield {
                        "round": round_,
                        "lane": lane,
                        "contestant": contestant,
                        "number": number,
                    }


SCENARIOS = {
    "sandboxes": Scenario("results.json", _sandbox_runs, report.write_report),
    "moves": Scenario("moves.json", _move_runs, moves_report.write_report),
    "endpoints": Scenario("endpoints.json", _endpoint_runs, endpoints_report.write_report),
    "user_mode": Scenario("user_mode.json", _forward_runs, user_mode_report.write_report),
    "firewall": Scenario("firewall.json", _firewall_runs, firewall_report.write_report),
    "monitor": Scenario("monitor.json", _monitor_runs, monitor_report.write_report),
}


def _measure(scenario: str, contestant: str, number: int, python: str) -> dict[str, Any]:
    environment = {
        **os.environ,
        "PATH": f"{CONTROLLER}:{os.environ['PATH']}",
        "PYTHONPATH": COLLECTIONS,
        "SANDBOX_COLLECTIONS": COLLECTIONS,
        "SANDBOX_ANSIBLE_LIB": ANSIBLE_LIB,
    }
    command = [str(ROOT / "tests/run/netbox"), str(CONTROLLER / "python")]
    command += [str(HERE / "measure.py"), scenario, contestant, str(number), python]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True, text=True)
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def _machine(lanes: list[str]) -> dict[str, Any]:
    def ask(*command: str) -> str:
        return subprocess.check_output(command, text=True).strip()

    core = ask(str(CONTROLLER / "ansible-playbook"), "--version").partition("]")[0]
    return {
        "kernel": os.uname().release,
        "cores": os.cpu_count(),
        "ansible-core": core.rpartition(" ")[2],
        "iproute2": ask("ip", "-V").partition("iproute2-")[2].partition(",")[0],
        "lanes": {lane: json.loads(ask(LANES[lane], "-c", VERSIONS)) for lane in lanes},
    }


if __name__ == "__main__":
    sys.exit(main())
