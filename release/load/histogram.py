"""Response times counted in classes at most 1 % wide, from 1 µs to one hour.

The classes are those of HdrHistogram with two significant digits, so that counts of
several seconds, processes and builds add up exactly; the longest time and the sum are
kept beside them as they were measured.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from hdrh.histogram import HdrHistogram  # type: ignore[import-untyped]
from numpy.typing import NDArray

HIGHEST_US = 3_600_000_000
DIGITS = 2

Counts = NDArray[np.int64]


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class Histogram:
    """Some response times.

    Attributes:
        places: The classes that have any, rising.
        counts: How many each of them has.
        longest_ms: The longest one, exact; 0 without any.
        sum_ms: All of them added up, exact.
    """

    places: Counts
    counts: Counts
    longest_ms: float
    sum_ms: float

    @classmethod
    def of(cls, durations_ms: Iterable[float]) -> Histogram:
        """Return the histogram of some durations."""
        given = list(durations_ms)
        made = _empty()
        for duration_ms in given:
            made.record_value(min(max(round(duration_ms * 1000), 1), HIGHEST_US))
        return cls._of(made, max(given, default=0.0), math.fsum(given))

    @classmethod
    def decoded(cls, text: str, *, longest_ms: float, sum_ms: float) -> Histogram:
        """Return what a recorder wrote, base64 without padding, "" being none."""
        padded = text + "=" * (-len(text) % 4)
        made = HdrHistogram.decode(padded) if text else _empty()
        return cls._of(made, longest_ms, sum_ms)

    @classmethod
    def _of(cls, made: Any, longest_ms: float, sum_ms: float) -> Histogram:
        dense = np.array(made.counts, dtype=np.int64)
        places = np.flatnonzero(dense)
        return cls(
            places=places, counts=dense[places], longest_ms=longest_ms, sum_ms=sum_ms
        )

    @classmethod
    def merged(cls, several: Iterable[Histogram]) -> Histogram:
        """Return all of several histograms in one; nothing is lost."""
        given = [each for each in several if each.counts.size]
        if not given:
            return NOTHING
        places = np.concatenate([each.places for each in given])
        kept, inverse = np.unique(places, return_inverse=True)
        counts = np.zeros(kept.size, dtype=np.int64)
        np.add.at(counts, inverse, np.concatenate([each.counts for each in given]))
        return cls(
            places=kept,
            counts=counts,
            longest_ms=max(each.longest_ms for each in given),
            sum_ms=math.fsum(each.sum_ms for each in given),
        )

    def __eq__(self, other: object) -> bool:
        """Whether the same times were counted."""
        return (
            isinstance(other, Histogram)
            and np.array_equal(self.places, other.places)
            and np.array_equal(self.counts, other.counts)
            and (self.longest_ms, self.sum_ms) == (other.longest_ms, other.sum_ms)
        )

    __hash__ = None  # type: ignore[assignment] # arrays have none

    @property
    def total(self) -> int:
        """How many times were counted."""
        return int(self.counts.sum())

    @property
    def mean_ms(self) -> float:
        """Return the mean, exact.

        Raises:
            ValueError: Nothing was counted.
        """
        return self.sum_ms / self._some()

    def percentile_ms(self, percent: float) -> float:
        """Return the time that a share of all kept to, by nearest rank.

        The middle of its class: at most 0.4 % from a time that was measured.

        Args:
            percent: From 0 to 100; 100 is the longest time, exact.

        Raises:
            ValueError: Nothing was counted.
        """
        total = self._some()
        rank = max(1, math.ceil(round(percent * total / 100, 9)))
        if rank >= total:
            return self.longest_ms
        place = self.places[int(np.searchsorted(self.counts.cumsum(), rank))]
        return min(float(middles_ms()[place]), self.longest_ms)

    def above(self, limit_ms: float) -> int:
        """Return how many were longer than a limit; none of its own class counts."""
        return int(self.counts[edges_ms()[self.places] > limit_ms].sum())

    def hdr(self) -> Any:
        """Return it as a histogram of the library, for its log."""
        made = _empty()
        for place, count in zip(self.places, self.counts, strict=True):
            made.record_value(made.get_value_from_index(int(place)), int(count))
        return made

    def _some(self) -> int:
        total = self.total
        if not total:
            raise ValueError("no response was counted")
        return total


@functools.cache
def edges_ms() -> NDArray[np.float64]:
    """Return the least time of each class."""
    made = _empty()
    starts = [made.get_value_from_index(place) for place in range(made.counts_len)]
    return np.asarray(starts, dtype=np.float64) / 1000


@functools.cache
def middles_ms() -> NDArray[np.float64]:
    """Return the middle of each class."""
    edges = edges_ms()
    widths = np.diff(edges, append=2 * edges[-1] - edges[-2])
    return edges + (widths - 0.001) / 2


def _empty() -> Any:
    return HdrHistogram(1, HIGHEST_US, DIGITS)


NOTHING = Histogram(
    places=np.zeros(0, dtype=np.int64),
    counts=np.zeros(0, dtype=np.int64),
    longest_ms=0.0,
    sum_ms=0.0,
)
