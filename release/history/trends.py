"""How an environment's releases change: pictures of the last builds. Pure.

A picture is numbers in a box of `WIDTH` by `HEIGHT`, which the template draws; its
legend says in words what it shows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from release.history.entry import FLAKY, Entry
from release.history.flaky import flaky
from release.report.figures import clock, duration, quantity
from release.report.gates import endpoint_title
from release.verdict import Outcome

SHOWN = 60
"""Builds that a picture shows at the most: the last ones."""
LINES = 6
"""Lines of a picture, or tests of it, at the most."""
WIDTH, HEIGHT = 440.0, 170.0
LEFT, RIGHT, TOP, BOTTOM = 48.0, 8.0, 10.0, 22.0
STAGES = ("preflight", "bake", "deploy", "canary", "smoke", "load")
SMOKE = "smoke"
UNMEASURED = "No build has measured this yet."
ROW = 18.0
"""Height of a test's row."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Mark:
    """What stands for one build: a part of a bar, or a dot."""

    x: float
    y: float
    width: float
    height: float
    entry: Entry
    said: str
    kind: str
    """Its class: of a series, or an outcome."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Tick:
    """A value at an axis."""

    at: float
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One row of the legend, with the line that it names where there is one."""

    kind: str
    name: str
    said: str
    points: str = ""
    """As SVG has them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Picture:
    """One trend, ready to be drawn."""

    title: str
    note: str
    height: float = HEIGHT
    ticks: tuple[Tick, ...] = ()
    bars: tuple[Mark, ...] = ()
    dots: tuple[Mark, ...] = ()
    lines: tuple[Line, ...] = ()
    span: tuple[str, str] = field(default=("", ""))
    """What stands at both ends of the time axis."""

    @property
    def empty(self) -> bool:
        """Whether there is nothing to draw."""
        return not (self.bars or self.dots)


def trends(entries: Sequence[Entry]) -> tuple[Picture, ...]:
    """Return the pictures of one environment.

    Args:
        entries: All its builds, newest first.
    """
    return (
        _by_stage(entries),
        _by_endpoint(entries),
        _smoke(entries),
        _flakiness(entries),
    )


def _by_stage(entries: Sequence[Entry]) -> Picture:
    shown = _last(entries, lambda each: each.passed and bool(each.stages_s))
    scale = _scale([sum(each.stages_s.values()) for each in shown])
    bars = []
    for place, each in enumerate(shown):
        base = 0.0
        for name in STAGES:
            took_s = each.stages_s.get(name, 0.0)
            top, foot = scale.y(base + took_s), scale.y(base)
            bars.append(
                Mark(
                    x=_x(place, len(shown)) + 0.5,
                    y=top,
                    width=_step(len(shown)) - 1,
                    height=foot - top,
                    entry=each,
                    said=f"{each.build}: {name} {duration(took_s)}",
                    kind=_series(STAGES.index(name)),
                )
            )
            base += took_s
    return Picture(
        title="Duration of a release, by stage",
        note=f"The last {SHOWN} releases that passed, or fewer."
        if shown
        else UNMEASURED,
        ticks=scale.ticks(_seconds),
        bars=tuple(bar for bar in bars if bar.height > 0),
        lines=tuple(
            Line(
                kind=_series(place),
                name=name,
                said=_range([each.stages_s.get(name) for each in shown], duration),
            )
            for place, name in enumerate(STAGES)
            if any(name in each.stages_s for each in shown)
        ),
        span=_ends(shown),
    )


def _by_endpoint(entries: Sequence[Entry]) -> Picture:
    shown = _last(entries, lambda each: bool(each.p95_ms))
    newest = shown[-1].p95_ms if shown else {}
    names = sorted((n for n in newest if n != "*"), key=lambda n: -newest[n])
    series = {
        endpoint_title(name): [each.p95_ms.get(name) for each in shown]
        for name in names[:LINES]
    }
    left_out = len(names) - len(series)
    more = f" {left_out} faster endpoints are left out." if left_out else ""
    return _drawn(
        shown,
        title="p95 of response times, by endpoint",
        note=f"The releases that sent their load.{more}",
        series=series,
        said=_milliseconds,
        tick=_milliseconds,
    )


def _smoke(entries: Sequence[Entry]) -> Picture:
    shown = _last(entries, lambda each: SMOKE in each.stages_s)
    return _drawn(
        shown,
        title="Duration of the smoke tests",
        note="From the first of them to the end of the last.",
        series={"smoke tests": [each.stages_s[SMOKE] for each in shown]},
        said=duration,
        tick=_seconds,
    )


def _drawn(
    shown: Sequence[Entry],
    *,
    title: str,
    note: str,
    series: Mapping[str, Sequence[float | None]],
    said: Callable[[float], str],
    tick: Callable[[float], str],
) -> Picture:
    """Return a picture of lines, with a dot for each build."""
    scale = _scale([v for values in series.values() for v in values if v is not None])
    dots, lines = [], []
    for place, (name, values) in enumerate(series.items()):
        points = [
            (_x(at, len(shown)) + _step(len(shown)) / 2, scale.y(value), value, each)
            for at, (each, value) in enumerate(zip(shown, values, strict=True))
            if value is not None
        ]
        dots += [
            Mark(
                x=x,
                y=y,
                width=0,
                height=0,
                entry=each,
                said=f"{each.build}: {name} {said(value)}",
                kind=_series(place),
            )
            for x, y, value, each in points
        ]
        lines.append(
            Line(
                kind=_series(place),
                name=name,
                said=_range(values, said),
                points=" ".join(f"{x:.1f},{y:.1f}" for x, y, _, _ in points),
            )
        )
    return Picture(
        title=title,
        note=note if shown else UNMEASURED,
        ticks=scale.ticks(tick),
        dots=tuple(dots),
        lines=tuple(lines),
        span=_ends(shown),
    )


def _flakiness(entries: Sequence[Entry]) -> Picture:
    shown = _last(entries, lambda each: bool(each.tests))
    found = flaky(entries)
    seen = [each for each in found if any(each.nodeid in one.tests for one in shown)]
    drawn = seen[:LINES]
    dots = [
        Mark(
            x=_x(at, len(shown)) + _step(len(shown)) / 2,
            y=TOP + ROW * (row + 0.5),
            width=0,
            height=0,
            entry=each,
            said=f"{each.build}: {_name(test.nodeid)} {each.tests[test.nodeid]}",
            kind=each.tests[test.nodeid],
        )
        for row, test in enumerate(drawn)
        for at, each in enumerate(shown)
        if each.tests.get(test.nodeid) in {Outcome.PASSED, Outcome.FAILED, FLAKY}
    ]
    note = "Tests that failed and passed on the same image, in one release or in two."
    if not found:
        note = "No test failed and passed on the same image."
    return Picture(
        title="Flakiness",
        note=note,
        height=TOP + ROW * len(drawn) + BOTTOM,
        ticks=tuple(
            Tick(at=TOP + ROW * (row + 0.5), text=str(row + 1))
            for row in range(len(drawn))
        ),
        dots=tuple(dots),
        lines=tuple(
            Line(
                kind="",
                name=f"{row + 1}. {_name(test.nodeid)}",
                said=f"failed {test.failed} and passed {test.passed} times on "
                + (
                    f"image {test.images[0]}"
                    if len(test.images) == 1
                    else f"{len(test.images)} images"
                ),
            )
            for row, test in enumerate(drawn)
        ),
        span=_ends(shown),
    )


@dataclass(frozen=True, slots=True)
class _Scale:
    """From values to heights in a picture, from zero."""

    top: float
    step: float

    def y(self, value: float) -> float:
        share = value / self.top
        return round(HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM), 2)

    def ticks(self, said: Callable[[float], str]) -> tuple[Tick, ...]:
        count = round(self.top / self.step)
        values = [self.step * number for number in range(count + 1)]
        return tuple(
            Tick(at=self.y(value), text=said(value) if value else "0")
            for value in values
        )


def _scale(values: Sequence[float]) -> _Scale:
    """Return a scale with two to five round steps."""
    most = max(values, default=0) or 1.0
    step = 1e-3
    while most / step > 5:  # noqa: PLR2004 - steps
        # 1, 2, 5, 10, 20, 50, ...
        step *= 2.5 if f"{step:e}".startswith("2") else 2
    steps = -int(-most // step)
    return _Scale(step * steps, step)


def _last(entries: Sequence[Entry], wanted: Callable[[Entry], bool]) -> list[Entry]:
    """Return the last builds that are wanted, oldest first."""
    found = [each for each in entries if wanted(each)][:SHOWN]
    return found[::-1]


def _step(count: int) -> float:
    """Return the room of a build; a few builds do not fill the picture."""
    return (WIDTH - LEFT - RIGHT) / max(count, 12)


def _x(place: int, count: int) -> float:
    return round(LEFT + place * _step(count), 2)


def _series(place: int) -> str:
    return f"s{place + 1}"


def _ends(shown: Sequence[Entry]) -> tuple[str, str]:
    if not shown:
        return "", ""
    first, last = (f"{each.started_at:%Y-%m-%d}" for each in (shown[0], shown[-1]))
    return (first, "") if first == last else (first, last)


def _range(values: Sequence[float | None], said: Callable[[float], str]) -> str:
    """Return "last 34 ms, 30 ms to 48 ms" of what was measured."""
    given = [value for value in values if value is not None]
    if not given:
        return "not measured"
    low, high = said(min(given)), said(max(given))
    around = f", {low} to {high}" if low != high else ""
    return f"last {said(given[-1])}{around}"


def _seconds(value: float) -> str:
    """Return a tick of an axis of seconds."""
    return clock(round(value)) if value >= 1 else f"{value:g} s"


def _milliseconds(value: float) -> str:
    return quantity(value, "ms")


def _name(nodeid: str) -> str:
    return nodeid.rpartition("::")[2]
