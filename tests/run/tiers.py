# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The tiers of `make test`: what each needs, and the commands that it runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from copies import bare_copy, fresh_copy
from environments import (
    CORE,
    CORE_NEWEST,
    CORE_OLDEST,
    IMPORTER,
    LANE_NEWEST,
    TOOLS,
    UNIT_OLDEST,
    Environment,
)
from machine import SYSTEM_PYTHON
from paths import ANSIBLE_LIB, BUILD, COLLECTION, COLLECTIONS, COMPILED, COPIES, DIST, HOME, ROOT, RUN, TREE
from steps import Step

Reasons = dict[Environment, str]

# The interpreters that modules run under. Each has the libraries of its lane.
LANES = {"debian": str(SYSTEM_PYTHON), "newest": str(LANE_NEWEST.python)}
LANE_ENVIRONMENTS = (CORE, LANE_NEWEST)

# What is tested in one lane. Plays take minutes, and are the controller's business for the most part; modules are in
# both lanes, by their own tests and by the roles that Molecule runs. The examples run in the other lane, too, with the
# newest controller. Modules that ask nothing of pyroute2, but programs of the host, keep their promises in both lanes,
# and take the rest of their tests, which wait for such programs, in one.
ONE_LANE = {
    "debian": (
        "test_connection_netns",
        "test_demo",
        "test_examples",
        "test_firewall_playbook",
        "test_inventory_sandboxes",
        "test_move_devices",
        "test_role_host",
        "test_role_rootless",
        "test_slirp_network",
        "test_slirp_portfwd",
    ),
    "newest": (
        "test_attacks",
        "test_ci_farm",
        "test_cni_network",
        "test_firewall",
        "test_firewall_guard",
        "test_microvms",
        "test_role_netmon",
        "test_role_sandbox",
    ),
}

# What spares Python the compiling of every module again: not for what a user is shown.
COMPILE_ONCE = {"PYTHONPATH": str(ROOT / "tests/integration/compiled"), "KEEP_COMPILED": str(COMPILED)}

CORES = {"2.16": CORE_OLDEST, "2.19": CORE, "newest": CORE_NEWEST}


@dataclass(frozen=True)
class Tier:
    """Steps that are run by one name. `steps` is told why an optional environment is missing."""

    name: str
    about: str
    environments: tuple[Environment, ...]
    steps: Callable[[Reasons], Iterator[Step]]
    needs_build: bool = False
    needs_kernel: bool = False
    needs_systemd: bool = False
    default: bool = True


def _tool(name: str) -> str:
    return str(TOOLS.bin / name)


def _ruff(_reasons: Reasons) -> Iterator[Step]:
    yield Step("ruff check", (_tool("ruff"), "check", "--cache-dir", str(BUILD / "ruff"), "."), 120)
    yield Step(
        "ruff format",
        (_tool("ruff"), "format", "--cache-dir", str(BUILD / "ruff"), "--diff", "."),
        120,
    )


def _mypy(_reasons: Reasons) -> Iterator[Step]:
    kinds = ("module_utils", "modules", "plugin_utils", "connection", "filter", "inventory")
    plugins = TREE.relative_to(ROOT) / COLLECTION / "plugins"
    found = [str(plugins / kind) for kind in kinds if (ROOT / plugins / kind).is_dir()]
    yield Step("mypy plugins", (_tool("mypy"), *found), 300)
    yield Step("mypy runner", (_tool("mypy"), "--cache-dir", str(BUILD / "mypy-runner"), "tests/run"), 300)


def _layers(_reasons: Reasons) -> Iterator[Step]:
    yield Step("layers", (str(TOOLS.python), str(RUN / "layers.py")), 60)


def _shellcheck(_reasons: Reasons) -> Iterator[Step]:
    scripts = [
        ".ci/run",
        "tests/guest/init",
        "tests/vm/init",
        *(str(path.relative_to(ROOT)) for path in sorted(RUN.iterdir()) if _is_bash(path)),
    ]
    yield Step("shellcheck", ("shellcheck", *scripts), 60)


def _is_bash(path: Path) -> bool:
    return path.is_file() and path.read_bytes().startswith(b"#!/usr/bin/env bash")


