from collections.abc import Callable
from typing import Any

import pytest

from release.load.hopeless import hopeless
from release.settings.model import Thresholds

Make = Callable[..., Any]


def limits(**given: Any) -> dict[str, Thresholds]:
    return {"GET /": Thresholds.model_validate(given)}


@pytest.mark.parametrize(
    ("given", "slow", "failed", "why"),
    [
        pytest.param(
            {"p95_ms": 100, "abort": ["p95_ms"]},
            *(40, 0),
            "GET / p95_ms cannot hold any more: 40 of 100 responses took over 100 ms",
            id="percentile",
        ),
        pytest.param({"p95_ms": 100, "abort": ["p95_ms"]}, 30, 0, "", id="not-surely"),
        pytest.param({"p95_ms": 100}, 100, 0, "", id="not-asked-for"),
        pytest.param(
            {"p50_ms": 100, "abort": ["p50_ms"]},
            *(95, 0),
            "GET / p50_ms cannot hold any more: 95 of 100 responses took over 100 ms",
            id="median",
        ),
        pytest.param(
            {"mean_ms": 20, "abort": ["mean_ms"]},
            *(50, 0),
            "GET / mean_ms cannot hold any more: 250 ms, limit 20 ms",
            id="mean",
        ),
        pytest.param(
            {"error_ratio": 0.01, "abort": ["error_ratio"]},
            *(0, 20),
            "GET / error_ratio cannot hold any more: 20 of 120 requests failed",
            id="errors",
        ),
        pytest.param(
            {"min_rate": 50, "abort": ["min_rate"]},
            *(0, 0),
            "GET / min_rate cannot hold any more: 10.0/s, limit 50/s",
            id="rate",
        ),
    ],
)
def test_a_limit_that_is_surely_lost_ends_the_load(
    *, endpoint: Make, measured: Make, given: Any, slow: int, failed: int, why: str
) -> None:
    found = endpoint(*[1.0] * (100 - slow), *[499.0] * slow, failed=failed)

    assert hopeless(measured(found), limits(**given)) == why


def test_ten_seconds_are_given_to_all_but_the_longest_response(
    endpoint: Make, measured: Make
) -> None:
    found = measured(endpoint(*[499.0] * 1000), time_s=9.9)

    assert hopeless(found, limits(p95_ms=100, abort=["p95_ms"])) == ""
    assert hopeless(found, limits(max_ms=300, abort=["max_ms"])) == (
        "GET / max_ms cannot hold any more: a response took 499 ms, limit 300 ms"
    )
