"""Parameters: what is declared, what is given, and whether the two agree.

https://learn.microsoft.com/azure/azure-resource-manager/templates/parameters
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from release.emulator.template.errors import TemplateError
from release.emulator.template.evaluate import Context, Evaluator
from release.emulator.template.scope import Scope
from release.emulator.template.values import (
    Json,
    is_number,
    item_of,
    key_of,
    kind,
    same,
)

_SEE: Final = "Please see https://aka.ms/arm-create-parameter-file for usage details."
_TYPES: Final = {
    "string": ("String", "String, Uri", str),
    "securestring": ("SecureString", "String, Uri", str),
    "int": ("Int", "Integer", int),
    "bool": ("Bool", "Boolean", bool),
    "array": ("Array", "Array", list),
    "object": ("Object", "Object", dict),
    "secureobject": ("SecureObject", "Object", dict),
}
"""Declared types: as Azure echoes them, as its messages name them, as Python has
them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Parameter:
    """A parameter or an output with the value that it has in one deployment.

    Args:
        name: As the template writes it.
        type: As Azure echoes it, such as ``SecureString``.
        value: The value.
    """

    name: str
    type: str
    value: Json

    @property
    def secure(self) -> bool:
        """Whether the value must never be shown."""
        return self.type.startswith("Secure")

    def shown(self) -> dict[str, Json]:
        """Return it as a deployment shows it."""
        if self.secure:
            return {"type": self.type}
        return {"type": self.type, "value": self.value}


def echoed_type(declared: str) -> str | None:
    """Return a declared type as Azure echoes it; None when there is no such type."""
    known = _TYPES.get(declared.lower())
    return known[0] if known else None


def parse_parameters(
    template: Mapping[str, Json],
    supplied: Mapping[str, Json] | None,
    scope: Scope,
) -> dict[str, Parameter]:
    """Return every declared parameter with its value.

    Args:
        template: The whole template.
        supplied: ``{"name": {"value": ...}}`` as in a request.
        scope: For the expressions in default values.

    Raises:
        TemplateError: A parameter is missing, unknown, or has a wrong value.
    """
    declared = template.get("parameters") or {}
    if not isinstance(declared, dict):
        raise TemplateError(
            "Deployment template parse failed: 'The template parameters must be an "
            "object.'.",
            path="parameters",
        )
    given = dict(supplied or {})
    _refuse_undeclared(declared, given)
    reading = _Reading(template, declared, given, scope)
    missing = [name for name in declared if reading.is_missing(name)]
    if missing:
        values = " and ".join(f"'{name}'" for name in missing)
        noun, verb = ("value", "is") if len(missing) == 1 else ("values", "are")
        raise TemplateError(
            f"Deployment template validation failed: 'The {noun} for the template "
            f"parameter{'s' if len(missing) > 1 else ''} {values} {verb} not provided. "
            f"{_SEE}'.",
            path=f"parameters.{missing[0]}",
        )
    return {name: reading.parameter(name) for name in declared}


def _refuse_undeclared(declared: Mapping[str, Json], given: Mapping[str, Json]) -> None:
    for name, value in given.items():
        if not isinstance(value, dict):
            raise TemplateError(
                "The request content was invalid and could not be deserialized: "
                f"'Error converting value to a template parameter; expected an object "
                f"with 'value' or 'reference'. Path 'properties.parameters.{name}'.'.",
                code="InvalidRequestContent",
                path=f"parameters.{name}",
            )
    unknown = [name for name in given if key_of(declared, name) is None]
    if unknown:
        raise TemplateError(
            f"Deployment template validation failed: 'The template parameters "
            f"'{', '.join(unknown)}' in the parameters file are not valid; they are "
            "not present in the original template and can therefore not be provided "
            "at deployment time. The only supported parameters for this template are "
            f"'{', '.join(declared)}'. Please see "
            "https://aka.ms/arm-pass-parameter-values for usage details.'.",
            path=f"parameters.{unknown[0]}",
        )


