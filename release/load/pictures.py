"""Pictures of a load run, as SVG that takes its colours from the page around it.

Pure but for matplotlib's own caches: measurements in, SVG out.
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullFormatter

from release.load.gate import Canary, Comparison, Outcome
from release.load.gate import Endpoint as Side
from release.load.health import lost
from release.load.histogram import edges_ms
from release.load.measurements import ALL, Endpoint, Measurements
from release.load.thresholds import matching
from release.settings.model import Thresholds, percentile

COLOURS = {
    "#010101": "var(--ink, #1a2230)",
    "#020202": "var(--soft, #55606f)",
    "#030303": "var(--line, #dce1e8)",
    "#040404": "var(--good, #17704a)",
    "#050505": "var(--bad, #b3261e)",
    "#060606": "var(--link, #0a58ad)",
    "#070707": "var(--odd, #7a5200)",
}
"""What matplotlib is told, and what the page calls it."""
INK, SOFT, LINE, GOOD, BAD, LINK, ODD = COLOURS
STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "release",
    "font.family": "sans-serif",
    "font.size": 9,
    "text.color": INK,
    "axes.edgecolor": LINE,
    "axes.labelcolor": SOFT,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": LINE,
    "grid.linewidth": 0.6,
    "xtick.color": SOFT,
    "ytick.color": SOFT,
    "legend.frameon": False,
    "legend.fontsize": 8,
    "lines.linewidth": 1.4,
}
LINES = {50.0: LINK, 95.0: ODD, 99.0: INK}
"""Percentiles that are drawn, and their colours."""
COLOUR_OF = {Outcome.PASSED: GOOD, Outcome.FAILED: BAD, Outcome.INCONCLUSIVE: ODD}
MOST = 12
"""Endpoints that get a picture; the summary has the figures of all."""
BINS = 60
WIDEST = 200.0
"""Per cent of change that the picture of earlier builds shows at the most, unless the
change itself is larger."""


def pictures(
    measurements: Measurements,
    thresholds: Mapping[str, Thresholds],
    comparisons: Sequence[Comparison],
) -> dict[str, dict[str, str]]:
    """Return the pictures by file name: what each shows in words, and its SVG.

    Args:
        measurements: Of the run.
        thresholds: By endpoint; drawn where they are.
        comparisons: With earlier builds, as far as there are any.
    """
    found: dict[str, dict[str, str]] = {}
    with mpl.rc_context(STYLE):
        found["rate.svg"] = _rate(measurements)
        if any(each.low is not None for each in comparisons):
            found["earlier.svg"] = _earlier(comparisons)
        for number, name in enumerate(_drawn(measurements, thresholds), 1):
            limits = thresholds.get(name)
            found[f"endpoint-{number}.svg"] = _endpoint(
                measurements, matching(measurements, name), limits
            )
    return found


def _drawn(
    measurements: Measurements, thresholds: Mapping[str, Thresholds]
) -> list[str]:
    """Return the endpoints to draw: those with limits first."""
    names = [name for name in (*thresholds, *measurements.endpoints) if name != ALL]
    good = [name for name in names if matching(measurements, name).good]
    return list(dict.fromkeys(good))[:MOST]


def _rate(measurements: Measurements) -> dict[str, str]:
    figure = Figure(figsize=(9.2, 2.0), layout="constrained")
    axes = figure.subplots()
    everything = measurements.everything
    seconds = [*everything.lead, *everything.seconds]
    at = [each.at for each in seconds]
    good = [each.good.total for each in seconds]
    axes.bar(at, good, width=0.9, align="edge", color=GOOD, alpha=0.55, label="good")
    if everything.failed:
        failed = [each.failed for each in seconds]
        axes.bar(
            *(at, failed), width=0.9, align="edge", bottom=good, color=BAD,
            label="failed",
        )  # fmt: skip
    _over_time(axes, everything, "requests a second")
    _legend(axes)
    said = (
        f"{measurements.rate(everything):.0f} good responses a second on average, "
        f"{everything.failed:,} failed of {everything.requests:,} requests"
    )
    return _picture(figure, "Rate and errors, second by second", said)


def _endpoint(
    measurements: Measurements, endpoint: Endpoint, limits: Thresholds | None
) -> dict[str, str]:
    figure = Figure(figsize=(9.2, 2.3), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(3, 2))
    given = limits.limits() if limits else {}
    seconds = [each for each in (*endpoint.lead, *endpoint.seconds) if each.good.total]
    for percent, colour in LINES.items():
        values = [each.good.percentile_ms(percent) for each in seconds]
        middles = [each.at + 0.5 for each in seconds]
        left.plot(middles, values, color=colour, label=f"p{percent:g}")
    _over_time(left, endpoint, "ms")
    _limits_across(left, given)
    _legend(left)
    _histogram(right, endpoint, given)
    said = ", ".join(
        f"p{percent:g} {endpoint.percentile_ms(percent):.1f} ms" for percent in LINES
    )
    share = f"{endpoint.good:,} good responses in {measurements.time_s:.0f} s"
    return _picture(figure, endpoint.name, f"{share}: {said}")


def _legend(axes: Axes) -> None:
    """Say what is what above the picture, where nothing is drawn."""
    axes.legend(
        loc="lower right",
        bbox_to_anchor=(1, 1),
        ncols=3,
        borderpad=0,
        borderaxespad=0.2,
    )


def _over_time(axes: Axes, endpoint: Endpoint, unit: str) -> None:
    axes.set_ylabel(unit)
    axes.set_xlabel("seconds measured")
    axes.set_ylim(bottom=0)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    if endpoint.lead:
        begins = min(each.at for each in endpoint.lead)
        axes.axvspan(begins, 0, color=LINE, alpha=0.5, linewidth=0)
        axes.annotate(
            "warm-up", (begins, 1), xycoords=("data", "axes fraction"),
            xytext=(0, 3), textcoords="offset points", fontsize=8, color=SOFT,
        )  # fmt: skip


def _limits_across(axes: Axes, given: Mapping[str, float]) -> None:
    """Draw the limits that are near enough not to flatten the lines."""
    top = axes.get_ylim()[1]
    for percent, colour in LINES.items():
        limit = given.get(f"p{percent:g}_ms")
        if limit is not None and limit <= 2.5 * top:
            axes.axhline(
                limit, color=colour, linestyle=(0, (4, 3)), linewidth=1,
                label=f"p{percent:g} limit",
            )  # fmt: skip
            axes.set_ylim(top=max(top, 1.1 * limit))


def _histogram(axes: Axes, endpoint: Endpoint, given: Mapping[str, float]) -> None:
    times = endpoint.durations
    limits = {name: it for name, it in given.items() if name.endswith("_ms")}
    lowest = float(edges_ms()[times.places[0]])
    highest = max(times.longest_ms, *limits.values(), lowest * 1.5)
    bins = np.geomspace(max(lowest * 0.9, 0.001), highest * 1.1, BINS)
    axes.hist(
        edges_ms()[times.places],
        bins=bins.tolist(),
        weights=times.counts,
        color=GOOD,
        alpha=0.55,
    )
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel("ms")
    axes.set_ylabel("responses")
    for name, limit in limits.items():
        percent = percentile(name)
        axes.axvline(limit, color=BAD, linestyle=(0, (4, 3)), linewidth=1)
        label = name.removesuffix("_ms") if percent is None else f"p{percent:g}"
        axes.annotate(
            label, (limit, 1), xycoords=("data", "axes fraction"), xytext=(2, -8),
            textcoords="offset points", fontsize=7.5, color=BAD, rotation=90, va="top",
        )  # fmt: skip


def _earlier(comparisons: Sequence[Comparison]) -> dict[str, str]:
    shown = [each for each in comparisons if each.low is not None]
    names = [f"{each.endpoint} {each.metric[:-3]}" for each in shown]
    figure, axes = _intervals(dict(zip(names, shown, strict=True)))
    axes.set_xlabel("slower than earlier builds by, in per cent")
    slower = sum(each.outcome is Outcome.FAILED for each in shown)
    said = f"{slower} of {len(shown)} percentiles are surely slower"
    return _picture(figure, "This build against earlier ones", said)


def side_by_side(found: Canary, *, effect_ratio: float) -> dict[str, dict[str, str]]:
    """Return the picture of a canary, likewise; none where no endpoint was judged.

    Args:
        found: What was judged.
        effect_ratio: The change that matters; drawn.
    """
    shown = {each.name: each for each in found.endpoints if each.low is not None}
    if not shown:
        return {}
    with mpl.rc_context(STYLE):
        figure, axes = _intervals(shown)
        axes.axvline(100 * effect_ratio, color=BAD, linewidth=1, linestyle="--")
        axes.set_xlabel("slower than the old instance, in per cent; dashed: matters")
        worse = sum(each.outcome is Outcome.FAILED for each in shown.values())
        verb = "is" if worse == 1 else "are"
        said = f"{worse} of {len(shown)} endpoints {verb} worse"
        title = "The new instance against the old one"
        return {"canary.svg": _picture(figure, title, said)}


def _intervals(shown: Mapping[str, Comparison | Side]) -> tuple[Figure, Axes]:
    """Draw changes in per cent, each with what it lies between, the first on top."""
    figure = Figure(figsize=(9.2, 0.7 + 0.26 * len(shown)), layout="constrained")
    axes = figure.subplots()
    for row, each in enumerate(reversed(list(shown.values()))):
        low, middle, high = (
            100 * (it or 0.0) for it in (each.low, each.change_ratio, each.high)
        )
        colour = COLOUR_OF[each.outcome]
        axes.plot([low, high], [row, row], color=colour, linewidth=3, alpha=0.45)
        axes.plot([middle], [row], marker="o", markersize=5, color=colour)
    axes.set_yticks(range(len(shown)), list(shown)[::-1])
    axes.axvline(0, color=INK, linewidth=1)
    widest = max(abs(100 * (each.change_ratio or 0.0)) for each in shown.values())
    # Few builds that differ much leave an interval that says nothing: it runs out.
    axes.set_xlim(right=min(axes.get_xlim()[1], max(WIDEST, 1.5 * widest)))
    return figure, axes


def _picture(figure: Figure, title: str, said: str) -> dict[str, str]:
    out = io.StringIO()
    figure.savefig(out, format="svg", transparent=True, metadata={"Date": None})
    svg = out.getvalue()
    return {"title": title, "text": said, "svg": _inline(svg, f"{title}: {said}")}


def _inline(svg: str, label: str) -> str:
    """Return matplotlib's SVG as one that fits into a page."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    for told, called in COLOURS.items():
        svg = svg.replace(told, called)
    # Its size is the page's business, and its ids must not meet another picture's.
    svg = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", svg, count=1)
    svg = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", svg, count=1)
    own = re.sub(r"\W+", "-", label)[:40]
    svg = re.sub(r'(id="|url\(#|xlink:href="#)', rf"\1{own}-", svg)
    quoted = label.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")
    return svg.replace("<svg ", f'<svg role="img" aria-label="{quoted}" ', 1)


