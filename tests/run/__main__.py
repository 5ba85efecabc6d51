# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Run the tests: `python3 tests/run COMMAND`, which is what `make` calls.

    test [TIER...]   run tiers, by default all but the long ones; end with a table
    demo             show what the collection does, on a throw-away host
    setup            only make what tests and demo need
    list             name the tiers

It needs root, git and Python 3.9 or newer. What else it needs, it installs: Debian
packages on the machine, everything else below .build/.
"""

from __future__ import annotations

import os
import platform
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from types import FrameType

import environments
import tiers
from environments import CORE, LANE_NEWEST, OPTIONAL, Environment, NoPython
from kernel import fetch_kernel, kernel_release
from machine import DEMO_PACKAGES, SYSTEM_PYTHON, TEST_PACKAGES, find_pythons, install_packages
from paths import COLLECTIONS, RUN
from steps import Result, Step, clean_environment, run_step, stop_all
from systemd_tree import make_tree
from table import show_progress, show_table
from tiers import TIERS, Reasons, Tier

# For two cores: much of what the tests do is waiting for the kernel.
AT_ONCE = 3


def main(arguments: list[str]) -> int:
    """Do what the command line says."""
    command, *names = arguments or ["help"]
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        if command == "test":
            return test(_chosen(names))
        if command == "demo":
            return demo()
        if command == "setup":
            setup(TEST_PACKAGES, _environments(TIERS), kernel=True, systemd=True)
            return 0
        if command == "list":
            print("\n".join(f"{tier.name:14} {tier.about}" for tier in TIERS))
            return 0
    except KeyboardInterrupt:
        stop_all()
        print("Interrupted.")
        return 130
    print(__doc__)
    return 2


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _chosen(names: list[str]) -> list[Tier]:
    by_name = {tier.name: tier for tier in TIERS}
    unknown = [name for name in names if name not in by_name]
    if unknown:
        raise SystemExit(f"No such tier: {' '.join(unknown)}. There are: {' '.join(by_name)}")
    return [by_name[name] for name in names] or [tier for tier in TIERS if tier.default]


def _environments(chosen: list[Tier] | tuple[Tier, ...]) -> list[Environment]:
    return list(dict.fromkeys([CORE, *(environment for tier in chosen for environment in tier.environments)]))


def setup(
    packages: tuple[str, ...], wanted: list[Environment], *, kernel: bool = False, systemd: bool = False
) -> Reasons:
    """Install packages and make environments; return why an optional one cannot be made here."""
    install_packages(packages)
    pythons = find_pythons()
    reasons: Reasons = {}

    def make(environment: Environment) -> None:
        try:
            environments.prepare(environment, pythons)
        except NoPython as reason:
            if environment not in OPTIONAL:
                raise SystemExit(f"{environment.name}: {reason}") from reason
            reasons[environment] = str(reason)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        fetched = pool.submit(_fetch, kernel, systemd)
        list(pool.map(make, wanted))
        fetched.result()
    environments.link_trees()
    return reasons


def _fetch(kernel: bool, systemd: bool) -> None:
    """Fetch what tiers need besides, one after the other: there is one lock for all that apt does."""
    if kernel:
        fetch_kernel()
    if systemd:
        make_tree()


def test(chosen: list[Tier]) -> int:
    """Run tiers and print the table; return 1 when anything failed."""
    started = time.monotonic()
    needs_kernel = any(tier.needs_kernel for tier in chosen)
    needs_systemd = any(tier.needs_systemd for tier in chosen)
    reasons = setup(TEST_PACKAGES, _environments(chosen), kernel=needs_kernel, systemd=needs_systemd)
    print(f"Ready after {time.monotonic() - started:.0f} s.", flush=True)

    results: list[Result] = []
    if any(tier.needs_build for tier in chosen):
        results.append(_run(tiers.build_step()))
        if results[0].failed:
            chosen = [tier for tier in chosen if not tier.needs_build]
    steps = [step for tier in chosen for step in tier.steps(reasons)]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        try:
            results += pool.map(_run, [step for step in steps if not step.alone])
        except KeyboardInterrupt:
            pool.shutdown(wait=False, cancel_futures=True)
            stop_all()
            raise
    results += map(_run, [step for step in steps if step.alone])

    show_table(results, _facts(chosen), time.monotonic() - started)
    return int(any(result.failed for result in results))


def _run(step: Step) -> Result:
    result = run_step(step)
    show_progress(result)
    return result


def _facts(chosen: list[Tier]) -> dict[str, str]:
    """Say what was tested with what."""
    facts = {"kernel": platform.release()}
    if any(tier.needs_kernel for tier in chosen):
        facts["kernel of the guest"] = kernel_release()
    used = _environments(chosen)
    for environment in tiers.CORES.values():
        if environment in used and environment.python.exists():
            version = environments.python_version(environment.python)
            core = environments.version_of(environment.python, "ansible-core")
            facts[f"controller {environment.name}"] = f"ansible-core {core}, Python {version}"
    if LANE_NEWEST in used:
        for lane, python in (("debian", SYSTEM_PYTHON), ("newest", LANE_NEWEST.python)):
            libraries = [f"{name} {environments.version_of(python, name)}" for name in ("pyroute2", "netaddr")]
            facts[f"lane {lane}"] = ", ".join([*libraries, f"Python {environments.python_version(python)}"])
    return facts


def demo() -> int:
    """Make the collection and what it needs, then show it; the exit code is the playbook's."""
    setup(DEMO_PACKAGES, [CORE])
    built = _run(tiers.build_step())
    if built.failed:
        return 1
    command = [str(RUN / "netbox"), *tiers.demo_command(CORE)]
    variables = clean_environment(tiers.demo_variables(CORE, str(COLLECTIONS)))
    if sys.stdout.isatty():
        variables.pop("ANSIBLE_NOCOLOR")
    started = time.monotonic()
    code = subprocess.run(command, env=variables, check=False).returncode
    print(f"The demonstration took {time.monotonic() - started:.0f} s and ended with {code}.")
    return code


if __name__ == "__main__":
    if os.geteuid() != 0 and sys.argv[1:2] != ["list"]:
        raise SystemExit("Tests and demo make network namespaces: run them as root.")
    sys.exit(main(sys.argv[1:]))
