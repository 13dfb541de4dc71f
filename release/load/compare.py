"""Pure: whether this build answers slower than builds before it.

For each endpoint and percentile the change against the mean of the earlier builds is
given with an interval. Runs differ among each other, whatever they run: so the interval
is the one for a further run of the same kind (Student's prediction interval on the
logarithms), and its spread is that between the earlier builds, or, where that is less
by luck, what a block bootstrap over seconds says of the runs themselves: requests of
one second are not independent of each other. A build is slower when the change is
large enough to matter and the whole interval lies above none.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import special  # type: ignore[import-untyped]

from release.load.gate import Comparison, Outcome, compared
from release.load.health import unfit
from release.load.histogram import middles_ms
from release.load.measurements import Endpoint, Measurements
from release.load.thresholds import matching
from release.settings.model import Regression, percentile

CONFIDENCE = 0.95
DRAWS = 400
SEED = 20_130_407
"""Any number, but always the same: the same figures give the same verdict."""


def compare(
    measurements: Measurements,
    earlier: Mapping[str, Measurements],
    endpoints: Sequence[str],
    rules: Regression,
) -> list[Comparison]:
    """Return the comparisons, in the order of `compared`.

    Args:
        measurements: Of this build.
        earlier: Of passed builds under the same conditions, by build id.
        endpoints: Names or patterns.
        rules: How many builds are needed, and which change matters.
    """
    return [
        _compared(measurements, earlier, name, metric, rules)
        for name, metric in compared(endpoints)
    ]


def _compared(
    measurements: Measurements,
    earlier: Mapping[str, Measurements],
    name: str,
    metric: str,
    rules: Regression,
) -> Comparison:
    percent = percentile(metric) or 0.0
    this = matching(measurements, name)
    before = {
        build: found
        for build, measured in earlier.items()
        if (found := matching(measured, name)).good
    }
    measured_ms = this.percentile_ms(percent) if this.good else None

    def made(outcome: Outcome, said: str, figures: Mapping[str, float]) -> Comparison:
        return Comparison(
            endpoint=name,
            metric=metric,
            measured_ms=measured_ms,
            earlier_ms=figures.get("earlier_ms"),
            change_ratio=figures.get("change_ratio"),
            low=figures.get("low"),
            high=figures.get("high"),
            builds=tuple(before),
            outcome=outcome,
            text=f"{name} {metric} {said}",
        )

    if measured_ms is None:
        return made(Outcome.INCONCLUSIVE, "was not measured", {})
    if short := unfit(measurements):
        return made(Outcome.INCONCLUSIVE, f"is not compared: {short}", {})
    if len(before) < rules.least_builds:
        there = f"{len(before)} of {rules.least_builds} comparable builds"
        return made(Outcome.PASSED, f"has no baseline yet: {there}", {})
    logs = np.log([each.percentile_ms(percent) for each in before.values()])
    change = math.log(measured_ms) - float(logs.mean())
    spread = max(
        float(logs.std(ddof=1)),
        _within(this, percent),
        *(_within(each, percent) for each in before.values()),
    )
    reach = _prediction(len(logs)) * spread
    figures = {
        "earlier_ms": math.exp(float(logs.mean())),
        "change_ratio": math.expm1(change),
        "low": math.expm1(change - reach),
        "high": math.expm1(change + reach),
    }
    return made(*_judged(measured_ms, figures, len(before), rules), figures)


def _judged(
    measured_ms: float, figures: Mapping[str, float], builds: int, rules: Regression
) -> tuple[Outcome, str]:
    more_ms = measured_ms - figures["earlier_ms"]
    matters = figures["change_ratio"] >= rules.effect_ratio and more_ms > rules.least_ms
    slower = matters and figures["low"] > 0
    word = "slower" if figures["change_ratio"] >= 0 else "faster"
    said = (
        (
            f"{measured_ms:.1f} ms, {abs(figures['change_ratio']):.0%} {word} than "
            f"{figures['earlier_ms']:.1f} ms of {builds} earlier builds "
            f"(95 % sure: {figures['low']:+.0%} to {figures['high']:+.0%})"
        )
        .replace("%", " %")
        .replace("  %", " %")
    )
    if slower:
        return Outcome.FAILED, f"failed: {said}"
    return Outcome.PASSED, f"passed: {said}"


def _prediction(builds: int) -> float:
    """Return how many spreads a further run lies from the mean of others at most."""
    student = float(special.stdtrit(builds - 1, (1 + CONFIDENCE) / 2))
    return student * math.sqrt(1 + 1 / builds)


def _within(endpoint: Endpoint, percent: float) -> float:
    """Return how much a percentile of one run may be off, as a deviation of its log.

    By a circular block bootstrap over the run's seconds, in blocks of the cube root of
    their number (H. R. Künsch, "The jackknife and the bootstrap for general stationary
    observations", 1989).
    """
    counts, values = _matrix(endpoint)
    seconds = counts.shape[0]
    if seconds < 2:  # noqa: PLR2004 - one second tells nothing of others
        return 0.0
    length = max(1, round(seconds ** (1 / 3)))
    chance = np.random.default_rng(SEED)
    starts = chance.integers(0, seconds, (DRAWS, math.ceil(seconds / length)))
    picked = (starts[:, :, None] + np.arange(length)) % seconds
    weights = np.zeros((DRAWS, seconds), dtype=np.int64)
    for row, draw in enumerate(picked.reshape(DRAWS, -1)[:, :seconds]):
        np.add.at(weights[row], draw, 1)
    drawn = (weights @ counts).cumsum(axis=1)
    ranks = np.maximum(1, np.ceil(drawn[:, -1] * percent / 100))
    places = (drawn < ranks[:, None]).sum(axis=1)
    return float(np.log(values[np.minimum(places, values.size - 1)]).std(ddof=1))


def _matrix(endpoint: Endpoint) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return counts by second and class, and the classes' times in ms."""
    good = [each.good for each in endpoint.seconds if each.good.total]
    places = np.unique(np.concatenate([each.places for each in good]))
    counts = np.zeros((len(good), places.size), dtype=np.int64)
    for row, each in enumerate(good):
        counts[row, np.searchsorted(places, each.places)] = each.counts
    return counts, middles_ms()[places]
