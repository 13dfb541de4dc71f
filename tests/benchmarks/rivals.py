"""What others would have said of a canary's run. Pure.

- A fixed limit: an endpoint's p95 at the new instance is above what an earlier
  measurement gave plus a tenth.
- Mann-Whitney, as Kayenta's NetflixACAJudge does: means of each second, a 98 %
  interval of the shift between the two instances (Hodges and Lehmann), worse when it
  lies above a quarter of the estimate (source: MannWhitneyClassifier and MannWhitney
  of spinnaker/kayenta). Errors are a metric of their own, their share in each second.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy import special

from release.load.canary import Pair

MARGIN = 1.1
PERCENT = 95
CONFIDENCE = 0.98
TOLERANCE = 0.25
LEAST_SECONDS = 2

Column = Any
"""A numpy array; numpy's own types say too much."""


def limits(pairs: Sequence[Pair]) -> dict[str, float]:
    """Return a limit for each endpoint, from answers of the old build."""
    return {
        name: MARGIN * float(np.percentile(_good(pairs, name, "old")[:, 1], PERCENT))
        for name in _endpoints(pairs)
    }


def above_limit(pairs: Sequence[Pair], allowed_ms: dict[str, float]) -> list[str]:
    """Return the endpoints whose new p95 is above its limit."""
    found = []
    for name in _endpoints(pairs):
        times = _good(pairs, name, "new")[:, 1]
        if times.size and np.percentile(times, PERCENT) > allowed_ms[name]:
            found.append(name)
    return found


def shifted(pairs: Sequence[Pair]) -> list[str]:
    """Return the endpoints whose times or errors Mann-Whitney finds higher."""
    return [
        name
        for name in _endpoints(pairs)
        if any(
            _is_higher(*(each(pairs, name, side) for side in ("new", "old")))
            for each in (_means, _errors)
        )
    ]


def _is_higher(new: Column, old: Column) -> bool:
    if min(new.size, old.size) < LEAST_SECONDS or (
        np.unique(np.concatenate([new, old])).size == 1
    ):
        return False
    low, estimate = shift(new, old)
    return low > TOLERANCE * abs(estimate)


def shift(new: Column, old: Column) -> tuple[float, float]:
    """Return the lower end and the estimate of how far `new` lies above `old`."""
    differences = np.sort(np.subtract.outer(new, old), axis=None)
    count = differences.size
    _, ties = np.unique(np.concatenate([new, old]), return_counts=True)
    both = new.size + old.size
    spread = both + 1 - float((ties**3 - ties).sum()) / (both * (both - 1))
    z = float(special.ndtri((1 + CONFIDENCE) / 2))
    rank = math.floor(count / 2 - z * math.sqrt(count / 12 * spread) - 0.5)
    return float(differences[max(0, rank)]), float(np.median(differences))


def _means(pairs: Sequence[Pair], endpoint: str, side: str) -> Column:
    good = _good(pairs, endpoint, side)
    return _by_second(good[:, 0], good[:, 1])


def _errors(pairs: Sequence[Pair], endpoint: str, side: str) -> Column:
    own = [pair for pair in pairs if pair.endpoint == endpoint]
    failed = [float(getattr(pair, side) is None) for pair in own]
    return _by_second(np.array([pair.at for pair in own]), np.array(failed))


def _by_second(at: Column, values: Column) -> Column:
    _, second = np.unique(at.astype(int), return_inverse=True)
    return np.bincount(second, values) / np.bincount(second)


def _endpoints(pairs: Sequence[Pair]) -> list[str]:
    return sorted({pair.endpoint for pair in pairs})


def _good(pairs: Sequence[Pair], endpoint: str, side: str) -> Column:
    rows = [
        (pair.at, getattr(pair, side))
        for pair in pairs
        if pair.endpoint == endpoint and getattr(pair, side) is not None
    ]
    return np.array(rows, dtype=np.float64).reshape(-1, 2)
