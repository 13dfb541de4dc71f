"""Pure: what is wrong with settings, said so that it can be put right.

One line a problem: where it stands, its path and value, what it must be, and
what was probably meant.
"""

from __future__ import annotations

import difflib
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from release.errors import SettingsError
from release.settings import catalogue
from release.settings.model import Document

Path = tuple[str | int, ...]

KEY = "[key]"
"""What pydantic adds to the path of a name that is wrong in a table of names."""

KINDS = {
    "bool_type": "must be true or false",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "finite_number": "must be a finite number",
    "string_type": "must be text",
    "list_type": 'must be a list, such as ["make", "dist"]',
    "dict_type": "must be a table",
    "model_type": "must be a table",
    "string_too_short": "must not be empty",
}
"""pydantic's error types that need no value to be told."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Problem:
    """One thing to put right."""

    where: str
    """"line 12", a variable's name, or an option."""
    path: str
    """As in release.toml, or "" when it is about the file as a whole."""
    text: str
    value: str | None = None
    """As in TOML; None when there is none to show."""

    def __str__(self) -> str:
        shown = "" if self.value is None else f" = {self.value}"
        named = f"{self.path}{shown}: " if self.path else ""
        return f"{named}{self.text}"


def settings_error(problems: Iterable[Problem]) -> SettingsError:
    """Return the error that says all problems at once, in the file's order."""
    found = list(dict.fromkeys(problems))
    found.sort(key=lambda problem: _line(problem.where))
    width = max(len(problem.where) for problem in found)
    of_file = all(_line(problem.where) < math.inf for problem in found)
    subject = "release.toml has" if of_file else "the settings have"
    count = f"{len(found)} problem{'s' if len(found) > 1 else ''}"
    lines = [f"  {problem.where:<{width}}  {problem}" for problem in found]
    return SettingsError(
        "\n".join([f"{subject} {count}:", *lines]), fix="put right what is listed"
    )


def explain(error: ValidationError, where: Mapping[Path, str]) -> list[Problem]:
    """Return the problems that pydantic found.

    Args:
        error: From validating a `Document`.
        where: Where each path of the document was set; a path that is missing
            there stands where the nearest table around it does.
    """
    return [_explained(one, where) for one in error.errors()]


def nearest_where(where: Mapping[Path, str], path: Path) -> str:
    """Return where a path or the nearest table around it was set.

    A table that no line names begins where something inside it does.
    """
    for end in range(len(path), 0, -1):
        if path[:end] in where:
            return where[path[:end]]
        inside = [place for key, place in where.items() if key[:end] == path[:end]]
        if inside:
            return min(inside, key=_line)
    return "line 1"


def unknown(path: Path, value: object, *, where: str) -> Problem:
    """Return the problem of a setting that there is none of; None is no value."""
    hint = _suggestion(path)
    what = "no such table" if isinstance(value, dict) else "no such setting"
    hidden = value is None or isinstance(value, dict)
    return Problem(
        where=where,
        path=catalogue.quoted(path),
        value=None if hidden else catalogue.written(value),
        text=f"{what}; {hint}",
    )


def _explained(error: ErrorDetails, where: Mapping[Path, str]) -> Problem:
    path = tuple(error["loc"])
    place = nearest_where(where, path)
    if error["type"] == "missing":
        return missing(path, where)
    if error["type"] == "extra_forbidden":
        return unknown(path, error["input"], where=place)
    value = error["input"]
    if path[-1] == KEY:
        path = path[:-1]
        text = _rule(error, path)
        return Problem(where=place, path=catalogue.quoted(path), text=text)
    field = catalogue.field_at(Document, path)
    if field is None:
        return unknown(path, None, where=place)
    secret = catalogue.is_secret(field)
    return Problem(
        where=place,
        path=catalogue.quoted(path),
        value=_shown(value, secret=secret),
        text=_rule(error, path) + ("" if secret else _meant(path, value)),
    )


def _shown(value: object, *, secret: bool) -> str | None:
    """Return a value as in TOML; a table is not repeated."""
    if secret:
        return "***"
    return None if isinstance(value, dict) else catalogue.written(value)


def missing(path: Path, where: Mapping[Path, str]) -> Problem:
    """Return the problem of a setting that must be given and is not."""
    field = catalogue.field_at(Document, path)
    help_text = f" ({field.description})" if field and field.description else ""
    usual = catalogue.usual_variables(field) if field else ()
    also = f"; give it here or in {usual[0]}" if usual else ""
    return Problem(
        where=nearest_where(where, path),
        path=catalogue.quoted(path),
        text=f"missing{help_text}{also}",
    )


def _rule(error: ErrorDetails, path: Path) -> str:
    kind = error["type"]
    context: dict[str, Any] = error.get("ctx", {})
    field = catalogue.field_at(Document, path)
    if kind == "value_error":
        return str(context["error"])
    if kind == "literal_error" and field:
        return f"must be {' or '.join(json.dumps(w) for w in catalogue.choices(field))}"
    between = str(catalogue.bounds(field)) if field else ""
    if between and kind.startswith(("greater_than", "less_than")):
        unit = catalogue.unit(str(path[-1]))
        return f"must be {between}" + (f" ({unit})" if unit else "")
    return KINDS.get(kind, error["msg"])


def _meant(path: Path, value: object) -> str:
    """Return "; did you mean ...?" where it can be told, or ""."""
    field = catalogue.field_at(Document, path)
    if field is None:
        return ""
    between = catalogue.bounds(field)
    if isinstance(value, str) and catalogue.choices(field):
        near = difflib.get_close_matches(value, catalogue.choices(field), n=1)
        return f'; did you mean "{near[0]}"?' if near else ""
    if isinstance(value, str) and _number(value) is not None:
        return f"; did you mean {_number(value):g}?"
    is_percent = between.most == 1 and isinstance(value, int | float)
    if is_percent and 1 < float(str(value)) <= 100:  # noqa: PLR2004 - per cent
        return f"; did you mean {float(str(value)) / 100:g}?"
    return ""


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _suggestion(path: Path) -> str:
    here = catalogue.names_in(path[:-1])
    name = str(path[-1])
    near = difflib.get_close_matches(name, here, n=1)
    if near:
        return f"did you mean {near[0]}?"
    elsewhere = catalogue.tables_with(name)
    if elsewhere:
        return f"it belongs to {elsewhere[0]}"
    return f"there are {', '.join(here)}"


def _line(where: str) -> float:
    word, _, number = where.partition(" ")
    return int(number) if word == "line" and number.isdecimal() else math.inf
