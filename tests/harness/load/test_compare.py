import random
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from release.load.compare import compare
from release.load.gate import Comparison, Outcome
from release.load.histogram import Histogram
from release.load.measurements import Endpoint, Measurements, Second, Sender
from release.settings.model import Regression

Make = Callable[..., Any]
RULES = Regression()


@pytest.fixture
def run(measured: Make) -> Callable[..., Measurements]:
    """Make a run of 30 s whose times have a median, and noise of their own."""

    def make(median_ms: float, *, seed: int) -> Measurements:
        chance = random.Random(seed)  # noqa: S311 - noise, no secret
        seconds = [
            Second(
                at=at,
                good=Histogram.of(
                    chance.lognormvariate(0, 0.3) * median_ms for _ in range(20)
                ),
                failures={},
            )
            for at in range(30)
        ]
        return measured(Endpoint.of("GET /", seconds), time_s=30)

    return make


def compared(
    this: Measurements, earlier: Mapping[str, Measurements], rules: Regression = RULES
) -> Comparison:
    """Return the comparison of the median."""
    return compare(this, earlier, ["GET /"], rules)[0]


def test_a_slower_build_fails_and_says_against_which(run: Make) -> None:
    earlier = {str(build): run(100, seed=build) for build in range(5)}

    found = compared(run(130, seed=9), earlier)

    assert found.outcome is Outcome.FAILED
    assert found.builds == ("0", "1", "2", "3", "4")
    assert found.change_ratio == pytest.approx(0.3, abs=0.06)
    assert found.low is not None
    assert found.low > 0
    assert found.text.startswith("GET / p50_ms failed: 1")
    assert " slower than 10" in found.text
    assert " ms of 5 earlier builds (95 % sure: +" in found.text


def test_a_load_that_its_workers_left_is_not_compared(run: Make) -> None:
    earlier = {str(build): run(100, seed=build) for build in range(5)}
    gone = Sender(name="a", rate=20, cpu_ratio=0.1, lag_ms=1, lost_s=7, lost_batches=0)
    left = replace(run(130, seed=9), senders=(gone,), least_ratio=1)

    found = compared(left, earlier)

    assert found.outcome is Outcome.INCONCLUSIVE
    assert found.text == (
        "GET / p50_ms is not compared: 1 of 1 workers was lost: a at 7 s, and 100 % "
        "must stay; see why in their logs"
    )


@pytest.mark.parametrize("seed", range(20, 32))
def test_the_same_build_again_passes(run: Make, seed: int) -> None:
    earlier = {str(build): run(100, seed=build) for build in range(3)}

    assert compared(run(100, seed=seed), earlier).outcome is Outcome.PASSED


def test_builds_that_differ_among_each_other_prove_less(run: Make) -> None:
    alike = {str(build): run(100, seed=build) for build in range(4)}
    unlike = {str(n): run(ms, seed=n) for n, ms in enumerate((80, 95, 110, 125))}
    this = run(125, seed=9)

    assert compared(this, alike).outcome is Outcome.FAILED
    assert compared(this, unlike).outcome is Outcome.PASSED


@pytest.mark.parametrize(
    ("rules", "outcome"),
    [
        pytest.param(RULES, Outcome.FAILED, id="as-it-is"),
        pytest.param(Regression(effect_ratio=0.4), Outcome.PASSED, id="small-share"),
        pytest.param(Regression(least_ms=50), Outcome.PASSED, id="few-milliseconds"),
    ],
)
def test_a_change_must_matter(run: Make, rules: Regression, outcome: Outcome) -> None:
    earlier = {str(build): run(100, seed=build) for build in range(5)}

    assert compared(run(130, seed=9), earlier, rules).outcome is outcome


def test_too_few_builds_are_no_baseline_yet(run: Make) -> None:
    found = compared(run(900, seed=9), {"1": run(1, seed=1), "2": run(1, seed=2)})

    assert found.outcome is Outcome.PASSED
    assert (found.earlier_ms, found.low, found.high) == (None, None, None)
    assert found.text == "GET / p50_ms has no baseline yet: 2 of 3 comparable builds"


def test_what_was_not_measured_is_inconclusive(run: Make, measured: Make) -> None:
    found = compared(measured(), {"1": run(1, seed=1)})

    assert found.outcome is Outcome.INCONCLUSIVE
    assert found.text == "GET / p50_ms was not measured"


def test_the_same_figures_give_the_same_answer(run: Make) -> None:
    earlier = {str(build): run(100, seed=build) for build in range(3)}
    this = run(109, seed=9)

    once, again = compared(this, earlier), compared(this, earlier)

    assert once == again
    assert Comparison.from_json(once.as_json()) == once
