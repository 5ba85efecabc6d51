# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The front door that every module shares: options to result.

A module hands over its resource and its options; check mode, lists, diffs and error
messages are dealt with here, once.
"""

from __future__ import annotations

import copy
import errno as errnos
import os
import traceback
from collections.abc import Sequence
from typing import Any, Callable

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

from .._kernel.errors import KernelError
from .errors import InvalidOption, RecoveryFailed
from .form import Form
from .kinds.contract import place
from .known_errors import KNOWN_ERRORS
from .made_up import made_up_names, without_names
from .operation import Operation
from .resource import Resource, parse_items
from .task import Outcome, Task
from .transaction import TransactionFailed

COMMON: dict[str, Any] = {
    "state_dir": {"type": "path", "default": "/run/sandbox-network"},
    "lock_timeout": {"type": "float", "default": 30.0},
}


def create_module(form: Form) -> AnsibleModule:
    """The AnsibleModule for a form: one object by plain options, or a list of them."""
    spec, constraints = specification(form)
    return AnsibleModule(argument_spec={**spec, **COMMON}, supports_check_mode=True, **constraints)


def specification(form: Form) -> tuple[dict[str, Any], dict[str, Any]]:
    """The options of a form as Ansible describes them, and what constrains them together."""
    spec, constraints = copy.deepcopy(form.options), dict(form.constraints)
    if not form.plural:
        return spec, constraints
    items = copy.deepcopy(form.options)
    items["state"].pop("default")  # that of the task holds
    spec[form.plural] = {"type": "list", "elements": "dict", "options": items, **form.constraints}
    if form.mapping:
        spec[form.mapping] = {"type": "dict"}
        exclusive = [*constraints.get("mutually_exclusive", ()), (form.plural, form.mapping)]
        constraints["mutually_exclusive"] = exclusive
    return spec, constraints


def run_module(resource: Resource[Any], form: Form) -> None:
    """Run a module from its options to its result; ends the process."""
    module = create_module(form)
    require_library("netaddr", module)
    require_library("pyroute2", module)
    try:
        if not module.params["state_dir"].startswith("/"):
            raise InvalidOption("state_dir", module.params["state_dir"], "is not an absolute path")
        if not module.params["state_dir"].isprintable():
            raise InvalidOption("state_dir", module.params["state_dir"], "has characters in it that cannot be seen")
        wanted = parse_items(resource, given_items(form, module.params))
        task = Task(
            resource,
            wanted,
            state_dir=module.params["state_dir"],
            lock_timeout=module.params["lock_timeout"],
        )
    except KNOWN_ERRORS as error:
        module.fail_json(**failure(error))
    try:
        outcome = task.foretell() if module.check_mode else task.run()
    except KNOWN_ERRORS as error:
        recovered = [operation.told() for operation in task.recovered]
        module.fail_json(**failure(error), **({"recovered": recovered} if recovered else {}))
    report(module, form, outcome)


def run_info(options: dict[str, Any], gather: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """Run a module that only reads; ends the process."""
    module = AnsibleModule(argument_spec=options, supports_check_mode=True)
    require_library("netaddr", module)
    try:
        result = gather(module.params)
    except KNOWN_ERRORS as error:
        module.fail_json(**failure(error))
    module.exit_json(changed=False, **result)


def given_items(form: Form, params: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The objects asked for, by how an error names them: those of the list, those of the mapping,
    or the single one, which has no name. Raises InvalidOption.
    """
    listed: list[dict[str, Any]] | None = params[form.plural] if form.plural else None
    single = {name: params[name] for name in form.options}
    if form.mapping and params[form.mapping] is not None:
        return _entries(form, params[form.mapping], single)
    if listed is None:
        return {"": single}
    for name, option in form.options.items():
        if name != "state" and params[name] is not None and params[name] != option.get("default"):
            raise InvalidOption(
                name,
                params[name],
                f"cannot be given together with {form.plural}; put it into the items",
            )
    state = params["state"]
    return {f"{form.plural}[{number}]": {**item, "state": item["state"] or state} for number, item in enumerate(listed)}