def _sanity(reasons: Reasons) -> Iterator[Step]:
    for version, environment in CORES.items():
        name = f"sanity {version}"
        # It takes longest, and is the same program for all: the oldest and the newest one is enough.
        left_out = ("pylint",) if environment is CORE else ()
        command = (
            str(environment.python),
            str(RUN / "sanity.py"),
            str(environment.bin),
            str(HOME / environment.name),
            *left_out,
        )
        yield Step(
            name,
            command,
            600,
            cwd=fresh_copy(f"sanity-{version}"),
            skip=reasons.get(environment, ""),
        )


def _ansible_lint(_reasons: Reasons) -> Iterator[Step]:
    copy = fresh_copy("ansible-lint")
    command = (_tool("ansible-lint"), "--offline", "--profile", "production", "--strict")
    yield Step("ansible-lint", command, 300, cwd=copy, environment=_in_copy("ansible-lint"))


def _docs(_reasons: Reasons) -> Iterator[Step]:
    command = (
        _tool("antsibull-docs"),
        "lint-collection-docs",
        "--plugin-docs",
        "--validate-collection-refs",
        "self",
        ".",
    )
    yield Step("antsibull-docs", command, 300, cwd=fresh_copy("docs"), environment=_in_copy("docs"))


def _changelog(_reasons: Reasons) -> Iterator[Step]:
    yield Step("changelog fragments", (_tool("antsibull-changelog"), "lint"), 60)
    yield Step(
        "changelog",
        (_tool("antsibull-changelog"), "lint-changelog-yaml", "changelogs/changelog.yaml"),
        60,
    )


def _reuse(_reasons: Reasons) -> Iterator[Step]:
    yield Step("reuse", (_tool("reuse"), "lint"), 120, cwd=fresh_copy("reuse"))


def _in_copy(name: str) -> dict[str, str]:
    """Let a tool see a copy of the checkout as a collection, and the other tools."""
    return {"ANSIBLE_COLLECTIONS_PATH": str(COPIES / name), "PATH": _search_path(TOOLS)}


def _search_path(environment: Environment) -> str:
    return f"{environment.bin}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def _unit(reasons: Reasons) -> Iterator[Step]:
    # A managed host's Python runs modules and what they import, nothing else.
    kinds = ("tests/unit/plugins/module_utils", "tests/unit/plugins/modules")
    modules = tuple(kind for kind in kinds if (ROOT / kind).is_dir())
    oldest = {"PYTHONPATH": f"{TREE}:{ANSIBLE_LIB}"}
    yield _pytest("unit", CORE, ("tests/unit",), {"PYTHONPATH": str(TREE)})
    yield _pytest("unit python-3.9", UNIT_OLDEST, modules, oldest, skip=reasons.get(UNIT_OLDEST, ""))
    yield _pytest(
        "unit python-newest",
        CORE_NEWEST,
        ("tests/unit",),
        {"PYTHONPATH": str(TREE)},
        skip=reasons.get(CORE_NEWEST, ""),
    )


def _integration(_reasons: Reasons) -> Iterator[Step]:
    for lane in LANES:
        elsewhere = [name for other in LANES if other != lane for name in ONE_LANE[other]]
        yield _pytest(
            f"integration {lane}",
            CORE,
            ("tests/integration", *(f"--ignore=tests/integration/{name}.py" for name in elsewhere)),
            _lane(lane, CORE),
            seconds=1500,
            netbox=True,
        )


def _controllers(reasons: Reasons) -> Iterator[Step]:
    for version, core, lane in (("2.16", CORE_OLDEST, "debian"), ("newest", CORE_NEWEST, "newest")):
        skip = reasons.get(core, "")
        # The examples are run with the newest controller, and by the integration tests with the one between.
        others = ("--ignore=tests/integration/test_examples.py",) if core is CORE_OLDEST else ()
        tests = ("tests/integration", "-m", "controller", *others)
        variables = _lane(lane, core)
        yield _playbook(f"demo on {version}", core, str(COLLECTIONS), COMPILE_ONCE, skip=skip)
        yield _pytest(f"controller {version}", core, tests, variables, netbox=True, skip=skip)


def _promises(_reasons: Reasons) -> Iterator[Step]:
    for lane in LANES:
        yield _pytest(
            f"promises {lane}",
            CORE,
            ("tests/promises",),
            _lane(lane, CORE),
            seconds=1200,
            netbox=True,
        )


def _monitor(_reasons: Reasons) -> Iterator[Step]:
    # It needs no library, so one lane is enough.
    yield _pytest("monitor", CORE, ("tests/monitor",), _lane("debian", CORE), netbox=True)


