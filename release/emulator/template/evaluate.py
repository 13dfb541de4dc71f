"""Evaluation: expressions and templates' values in, plain values out.

An expression that needs what is only known once other resources are deployed
evaluates to ``UNKNOWN``; a value that holds one keeps the text of the expression, and
its place is noted in ``deferred``.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Protocol

from release.emulator.template import forms
from release.emulator.template.errors import Refused, TemplateError, refused_at
from release.emulator.template.functions.arguments import SEE, Function, check_count
from release.emulator.template.functions.table import TABLE
from release.emulator.template.grammar import Call, Index, Literal, Node, parse
from release.emulator.template.scope import Scope
from release.emulator.template.values import UNKNOWN, Json, key_of, kind

_LARGEST_COPY: Final = 800


class Names(Protocol):
    """Values by name, letter case aside: parameters or variables."""

    def look_up(self, name: str) -> Json:
        """Return the value; KeyError when there is none."""


class Fixed:
    """Values by name that are known already."""

    def __init__(self, values: Mapping[str, Json]) -> None:
        self._values = {name.lower(): value for name, value in values.items()}

    def look_up(self, name: str) -> Json:
        """Return the value; KeyError when there is none."""
        return self._values[name.lower()]


class Runtime(Protocol):
    """What other resources can be asked while a template is deployed."""

    def reference(self, name: str, api_version: str | None, *, full: bool) -> Json:
        """Return the state of a resource, or UNKNOWN."""

    def references(self, name: str, *, full: bool) -> Json:
        """Return the states of the resources of a copy loop, or UNKNOWN."""

    def described(self, name: str) -> Json:
        """Return id, name, type and version of a resource of the template."""

    def listed(self, function: str, name: str, version: str, body: Json) -> Json:
        """Return what a ``list...`` function gives, or UNKNOWN."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Context:
    """All that an expression may refer to."""

    scope: Scope
    parameters: Names
    variables: Names | None = None
    template: Mapping[str, Json] = field(default_factory=dict)
    runtime: Runtime | None = None
    loops: Mapping[str, int] = field(default_factory=dict)
    loop: str | None = None
    local: Mapping[str, Json] = field(default_factory=dict)
    in_default: bool = False
    calling: tuple[str, ...] = ()
    """The functions of the template that are being evaluated, the outermost first."""

    def looping(self, name: str, index: int) -> Context:
        """Return the context of one round of a copy loop."""
        return replace(
            self, loops={**self.loops, name.lower(): index}, loop=name.lower()
        )


def is_expression(text: str) -> bool:
    """Tell whether a string of a template is to be evaluated."""
    return text.startswith("[") and text.endswith("]") and not text.startswith("[[")