class _Reading:
    """Finds values; a default may need other parameters, which are found first."""

    def __init__(
        self,
        template: Mapping[str, Json],
        declared: Mapping[str, Json],
        given: Mapping[str, Json],
        scope: Scope,
    ) -> None:
        self.template = template
        self.declared = declared
        self.given = given
        self.context = Context(
            scope=scope, parameters=self, template=template, in_default=True
        )
        self.found: dict[str, Parameter] = {}
        self.underway: list[str] = []

    def look_up(self, name: str) -> Json:
        key = key_of(self.declared, name)
        if key is None:
            raise KeyError(name)
        return self.parameter(key).value

    def is_missing(self, name: str) -> bool:
        definition = self.definition(name)
        return (
            item_of(self.given, name) is None
            and "defaultValue" not in definition
            and not definition.get("nullable")
        )

    def definition(self, name: str) -> dict[str, Json]:
        return resolved(self.declared[name], self.template, f"parameters.{name}")

    def parameter(self, name: str) -> Parameter:
        if name not in self.found:
            self.found[name] = self.read(name)
        return self.found[name]

    def read(self, name: str) -> Parameter:
        definition = self.definition(name)
        path = f"parameters.{name}"
        declared = str(definition.get("type", ""))
        type_ = echoed_type(declared)
        if type_ is None:
            raise TemplateError(
                "Deployment template validation failed: 'The template parameter "
                f"'{name}' has an invalid type '{declared}'. The supported types are "
                f"'{', '.join(_TYPES)}'.'.",
                path=f"{path}.type",
            )
        value = self.value(name, definition, path)
        if not (value is None and definition.get("nullable")):
            check(value, definition, name, path, self.template)
        return Parameter(name=name, type=type_, value=value)

    def value(self, name: str, definition: Mapping[str, Json], path: str) -> Json:
        entry = item_of(self.given, name)
        if entry is None:
            return self.default(name, definition, path)
        if "reference" in entry:
            raise TemplateError(
                f"The parameter '{name}' refers to a key vault; no key vault is "
                "available here.",
                code="KeyVaultParameterReferenceNotFound",
                path=path,
            )
        if entry.get("value") is None and not definition.get("nullable"):
            raise TemplateError(
                f"The value of deployment parameter '{name}' is null. Please specify "
                "the value or use the parameter reference. See "
                "https://aka.ms/arm-create-parameter-file for details.",
                code="InvalidDeploymentParameterValue",
                path=path,
            )
        return entry.get("value")

    def default(self, name: str, definition: Mapping[str, Json], path: str) -> Json:
        if name in self.underway:
            raise TemplateError(
                "Deployment template validation failed: 'The default values of the "
                f"template parameters '{' -> '.join([*self.underway, name])}' refer to "
                "each other.'.",
                path=f"{path}.defaultValue",
            )
        self.underway.append(name)
        lead = (
            "Deployment template validation failed: 'The template parameter "
            f"'{name}' is not valid: {{}}'."
        )
        evaluator = Evaluator(self.context, lead)
        value = evaluator.value(definition.get("defaultValue"), f"{path}.defaultValue")
        self.underway.pop()
        return value


def resolved(
    definition: Json,
    template: Mapping[str, Json],
    path: str,
    through: tuple[str, ...] = (),
) -> dict[str, Json]:
    """Return a definition with its ``$ref`` to ``definitions`` filled in.

    Args:
        definition: Of a parameter, an output, or a part of one.
        template: Where the definitions are.
        path: Where in the template it stands.
        through: The references that led to it.

    Raises:
        TemplateError: There is no such definition, or it refers to itself.
    """
    if not isinstance(definition, dict):
        raise TemplateError(
            "Deployment template parse failed: 'A definition must be an object.'.",
            path=path,
        )
    reference = definition.get("$ref")
    if not isinstance(reference, str):
        return definition
    if reference in through:
        raise TemplateError(
            "Deployment template validation failed: 'The definitions "
            f"'{' -> '.join([*through, reference])}' refer to each other.'.",
            path=path,
        )
    name = reference.removeprefix("#/definitions/")
    known = template.get("definitions")
    target = known.get(name) if isinstance(known, dict) else None
    if target is None:
        raise TemplateError(
            f"Deployment template validation failed: 'The definition '{reference}' is "
            "not found in the template.'.",
            path=path,
        )
    own = {key: value for key, value in definition.items() if key != "$ref"}
    here = f"definitions.{name}"
    return {**resolved(target, template, here, (*through, reference)), **own}


