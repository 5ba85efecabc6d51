# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The options of one module, checked by another one as Ansible checks them."""

from __future__ import annotations

from typing import Any

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from .errors import InvalidOption
from .form import Form
from .front import specification


def checked_options(form: Form, options: dict[str, Any]) -> dict[str, Any]:
    """Options as the module of that form would get them, with defaults and types. Raises InvalidOption."""
    spec, constraints = specification(form)
    exclusive = constraints.pop("mutually_exclusive", None)
    result = ArgumentSpecValidator(spec, mutually_exclusive=exclusive, **constraints).validate(options)
    if result.error_messages:
        raise InvalidOption("options", None, "are not right: " + "; ".join(result.error_messages))
    return dict(result.validated_parameters)