def _guest(_reasons: Reasons) -> Iterator[Step]:
    # The guest has the libraries of Debian only.
    yield _pytest("guest", CORE, ("tests/guest",), _lane("debian", CORE), seconds=900, netbox=True)


def _vm(_reasons: Reasons) -> Iterator[Step]:
    yield _pytest("vm", CORE, ("tests/vm",), _lane("debian", CORE), netbox=True)


def _systemd(_reasons: Reasons) -> Iterator[Step]:
    yield _pytest("systemd", CORE, ("tests/systemd",), _lane("debian", CORE), netbox=True)


def _sweep(_reasons: Reasons) -> Iterator[Step]:
    for lane in LANES:
        whole = {**_lane(lane, CORE), "SWEEP": "full"}
        yield _pytest(
            f"sweep {lane}",
            CORE,
            ("tests/promises",),
            whole,
            seconds=4 * 3600,
            netbox=True,
            alone=True,
        )
    whole = {**_lane("debian", CORE), "SWEEP": "full"}
    killed = ("tests/monitor/test_kill.py",)
    yield _pytest("sweep monitor", CORE, killed, whole, seconds=3600, netbox=True, alone=True)


def _benchmark(_reasons: Reasons) -> Iterator[Step]:
    # It makes throw-away hosts itself, one for each thing measured.
    command = ("tests/benchmark/run",)
    yield Step("benchmark", command, 3600, environment=_lane("debian", CORE), alone=True)


def _lane(lane: str, controller: Environment) -> dict[str, str]:
    """Tell tests which interpreter runs the modules, and which ansible-core controls."""
    return {
        "PATH": _search_path(controller),
        "PYTHONPATH": str(COLLECTIONS),
        "SANDBOX_ANSIBLE_LIB": str(ANSIBLE_LIB),
        "SANDBOX_COLLECTIONS": str(COLLECTIONS),
        "SANDBOX_CONTROLLER": str(controller.bin),
        "SANDBOX_LANE": lane,
        "SANDBOX_PYTHON": LANES[lane],
    }


def _pytest(
    name: str,
    environment: Environment,
    arguments: tuple[str, ...],
    variables: dict[str, str],
    seconds: int = 600,
    netbox: bool = False,
    alone: bool = False,
    skip: str = "",
) -> Step:
    command = (str(environment.python), "-m", "pytest", *arguments)
    return Step(
        name,
        command,
        seconds,
        environment=variables,
        junit=True,
        netbox=netbox,
        alone=alone,
        skip=skip,
    )


def _molecule(_reasons: Reasons) -> Iterator[Step]:
    extensions = fresh_copy("molecule") / "extensions"
    for lane, python in LANES.items():
        variables = {
            **COMPILE_ONCE,
            "ANSIBLE_COLLECTIONS_PATH": str(COPIES / "molecule"),
            "HOME": "/run/tmp",  # of the throw-away host: what molecule remembers is true for it only
            "MOLECULE_TARGET_PYTHON": python,
            "PATH": _search_path(CORE),
        }
        yield Step(
            f"molecule {lane}",
            (str(CORE.bin / "molecule"), "--base-config", "molecule/config.yml", "test", "--all"),
            600,
            cwd=extensions,
            environment=variables,
            netbox=True,
            refuse="no hosts matched",
        )


def build_step() -> Step:
    """Build and install the collection; other steps use what is installed."""
    return Step("build", (str(RUN / "build"), str(CORE.bin / "ansible-galaxy")), 120)


def _no_more_than_build(_reasons: Reasons) -> Iterator[Step]:
    yield from ()


def _importer(_reasons: Reasons) -> Iterator[Step]:
    (tarball,) = DIST.glob("*.tar.gz")
    variables = {
        "GALAXY_IMPORTER_CONFIG": str(RUN / "galaxy-importer.cfg"),
        "PATH": _search_path(IMPORTER),
    }
    command = (str(IMPORTER.python), "-m", "galaxy_importer.main", str(tarball))
    yield Step("galaxy-importer", command, 300, environment=variables, cwd=BUILD)


def _bare(_reasons: Reasons) -> Iterator[Step]:
    yield _playbook("bare install", CORE, str(bare_copy(COLLECTIONS, "bare")), COMPILE_ONCE)


def _demo(_reasons: Reasons) -> Iterator[Step]:
    yield _playbook("demo", CORE, str(COLLECTIONS))


