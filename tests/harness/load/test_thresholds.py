import pytest

from release.load.samples import Endpoint, Measurements, Window
from release.load.thresholds import Gate, Outcome, judge, judge_one, names
from release.settings.model import Thresholds


def measured(*durations_ms: float, failed: int = 0) -> Measurements:
    found = {
        name: Endpoint(
            name=name,
            durations_ms=tuple(sorted(durations_ms)),
            failures={"503 Service Unavailable": failed} if failed else {},
        )
        for name in ("*", "GET /")
    }
    return Measurements(window=Window(started=0, time_s=10), users=1, endpoints=found)


def gate(found: Measurements, metric: str, limit: float, **more: float) -> Gate:
    thresholds = Thresholds.model_validate({metric: limit, **more})
    return judge_one(found, "GET /", metric, thresholds)


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
            "100 samples",
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
            "GET / p99_9_ms inconclusive: 100 samples, 1000 needed; measured 100 ms, "
            "limit 200 ms, 100 ms (50 %) to spare",
            id="too-few-for-this-percentile",
        ),
        pytest.param(
            "max_ms",
            50,
            Outcome.FAILED,
            "GET / max_ms failed: measured 100 ms, limit 50 ms, 50 ms (100 %) over, "
            "100 samples",
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
    metric: str, limit: float, outcome: Outcome, text: str
) -> None:
    found = gate(measured(*EVEN), metric, limit)

    assert (found.outcome, found.text) == (outcome, text)


def test_an_error_ratio_names_the_most_frequent_error() -> None:
    assert gate(measured(*EVEN, failed=25), "error_ratio", 0.01) == Gate(
        endpoint="GET /",
        metric="error_ratio",
        limit=0.01,
        measured=0.2,
        unit="ratio",
        samples=125,
        outcome=Outcome.FAILED,
        margin=-0.19,
        text="GET / error_ratio failed: measured 20 %, limit 1 %, 19 % (1900 %) over, "
        "125 samples; 25 x 503 Service Unavailable",
    )


def test_too_few_samples_never_pass() -> None:
    nine = gate(measured(*[1.0] * 9), "max_ms", 100)
    ten = gate(measured(*[1.0] * 10), "max_ms", 100)
    asked = gate(measured(*[1.0] * 10), "max_ms", 100, min_samples=11)

    assert nine.outcome is Outcome.INCONCLUSIVE
    assert ten.outcome is Outcome.PASSED
    assert asked.outcome is Outcome.INCONCLUSIVE


def test_a_breach_fails_however_few_samples_there_are() -> None:
    assert gate(measured(500.0), "p95_ms", 100).outcome is Outcome.FAILED


@pytest.mark.parametrize("metric", ["p95_ms", "max_ms"])
def test_failed_responses_are_no_fast_ones(metric: str) -> None:
    found = gate(measured(failed=100), metric, 100)

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
    metric: str, outcome: Outcome
) -> None:
    thresholds = Thresholds.model_validate({metric: 1})

    assert judge_one(measured(1), "GET /x", metric, thresholds).outcome is outcome


def test_an_endpoint_that_is_never_asked_names_those_that_are() -> None:
    found = judge_one(measured(1), "GET /x", "p95_ms", Thresholds(p95_ms=1))

    assert found.text == (
        "GET /x p95_ms inconclusive: no request was measured; "
        "the locustfile sends GET /; did you mean GET /?"
    )


def test_gates_stand_in_the_order_of_the_settings() -> None:
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
    judged = judge(measured(1), thresholds)
    assert [(one.endpoint, one.metric) for one in judged] == expected
    assert [Gate.from_json(one.as_json()) for one in judged] == judged
