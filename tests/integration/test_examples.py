# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Documentation that runs: the examples of every module, and the playbooks of the README.

Each task of an example is run twice in a row. The second time nothing may change.
"""

from __future__ import annotations

import ast
import json
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

sys.path.insert(0, str(Path(__file__).parent))
from throwaway import BUILD, COLLECTIONS, CONTROLLER, ROOT, Throwaway

Task = dict[str, Any]

OURS = "sandbox.network."
MODULES = sorted(path.stem for path in (ROOT / "plugins" / "modules").glob("[a-z]*.py"))
README = ROOT / "README.md"
FENCED = re.compile(r"^```ya?ml\n(.*?)^```", re.MULTILINE | re.DOTALL)
AD_HOC = re.compile(r"^# (ansible .*)", re.MULTILINE)
HEADING = re.compile(r"^> MODULE (\S+).*$", re.MULTILINE)
MARKUP = re.compile(r"\b(?:[BCEILMOPUV]|RV|HORIZONTALLINE)\([^)]")


def block(module: str, name: str) -> str:
    """DOCUMENTATION, EXAMPLES or RETURN of a module."""
    source = (ROOT / "plugins" / "modules" / f"{module}.py").read_text(encoding="utf-8")
    for node in ast.parse(source).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == name:
            return str(ast.literal_eval(node.value))
    raise AssertionError(f"{module} has no {name}")


def readme_playbooks() -> list[str]:
    """The fenced YAML of the README that has plays in it."""
    text = README.read_text(encoding="utf-8") if README.exists() else ""
    return [found for found in FENCED.findall(text) if "hosts:" in found]


WITHOUT_SYSTEMD = "No systemd runs here"  # which is true of a throw-away host


def twice(tasks: list[Task]) -> list[Task]:
    """Each task, and the same again, which fails unless it is as a repetition has to be."""
    result: list[Task] = []
    for task in tasks:
        if "block" in task:
            result.append({**task, "block": twice(task["block"])})
            continue
        result.append(task)
        if any(key.startswith(OURS) for key in task):
            first = task.get("register", "first")
            result[-1] = {**task, "register": first}
            wrong = f"again is failed or {wrong_repetition(task, first)}"
            again = {"name": f"{task['name']} (again)", "register": "again", "failed_when": wrong}
            result.append({**task, **again})
    return result


def wrong_repetition(task: Task, first: str) -> str:
    """How to tell that a repetition was wrong."""
    (options,) = (task[key] for key in task if key.startswith(OURS))
    if task.get("check_mode"):  # nothing was done, so the same is still to do
        return f"again.changed != {first}.changed"
    if (options or {}).get("generate"):  # documented: another one in every run
        return "again is not changed"
    return "again is changed"


def run_playbook(host: Throwaway, plays: list[dict[str, Any]]) -> str:
    """Run plays; return what ansible-playbook printed."""
    with tempfile.TemporaryDirectory(dir=BUILD) as directory:
        path = Path(directory) / "playbook.json"
        path.write_text(json.dumps(plays), encoding="utf-8")
        done = host.ansible_playbook(str(path))
    assert done.returncode == 0, done.stdout + done.stderr
    warnings = [line for line in done.stderr.splitlines() if "[WARNING]" in line and WITHOUT_SYSTEMD not in line]
    assert not warnings, done.stderr
    return done.stdout


@pytest.fixture
def host() -> Iterator[Throwaway]:
    with Throwaway() as throwaway:
        yield throwaway


@pytest.mark.controller
@pytest.mark.parametrize("module", MODULES)
def test_examples_run_and_repeat_without_a_change(host: Throwaway, module: str) -> None:
    tasks = yaml.safe_load(block(module, "EXAMPLES"))
    assert all("name" in task for task in tasks)
    play = {"hosts": "all", "gather_facts": False, "tasks": twice(tasks)}
    assert f"{OURS}{module}" in json.dumps(play)
    run_playbook(host, [play])


@pytest.mark.parametrize("module", MODULES)
def test_commands_of_examples_run(host: Throwaway, module: str) -> None:
    commands = AD_HOC.findall(block(module, "EXAMPLES"))
    assert commands
    for command in commands:
        done = host.ansible(*shlex.split(command))
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("number", range(len(readme_playbooks())))
def test_playbooks_of_the_readme_run(host: Throwaway, number: int) -> None:
    text = readme_playbooks()[number]
    plays = yaml.safe_load(text)
    for play in plays:
        for section in ("pre_tasks", "tasks", "post_tasks"):
            if section in play:
                play[section] = twice(play[section])
    run_playbook(host, plays)
    again = run_playbook(host, plays)
    if "absent" not in text:  # what is made and taken away is made again
        assert re.search(r"changed=[1-9]", again) is None, again


def ansible_doc(*arguments: str) -> str:
    """What ansible-doc says about all modules."""
    return subprocess.run(
        [str(CONTROLLER / "ansible-doc"), *arguments, *(OURS + module for module in MODULES)],
        env={"ANSIBLE_COLLECTIONS_PATH": COLLECTIONS, "ANSIBLE_NOCOLOR": "1", "COLUMNS": "100"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout


@pytest.fixture(scope="module")
def documented() -> dict[str, Any]:
    """The documentation of all modules, to be computed with."""
    return dict(json.loads(ansible_doc("--json")))


@pytest.fixture(scope="module")
def shown() -> dict[str, str]:
    """The same to be read, by module."""
    _nothing, *parts = HEADING.split(ansible_doc())
    return dict(zip(parts[::2], parts[1::2]))


@pytest.mark.parametrize("module", MODULES)
def test_ansible_doc_shows_everything(documented: dict[str, Any], shown: dict[str, str], module: str) -> None:
    told = documented[f"{OURS}{module}"]
    assert told["examples"]
    assert told["return"]
    assert set(told["doc"]["attributes"]) == {
        "action_group",
        "check_mode",
        "diff_mode",
        "idempotent",
        "platform",
    }
    assert "state_dir" in told["doc"]["options"]
    assert any("netaddr" in one for one in told["doc"]["requirements"])
    text = shown[f"{OURS}{module}"]
    assert all(name in text for name in told["doc"]["options"])
    assert MARKUP.search(text.split("EXAMPLES:")[0]) is None
