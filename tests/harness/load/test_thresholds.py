from collections.abc import Callable
from typing import Any

import pytest

from release.load.gate import Gate, Outcome
from release.load.measurements import Vitals
from release.load.thresholds import judge, judge_one, matching, names
from release.settings.model import Thresholds

Make = Callable[..., Any]


@pytest.fixture
def judged(endpoint: Make, measured: Make) -> Callable[..., Gate]:
    """Judge one limit on one endpoint."""

    def of(
        metric: str,
        limit: float,
        *durations_ms: float,
        failed: int = 0,
        vitals: tuple[Vitals, ...] = (),
        **more: float,
    ) -> Gate:
        found = measured(endpoint(*durations_ms, failed=failed), vitals=vitals)
        thresholds = Thresholds.model_validate({metric: limit, **more})
        return judge_one(found, "GET /", metric, thresholds)

    return of


EVEN = tuple(float(ms) for ms in range(1, 101))


@pytest.mark.parametrize(
    ("metric", "limit", "outcome", "text"),
    [
        pytest.param(
            "p95_ms",
            95,
            Outcome.PASSED,
            "GET / p95_ms passed: measured 95 ms, limit 95 ms, 0 ms (0 %) to spare, "
            "100 samples",
            id="on-the-limit",
        ),
        pytest.param(
            "p95_ms",
            94.5,
            Outcome.FAILED,
            "GET / p95_ms failed: measured 95 ms, limit 94.5 ms, 0.5 ms (1 %) over, "
            "100 samples, worst at 0 s (95 ms)",
            id="just-over",
        ),
        pytest.param(
            "p50_ms",
            200,
            Outcome.PASSED,
            "GET / p50_ms passed: measured 50 ms, limit 200 ms, 150 ms (75 %) to "
            "spare, 100 samples",
            id="well-under",
        ),
        pytest.param(
            "p99_9_ms",
            200,
            Outcome.INCONCLUSIVE,
            "GET / p99_9_ms inconclusive: 100 samples, 2995 needed; measured 100 ms, "
            "limit 200 ms, 100 ms (50 %) to spare",
            id="too-few-for-this-percentile",
        ),
        pytest.param(
            "max_ms",
            50,
            Outcome.FAILED,
            "GET / max_ms failed: measured 100 ms, limit 50 ms, 50 ms (100 %) over, "
            "100 samples, worst at 0 s (100 ms)",
            id="longest",
        ),
        pytest.param(
            "error_ratio",
            0,
            Outcome.PASSED,
            "GET / error_ratio passed: measured 0 %, limit 0 %, 0 % to spare, "
            "100 samples",
            id="no-errors",
        ),
        pytest.param(
            "min_rate",
            12.5,
            Outcome.FAILED,
            "GET / min_rate failed: measured 10/s, limit 12.5/s, 2.5/s (20 %) short, "
            "100 samples",
            id="rate",
        ),
        pytest.param(
            "min_samples",
            80,
            Outcome.PASSED,
            "GET / min_samples passed: measured 100 samples, limit 80 samples, "
            "20 samples (25 %) to spare",
            id="samples",
        ),
        pytest.param(
            "min_samples",
            200,
            Outcome.FAILED,
            "GET / min_samples failed: measured 100 samples, limit 200 samples, "
            "100 samples (50 %) short",
            id="too-few-samples",
        ),
    ],
)
def test_a_gate_says_limit_measured_and_margin(
    judged: Make, metric: str, limit: float, outcome: Outcome, text: str
) -> None:
    found = judged(metric, limit, *EVEN)

    assert (found.outcome, found.text) == (outcome, text)


def test_an_error_ratio_names_the_most_frequent_error(judged: Make) -> None:
    assert judged("error_ratio", 0.01, *EVEN, failed=25) == Gate(
        endpoint="GET /",
        metric="error_ratio",
        limit=0.01,
        measured=0.2,
        unit="ratio",
        samples=125,
        outcome=Outcome.FAILED,
        margin=-0.19,
        text="GET / error_ratio failed: measured 20 %, limit 1 %, 19 % (1900 %) over, "
        "125 samples, worst at 0 s (25 failed); 25 x 503 Service Unavailable",
    )


@pytest.mark.parametrize(
    ("failed", "outcome"),
    [
        pytest.param(0, Outcome.PASSED, id="none"),
        pytest.param(1, Outcome.PASSED, id="as-expected-at-the-limit"),
        pytest.param(3, Outcome.PASSED, id="over-by-chance"),
        pytest.param(4, Outcome.FAILED, id="hardly-by-chance"),
    ],
)
def test_an_error_ratio_is_not_broken_by_a_single_error(
    judged: Make, failed: int, outcome: Outcome
) -> None:
    # Of 100 with one in a hundred allowed, three or more come in 8 % of all runs,
    # four or more in 2 %.
    found = judged("error_ratio", 0.01, *[1.0] * (100 - failed), failed=failed)

    assert found.outcome is outcome


