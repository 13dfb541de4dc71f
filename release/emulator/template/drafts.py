"""Naming the resources of a template: conditions and copy loops applied.

A draft is a resource with its id and what it says it depends on; its body is not
evaluated yet, for that needs the names of all the others.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from release.emulator.template.errors import TemplateError
from release.emulator.template.evaluate import Context, Evaluator
from release.emulator.template.identity import under
from release.emulator.template.nested import is_deployment
from release.emulator.template.planned import Planned
from release.emulator.template.scope import Scope
from release.emulator.template.values import Json, is_number


def drafts(context: Context) -> Iterator[Draft]:
    """Yield every resource that a template declares, children after their parents.

    Raises:
        TemplateError: A resource cannot be named.
    """
    for path, symbol, declared in _declared(context.template):
        yield from _drafts(declared, context, path, symbol, None)


def loops(template: Mapping[str, Json]) -> frozenset[str]:
    """Return what the copy loops of a template's resources are called, in lower case.

    A loop of no rounds has a name as well, and may be waited for.
    """
    return frozenset(
        str(name).lower()
        for _, symbol, declared in _declared(template)
        if isinstance(copy := declared.get("copy"), dict)
        for name in (copy.get("name"), symbol)
        if name
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Draft:
    """A named resource whose body is not evaluated yet."""

    planned: Planned
    declared: Mapping[str, Json]
    context: Context
    enabled: bool
    dependencies: tuple[tuple[str, str], ...]
    """What ``dependsOn`` says, with the place where it is said."""


def _drafts(
    declared: dict[str, Json],
    context: Context,
    path: str,
    symbol: str | None,
    parent: Planned | None,
) -> Iterator[Draft]:
    """Yield a resource, or all of its copy loop, each with its children."""
    copy = declared.get("copy")
    if not isinstance(copy, dict):
        yield from _family(declared, context, path, symbol, parent, copied_as=None)
        return
    if parent is not None:
        raise TemplateError(
            "Deployment template validation failed: 'The template resource at "
            f"'{path}' has a copy loop. A copy loop is not supported on a child "
            "resource inside its parent; declare it at the top level.'.",
            path=f"{path}.copy",
        )
    evaluator = Evaluator(context, _invalid(str(declared.get("name", ""))))
    name = str(copy.get("name") or symbol or "")
    count = evaluator.count(copy, f"{path}.copy")
    batch = _batch_size(copy, evaluator, f"{path}.copy")
    batches: list[list[str]] = [[]]
    for at in range(count):
        if batch and len(batches[-1]) == batch:
            batches.append([])
        before = batches[-2] if batch and len(batches) > 1 else []
        looping = context.looping(name, at)
        family = list(_family(declared, looping, path, symbol, parent, copied_as=name))
        waits = tuple((one, f"{path}.copy") for one in before)
        for draft in family:
            yield replace(draft, dependencies=(*draft.dependencies, *waits))
        batches[-1].extend(draft.planned.id for draft in family if draft.enabled)


def _batch_size(
    copy: Mapping[str, Json], evaluator: Evaluator, path: str
) -> int | None:
    mode = evaluator.value(copy.get("mode"), f"{path}.mode")
    if str(mode).lower() != "serial":
        return None
    size = evaluator.value(copy.get("batchSize", 1), f"{path}.batchSize")
    if not is_number(size) or int(size) < 1:
        raise TemplateError(
            evaluator.lead.format(
                f"The template 'copy' definition has an invalid batch size '{size}'. "
                "Please see https://aka.ms/arm-resource-loops for usage details."
            ),
            path=f"{path}.batchSize",
        )
    return int(size)


def _family(
    declared: dict[str, Json],
    context: Context,
    path: str,
    symbol: str | None,
    parent: Planned | None,
    *,
    copied_as: str | None,
) -> Iterator[Draft]:
    draft = _named(declared, context, path, symbol, parent, copied_as=copied_as)
    yield draft
    children = declared.get("resources")
    if isinstance(children, dict):
        children = [{**one, "_symbol": key} for key, one in children.items()]
    for at, child in enumerate(children or []):
        inner = dict(child)
        own = inner.pop("_symbol", None)
        here = f"{path}.resources[{at}]"
        yield from _drafts(inner, context, here, own, draft.planned)


def _invalid(name: str) -> str:
    return (
        f"Deployment template validation failed: 'The template resource '{name}' is "
        "not valid: {}'."
    )


def _named(
    declared: dict[str, Json],
    context: Context,
    path: str,
    symbol: str | None,
    parent: Planned | None,
    *,
    copied_as: str | None,
) -> Draft:
    for member in ("type", "name"):
        if not isinstance(declared.get(member), str) or not declared[member]:
            raise TemplateError(
                "Deployment template validation failed: 'The template resource at "
                f"'{path}' is missing its {member}. Please see "
                "https://aka.ms/arm-syntax-resources for usage details.'.",
                path=path,
            )
    evaluator = Evaluator(context, _invalid(declared["name"]))
    type_ = _text(evaluator, declared, "type", path)
    name = _text(evaluator, declared, "name", path)
    if parent is not None and "." not in type_.partition("/")[0]:
        type_, name = f"{parent.type}/{type_}", f"{parent.name}/{name}"
    _check_segments(type_, name, path)
    version = declared.get("apiVersion")
    if version is None and "apiProfile" not in context.template:
        raise TemplateError(
            "Deployment template validation failed: 'The template resource "
            f"'{name}' is missing its apiVersion. Please see "
            "https://aka.ms/arm-syntax-resources for usage details.'.",
            path=path,
        )
    planned = Planned(
        id=under(
            _place(declared, evaluator, context.scope, path), type_, name.split("/")
        ),
        type=type_,
        name=name,
        api_version=(
            _text(evaluator, declared, "apiVersion", path) if version else None
        ),
        path=path,
        body={},
        existing=declared.get("existing") is True,
        symbol=symbol,
        copied_as=copied_as,
        copy_index=None if copied_as is None else context.loops[copied_as.lower()],
    )
    return Draft(
        planned=planned,
        declared=declared,
        context=context,
        enabled=_enabled(evaluator, declared, path),
        dependencies=_dependencies(evaluator, declared, path),
    )


def _text(
    evaluator: Evaluator, declared: Mapping[str, Json], member: str, path: str
) -> str:
    value = evaluator.text(declared[member], f"{path}.{member}")
    if not isinstance(value, str) or not value:
        raise TemplateError(
            evaluator.lead.format(f"the {member} must be a string that is not empty"),
            path=f"{path}.{member}",
            expression=declared[member],
        )
    return value


def _check_segments(type_: str, name: str, path: str) -> None:
    if type_.count("/") != name.count("/") + 1:
        raise TemplateError(
            f"Deployment template validation failed: 'The template resource '{name}' "
            f"for type '{type_}' has incorrect segment lengths. A nested resource type "
            "must have identical number of segments as its resource name. A root "
            "resource type must have segment length one greater than its resource "
            "name. Please see https://aka.ms/arm-syntax-resources for usage details.'.",
            path=f"{path}.name",
        )


def _place(
    declared: Mapping[str, Json], evaluator: Evaluator, scope: Scope, path: str
) -> str:
    """Return the id of what a resource lives in.

    Deployments and what is only read may name another group or subscription.
    """
    given = evaluator.value(declared.get("scope"), f"{path}.scope")
    if isinstance(given, str) and given not in {"", "/"}:
        within = "" if given.startswith("/") else f"{scope.path}/providers/"
        return f"{within}{given}".rstrip("/")
    if not is_deployment(declared) and declared.get("existing") is not True:
        return scope.path
    subscription = evaluator.value(
        declared.get("subscriptionId"), f"{path}.subscriptionId"
    )
    group = evaluator.value(declared.get("resourceGroup"), f"{path}.resourceGroup")
    base = f"/subscriptions/{subscription or scope.subscription_id}"
    if group:
        return f"{base}/resourceGroups/{group}"
    return base if subscription else scope.path


def _enabled(evaluator: Evaluator, declared: Mapping[str, Json], path: str) -> bool:
    given = declared.get("condition", True)
    value = (
        evaluator.text(given, f"{path}.condition") if isinstance(given, str) else given
    )
    if isinstance(value, str) and value.lower() in {"true", "false"}:
        value = value.lower() == "true"
    if not isinstance(value, bool):
        raise TemplateError(
            evaluator.lead.format("the condition must be a boolean value"),
            path=f"{path}.condition",
            expression=given if isinstance(given, str) else None,
        )
    return value


def _dependencies(
    evaluator: Evaluator, declared: Mapping[str, Json], path: str
) -> tuple[tuple[str, str], ...]:
    given = declared.get("dependsOn") or []
    if isinstance(given, str):
        given = evaluator.text(given, f"{path}.dependsOn")
    if not isinstance(given, list):
        raise TemplateError(
            evaluator.lead.format("dependsOn must be an array of strings"),
            path=f"{path}.dependsOn",
        )
    found: list[tuple[str, str]] = []
    for at, one in enumerate(given):
        here = f"{path}.dependsOn[{at}]"
        value = evaluator.value(one, here)
        for name in value if isinstance(value, list) else [value]:
            if not isinstance(name, str):
                raise TemplateError(
                    evaluator.lead.format("dependsOn must be an array of strings"),
                    path=here,
                )
            found.append((name, here))
    return tuple(found)


def _declared(
    template: Mapping[str, Json],
) -> Iterator[tuple[str, str | None, dict[str, Json]]]:
    resources = template["resources"]
    pairs: list[tuple[str, str | None, Json]]
    if isinstance(resources, dict):
        pairs = [(f"resources.{key}", key, one) for key, one in resources.items()]
    else:
        pairs = [(f"resources[{at}]", None, one) for at, one in enumerate(resources)]
    for path, symbol, one in pairs:
        if not isinstance(one, dict):
            raise TemplateError(
                "Deployment template parse failed: 'Error converting value to a "
                f"resource; expected an object. Path '{path}'.'.",
                path=path,
            )
        yield path, symbol, one
