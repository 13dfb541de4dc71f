"""The ``$filter`` of a list: read once, asked of each entry. Pure.

``eq`` and ``ne``, ``substringof`` and ``startswith``, joined by ``and`` and ``or``,
in parentheses or not.
https://learn.microsoft.com/rest/api/resources/resources/list
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from typing import Final

from release.emulator.errors import ArmError, bad_request

Facts = Mapping[str, str]
"""What an entry is, by property in lower case."""
Filter = Callable[[Facts], bool]
Askable = Mapping[str, tuple[str, ...]]
"""Which properties each of the four may be asked of."""
_Known = AbstractSet[tuple[str, str]]
_Read = tuple[Filter | None, str]
"""What was read, None for what is no filter, and what is left of the text."""
_DEEPEST: Final = 20

_VALUE: Final = r"'(?P<value>(?:[^']|'')*)'"
_FORMS: Final = tuple(
    re.compile(form, re.IGNORECASE)
    for form in (
        rf"(?P<name>[\w/]+)\s+(?P<how>eq|ne)\s+{_VALUE}",
        rf"(?P<how>substringof)\(\s*{_VALUE}\s*,\s*(?P<name>[\w/]+)\s*\)",
        rf"(?P<how>startswith)\(\s*(?P<name>[\w/]+)\s*,\s*{_VALUE}\s*\)",
    )
)
_HOLDS: Final[Mapping[str, Callable[[str, str], bool]]] = {
    "eq": lambda fact, value: fact == value,
    "ne": lambda fact, value: fact != value,
    "substringof": lambda fact, value: value in fact,
    "startswith": lambda fact, value: fact.startswith(value),
}


def read(text: str, askable: Askable) -> Filter:
    """Read a filter; an empty one keeps everything. Case does not matter.

    Args:
        text: What the query says.
        askable: What may be asked for.

    Raises:
        ArmError: 400 ``InvalidFilterInQueryString``.
    """
    if not text.strip():
        return lambda _facts: True
    known = {(how, name.lower()) for how, names in askable.items() for name in names}
    keeps, rest = _any(text.strip(), known, 0)
    if keeps is None or rest:
        raise _invalid(text, askable)
    return keeps


def _any(text: str, known: _Known, depth: int) -> _Read:
    """Read what ``or`` joins; ``and`` binds closer, as it does in OData."""
    parts, rest = _joined("or", text, lambda part: _all(part, known, depth))
    return (lambda facts: any(part(facts) for part in parts)) if parts else None, rest


def _all(text: str, known: _Known, depth: int) -> _Read:
    parts, rest = _joined("and", text, lambda part: _one(part, known, depth))
    return (lambda facts: all(part(facts) for part in parts)) if parts else None, rest


def _joined(
    joint: str, text: str, read_part: Callable[[str], _Read]
) -> tuple[list[Filter], str]:
    """Return what one word joins, nothing when a part of it is no filter."""
    parts: list[Filter] = []
    while True:
        part, rest = read_part(text)
        if part is None:
            return [], text
        parts.append(part)
        more = re.match(rf"\s*\b{joint}\b\s*", rest, re.IGNORECASE)
        if more is None:
            return parts, rest
        text = rest[more.end() :]


def _one(text: str, known: _Known, depth: int) -> _Read:
    """Read a clause, or what stands in parentheses."""
    if text.startswith("(") and depth < _DEEPEST:
        inner, rest = _any(text[1:].lstrip(), known, depth + 1)
        rest = rest.lstrip()
        return (inner, rest[1:]) if rest.startswith(")") else (None, text)
    found = next(filter(None, (form.match(text) for form in _FORMS)), None)
    if not found or (found["how"].lower(), found["name"].lower()) not in known:
        return None, text
    return _clause(**found.groupdict()), text[found.end() :]


def _clause(*, name: str, how: str, value: str) -> Filter:
    holds = _HOLDS[how.lower()]
    wanted = value.replace("''", "'").lower()
    return lambda facts: holds(facts[name.lower()].lower(), wanted)


def _invalid(text: str, askable: Askable) -> ArmError:
    known = ", ".join(f"{how} ({', '.join(names)})" for how, names in askable.items())
    return bad_request(
        "InvalidFilterInQueryString",
        f"Invalid $filter '{text}' specified in the query string. This embedded Azure "
        f"reads {known}, joined by 'and' and 'or'.",
    )
