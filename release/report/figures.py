"""Figures as a person reads them, each with its unit. Pure."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

_NONE = "none"


def duration(seconds: float | None) -> str:
    """Return seconds as a person reads them: 0.42 s, 17.3 s, 4 min 20 s."""
    if seconds is None:
        return _NONE
    if seconds < 1:
        return f"{seconds:.2f} s"
    if seconds < 120:  # noqa: PLR2004 - two minutes
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s"


def moment(text: str) -> str:
    """Return an ISO time as ``2026-11-23 11:32:05 UTC``."""
    return datetime.fromisoformat(text).strftime("%Y-%m-%d %H:%M:%S UTC")


def short(name: str) -> str:
    """Return a digest or commit as people tell it; that it was changed stays said."""
    plain, dash, changed = name.partition("-")
    return f"{plain[:12]}{dash}{changed}"


def number(value: float | None) -> str:
    """Return a measured number with three significant digits or more."""
    if value is None:
        return _NONE
    if value == int(value) or abs(value) >= 100:  # noqa: PLR2004 - enough digits
        return f"{value:,.0f}"
    return f"{value:,.3g}"


def quantity(value: float | None, unit: str) -> str:
    """Return a value of a load gate with its unit: 34.6 ms, 0.5 %, 12 /s.

    Args:
        value: What was measured or allowed; None is "none".
        unit: "ms", "ratio" (0 to 1, shown in per cent), "/s" or "samples".
    """
    if value is None:
        return _NONE
    if unit == "ratio":
        return f"{number(100 * value)} %"
    return f"{number(value)} {unit}"


def ticks(longest_s: float) -> list[int]:
    """Return round seconds from 0 on, at most eight, that divide a time axis."""
    if longest_s <= 0:
        return [0]
    rough = longest_s / 6
    steps = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600)
    step = next(
        (step for step in steps if step >= rough), 3600 * math.ceil(rough / 3600)
    )
    return list(range(0, math.floor(longest_s) + 1, step))


def clock(seconds: int) -> str:
    """Return a tick of a time axis: 30 s, 2 min, 2:30 min."""
    if seconds < 120:  # noqa: PLR2004 - two minutes
        return f"{seconds} s"
    minutes, rest = divmod(seconds, 60)
    return f"{minutes}:{rest:02d} min" if rest else f"{minutes} min"


def counted(ended: Sequence[Mapping[str, Any]], noun: str) -> str:
    """Return "12 tests passed, 1 failed" for tests or gates."""
    counts = Counter(str(each["outcome"]) for each in ended)
    order = ("passed", "failed", "inconclusive", "skipped")
    found = [f"{counts[name]} {name}" for name in order if counts[name]]
    if not found:
        return f"no {noun}"
    number, _, first = found[0].partition(" ")
    plural = "" if number == "1" else "s"
    return ", ".join((f"{number} {noun}{plural} {first}", *found[1:]))