def _entries(form: Form, mapping: dict[str, Any], common: dict[str, Any]) -> dict[str, dict[str, Any]]:
    items = {}
    for key, value in mapping.items():
        own = form.of_entry(key, value)
        for name in own:
            if common[name] is not None:
                raise InvalidOption(name, common[name], f"cannot be given together with {form.mapping}")
        items[f"{form.mapping}[{key}]"] = {**common, **own}
    return items


def report(module: AnsibleModule, form: Form, outcome: Outcome) -> None:
    """End the module with its result."""
    result: dict[str, Any] = {
        "changed": outcome.changed,
        "operations": [operation.told() for operation in outcome.operations],
        "diff": outcome.diff,
        "invocation": {"module_args": given(module.params)},
    }
    if outcome.recovered:
        result["recovered"] = [operation.told() for operation in outcome.recovered]
    if not form.plural:
        result.update(outcome.subjects[0])
    elif form.merged:
        for name in form.merged:
            result[name] = [one for subject in outcome.subjects for one in subject[name]]
    elif module.params[form.plural] is None and not (form.mapping and module.params[form.mapping] is not None):
        result[form.single] = outcome.subjects[0]
    else:
        result[form.plural] = outcome.subjects
    made_up = made_up_names(outcome.operations) if module.check_mode else {}
    if made_up:
        result = without_names(result, made_up)
    for warning in outcome.warnings:
        module.warn(warning)
    module.exit_json(**result)


def given(params: Any) -> Any:
    """The options without those that were left out: a thousand links have forty thousand."""
    if isinstance(params, dict):
        return {name: given(value) for name, value in params.items() if value is not None}
    if isinstance(params, list):
        return [given(value) for value in params]
    return params


def failure(error: Exception) -> dict[str, Any]:
    """The result of a failed task: what was tried, what came back, what was put back."""
    if isinstance(error, TransactionFailed):
        result = failure(error.cause)
        if not isinstance(error.cause, KNOWN_ERRORS):
            result["msg"] = str(error)
        result["operations"] = [operation.told() for operation in error.done]
        result["rolled_back"] = error.rolled_back
        if not error.done:
            put_back = "; nothing had been changed"
        elif error.rolled_back:
            put_back = f"; {len(error.done)} operations were undone, the host is as it was{_but_for(error.done)}"
        else:
            put_back = f"; undoing failed: {error.left}; the next task on the same objects mends it"
        result["msg"] += put_back
        return result
    rolled_back = not isinstance(error, RecoveryFailed)
    result = {"msg": str(error), "operations": [], "rolled_back": rolled_back}
    result.update(getattr(error, "facts", {}))
    number = getattr(error, "errno", None)
    if number:
        result["errno"] = KernelError(number).name
        if number == errnos.EPERM or (number == errnos.EACCES and os.geteuid() != 0):
            result["msg"] += " (this needs root, or CAP_NET_ADMIN and CAP_SYS_ADMIN: become: true)"
    return result


def _but_for(done: Sequence[Operation]) -> str:
    """What an undo cannot promise: a link that was made again is another one."""
    names = [place(one.args["netns"], one.args["name"]) for one in done if one.kind == "link.delete"]
    finer = "qdiscs, filters, neighbours, counters and finer settings"
    return f", but for {finer} that {', '.join(names[:5])} may have had" if names else ""


def require_library(name: str, module: AnsibleModule) -> None:
    """End the module with a helpful message when a library is missing on the host."""
    try:
        if _find(name):
            return
        problem = ""
    except ImportError:
        problem = traceback.format_exc()
    module.fail_json(msg=missing_required_lib(name, reason="on the managed host"), exception=problem or None)


def _find(name: str) -> bool:
    from importlib.util import find_spec

    return find_spec(name) is not None
