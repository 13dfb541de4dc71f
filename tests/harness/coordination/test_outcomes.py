import pytest

from release.coordination.outcomes import cause, ended
from release.verdict import Ended, Outcome

pytest_plugins = ["pytester"]


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


def test_a_fixture_that_there_is_not_is_the_cause(pytester):
    pytester.makepyfile("def test_page(no_such_fixture):\n    pass\n")
    run = pytester.inline_run("-p", "no:locust", "-p", "no:hypothesispytest")
    setup, _ = run.getreports("pytest_runtest_logreport")
    assert cause(setup) == "fixture 'no_such_fixture' not found"
    # As a worker's report comes to the controller.
    setup.longrepr = setup.longreprtext
    assert cause(setup) == "fixture 'no_such_fixture' not found"
