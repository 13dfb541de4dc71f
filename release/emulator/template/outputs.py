"""Outputs: looked at before anything begins, evaluated when every resource is there."""

from __future__ import annotations

from collections.abc import Mapping

from release.emulator.template.errors import TemplateError
from release.emulator.template.evaluate import Context, Evaluator
from release.emulator.template.parameters import (
    Parameter,
    check,
    echoed_type,
    resolved,
)
from release.emulator.template.values import UNKNOWN, Json


def evaluate_outputs(context: Context) -> dict[str, Parameter] | None:
    """Return the outputs with their values; None when one still waits.

    Raises:
        TemplateError: An output cannot be evaluated, or is not of its type.
    """
    found: dict[str, Parameter] = {}
    waiting = False
    for name, declared in (context.template.get("outputs") or {}).items():
        path = f"outputs.{name}"
        definition = resolved(declared, context.template, path)
        lead = f"The template output '{name}' is not valid: {{}}"
        evaluator = Evaluator(context, lead)
        if (
            evaluator.value(definition.get("condition", True), f"{path}.condition")
            is False
        ):
            continue
        value = _value(evaluator, definition, path)
        if value is UNKNOWN:
            waiting = True
            continue
        type_ = _checked(value, definition, name, path, context)
        found[name] = Parameter(name=name, type=type_, value=value)
    return None if waiting else found


def _value(evaluator: Evaluator, definition: Mapping[str, Json], path: str) -> Json:
    copy = definition.get("copy")
    if not isinstance(copy, dict):
        value = evaluator.value(definition.get("value"), f"{path}.value")
        return UNKNOWN if evaluator.deferred else value
    count = evaluator.value(copy.get("count"), f"{path}.copy.count")
    if evaluator.deferred:
        return UNKNOWN
    rounds = evaluator.copied({**copy, "count": count}, f"{path}.copy")
    return UNKNOWN if evaluator.deferred else rounds


def _checked(
    value: Json, definition: Mapping[str, Json], name: str, path: str, context: Context
) -> str:
    type_ = echoed_type(str(definition.get("type", "")))
    if type_ is None:
        raise TemplateError(
            f"The template output '{name}' is not valid: its type "
            f"'{definition.get('type')}' is not one of the supported types.",
            path=f"{path}.type",
        )
    if value is None and definition.get("nullable"):
        return type_
    try:
        check(value, definition, name, path, context.template)
    except TemplateError as error:
        reason = error.summary.partition(": '")[2].removesuffix("'.")
        raise TemplateError(
            f"The template output '{name}' is not valid: {reason or error.summary}",
            path=path,
        ) from None
    return type_