def check(
    value: Json,
    definition: Mapping[str, Json],
    name: str,
    path: str,
    template: Mapping[str, Json],
) -> None:
    """Refuse a value that its definition does not allow.

    Raises:
        TemplateError: Naming the parameter and the limit.
    """
    known = _TYPES.get(str(definition.get("type", "")).lower())
    if known is None:
        return
    _, wanted, python = known
    if not isinstance(value, python) or (python is int and isinstance(value, bool)):
        raise TemplateError(
            "Deployment template validation failed: 'Template parameter JToken type is "
            f"not valid. Expected '{wanted}'. Actual '{kind(value)}'. Please see "
            "https://aka.ms/resource-manager-parameter-files for usage details.'.",
            path=path,
        )
    _check_allowed(value, definition, name, path)
    for limit, applies, broken, text in _LIMITS:
        bound = definition.get(limit)
        if bound is None:
            continue
        if isinstance(bound, bool) or not isinstance(bound, int):
            raise _misdeclared(name, limit, "an integer", f"{path}.{limit}")
        if applies(value) and broken(value, bound):
            raise TemplateError(
                f"Deployment template validation failed: 'The provided value for the "
                f"template parameter '{name}' is not valid. {text} '{bound}'. {_SEE}'.",
                path=path,
            )
    _check_inside(value, definition, name, path, template)


def _check_allowed(
    value: Json, definition: Mapping[str, Json], name: str, path: str
) -> None:
    allowed = definition.get("allowedValues")
    if allowed is None:
        return
    if not isinstance(allowed, list):
        raise _misdeclared(name, "allowedValues", "an array", f"{path}.allowedValues")
    given = value if isinstance(value, list) else [value]
    whole = any(same(value, one) for one in allowed)
    if whole or (
        isinstance(value, list)
        and all(any(same(one, other) for other in allowed) for one in given)
    ):
        return
    secure = str(definition.get("type", "")).lower().startswith("secure")
    shown = "" if secure else f" '{value}'"
    raise TemplateError(
        f"Deployment template validation failed: 'The provided value{shown} for the "
        f"template parameter '{name}' is not valid. The parameter value is not part of "
        f"the allowed value(s): '{','.join(str(one) for one in allowed)}'.'.",
        path=path,
    )


def _misdeclared(name: str, member: str, wanted: str, path: str) -> TemplateError:
    return TemplateError(
        f"Deployment template validation failed: 'The template parameter '{name}' is "
        f"not valid: its '{member}' must be {wanted}. Please see "
        "https://aka.ms/arm-syntax-parameters for usage details.'.",
        path=path,
    )


_LIMITS: Final[
    tuple[
        tuple[str, Callable[[Json], bool], Callable[[Json, Json], bool], str],
        ...,
    ]
] = (
    (
        "minLength",
        lambda value: isinstance(value, str | list),
        lambda value, bound: len(value) < bound,
        "Length of the value should be greater than or equal to",
    ),
    (
        "maxLength",
        lambda value: isinstance(value, str | list),
        lambda value, bound: len(value) > bound,
        "Length of the value should be less than or equal to",
    ),
    (
        "minValue",
        is_number,
        lambda value, bound: value < bound,
        "The value should be greater than or equal to",
    ),
    (
        "maxValue",
        is_number,
        lambda value, bound: value > bound,
        "The value should be less than or equal to",
    ),
)


def _check_inside(
    value: Json,
    definition: Mapping[str, Json],
    name: str,
    path: str,
    template: Mapping[str, Json],
) -> None:
    """Check elements and properties, which language version 2.0 can declare."""
    if isinstance(value, list) and isinstance(definition.get("items"), dict):
        item = resolved(definition["items"], template, f"{path}.items")
        for at, one in enumerate(value):
            if one is not None or not item.get("nullable"):
                check(one, item, f"{name}[{at}]", f"{path}[{at}]", template)
    if isinstance(value, dict) and isinstance(definition.get("properties"), dict):
        for key, inner in definition["properties"].items():
            full = resolved(inner, template, f"{path}.{key}")
            one = item_of(value, key)
            if one is None and full.get("nullable"):
                continue
            if one is None:
                raise TemplateError(
                    "Deployment template validation failed: 'The provided value for "
                    f"the template parameter '{name}' is not valid. The property "
                    f"'{key}' is required. {_SEE}'.",
                    path=path,
                )
            check(one, full, f"{name}.{key}", f"{path}.{key}", template)