class Evaluator:
    """Evaluates within one context.

    Args:
        context: What expressions may refer to.
        lead: A message with ``{}`` where the reason goes, for errors.
    """

    def __init__(self, context: Context, lead: str = "{}") -> None:
        self.context = context
        self.lead = lead
        self.deferred: list[str] = []

    def within(self, context: Context) -> Evaluator:
        """Return an evaluator for a narrower context; notes go to this one."""
        inner = Evaluator(context, self.lead)
        inner.deferred = self.deferred
        return inner

    # -- values of a template ---------------------------------------------------
    def text(self, text: str, path: str) -> Json:
        """Evaluate a string of a template; may be UNKNOWN.

        Raises:
            TemplateError: With the path and the expression.
        """
        if not is_expression(text):
            escaped = text.startswith("[[") and text.endswith("]")
            return text[1:] if escaped else text
        try:
            return self.node(parse(text[1:-1]))
        except Refused as error:
            raise refused_at(error, path, text, self.lead) from None

    def value(self, value: Json, path: str) -> Json:
        """Evaluate every expression in a value."""
        if isinstance(value, str):
            known = self.text(value, path)
            if known is not UNKNOWN:
                return known
            self.deferred.append(path)
            return value
        if isinstance(value, list):
            return [self.value(one, f"{path}[{at}]") for at, one in enumerate(value)]
        if isinstance(value, dict):
            return self._mapping(value, path)
        return value

    def _mapping(self, value: dict[str, Json], path: str) -> dict[str, Json]:
        copies = value.get("copy")
        loops = is_property_copy(copies)
        result: dict[str, Json] = {}
        for name, one in value.items():
            if name == "copy" and loops:
                continue
            key = self.text(name, path) if is_expression(name) else name
            result[key if isinstance(key, str) else name] = self.value(
                one, f"{path}.{name}"
            )
        if loops and isinstance(copies, list):
            for at, copy in enumerate(copies):
                result[copy["name"]] = self.copied(copy, f"{path}.copy[{at}]")
        return result

    def copied(self, copy: Mapping[str, Json], path: str) -> list[Json]:
        """Evaluate a copy loop over ``input``.

        ``copyIndex()`` without a name stays that of the resource's loop, if it has one.
        https://learn.microsoft.com/azure/azure-resource-manager/templates/template-functions-numeric#copyindex
        """
        name = str(copy.get("name") or "")
        loop = name.lower() if self.context.loop is None else self.context.loop
        return [
            self.within(replace(self.context.looping(name, at), loop=loop)).value(
                copy.get("input"), f"{path}.input"
            )
            for at in range(self.count(copy, path))
        ]

    def count(self, copy: Mapping[str, Json], path: str) -> int:
        """Return how often a copy loop goes round."""
        given = copy.get("count")
        value = self.text(given, f"{path}.count") if isinstance(given, str) else given
        if isinstance(value, int) and 0 <= value <= _LARGEST_COPY:
            return int(value)
        raise TemplateError(
            self.lead.format(
                f"The template 'copy' definition '{copy.get('name', '')}' has an "
                f"invalid copy count '{value}'. The copy count must be a positive "
                f"integer value and cannot exceed '{_LARGEST_COPY}'. Please see "
                "https://aka.ms/arm-resource-loops for usage details."
            ),
            path=f"{path}.count",
            expression=given if isinstance(given, str) else None,
        )

    # -- nodes of an expression -------------------------------------------------
    def node(self, node: Node) -> Json:
        """Evaluate a node of an expression; may be UNKNOWN."""
        if isinstance(node, Literal):
            return node.value
        if isinstance(node, Index):
            return self._indexed(node)
        try:
            return self._called(node)
        except Refused as error:
            if error.offset is None:
                error.offset = node.offset
            raise

    def nodes(self, nodes: Iterable[Node]) -> list[Json]:
        """Evaluate several nodes."""
        return [self.node(node) for node in nodes]

    def _called(self, call: Call) -> Json:
        name = call.name.lower()
        if form := forms.FORMS.get(name):
            check_count(form.name, len(call.arguments), form.least, form.most)
            return form.call(self, call)
        if function := TABLE.get(name):
            check_count(
                function.name, len(call.arguments), function.least, function.most
            )
            arguments = self.nodes(call.arguments)
            if any(argument is UNKNOWN for argument in arguments):
                return UNKNOWN
            try:
                return function.call(*arguments)
            except (ArithmeticError, ValueError) as error:
                raise Refused(
                    "Unable to evaluate template language function "
                    f"'{function.name}': {error}. {SEE}"
                ) from error
        if name.startswith("list"):
            return forms.listed(self, call)
        if "." in name:
            return self._user_called(call)
        raise unknown_function(call.name, [*TABLE, *forms.FORMS])

    def _user_called(self, call: Call) -> Json:
        known = _user_functions(self.context.template)
        spelled = key_of(known, call.name)
        if spelled is None:
            raise unknown_function(call.name, known)
        calling = (*self.context.calling, spelled)
        if spelled in self.context.calling:
            raise Refused(
                f"The user-defined function '{spelled}' calls itself "
                f"({' -> '.join(calling)}). Please see "
                "https://aka.ms/arm-syntax-user-defined-functions for usage details."
            )
        names, output = known[spelled]
        check_count(call.name, len(call.arguments), len(names), len(names))
        arguments = self.nodes(call.arguments)
        if any(argument is UNKNOWN for argument in arguments):
            return UNKNOWN
        context = Context(
            scope=self.context.scope,
            parameters=Fixed(dict(zip(names, arguments, strict=True))),
            template=self.context.template,
            calling=calling,
        )
        path = f"functions.{call.name}.output.value"
        return self.within(context).value(output, path)

    def _indexed(self, node: Index) -> Json:
        base = self.node(node.base)
        key = self.node(node.key)
        if base is UNKNOWN or key is UNKNOWN:
            return UNKNOWN
        if isinstance(base, dict) and isinstance(key, str):
            found = key_of(base, key)
            if found is None:
                raise Refused(
                    f"The language expression property '{key}' doesn't exist, "
                    f"available properties are '{', '.join(base)}'.",
                    offset=node.offset,
                )
            return base[found]
        if isinstance(base, list) and isinstance(key, int):
            if not 0 <= key < len(base):
                raise Refused(
                    f"The language expression property array index '{key}' is out of "
                    "bounds.",
                    offset=node.offset,
                )
            return base[key]
        raise Refused(
            f"The language expression property '{key}' can't be evaluated: the value "
            f"before it is of type '{kind(base)}'.",
            offset=node.offset,
        )


def is_property_copy(copies: Json) -> bool:
    """Tell whether a ``copy`` member is a loop and not a property of that name."""
    return (
        isinstance(copies, list)
        and bool(copies)
        and all(
            isinstance(copy, dict)
            and "count" in copy
            and "input" in copy
            and "name" in copy
            for copy in copies
        )
    )


def _user_functions(template: Mapping[str, Json]) -> dict[str, tuple[list[str], Json]]:
    """Return names of parameters and output of a template's own functions, by name."""
    try:
        return {
            f"{space['namespace']}.{name}": (
                [str(one["name"]) for one in own.get("parameters") or []],
                own["output"]["value"],
            )
            for space in template.get("functions") or []
            for name, own in space["members"].items()
        }
    except (AttributeError, KeyError, TypeError):
        raise Refused(
            "The template functions are not valid: each must be an object with "
            "'namespace' and 'members', and each member one with 'output'. Please see "
            "https://aka.ms/arm-syntax-user-defined-functions for usage details."
        ) from None


def unknown_function(name: str, known: Iterable[str]) -> Refused:
    """Refuse a function that does not exist, naming the nearest one that does."""
    own: dict[str, Function | forms.Form] = {**TABLE, **forms.FORMS}
    spelled = {
        one.lower(): own[one.lower()].name if one.lower() in own else one
        for one in known
    }
    near = difflib.get_close_matches(name.lower(), spelled, n=1, cutoff=0.6)
    hint = f" Did you mean '{spelled[near[0]]}'?" if near else ""
    return Refused(
        f"The template function '{name}' is not valid. Please see "
        f"https://aka.ms/arm-functions for usage details.{hint}"
    )
