"""String functions.

https://learn.microsoft.com/azure/azure-resource-manager/templates/template-functions-string
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from typing import Final
from urllib.parse import quote, unquote, urljoin, urlsplit

from release.emulator.template.errors import Refused
from release.emulator.template.functions.arguments import (
    Function,
    array,
    expects,
    integer,
    mapping,
    string,
)
from release.emulator.template.lenient import UnreadableJson, loads
from release.emulator.template.values import Json, is_number, text_of

_PLACEHOLDER: Final = re.compile(
    r"\{\{|\}\}|\{(?P<at>\d+)(?:,(?P<width>-?\d+))?(?::(?P<form>[^}]*))?\}"
)
_DATA_URI: Final = re.compile(
    r"data:[^,]*?(?P<base64>;base64)?,(?P<data>.*)", re.DOTALL
)


def concat(*values: Json) -> Json:
    """Join strings, or arrays, but not the two together."""
    if all(isinstance(value, list) for value in values):
        return [item for value in values for item in value]
    if any(isinstance(value, list | dict) for value in values):
        raise Refused(
            "The provided parameters for template function 'concat' are invalid. "
            "Either all or none of the parameters must be an array. "
            "Please see https://aka.ms/arm-functions-string#concat for usage details."
        )
    return "".join(text_of(value) for value in values)


def format_text(template: Json, *values: Json) -> str:
    """Fill placeholders such as ``{0}``, ``{1:D4}`` and ``{2,10}`` of .NET."""
    pattern = string("format", template)

    def filled(found: re.Match[str]) -> str:
        if found["at"] is None:
            return found[0][0]
        at = int(found["at"])
        if at >= len(values):
            raise Refused(
                "Unable to evaluate language function 'format': the format is "
                "invalid: 'Index (zero based) must be greater than or equal to zero "
                "and less than the size of the argument list.'."
            )
        text = _formatted(values[at], found["form"] or "")
        width = int(found["width"] or 0)
        return text.rjust(width) if width >= 0 else text.ljust(-width)

    return _PLACEHOLDER.sub(filled, pattern)


def _formatted(value: Json, form: str) -> str:
    if not form or not is_number(value):
        return text_of(value)
    letter, digits = form[0].upper(), form[1:]
    if digits and not digits.isdigit():
        return _patterned(value, form)
    places = int(digits) if digits else None
    decimals = 2 if places is None else places
    sign = "-" if value < 0 else ""
    known: dict[str, Callable[[], str]] = {
        "D": lambda: sign + str(abs(int(value))).zfill(places or 0),
        "X": lambda: f"{int(value):{form[0]}}".zfill(places or 0),
        "N": lambda: f"{value:,.{decimals}f}",
        "F": lambda: f"{value:.{decimals}f}",
        "P": lambda: f"{value * 100:,.{decimals}f}%",
    }
    return known[letter]() if letter in known else _patterned(value, form)


def _patterned(value: Json, form: str) -> str:
    if not re.fullmatch(r"[0#]*(\.[0#]+)?", form):
        return text_of(value)
    whole, _, fraction = form.partition(".")
    text = f"{value:.{len(fraction)}f}"
    before, _, after = text.partition(".")
    before = before.zfill(whole.count("0"))
    return f"{before}.{after}" if after else before


def split(text: Json, separator: Json) -> list[str]:
    """Split at one separator or at any of several."""
    whole = string("split", text)
    marks = separator if isinstance(separator, list) else [separator]
    wanted = [string("split", mark) for mark in marks if mark]
    if not wanted:
        return [whole]
    return re.split("|".join(re.escape(mark) for mark in wanted), whole)


def substring(text: Json, start: Json, length: Json = None) -> str:
    """Return a part of a string; a part beyond its end is refused."""
    whole, first = string("substring", text), integer("substring", start)
    count = len(whole) - first if length is None else integer("substring", length)
    if first < 0 or count < 0 or first + count > len(whole):
        raise Refused(
            "Unable to evaluate language function 'substring': the index and length "
            "parameters must refer to a location within the string. The index "
            f"parameter: '{first}', the length parameter: '{count}', the length of "
            f"the string parameter: '{len(whole)}'. "
            "Please see https://aka.ms/arm-functions-string#substring for usage "
            "details."
        )
    return whole[first : first + count]


def replace(text: Json, old: Json, new: Json) -> str:
    """Replace every occurrence; letter case counts."""
    if not string("replace", old):
        raise Refused(
            "Unable to evaluate language function 'replace': the string to be "
            "replaced is empty."
        )
    return string("replace", text).replace(old, string("replace", new))


def pad_left(value: Json, width: Json, mark: Json = " ") -> str:
    """Fill a string or an integer up on its left."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise expects("padLeft", "a string or an integer", value)
    if len(string("padLeft", mark)) != 1:
        raise expects("padLeft", "a single character", mark)
    return str(value).rjust(integer("padLeft", width), mark)


def join(values: Json, separator: Json) -> str:
    """Join the elements of an array."""
    return string("join", separator).join(text_of(v) for v in array("join", values))


