"""Numeric, comparison and logical functions.

https://learn.microsoft.com/azure/azure-resource-manager/templates/template-functions-numeric
https://learn.microsoft.com/azure/azure-resource-manager/templates/template-functions-comparison
https://learn.microsoft.com/azure/azure-resource-manager/templates/template-functions-logical
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Final

from release.emulator.template.errors import Refused
from release.emulator.template.functions.arguments import (
    SEE,
    Function,
    boolean,
    expects,
    integer,
    number,
)
from release.emulator.template.values import Json, is_number, kind, same


def to_int(value: Json) -> int:
    """Convert a string or a number to an integer."""
    if is_number(value):
        return int(value)
    if isinstance(value, str):
        try:
            return int(value.strip())
        except ValueError:
            raise Refused(
                "The template language function 'int' cannot convert provided value "
                f"'{value}' to integer value. {SEE}"
            ) from None
    raise expects("int", "a string or an integer", value)


def to_float(value: Json) -> float:
    """Convert a string or a number to a floating-point number."""
    if is_number(value):
        return float(value)
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            raise Refused(
                "The template language function 'float' cannot convert provided value "
                f"'{value}' to float value. {SEE}"
            ) from None
    raise expects("float", "a string or an integer", value)


def to_bool(value: Json) -> bool:
    """Convert a string or an integer to a truth value."""
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        return value != 0
    if isinstance(value, str) and value.lower() in {"true", "false", "1", "0"}:
        return value.lower() in {"true", "1"}
    raise Refused(
        "The template language function 'bool' cannot convert provided value "
        f"'{value}' to boolean value. {SEE}"
    )


def divide(one: Json, other: Json) -> int:
    """Divide integers, rounding towards zero."""
    dividend, divisor = integer("div", one), integer("div", other)
    _refuse_zero("div", divisor)
    quotient = abs(dividend) // abs(divisor)
    return quotient if (dividend < 0) == (divisor < 0) else -quotient


def remainder(one: Json, other: Json) -> int:
    """Return what a division leaves; it has the sign of the dividend."""
    dividend, divisor = integer("mod", one), integer("mod", other)
    _refuse_zero("mod", divisor)
    rest = abs(dividend) % abs(divisor)
    return -rest if dividend < 0 else rest


def _refuse_zero(name: str, divisor: int) -> None:
    if divisor == 0:
        raise Refused(
            f"Unable to evaluate template language function '{name}': "
            f"attempted to divide by zero. {SEE}"
        )


def _arithmetic(name: str, call: Callable[[Json, Json], Json]) -> Function:
    return Function(
        name, lambda one, other: call(number(name, one), number(name, other)), 2, 2
    )


def _comparison(name: str, call: Callable[[Json, Json], bool]) -> Function:
    def compare(one: Json, other: Json) -> bool:
        if is_number(one) and is_number(other):
            return call(one, other)
        if isinstance(one, str) and isinstance(other, str):
            return call(one, other)
        raise Refused(
            f"The template language function '{name}' expects two parameters of the "
            f"same type, either integers or strings. The provided values are of type "
            f"'{kind(one)}' and '{kind(other)}'. {SEE}"
        )

    return Function(name, compare, 2, 2)


def negate(value: Json) -> bool:
    """Return the opposite."""
    return not boolean("not", value)


FUNCTIONS: Final = (
    _arithmetic("add", operator.add),
    _arithmetic("sub", operator.sub),
    _arithmetic("mul", operator.mul),
    Function("div", divide, 2, 2),
    Function("mod", remainder, 2, 2),
    Function("int", to_int, 1, 1),
    Function("float", to_float, 1, 1),
    Function("bool", to_bool, 1, 1),
    _comparison("less", operator.lt),
    _comparison("lessOrEquals", operator.le),
    _comparison("greater", operator.gt),
    _comparison("greaterOrEquals", operator.ge),
    Function("equals", same, 2, 2),
    Function("not", negate, 1, 1),
    Function("true", lambda: True, 0, 0),
    Function("false", lambda: False, 0, 0),
    Function("null", lambda: None, 0, 0),
)
