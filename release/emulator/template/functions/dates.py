"""Date functions, with the date formats of .NET.

https://learn.microsoft.com/azure/azure-resource-manager/templates/template-functions-date
https://learn.microsoft.com/dotnet/standard/base-types/custom-date-and-time-format-strings
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

from release.emulator.template.errors import Refused
from release.emulator.template.functions.arguments import (
    SEE,
    Function,
    integer,
    string,
)
from release.emulator.template.values import Json

DEFAULT_FORMAT: Final = "yyyyMMddTHHmmssZ"

_STANDARD: Final = {
    "d": "MM/dd/yyyy",
    "D": "dddd, dd MMMM yyyy",
    "f": "dddd, dd MMMM yyyy HH:mm",
    "F": "dddd, dd MMMM yyyy HH:mm:ss",
    "g": "MM/dd/yyyy HH:mm",
    "G": "MM/dd/yyyy HH:mm:ss",
    "m": "MMMM dd",
    "M": "MMMM dd",
    "o": "yyyy-MM-ddTHH:mm:ss.fffffffZ",
    "O": "yyyy-MM-ddTHH:mm:ss.fffffffZ",
    "r": "ddd, dd MMM yyyy HH:mm:ss 'GMT'",
    "R": "ddd, dd MMM yyyy HH:mm:ss 'GMT'",
    "s": "yyyy-MM-ddTHH:mm:ss",
    "t": "HH:mm",
    "T": "HH:mm:ss",
    "u": "yyyy-MM-dd HH:mm:ssZ",
    "U": "dddd, dd MMMM yyyy HH:mm:ss",
    "y": "yyyy MMMM",
    "Y": "yyyy MMMM",
}
_PIECE: Final = re.compile(
    r"'(?P<quoted>[^']*)'|\"(?P<double>[^\"]*)\"|\\(?P<escaped>.)"
    r"|y+|M+|d+|H+|h+|m+|s+|f+|F+|t+|z+|K|."
)
_DURATION: Final = re.compile(
    r"(?P<sign>-)?P(?:(?P<years>\d+)Y)?(?:(?P<months>\d+)M)?(?:(?P<weeks>\d+)W)?"
    r"(?:(?P<days>\d+)D)?(?:T(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?"
    r"(?:(?P<seconds>\d+(?:\.\d+)?)S)?)?"
)
_KNOWN: Final = (
    ("%Y%m%dT%H%M%SZ", DEFAULT_FORMAT),
    ("%Y-%m-%d %H:%M:%SZ", "u"),
    ("%Y-%m-%d", "yyyy-MM-dd"),
    ("%m/%d/%Y %H:%M:%S", "G"),
    ("%m/%d/%Y", "d"),
)
"""How ``dateTimeAdd`` reads a time, and the format in which it gives it back."""


def written(moment: datetime, form: str) -> str:
    """Write a moment in a standard or custom format of .NET.

    >>> written(datetime(2026, 11, 23, 7, 5, tzinfo=UTC), "yyyy-MM-dd'T'H:mm")
    '2026-11-23T7:05'
    """
    pattern = _STANDARD.get(form, form)
    return "".join(_piece(moment, found) for found in _PIECE.finditer(pattern))


def _piece(moment: datetime, found: re.Match[str]) -> str:
    for name in ("quoted", "double", "escaped"):
        if found[name] is not None:
            return found[name]
    piece = found[0]
    write = _LETTERS.get(piece[0])
    return write(moment, len(piece)) if write else piece


def _year(moment: datetime, size: int) -> str:
    return f"{moment:%y}" if size == 2 else str(moment.year).zfill(size)  # noqa: PLR2004


def _month(moment: datetime, size: int) -> str:
    names = {3: calendar.month_abbr[moment.month], 4: calendar.month_name[moment.month]}
    return names.get(size, str(moment.month).zfill(size))


def _day(moment: datetime, size: int) -> str:
    at = moment.weekday()
    names = {3: calendar.day_abbr[at], 4: calendar.day_name[at]}
    return names.get(size, str(moment.day).zfill(size))


def _hour_of_twelve(moment: datetime, size: int) -> str:
    return str((moment.hour - 1) % 12 + 1).zfill(size)


def _fraction(moment: datetime, size: int) -> str:
    return f"{moment.microsecond:06d}0"[:size]


_LETTERS: Final[dict[str, Callable[[datetime, int], str]]] = {
    "y": _year,
    "M": _month,
    "d": _day,
    "H": lambda moment, size: str(moment.hour).zfill(size),
    "h": _hour_of_twelve,
    "m": lambda moment, size: str(moment.minute).zfill(size),
    "s": lambda moment, size: str(moment.second).zfill(size),
    "f": _fraction,
    "F": lambda moment, size: _fraction(moment, size).rstrip("0"),
    "t": lambda moment, size: f"{moment:%p}"[:size],
    "z": lambda _, size: ("+0", "+00", "+00:00")[min(size, 3) - 1],
    "K": lambda _moment, _size: "Z",
}


def _read(name: str, value: Json) -> tuple[datetime, str]:
    text = string(name, value)
    for pattern, form in _KNOWN:
        try:
            return datetime.strptime(text, pattern).replace(tzinfo=UTC), form
        except ValueError:
            continue
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Refused(
            f"Unable to evaluate template language function '{name}': the date time "
            f"string '{text}' is not valid. {SEE}"
        ) from None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    fraction = ".fffffff" if "." in text else ""
    return aware.astimezone(UTC), f"yyyy-MM-ddTHH:mm:ss{fraction}Z"


def date_time_add(base: Json, duration: Json, form: Json = None) -> str:
    """Add an ISO 8601 duration to a time.

    A year has 365 days and a month 30; twelve months are a year, as .NET counts them.
    https://github.com/dotnet/runtime/blob/main/src/libraries/System.Private.Xml/src/System/Xml/Schema/XsdDuration.cs
    """
    moment, own = _read("dateTimeAdd", base)
    text = string("dateTimeAdd", duration)
    found = _DURATION.fullmatch(text)
    if not found or text in {"P", "-P", "PT", "-PT"}:
        raise Refused(
            "Unable to evaluate template language function 'dateTimeAdd': the "
            f"duration '{text}' is not an ISO 8601 duration such as P1D or PT1H. {SEE}"
        )
    sign = -1 if found["sign"] else 1
    years, months = divmod(int(found["months"] or 0), 12)
    years += int(found["years"] or 0)
    moved = moment + sign * timedelta(
        weeks=int(found["weeks"] or 0),
        days=365 * years + 30 * months + int(found["days"] or 0),
        hours=int(found["hours"] or 0),
        minutes=int(found["minutes"] or 0),
        seconds=float(found["seconds"] or 0),
    )
    return written(moved, own if form is None else string("dateTimeAdd", form))


def to_epoch(value: Json) -> int:
    """Return the seconds since 1970."""
    return int(_read("dateTimeToEpoch", value)[0].timestamp())


def from_epoch(value: Json) -> str:
    """Return the time that is so many seconds after 1970."""
    moment = datetime.fromtimestamp(integer("dateTimeFromEpoch", value), tz=UTC)
    return written(moment, "yyyy-MM-ddTHH:mm:ssZ")


FUNCTIONS: Final = (
    Function("dateTimeAdd", date_time_add, 2, 3),
    Function("dateTimeToEpoch", to_epoch, 1, 1),
    Function("dateTimeFromEpoch", from_epoch, 1, 1),
)
