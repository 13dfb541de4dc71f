"""What functions expect of their arguments, and how a wrong one is refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from release.emulator.template.errors import Refused
from release.emulator.template.values import Json, is_number, kind

SEE = "Please see https://aka.ms/arm-functions for usage details."


@dataclass(frozen=True, slots=True)
class Function:
    """A function of the language.

    Args:
        name: As it is written in Azure's documentation.
        call: The Python function behind it.
        least: The fewest arguments.
        most: The most arguments; None for any number.
    """

    name: str
    call: Callable[..., Json]
    least: int
    most: int | None


def check_count(name: str, given: int, least: int, most: int | None) -> None:
    """Refuse a wrong number of arguments."""
    if given >= least and (most is None or given <= most):
        return
    if most is None:
        wanted = f"at least {least}"
    elif least == most:
        wanted = str(least)
    else:
        wanted = f"from {least} to {most}"
    raise Refused(
        f"Unable to evaluate template language function '{name}': function requires "
        f"{wanted} argument(s) while {given} were provided. {SEE}"
    )


def expects(name: str, wanted: str, value: Json) -> Refused:
    """Return the refusal of an argument of the wrong kind."""
    return Refused(
        f"The template language function '{name}' expects its parameter to be "
        f"{wanted}. The provided value is of type '{kind(value)}'. {SEE}"
    )


def string(name: str, value: Json) -> str:
    """Return a string or refuse."""
    if not isinstance(value, str):
        raise expects(name, "a string", value)
    return value


def integer(name: str, value: Json) -> int:
    """Return an integer or refuse."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise expects(name, "an integer", value)
    return value


def number(name: str, value: Json) -> int | float:
    """Return a number or refuse."""
    if not is_number(value):
        raise expects(name, "an integer", value)
    whole: int | float = value
    return whole


def boolean(name: str, value: Json) -> bool:
    """Return a truth value or refuse."""
    if not isinstance(value, bool):
        raise expects(name, "a boolean", value)
    return value


def array(name: str, value: Json) -> list[Json]:
    """Return an array or refuse."""
    if not isinstance(value, list):
        raise expects(name, "an array", value)
    return value


def mapping(name: str, value: Json) -> dict[str, Json]:
    """Return an object or refuse."""
    if not isinstance(value, dict):
        raise expects(name, "an object", value)
    return value