def starts_with(text: Json, start: Json) -> bool:
    """Compare the beginning; letter case does not count."""
    beginning = string("startsWith", start).lower()
    return string("startsWith", text).lower().startswith(beginning)


def ends_with(text: Json, end: Json) -> bool:
    """Compare the end; letter case does not count."""
    return string("endsWith", text).lower().endswith(string("endsWith", end).lower())


def from_base64(text: Json, name: str = "base64ToString") -> str:
    """Decode base64 to text."""
    try:
        return base64.b64decode(string(name, text), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise Refused(
            f"The template language function '{name}' was invoked with a parameter "
            "that is not valid: the value must be a base64 encoded string. "
            "Please see https://aka.ms/arm-functions for usage details."
        ) from None


def read_json(text: Json, name: str = "json") -> Json:
    """Parse JSON."""
    try:
        return loads(string(name, text))
    except UnreadableJson as error:
        raise Refused(
            f"The template language function '{name}' parameter is not valid. The "
            f"provided value '{text}' cannot be parsed as JSON: {error} "
            "Please see https://aka.ms/arm-functions for usage details."
        ) from None


def data_uri(value: Json) -> str:
    """Write a value as a data URI."""
    coded = base64.b64encode(text_of(value).encode()).decode()
    return f"data:text/plain;charset=utf8;base64,{coded}"


def from_data_uri(value: Json) -> str:
    """Read the text in a data URI."""
    found = _DATA_URI.fullmatch(string("dataUriToString", value))
    if not found:
        raise expects("dataUriToString", "a data URI", value)
    if found["base64"]:
        return from_base64(found["data"], "dataUriToString")
    return unquote(found["data"])


def uri(base: Json, relative: Json) -> str:
    """Join a relative address to a base."""
    start = string("uri", base)
    if not urlsplit(start).scheme:
        raise Refused(
            "Unable to evaluate template language function 'uri': the base URI "
            f"'{start}' is not an absolute URI. "
            "Please see https://aka.ms/arm-functions-string#uri for usage details."
        )
    return urljoin(start, string("uri", relative))


def parse_uri(value: Json) -> dict[str, Json]:
    """Take an address apart."""
    parts = urlsplit(string("parseUri", value))
    return {
        "scheme": parts.scheme,
        "host": parts.hostname,
        "port": parts.port,
        "path": parts.path,
        "query": f"?{parts.query}" if parts.query else "",
    }


def build_uri(value: Json) -> str:
    """Put an address together from its parts."""
    parts = mapping("buildUri", value)
    for name in ("scheme", "host"):
        if not isinstance(parts.get(name), str):
            raise Refused(
                "Unable to evaluate template language function 'buildUri': the object "
                f"has no '{name}'. "
                "Please see https://aka.ms/arm-functions-string for usage details."
            )
    port = f":{parts['port']}" if parts.get("port") is not None else ""
    path, query = parts.get("path") or "", parts.get("query") or ""
    return f"{parts['scheme']}://{parts['host']}{port}{path}{query}"


def to_text(value: Json) -> str:
    """Return any value as a string."""
    return "null" if value is None else text_of(value)


def fail(message: Json) -> Json:
    """Refuse on purpose."""
    raise Refused(string("fail", message), code="DeploymentFailed")


FUNCTIONS: Final = (
    Function("concat", concat, 1, None),
    Function("format", format_text, 1, None),
    Function("split", split, 2, 2),
    Function("substring", substring, 2, 3),
    Function("replace", replace, 3, 3),
    Function("padLeft", pad_left, 2, 3),
    Function("join", join, 2, 2),
    Function("startsWith", starts_with, 2, 2),
    Function("endsWith", ends_with, 2, 2),
    Function("toLower", lambda text: string("toLower", text).lower(), 1, 1),
    Function("toUpper", lambda text: string("toUpper", text).upper(), 1, 1),
    Function("trim", lambda text: string("trim", text).strip(), 1, 1),
    Function(
        "base64",
        lambda text: base64.b64encode(string("base64", text).encode()).decode(),
        1,
        1,
    ),
    Function("base64ToString", from_base64, 1, 1),
    Function(
        "base64ToJson",
        lambda text: read_json(from_base64(text, "base64ToJson"), "base64ToJson"),
        1,
        1,
    ),
    Function("json", read_json, 1, 1),
    Function("string", to_text, 1, 1),
    Function("dataUri", data_uri, 1, 1),
    Function("dataUriToString", from_data_uri, 1, 1),
    Function("uri", uri, 2, 2),
    Function(
        "uriComponent", lambda text: quote(string("uriComponent", text), safe="~"), 1, 1
    ),
    Function(
        "uriComponentToString",
        lambda text: unquote(string("uriComponentToString", text)),
        1,
        1,
    ),
    Function("parseUri", parse_uri, 1, 1),
    Function("buildUri", build_uri, 1, 1),
    Function("fail", fail, 1, 1),
)
