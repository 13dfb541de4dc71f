"""Pages are judged by the median of how long they took to load."""

import pytest

from release.coordination.pages import judge
from release.load import Gate, Outcome


def test_a_page_in_time_passes_with_what_is_to_spare():
    assert judge("/", [30.0, 900.0, 40.04], 200, 500) == Gate(
        endpoint="/",
        metric="load_ms",
        limit=500,
        measured=40.0,
        unit="ms",
        samples=3,
        outcome=Outcome.PASSED,
        margin=460.0,
        text="/ load_ms passed: measured 40 ms, limit 500 ms, 460 ms to spare, median "
        "of 3 loads (30 to 900 ms)",
    )


@pytest.mark.parametrize(
    ("limit_ms", "outcome"),
    [
        pytest.param(40, Outcome.PASSED, id="on-the-limit"),
        pytest.param(39.9, Outcome.FAILED, id="over"),
    ],
)
def test_the_limit_itself_is_in_time(limit_ms, outcome):
    assert judge("/ask", [40.0], 200, limit_ms).outcome == outcome


def test_a_page_that_answers_an_error_fails_however_soon():
    found = judge("/ask", [4.0], 503, 500)
    assert (found.outcome, found.text) == (
        Outcome.FAILED,
        "/ask load_ms failed: GET /ask answered 503",
    )