def spoken(measurements: Measurements, comparisons: Sequence[Comparison]) -> str:
    """Return the run in one sentence that needs no explanation."""
    everything = measurements.everything
    if not everything.good:
        return f"None of {everything.requests:,} requests was answered well."
    failed = f"{everything.failed:,}" if everything.failed else "none"
    said = (
        f"At {measurements.rate(everything):.0f} requests a second, half of all "
        f"answers came within {_time(everything.percentile_ms(50))} and 95 of 100 "
        f"within {_time(everything.percentile_ms(95))}; {failed} of "
        f"{everything.requests:,} requests failed"
    )
    if gone := lost(measurements):
        said = f"{said}; {gone}"
    shown = [each for each in comparisons if each.low is not None]
    slower = list(
        dict.fromkeys(each.endpoint for each in shown if each.outcome is Outcome.FAILED)
    )
    if slower:
        return f"{said}; slower than earlier builds: {', '.join(slower)}."
    if shown:
        return f"{said}; nothing is surely slower than in earlier builds."
    return f"{said}."


def _time(ms: float) -> str:
    return f"{ms:.0f} ms" if ms < 1000 else f"{ms / 1000:.1f} s"  # noqa: PLR2004


def as_json(
    found: Mapping[str, Mapping[str, str]], folder: str = "load"
) -> list[dict[str, Any]]:
    """Return what the report needs to know of pictures that lie in a folder of it."""
    return [
        {"file": f"{folder}/{name}", "title": each["title"], "text": each["text"]}
        for name, each in found.items()
    ]
