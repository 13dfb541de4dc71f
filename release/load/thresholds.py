"""Pure: numbers in, verdict out.

Percentiles, mean and longest response are those of good responses; failed ones are
judged by their share, with an exact binomial bound: a limit is broken when as many
failures would come by chance in fewer than one of twenty runs of a service that just
keeps it. Too few samples never pass, one breach fails however few there are, and a
generator that could not keep up says nothing of the service.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Iterable, Mapping

from release.load.gate import Gate, Outcome
from release.load.health import unfit
from release.load.measurements import ALL, Endpoint, Measurements, together
from release.load.proportions import chance_of_as_many
from release.settings.model import Thresholds, percentile

FEWEST = 10
"""Samples without which nothing is said, unless min_samples asks for more."""
CONFIDENCE = 0.95
WORST = 3
"""Seconds that a breach names."""


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
    found = matching(measurements, endpoint)
    samples = found.requests if metric == "error_ratio" else found.good
    measured = _measured(measurements, found, metric)
    margin = None
    if measured is not None:
        margin = measured - limit if _is_least(metric) else limit - measured
    needed = fewest(metric, thresholds)
    short = unfit(measurements)
    if short or margin is None:
        outcome = Outcome.INCONCLUSIVE
    elif _breached(found, metric, limit, margin):
        outcome = Outcome.FAILED
    else:
        outcome = Outcome.PASSED if samples >= needed else Outcome.INCONCLUSIVE
    if measured is None:
        text = _nothing(measurements, found)
    else:
        text = _said(metric, measured, limit)
        if short:
            text = f"{short}; {text}"
        elif outcome is Outcome.INCONCLUSIVE:
            text = f"{samples} samples, {needed} needed; {text}"
        else:
            text += "" if metric == "min_samples" else f", {_counted(samples)}"
    if outcome is Outcome.FAILED:
        text += _worst(found, metric)
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


def matching(measurements: Measurements, name: str) -> Endpoint:
    """Return an endpoint by its name, or all that match a pattern together.

    ``*`` stands for any text, ``?`` for one character; a name that was measured is
    itself even if it holds one. Without a match, an endpoint without a request.
    """
    there = measurements.endpoints.get(name)
    if there is not None:
        return there
    pattern = re.escape(name).replace(r"\*", ".*").replace(r"\?", ".")
    return Endpoint.of(
        name,
        together(
            second
            for one in measurements.endpoints.values()
            if one.name != ALL and re.fullmatch(pattern, one.name)
            for second in one.seconds
        ),
    )


def fewest(metric: str, thresholds: Thresholds) -> int:
    """Return the samples that a threshold needs in order to pass.

    A percentile needs so many that their longest one is above it with 95 %
    confidence, whatever the distribution (S. S. Wilks, "Determination of sample sizes
    for setting tolerance limits", 1941): 59 for p95, 299 for p99. An error ratio needs
    so many that one error is to be expected at the limit.
    """
    asked = thresholds.min_samples or FEWEST
    if _is_least(metric):
        return 0
    percent = percentile(metric)
    if percent:
        wilks = math.log(1 - CONFIDENCE) / math.log(percent / 100)
        return max(asked, math.ceil(round(wilks, 9)))
    if metric == "error_ratio" and thresholds.error_ratio:
        return max(asked, math.ceil(round(1 / thresholds.error_ratio, 9)))
    return asked


def _measured(measurements: Measurements, found: Endpoint, metric: str) -> float | None:
    if metric == "min_samples":
        return float(found.good)
    if metric == "min_rate":
        return measurements.rate(found)
    if metric == "error_ratio":
        return found.error_ratio if found.requests else None
    if not found.good:
        return None
    if metric == "mean_ms":
        return found.durations.mean_ms
    percent = percentile(metric)
    return found.percentile_ms(100 if percent is None else percent)


def _breached(found: Endpoint, metric: str, limit: float, margin: float) -> bool:
    if margin >= 0:
        return False
    if metric != "error_ratio":
        return True
    return chance_of_as_many(found.failed, found.requests, limit) < 1 - CONFIDENCE


def _worst(found: Endpoint, metric: str) -> str:
    """Return ", worst at 3 s (812 ms), ...": the seconds that did most of it."""
    if metric.endswith("_ms"):
        seconds = [
            (each.good.percentile_ms(_percent(metric)), each.at)
            for each in found.seconds
            if each.good.total
        ]
        said = [f"{at} s ({value:.0f} ms)" for value, at in _largest(seconds)]
    elif metric == "error_ratio":
        failed = [(each.failed, each.at) for each in found.seconds if each.failed]
        said = [f"{at} s ({count} failed)" for count, at in _largest(failed)]
    else:
        return ""
    return f", worst at {', '.join(said)}"


def _percent(metric: str) -> float:
    percent = percentile(metric)
    return 100.0 if percent is None else percent


def _largest(seconds: Iterable[tuple[float, int]]) -> list[tuple[float, int]]:
    return sorted(seconds, key=lambda each: (-each[0], each[1]))[:WORST]


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
