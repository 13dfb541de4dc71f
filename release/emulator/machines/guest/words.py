"""Pure: the words of a unit file's values.

Splitting, variables, specifiers and time spans, as systemd.service(5),
systemd.syntax(7) and systemd.time(7) describe them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

_ESCAPES = {
    "a": "\a",
    "b": "\b",
    "f": "\f",
    "n": "\n",
    "r": "\r",
    "t": "\t",
    "v": "\v",
    "s": " ",
    "\\": "\\",
    '"': '"',
    "'": "'",
}
_SPAN = re.compile(r"([0-9.]+)\s*([a-zµ]*)\s*", re.IGNORECASE)
_SECONDS = {
    "": 1.0,
    "us": 1e-6,
    "usec": 1e-6,
    "ms": 1e-3,
    "msec": 1e-3,
    "s": 1.0,
    "sec": 1.0,
    "second": 1.0,
    "seconds": 1.0,
    "m": 60.0,
    "min": 60.0,
    "minute": 60.0,
    "minutes": 60.0,
    "h": 3600.0,
    "hr": 3600.0,
    "hour": 3600.0,
    "hours": 3600.0,
    "d": 86400.0,
    "day": 86400.0,
    "days": 86400.0,
}


def split(text: str) -> list[str]:
    """Split at white space, honouring quotes and C escapes.

    Escapes count inside both kinds of quotes, unlike in a shell; an unknown one stays
    as it stands.

    Raises:
        ValueError: A quote is not closed.
    """
    words: list[str] = []
    word: list[str] | None = None
    quote = ""
    characters = iter(text)
    for character in characters:
        if character == "\\":
            following = next(characters, "")
            word = (word or []) + [_ESCAPES.get(following, f"\\{following}")]
        elif quote and character == quote:
            quote = ""
        elif not quote and character in "'\"":
            quote, word = character, word or []
        elif not quote and character.isspace():
            if word is not None:
                words.append("".join(word))
            word = None
        else:
            word = word or []
            word.append(character)
    if quote:
        raise ValueError(f"a {quote} is not closed in: {text}")
    return words if word is None else [*words, "".join(word)]


def expand(words: list[str], environment: Mapping[str, str]) -> list[str]:
    """Put variables into the words of a command.

    ``${NAME}`` is replaced inside a word; ``$NAME`` only as a word of its own, and then
    its value becomes as many words as it holds. ``$$`` is a dollar.
    """
    expanded: list[str] = []
    for word in words:
        alone = re.fullmatch(r"\$([A-Za-z_][A-Za-z0-9_]*)", word)
        if alone:
            expanded += split(environment.get(alone[1], ""))
        else:
            expanded.append(
                re.sub(
                    r"\$\$|\$\{([A-Za-z_][A-Za-z0-9_]*)\}",
                    lambda match: environment.get(match[1], "") if match[1] else "$",
                    word,
                )
            )
    return expanded


def specify(text: str, specifiers: Mapping[str, str]) -> str:
    """Replace ``%n`` and its like; an unknown one stays as it stands."""
    return re.sub(
        "%(.)",
        lambda match: "%" if match[1] == "%" else specifiers.get(match[1], match[0]),
        text,
    )


def seconds(text: str) -> float:
    """Return a time span such as ``1min 30s`` in seconds; infinity is inf.

    Raises:
        ValueError: It is no time span.
    """
    text = text.strip()
    if text == "infinity":
        return float("inf")
    if not re.fullmatch(f"({_SPAN.pattern})+", text, re.IGNORECASE):
        raise ValueError(f"not a time span: {text}")
    try:
        return sum(
            float(number) * _SECONDS[unit.lower()]
            for number, unit in _SPAN.findall(text)
        )
    except KeyError as unit:
        raise ValueError(f"not a unit of time: {unit} in {text}") from None


def assignments(text: str) -> dict[str, str]:
    """Read an environment file: ``KEY=value`` lines, comments and quotes."""
    found: dict[str, str] = {}
    for line in text.replace("\\\n", "").splitlines():
        name, equals, value = line.strip().partition("=")
        if equals and not name.startswith(("#", ";")):
            found[name.strip()] = _unquoted(value.strip())
    return found


def _unquoted(value: str) -> str:
    if value[:1] not in ("'", '"'):
        return value
    try:
        return " ".join(split(value))
    except ValueError:
        return value
