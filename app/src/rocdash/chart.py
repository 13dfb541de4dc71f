"""Charts as SVG, drawn without a script. Pure: points in, shapes out.

The drawing stretches to its box, so it holds no text: labels are HTML beside it and
stay readable on a phone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rocdash.metrics import Metric, Point, Share
from rocdash.periods import day
from rocdash.wording import short_text, value_text

WIDTH = 720
HEIGHT = 240
_GRID_LINES = 4
_MOST_X_LABELS = 7


@dataclass(frozen=True, kw_only=True, slots=True)
class Mark:
    """What a chart says of one point."""

    label: str
    value: str
    x_ratio: float
    y_ratio: float


@dataclass(frozen=True, kw_only=True, slots=True)
class LineChart:
    """A trend, ready for the template."""

    line: str
    """Path of the line."""
    area: str
    """Path of the area under it."""
    before: str
    """Path of the period before, or empty."""
    grid: tuple[float, ...]
    """Heights of the grid lines, from the top."""
    y_labels: tuple[str, ...]
    x_labels: tuple[str, ...]
    marks: tuple[Mark, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Bar:
    """One bar, its width in percent of the longest."""

    name: str
    value: str
    width: float


def line_chart(
    metric: Metric, points: Sequence[Point], before: Sequence[Point] = ()
) -> LineChart:
    """Lay out a trend and, fainter, the one of the period before."""
    values = [point.value for point in points]
    top = _round_up(max([*values, *(point.value for point in before), 1]))
    line = _path(values, top)
    steps = [step / _GRID_LINES for step in range(_GRID_LINES + 1)]
    return LineChart(
        line=line,
        area=f"{line} L{WIDTH} {HEIGHT} L0 {HEIGHT} Z",
        before=_path([point.value for point in before], top) if before else "",
        grid=tuple(HEIGHT * step for step in steps),
        y_labels=tuple(short_text(metric, round(top * (1 - step))) for step in steps),
        x_labels=_x_labels(points),
        marks=tuple(
            Mark(
                label=point.period.text,
                value=value_text(metric, point.value),
                x_ratio=round(_x(index, len(points)) / WIDTH, 4),
                y_ratio=round(1 - point.value / top, 4),
            )
            for index, point in enumerate(points)
        ),
    )


def spark_line(points: Sequence[Point]) -> str:
    """Return the path of a small line without axes."""
    values = [point.value for point in points]
    low, high = min(values), max(values)
    return _path([value - low for value in values], max(high - low, 1))


def bars(metric: Metric, shares: Sequence[Share]) -> list[Bar]:
    """Lay out a ranking."""
    longest = max((share.value for share in shares), default=0) or 1
    return [
        Bar(
            name=share.name,
            value=value_text(metric, share.value),
            width=round(100 * share.value / longest, 1),
        )
        for share in shares
    ]


def _path(values: Sequence[int], top: int) -> str:
    drawn = values if len(values) > 1 else [*values, *values]
    places = [
        f"{_x(index, len(drawn)):g} {HEIGHT * (1 - value / top):.1f}"
        for index, value in enumerate(drawn)
    ]
    return "M" + " L".join(places)


def _x(index: int, points: int) -> float:
    return round(WIDTH * index / max(points - 1, 1), 1)


def _x_labels(points: Sequence[Point]) -> tuple[str, ...]:
    """Choose labels that stand at even distances, the last at the last point."""
    gaps = len(points) - 1
    if gaps < 1:
        return tuple(day(point.period.first) for point in points)
    even = [n for n in range(1, _MOST_X_LABELS) if gaps % n == 0 and n > 1]
    parts = max(even, default=1)
    step = gaps // parts
    return tuple(day(points[n * step].period.first) for n in range(parts + 1))


def _round_up(value: int) -> int:
    """Return the next number whose quarters are easy to read off."""
    power = 1
    while True:
        for digits in (1, 2, 3, 4, 6, 8):
            if digits * power >= value and digits * power % _GRID_LINES == 0:
                return digits * power
        power *= 10
