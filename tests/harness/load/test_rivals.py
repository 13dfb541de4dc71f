"""What the canary's benchmark says that others would have said of a run."""

from __future__ import annotations

import importlib
from collections.abc import Sequence

import numpy as np
import pytest

from release.load.canary import Pair
from tests.benchmarks import rivals

Side = Sequence[float | None]
SLOW = [10.0, 11.0, 12.0, 13.0, 14.0, 15.0, 16.0, 17.0]


def each_second(endpoint: str, *, new: Side, old: Side) -> list[Pair]:
    """Return a pair in each second."""
    return [
        Pair(at=second + 0.5, endpoint=endpoint, new=of_new, old=of_old)
        for second, (of_new, of_old) in enumerate(zip(new, old, strict=True))
    ]


def later(times: Side, by_ms: float) -> list[float | None]:
    return [None if time is None else time + by_ms for time in times]


def test_a_limit_is_the_old_builds_p95_and_a_tenth() -> None:
    hundred = [float(number) for number in range(101)]
    pairs = [
        *each_second("GET /", new=[999.0] * 101, old=hundred),
        *each_second("GET /ask", new=[1.0] * 3, old=[None, 20.0, 20.0]),
    ]
    assert rivals.limits(pairs) == {
        "GET /": pytest.approx(104.5),
        "GET /ask": pytest.approx(22.0),
    }


def test_what_is_on_its_limit_is_not_above_it() -> None:
    pairs = [
        *each_second("on", new=[5.0] * 20, old=[1.0] * 20),
        *each_second("above", new=[5.1] * 20, old=[1.0] * 20),
        *each_second("its tail is not p95", new=[1.0] * 29 + [9.0], old=[1.0] * 30),
        *each_second("failed", new=[None] * 20, old=[1.0] * 20),
    ]
    allowed_ms = dict.fromkeys({pair.endpoint for pair in pairs}, 5.0)
    assert rivals.above_limit(pairs, allowed_ms) == ["above"]


@pytest.mark.parametrize("seed", range(6))
def test_the_shift_ends_where_mann_whitney_begins_to_doubt_it(seed: int) -> None:
    # Half a second, which each worker of the suite would take.
    mannwhitneyu = importlib.import_module("scipy.stats").mannwhitneyu
    chance = np.random.default_rng(seed)
    old = chance.lognormal(3, 0.3, 14)
    new = chance.lognormal(3, 0.3, 17) + 5

    def doubt(by_ms: float) -> float:
        found = mannwhitneyu(new - by_ms, old, method="asymptotic")
        return float(found.pvalue)

    low, estimate = rivals.shift(new, old)
    just = 1e-6
    assert doubt(low - just) < 1 - rivals.CONFIDENCE < doubt(low + just)
    assert doubt(estimate) == pytest.approx(1, abs=0.02)


def test_an_endpoint_whose_times_or_errors_are_higher_is_named() -> None:
    pairs = [
        *each_second("same", new=SLOW, old=SLOW),
        *each_second("faster", new=later(SLOW, -9), old=SLOW),
        *each_second("slower", new=later(SLOW, 9), old=SLOW),
        *each_second("failing", new=[None] * 8, old=SLOW),
        *each_second("failed before", new=SLOW, old=[None] * 8),
    ]
    assert rivals.shifted(pairs) == ["failing", "slower"]


def test_a_shift_that_is_hardly_certain_is_not_named() -> None:
    """It must lie above a quarter of its estimate, not above nothing alone."""
    new = later(SLOW, 5)
    low, estimate = rivals.shift(np.array(new), np.array(SLOW))
    assert 0 < low <= rivals.TOLERANCE * estimate
    assert rivals.shifted(each_second("GET /", new=new, old=SLOW)) == []


def test_the_seconds_are_compared_and_not_the_requests() -> None:
    """A stall is one bad second, however many requests it held up."""
    calm = each_second("GET /", new=SLOW, old=SLOW)
    stall = [Pair(at=3.9, endpoint="GET /", new=500.0, old=13.0)] * 100
    assert rivals.shifted([*calm, *stall]) == []


@pytest.mark.parametrize(
    ("new", "old"),
    [
        pytest.param([99.0], [1.0], id="one-second"),
        pytest.param([7.0] * 8, [7.0] * 8, id="all-alike"),
    ],
)
def test_where_nothing_can_be_told_nothing_is_named(new: Side, old: Side) -> None:
    assert rivals.shifted(each_second("GET /", new=new, old=old)) == []
