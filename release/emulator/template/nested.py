"""Templates inside templates.

With ``expressionEvaluationOptions.scope`` ``inner`` a nested template is left as it
is: its deployment evaluates it, with its own parameters. With ``outer``, the default,
its expressions belong to the template around it, and are evaluated with that one's
parameters, variables and target. Language version 2.0 has ``inner`` alone.
https://learn.microsoft.com/azure/azure-resource-manager/templates/syntax
https://learn.microsoft.com/azure/azure-resource-manager/templates/linked-templates
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from release.emulator.template.errors import TemplateError
from release.emulator.template.values import Json, item_of

if TYPE_CHECKING:
    from release.emulator.template.evaluate import Evaluator

DEPLOYMENT = "microsoft.resources/deployments"


def is_deployment(declared: Mapping[str, Json]) -> bool:
    """Tell whether a resource is a deployment."""
    return str(declared.get("type", "")).lower() == DEPLOYMENT


def is_outer(
    properties: Mapping[str, Json],
    template: Json,
    around: Mapping[str, Json],
    path: str,
) -> bool:
    """Tell whether a nested template belongs to the template around it.

    Raises:
        TemplateError: It does, and one of the two has language version 2.0.
    """
    options = item_of(properties, "expressionEvaluationOptions")
    scope = item_of(options, "scope") if isinstance(options, dict) else None
    default = "inner" if _has_symbols(around) else "outer"
    if str(scope or default).lower() == "inner":
        return False
    if _has_symbols(around) or _has_symbols(template):
        raise TemplateError(
            "Deployment template validation failed: 'The expression evaluation scope "
            "of a nested template must be 'inner' with language version 2.0. Please "
            "see https://aka.ms/arm-syntax-resources for usage details.'.",
            path=f"{path}.expressionEvaluationOptions.scope",
        )
    return True


def _has_symbols(template: Json) -> bool:
    """Tell whether a template has a language version with symbolic names."""
    version = item_of(template, "languageVersion") if isinstance(template, dict) else ""
    return str(version or "1.0") != "1.0"


def evaluate_outer(template: Json, evaluator: Evaluator, path: str) -> Json:
    """Evaluate a nested template in the scope around it.

    What comes out holds no expression but those that still wait; a string that looks
    like one is escaped, for the nested deployment reads it once more.
    """
    if not isinstance(template, dict):
        return template
    result: dict[str, Json] = {}
    for name, value in template.items():
        here = f"{path}.{name}"
        if name == "resources":
            result[name] = _resources(value, evaluator, here)
        elif name == "outputs":
            result[name] = _escaped(evaluator.value(value, here), value)
        elif name not in {"parameters", "variables", "functions"}:
            result[name] = value
    return result


def _resources(declared: Json, evaluator: Evaluator, path: str) -> Json:
    if not isinstance(declared, list):
        return declared
    return [
        made
        for at, one in enumerate(declared)
        for made in _resource(one, evaluator, f"{path}[{at}]")
    ]


def _resource(declared: Json, evaluator: Evaluator, path: str) -> list[Json]:
    if not isinstance(declared, dict):
        return [declared]
    copy = declared.get("copy")
    if not isinstance(copy, dict):
        return [_one(declared, evaluator, path)]
    name = str(copy.get("name") or "")
    rest = {key: value for key, value in declared.items() if key != "copy"}
    return [
        _one(rest, evaluator.within(evaluator.context.looping(name, at)), path)
        for at in range(evaluator.count(copy, f"{path}.copy"))
    ]


def _one(declared: dict[str, Json], evaluator: Evaluator, path: str) -> Json:
    result: dict[str, Json] = {}
    for name, value in declared.items():
        here = f"{path}.{name}"
        if name == "resources":
            result[name] = _resources(value, evaluator, here)
        elif name == "properties" and is_deployment(declared):
            inner = {k: v for k, v in value.items() if k != "template"}
            result[name] = _escaped(evaluator.value(inner, here), inner)
            template = value.get("template")
            result[name]["template"] = (
                evaluate_outer(template, evaluator, f"{here}.template")
                if is_outer(result[name], template, evaluator.context.template, here)
                else template
            )
        else:
            result[name] = _escaped(evaluator.value(value, here), value)
    return result


def _escaped(value: Json, declared: Json) -> Json:
    """Escape strings that look like expressions, but not those that still wait."""
    if isinstance(value, str):
        waits = value == declared and not value.startswith("[[")
        looks = value.startswith("[") and value.endswith("]")
        return f"[{value}" if looks and not waits else value
    if isinstance(value, list):
        matching = isinstance(declared, list) and len(declared) == len(value)
        before = declared if matching else [None] * len(value)
        return [_escaped(one, old) for one, old in zip(value, before, strict=True)]
    if isinstance(value, dict):
        old = declared if isinstance(declared, dict) else {}
        return {name: _escaped(one, old.get(name)) for name, one in value.items()}
    return value
