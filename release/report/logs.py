"""The logs of a release as its report shows them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

LINES = 2000
"""Last lines of a log that a report shows."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Log:
    """One log."""

    title: str
    lines: tuple[str, ...]
    count: int
    """Lines that it has; more than are shown, perhaps."""


def logs(record: Mapping[str, Any]) -> list[Log]:
    """Return the logs of a build that have any line."""
    told = [
        f"{line['at_s']:7.1f} s  {line['stage']:<9} {line['text']}"
        for line in record["progress"]
    ]
    printed = [f"{line['stage']:<9} {line['line']}" for line in record["output"]]
    found = (
        ("What the release said as it went", told),
        ("What its commands printed", printed),
    )
    return [
        Log(title=title, lines=tuple(lines[-LINES:]), count=len(lines))
        for title, lines in found
        if lines
    ]
