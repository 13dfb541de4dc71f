"""Pure: whether a limit can no longer hold, so that the load need not go on.

Ten measured seconds are given to every run. After them a limit is given up when,
beyond any reasonable doubt, four times the share that it allows is over it: of p95, a
fifth of the responses and not a twentieth. A single response over ``max_ms`` is
enough at once: nothing that follows can mend it.
"""

from __future__ import annotations

from collections.abc import Mapping

from release.load.measurements import Endpoint, Measurements
from release.load.proportions import least_ratio
from release.load.thresholds import matching
from release.settings.model import Thresholds, percentile

LEAST_S = 10.0
CONFIDENCE = 0.9999
FACTOR = 4.0


def hopeless(measurements: Measurements, thresholds: Mapping[str, Thresholds]) -> str:
    """Return the limit marked ``abort`` that cannot hold any more, and why, or "".

    Args:
        measurements: So far.
        thresholds: By endpoint, as in release.toml.
    """
    for name, limits in thresholds.items():
        found = matching(measurements, name)
        for metric in limits.abort:
            why = _lost(measurements, found, metric, limits.limits()[metric])
            if why:
                return f"{name} {metric} cannot hold any more: {why}"
    return ""


def _lost(
    measurements: Measurements, found: Endpoint, metric: str, limit: float
) -> str:
    if metric == "max_ms":
        longest_ms = found.durations.longest_ms
        said = f"a response took {longest_ms:.0f} ms, limit {limit:g} ms"
        return said if longest_ms > limit else ""
    if measurements.time_s < LEAST_S or not found.requests:
        return ""
    if metric == "min_rate":
        rate = measurements.rate(found)
        return f"{rate:.1f}/s, limit {limit:g}/s" if rate < limit / FACTOR else ""
    if metric == "error_ratio":
        return _over(found.failed, found.requests, limit, "requests failed")
    if metric == "mean_ms":
        mean_ms = found.durations.mean_ms if found.good else 0.0
        return (
            f"{mean_ms:.0f} ms, limit {limit:g} ms" if mean_ms > FACTOR * limit else ""
        )
    allowed = 1 - (percentile(metric) or 0.0) / 100
    over = found.durations.above(limit)
    return _over(over, found.good, allowed, f"responses took over {limit:g} ms")


def _over(count: int, total: int, allowed: float, what: str) -> str:
    """Say that more than four times the allowed share is over, if it surely is."""
    if not total:
        return ""
    too_many = min(FACTOR * allowed, (1 + allowed) / 2)
    if least_ratio(count, total, confidence=CONFIDENCE) <= too_many:
        return ""
    return f"{count:,} of {total:,} {what}"
