"""The timeline of a release: its stages side by side, with waits and retries. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from release.report import figures
from release.report.steps import steps

LEAST_PERCENT = 0.4
"""The narrowest bar that can be seen."""
_RETRY = re.compile(r": waiting ([\d.,]+) s \(\d+ of \d+\)")
"""As `release.azure.patience` tells of a request that is sent again."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Span:
    """A piece of the time axis, in per cent of the whole."""

    left: float
    width: float
    title: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One stage."""

    name: str
    outcome: str
    took: str
    said: str
    """What it came to, in a few words."""
    bar: Span
    waits: tuple[Span, ...]
    """When it only waited, for Azure or for instances."""
    retries: tuple[Span, ...]
    """When it waited before something was sent again."""
    steps: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Tick:
    """A mark of the time axis."""

    left: float
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Timeline:
    """All stages on one time axis."""

    rows: tuple[Row, ...]
    ticks: tuple[Tick, ...]
    text: str
    """The picture in words."""

    @property
    def waits(self) -> bool:
        """Whether any stage waited."""
        return any(row.waits for row in self.rows)

    @property
    def retries(self) -> bool:
        """Whether anything was sent again."""
        return any(row.retries for row in self.rows)


def timeline(record: Mapping[str, Any], said: Mapping[str, str]) -> Timeline:
    """Return the timeline of a build.

    Args:
        record: Its ``release.json``.
        said: What stages came to, in a few words, by name.
    """
    whole_s = record["duration_s"] or 1
    begins = [stage["started_s"] for stage in record["stages"]]
    rows = tuple(
        _row(stage, record["progress"], said.get(stage["name"], ""), whole_s, begins)
        for stage in record["stages"]
    )
    told = [f"{row.name} {row.outcome} after {row.took}" for row in rows]
    return Timeline(
        rows=rows,
        ticks=tuple(
            Tick(left=_percent(tick, whole_s), text=figures.clock(tick))
            for tick in figures.ticks(record["duration_s"])
        ),
        text=", ".join(told),
    )


def _row(
    stage: Mapping[str, Any],
    progress: Sequence[Mapping[str, Any]],
    said: str,
    whole_s: float,
    begins: Sequence[float],
) -> Row:
    took_s, begun_s = stage["duration_s"], stage["started_s"]
    ended = took_s is not None
    lasted_s = took_s if ended else whole_s - begun_s
    own = [
        line
        for line in progress
        if line["stage"] == stage["name"]
        and begun_s <= line["at_s"] <= begun_s + lasted_s
    ]
    found = steps(stage, progress, end_s=whole_s)
    took = figures.duration(took_s) if ended else "did not end"
    return Row(
        name=stage["name"],
        outcome=stage["outcome"],
        took=took,
        said=said,
        bar=_span(begun_s, lasted_s, whole_s, f"{stage['name']}: {took}"),
        waits=tuple(
            _span(step["started_s"], _waited_s(step, begins), whole_s, step["text"])
            for step in found
            if step["text"].startswith("waiting for ")
        ),
        retries=tuple(
            _span(line["at_s"], float(again[1].replace(",", "")), whole_s, line["text"])
            for line in own
            if (again := _RETRY.search(line["text"]))
        ),
        steps=tuple(found),
    )


def _waited_s(step: Mapping[str, Any], begins: Sequence[float]) -> float:
    """Return how long a step lasted, or until a stage inside of its own began."""
    begun_s = float(step["started_s"])
    until_s = begun_s + float(step["duration_s"])
    return min([until_s, *(it for it in begins if it > begun_s)]) - begun_s


def _span(begun_s: float, lasted_s: float, whole_s: float, title: str) -> Span:
    left = _percent(begun_s, whole_s)
    width = min(max(100 * lasted_s / whole_s, LEAST_PERCENT), 100 - left)
    return Span(left=left, width=round(width, 2), title=title)


def _percent(seconds: float, whole_s: float) -> float:
    return round(min(100 * seconds / whole_s, 100 - LEAST_PERCENT), 2)