def _playbook(
    name: str,
    core: Environment,
    collections: str,
    more: dict[str, str] | None = None,
    skip: str = "",
) -> Step:
    """Run the demonstration from a collections directory, as `make demo` does."""
    variables = {**demo_variables(core, collections), **(more or {})}
    return Step(name, demo_command(core), 300, environment=variables, netbox=True, skip=skip)


def demo_command(core: Environment) -> tuple[str, ...]:
    """Return the command of the demonstration, with this ansible-core as the controller."""
    python = f"ansible_python_interpreter={SYSTEM_PYTHON}"
    return (str(core.bin / "ansible-playbook"), "sandbox.network.demo", "-e", python)


def demo_variables(core: Environment, collections: str) -> dict[str, str]:
    """Return what the demonstration's output should look like, and where the collection is."""
    return {
        "ANSIBLE_CALLBACK_RESULT_FORMAT": "yaml",
        "ANSIBLE_COLLECTIONS_PATH": collections,
        "ANSIBLE_DISPLAY_SKIPPED_HOSTS": "false",
        "ANSIBLE_INVENTORY_UNPARSED_WARNING": "false",
        "ANSIBLE_LOCALHOST_WARNING": "false",
        "PATH": _search_path(core),
    }


# Those that take longest come first, so that no processor idles at the end.
TIERS = (
    Tier(
        "promises",
        "the four promises, and samples of the sweeps",
        LANE_ENVIRONMENTS,
        _promises,
        needs_build=True,
    ),
    Tier(
        "integration",
        "modules, roles, plugins on the real kernel",
        LANE_ENVIRONMENTS,
        _integration,
        needs_build=True,
    ),
    Tier(
        "monitor",
        "the monitor sandbox-netmon, with storms and kills",
        (CORE,),
        _monitor,
        needs_build=True,
    ),
    Tier(
        "guest",
        "physical links and further kinds, on Debian's kernel in QEMU",
        (CORE,),
        _guest,
        needs_build=True,
        needs_kernel=True,
    ),
    Tier(
        "vm",
        "sandboxes given to virtual machines, in QEMU",
        (CORE,),
        _vm,
        needs_build=True,
        needs_kernel=True,
    ),
    Tier(
        "systemd",
        "helpers as units, on hosts with systemd",
        (CORE,),
        _systemd,
        needs_build=True,
        needs_systemd=True,
    ),
    Tier("sanity", "ansible-test sanity on three ansible-cores", tuple(CORES.values()), _sanity),
    Tier(
        "controllers",
        "a few tests on the other ansible-cores",
        (*CORES.values(), LANE_NEWEST),
        _controllers,
        needs_build=True,
    ),
    Tier("importer", "galaxy-importer", (CORE, IMPORTER), _importer, needs_build=True),
    Tier("molecule", "the molecule scenarios", LANE_ENVIRONMENTS, _molecule),
    Tier("unit", "unit tests on three Pythons", (CORE, CORE_NEWEST, UNIT_OLDEST), _unit),
    Tier(
        "build",
        "the collection builds and installs",
        (CORE,),
        _no_more_than_build,
        needs_build=True,
    ),
    Tier(
        "bare",
        "works without docs, tests, extensions, changelogs",
        (CORE,),
        _bare,
        needs_build=True,
    ),
    Tier("demo", "the demonstration, as it is seen", (CORE,), _demo, needs_build=True, default=False),
    Tier("ruff", "style and format of Python", (TOOLS,), _ruff),
    Tier("mypy", "types", (CORE, TOOLS), _mypy),
    Tier("layers", "who may import whom", (TOOLS,), _layers),
    Tier("shellcheck", "shell scripts", (), _shellcheck),
    Tier("ansible-lint", "production profile, strict", (TOOLS,), _ansible_lint),
    Tier("docs", "documentation of plugins and roles", (TOOLS,), _docs),
    Tier("changelog", "changelog and its fragments", (TOOLS,), _changelog),
    Tier("reuse", "licence and copyright in every file", (TOOLS,), _reuse),
    Tier(
        "sweep",
        "every kill point and every error: long",
        LANE_ENVIRONMENTS,
        _sweep,
        needs_build=True,
        default=False,
    ),
    Tier(
        "benchmark",
        "speed, as ratios",
        LANE_ENVIRONMENTS,
        _benchmark,
        needs_build=True,
        default=False,
    ),
)
