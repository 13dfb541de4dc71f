import pytest

from release.coordination.outcomes import ended
from release.verdict import Ended, Outcome


def test_the_test_that_a_worker_died_in_counts_as_failed():
    # As xdist makes it: no marks, no phase, a sentence.
    crashed = pytest.TestReport(
        nodeid="tests/smoke/test_page.py::test_slow",
        location=("tests/smoke/test_page.py", None, "tests/smoke/test_page.py"),
        keywords=(),
        outcome="failed",
        longrepr="worker 'gw1' crashed while running 'test_slow'",
        when="???",
    )
    assert ended(crashed) == Ended(
        nodeid="tests/smoke/test_page.py::test_slow",
        group="smoke",
        outcome=Outcome.FAILED,
        duration_s=0,
        text="worker 'gw1' crashed while running 'test_slow'",
    )
