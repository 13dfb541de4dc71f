"""Pure: numbers in, verdict out.

Too few samples never pass, and one breach fails, however few there are.
Percentiles and the longest response are those of good responses; failed ones
are judged by their share.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from release.load.samples import ALL, Endpoint, Measurements
from release.settings.model import Thresholds, percentile

FEWEST = 10
"""Samples without which nothing is said, unless min_samples asks for more."""


class Outcome(StrEnum):
    """What a gate came to."""

    PASSED = "passed"
    FAILED = "failed"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True, kw_only=True, slots=True)
class Gate:
    """One threshold of one endpoint, judged."""

    endpoint: str
    metric: str
    """As in release.toml: "p95_ms"."""
    limit: float
    measured: float | None
    """None without a sample."""
    unit: str
    """ "ms", "ratio", "/s" or "samples"."""
    samples: int
    outcome: Outcome
    margin: float | None
    """What is left to the limit, in the unit; below 0 in a breach."""
    text: str
    """All of it, in one line."""

    @property
    def id(self) -> str:
        """Return its name among all gates of a release."""
        return f"{self.endpoint} {self.metric}"

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Gate:
        """Return the gate that `as_json` gave."""
        return cls(**{**raw, "outcome": Outcome(raw["outcome"])})


def names(thresholds: Mapping[str, Thresholds]) -> list[tuple[str, str]]:
    """Return endpoint and metric of each gate, in the order of release.toml."""
    return [
        (endpoint, metric)
        for endpoint, limits in thresholds.items()
        for metric in limits.limits()
    ]


def judge(
    measurements: Measurements, thresholds: Mapping[str, Thresholds]
) -> list[Gate]:
    """Return each threshold's gate, in the order of `names`."""
    return [
        judge_one(measurements, endpoint, metric, thresholds[endpoint])
        for endpoint, metric in names(thresholds)
    ]


def judge_one(
    measurements: Measurements, endpoint: str, metric: str, thresholds: Thresholds
) -> Gate:
    """Return one threshold's gate."""
    limit = thresholds.limits()[metric]
    there = measurements.endpoints.get(endpoint)
    found = there or Endpoint(name=endpoint, durations_ms=(), failures={})
    samples = found.requests if metric == "error_ratio" else found.good
    measured = _measured(measurements, found, metric)
    margin = None
    if measured is not None:
        margin = measured - limit if _is_least(metric) else limit - measured
    needed = fewest(metric, thresholds)
    outcome = _outcome(margin, samples, needed)
    if measured is None:
        text = _nothing(measurements, found)
    elif outcome is Outcome.INCONCLUSIVE:
        text = f"{samples} samples, {needed} needed; {_said(metric, measured, limit)}"
    else:
        text = _said(metric, measured, limit)
        text += "" if metric == "min_samples" else f", {_counted(samples)}"
    return Gate(
        endpoint=endpoint,
        metric=metric,
        limit=limit,
        measured=measured,
        unit=_unit(metric),
        samples=samples,
        outcome=outcome,
        margin=margin,
        text=f"{endpoint} {metric} {outcome}: {text}{_failures(metric, found)}",
    )


def fewest(metric: str, thresholds: Thresholds) -> int:
    """Return the samples that a threshold needs in order to pass.

    A percentile needs enough of them to have one beyond it: 100 for p99.
    """
    asked = thresholds.min_samples or FEWEST
    if _is_least(metric):
        return 0
    percent = percentile(metric)
    if percent is None:
        return asked
    return max(asked, math.ceil(round(100 / (100 - percent), 9)))


def _measured(measurements: Measurements, found: Endpoint, metric: str) -> float | None:
    if metric == "min_samples":
        return float(found.good)
    if metric == "min_rate":
        return measurements.rate(found)
    if metric == "error_ratio":
        return found.error_ratio if found.requests else None
    if not found.good:
        return None
    percent = percentile(metric)
    return found.percentile_ms(100 if percent is None else percent)


def _outcome(margin: float | None, samples: int, needed: int) -> Outcome:
    if margin is None:
        return Outcome.INCONCLUSIVE
    if margin < 0:
        return Outcome.FAILED
    return Outcome.PASSED if samples >= needed else Outcome.INCONCLUSIVE


def _is_least(metric: str) -> bool:
    return metric.startswith("min_")


def _unit(metric: str) -> str:
    if metric.endswith("_ms"):
        return "ms"
    return {"error_ratio": "ratio", "min_rate": "/s", "min_samples": "samples"}[metric]


def _said(metric: str, measured: float, limit: float) -> str:
    """Return "measured 512.3 ms, limit 350 ms, 162.3 ms (46 %) over"."""
    apart = abs(measured - limit)
    share = f" ({apart / limit:.0%})".replace("%", " %") if limit else ""
    breach = measured < limit if _is_least(metric) else measured > limit
    short = "short" if _is_least(metric) else "over"
    word = short if breach else "to spare"
    return (
        f"measured {_shown(metric, measured)}, limit {_shown(metric, limit)}, "
        f"{_shown(metric, apart)}{share} {word}"
    )


def _shown(metric: str, value: float) -> str:
    if metric == "error_ratio":
        return f"{value * 100:.3g} %"
    number = f"{value:.1f}".removesuffix(".0")
    return number + {"/s": "/s"}.get(_unit(metric), f" {_unit(metric)}")


def _counted(samples: int) -> str:
    return f"{samples} sample{'' if samples == 1 else 's'}"


def _nothing(measurements: Measurements, found: Endpoint) -> str:
    if found.requests:
        return f"none of {found.requests} responses was good"
    others = [name for name in measurements.endpoints if name != ALL]
    near = difflib.get_close_matches(found.name, others, n=1)
    hint = f"; did you mean {near[0]}?" if near else ""
    sent = ", ".join(others) or "nothing"
    return f"no request was measured; the locustfile sends {sent}{hint}"


def _failures(metric: str, found: Endpoint) -> str:
    """Return the most frequent failure where it explains the gate, or ""."""
    explains = metric == "error_ratio" or not found.good
    if not found.failures or not explains:
        return ""
    text, count = next(iter(found.failures.items()))
    return f"; {count} x {text}"