def test_no_error_allowed_means_none(judged: Make) -> None:
    assert judged("error_ratio", 0, *[1.0] * 999, failed=1).outcome is Outcome.FAILED


@pytest.mark.parametrize(
    ("metric", "limit", "enough"),
    [
        pytest.param("p50_ms", 9, 10, id="median-at-the-least"),
        pytest.param("p95_ms", 9, 59, id="p95"),
        pytest.param("p99_ms", 9, 299, id="p99"),
        pytest.param("p99_9_ms", 9, 2995, id="p99.9"),
        pytest.param("mean_ms", 9, 10, id="mean"),
        pytest.param("max_ms", 9, 10, id="longest"),
        pytest.param("error_ratio", 0.01, 100, id="errors"),
    ],
)
def test_a_limit_needs_so_many_samples(
    judged: Make, metric: str, limit: float, enough: int
) -> None:
    few = judged(metric, limit, *[1.0] * (enough - 1))

    assert few.outcome is Outcome.INCONCLUSIVE
    assert f"{enough - 1} samples, {enough} needed" in few.text
    assert judged(metric, limit, *[1.0] * enough).outcome is Outcome.PASSED
    asked = judged(metric, limit, *[1.0] * enough, min_samples=enough + 1)
    assert asked.outcome is Outcome.INCONCLUSIVE


def test_a_breach_fails_however_few_samples_there_are(judged: Make) -> None:
    assert judged("p95_ms", 100, 500.0).outcome is Outcome.FAILED


def test_a_starved_generator_says_nothing_of_the_service(judged: Make) -> None:
    starved = Vitals(at=0, cpu_ratio=0.97, lag_ms=3, users=1, arrived=0, late=0)

    found = judged("p95_ms", 100, *[500.0] * 99, vitals=(starved,))

    assert found.outcome is Outcome.INCONCLUSIVE
    assert found.text == (
        "GET / p95_ms inconclusive: the load generator could not keep up in 1 of 1 s: "
        "up to 97 % of its CPU, up to 3 ms late; send less, add load.processes, or "
        "free its machine; measured 500 ms, limit 100 ms, 400 ms (400 %) over"
    )


def test_a_pattern_means_all_that_match_together(
    endpoint: Make, measured: Make
) -> None:
    found = measured(
        endpoint(1, 2, name="GET /api/a"),
        endpoint(3, name="GET /api/b", at=1, failed=2),
        endpoint(9, name="POST /api/a"),
    )

    together = matching(found, "GET /api/*")
    assert (together.name, together.good, together.failed) == ("GET /api/*", 3, 2)
    assert [second.at for second in together.seconds] == [0, 1]
    assert matching(found, "GET /api/?").good == 3
    assert matching(found, "GET /api").requests == 0


@pytest.mark.parametrize("metric", ["p95_ms", "max_ms"])
def test_failed_responses_are_no_fast_ones(judged: Make, metric: str) -> None:
    found = judged(metric, 100, failed=100)

    assert found.outcome is Outcome.INCONCLUSIVE
    assert found.measured is None
    assert found.text == (
        f"GET / {metric} inconclusive: none of 100 responses was good; "
        "100 x 503 Service Unavailable"
    )


@pytest.mark.parametrize(
    ("metric", "outcome"),
    [
        ("p95_ms", Outcome.INCONCLUSIVE),
        ("max_ms", Outcome.INCONCLUSIVE),
        ("error_ratio", Outcome.INCONCLUSIVE),
        ("min_rate", Outcome.FAILED),
        ("min_samples", Outcome.FAILED),
    ],
)
def test_an_endpoint_without_a_request_never_passes(
    endpoint: Make, measured: Make, metric: str, outcome: Outcome
) -> None:
    thresholds = Thresholds.model_validate({metric: 1})

    found = judge_one(measured(endpoint(1)), "GET /x", metric, thresholds)

    assert found.outcome is outcome


def test_an_endpoint_that_is_never_asked_names_those_that_are(
    endpoint: Make, measured: Make
) -> None:
    found = judge_one(measured(endpoint(1)), "GET /x", "p95_ms", Thresholds(p95_ms=1))

    assert found.text == (
        "GET /x p95_ms inconclusive: no request was measured; "
        "the locustfile sends GET /; did you mean GET /?"
    )


def test_gates_stand_in_the_order_of_the_settings(
    endpoint: Make, measured: Make
) -> None:
    thresholds = {
        "GET /": Thresholds.model_validate({"max_ms": 9, "p99_ms": 9, "p50_ms": 9}),
        "*": Thresholds(min_rate=1),
    }

    expected = [
        ("GET /", "p50_ms"),
        ("GET /", "p99_ms"),
        ("GET /", "max_ms"),
        ("*", "min_rate"),
    ]
    assert names(thresholds) == expected
    found = judge(measured(endpoint(1)), thresholds)
    assert [(one.endpoint, one.metric) for one in found] == expected
    assert [Gate.from_json(one.as_json()) for one in found] == found
