"""The ``$filter`` of a list: read once, asked of each entry. Pure.

``eq`` and ``ne``, ``substringof`` and ``startswith``, joined by ``and`` and ``or``.
https://learn.microsoft.com/rest/api/resources/resources/list
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

from release.emulator.errors import ArmError, bad_request

Facts = Mapping[str, str]
"""What an entry is, by property in lower case."""
Filter = Callable[[Facts], bool]
Askable = Mapping[str, tuple[str, ...]]
"""Which properties each of the four may be asked of."""

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
    alternatives: list[list[Filter]] = [[]]
    rest, joint = text.strip(), "and"
    while True:
        if joint == "or":
            alternatives.append([])
        found = next(filter(None, (form.match(rest) for form in _FORMS)), None)
        if not found or (found["how"].lower(), found["name"].lower()) not in known:
            raise _invalid(text, askable)
        alternatives[-1].append(_clause(**found.groupdict()))
        rest = rest[found.end() :]
        if not rest:
            return lambda facts: any(
                all(clause(facts) for clause in clauses) for clauses in alternatives
            )
        joined = re.match(r"\s+(and|or)\s+", rest, re.IGNORECASE)
        if joined is None:
            raise _invalid(text, askable)
        joint, rest = joined[1].lower(), rest[joined.end() :]


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
