"""Functions that take a ``lambda``: a piece of an expression to run many times.

https://learn.microsoft.com/azure/azure-resource-manager/templates/template-functions-lambda
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cmp_to_key
from typing import TYPE_CHECKING, Final

from release.emulator.template.errors import Refused
from release.emulator.template.functions.arguments import (
    SEE,
    array,
    boolean,
    mapping,
    string,
)
from release.emulator.template.grammar import Call, Literal, Node
from release.emulator.template.values import UNKNOWN, Json

if TYPE_CHECKING:
    from release.emulator.template.evaluate import Evaluator


class _Lambda:
    """A lambda that can be called with values for its variables."""

    def __init__(self, evaluator: Evaluator, node: Node, name: str) -> None:
        if not isinstance(node, Call) or node.name.lower() != "lambda":
            raise Refused(
                f"The template language function '{name}' expects a lambda. {SEE}",
                offset=node.offset,
            )
        self.evaluator = evaluator
        *names, self.body = node.arguments
        self.names = [
            str(one.value) if isinstance(one, Literal) else string("lambda", None)
            for one in names
        ]

    def __call__(self, *values: Json) -> Json:
        context = self.evaluator.context
        local = {**context.local, **dict(zip(self.names, values, strict=False))}
        return self.evaluator.within(replace(context, local=local)).node(self.body)


def _known(values: Json) -> Json:
    inner = values.values() if isinstance(values, dict) else values
    return UNKNOWN if any(one is UNKNOWN for one in inner) else values


def _map(evaluator: Evaluator, call: Call) -> Json:
    values = evaluator.node(call.arguments[0])
    if values is UNKNOWN:
        return UNKNOWN
    run = _Lambda(evaluator, call.arguments[1], "map")
    return _known([run(one, at) for at, one in enumerate(array("map", values))])


def _map_values(evaluator: Evaluator, call: Call) -> Json:
    values = evaluator.node(call.arguments[0])
    if values is UNKNOWN:
        return UNKNOWN
    run = _Lambda(evaluator, call.arguments[1], "mapValues")
    pairs = mapping("mapValues", values).items()
    return _known({name: run(one) for name, one in pairs})


def _filter(evaluator: Evaluator, call: Call) -> Json:
    values = evaluator.node(call.arguments[0])
    if values is UNKNOWN:
        return UNKNOWN
    run = _Lambda(evaluator, call.arguments[1], "filter")
    kept = [run(one, at) for at, one in enumerate(array("filter", values))]
    if _known(kept) is UNKNOWN:
        return UNKNOWN
    return [
        one for one, keep in zip(values, kept, strict=True) if boolean("filter", keep)
    ]


def _reduce(evaluator: Evaluator, call: Call) -> Json:
    values, total = evaluator.nodes(call.arguments[:2])
    if values is UNKNOWN or total is UNKNOWN:
        return UNKNOWN
    run = _Lambda(evaluator, call.arguments[2], "reduce")
    for at, one in enumerate(array("reduce", values)):
        total = run(total, one, at)
        if total is UNKNOWN:
            return UNKNOWN
    return total


def _sort(evaluator: Evaluator, call: Call) -> Json:
    values = evaluator.node(call.arguments[0])
    if values is UNKNOWN:
        return UNKNOWN
    before = _Lambda(evaluator, call.arguments[1], "sort")

    def order(one: Json, other: Json) -> int:
        if boolean("sort", before(one, other)):
            return -1
        return 1 if boolean("sort", before(other, one)) else 0

    return sorted(array("sort", values), key=cmp_to_key(order))


def _to_object(evaluator: Evaluator, call: Call) -> Json:
    values = evaluator.node(call.arguments[0])
    if values is UNKNOWN:
        return UNKNOWN
    key = _Lambda(evaluator, call.arguments[1], "toObject")
    more = call.arguments[2:]
    made = _Lambda(evaluator, more[0], "toObject") if more else None
    pairs = [
        (key(one), made(one) if made else one) for one in array("toObject", values)
    ]
    if any(name is UNKNOWN for name, _ in pairs):
        return UNKNOWN
    return _known({string("toObject", name): one for name, one in pairs})


def _group_by(evaluator: Evaluator, call: Call) -> Json:
    values = evaluator.node(call.arguments[0])
    if values is UNKNOWN:
        return UNKNOWN
    key = _Lambda(evaluator, call.arguments[1], "groupBy")
    groups: dict[str, list[Json]] = {}
    for one in array("groupBy", values):
        name = key(one)
        if name is UNKNOWN:
            return UNKNOWN
        groups.setdefault(string("groupBy", name), []).append(one)
    return groups


FORMS: Final[tuple[tuple[str, Callable[[Evaluator, Call], Json], int, int], ...]] = (
    ("map", _map, 2, 2),
    ("mapValues", _map_values, 2, 2),
    ("filter", _filter, 2, 2),
    ("reduce", _reduce, 3, 3),
    ("sort", _sort, 2, 2),
    ("toObject", _to_object, 2, 3),
    ("groupBy", _group_by, 2, 2),
)
