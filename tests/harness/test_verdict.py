from dataclasses import replace

import pytest

from release.verdict import Ended, Outcome, State, Verdict, attached, verdict


def one(nodeid, group, outcome=Outcome.PASSED, text=""):
    return Ended(
        nodeid=f"tests/{group}/test_it.py::{nodeid}",
        group=group,
        outcome=outcome,
        duration_s=0.1,
        text=text,
    )


SMOKE = one("test_page", "smoke")
LOAD = one("test_threshold[GET / p95_ms]", "load")


def test_a_smoke_and_a_load_test_that_pass_are_evidence_enough():
    assert verdict([SMOKE, LOAD]) == Verdict(
        state=State.PASSED, reason="1 smoke test and 1 load gate passed"
    )


def test_what_passed_at_last_is_named_in_the_verdict():
    moody = replace(SMOKE, flaky="passed at try 2, after: no heading")
    found = verdict([moody, LOAD])
    assert found == Verdict(
        state=State.PASSED,
        reason="1 smoke test and 1 load gate passed; 1 flaky: test_page passed at "
        "try 2, after: no heading",
    )
    reason = attached([moody, replace(moody, nodeid="b")]).reason
    assert reason == (
        "2 tests passed; 2 flaky: test_page passed at try 2, after: no heading "
        "(and 1 more)"
    )


@pytest.mark.parametrize(
    ("tests", "reason"),
    [
        pytest.param([], "no smoke test ran", id="nothing"),
        pytest.param([SMOKE], "no load test ran", id="no-load"),
        pytest.param([LOAD], "no smoke test ran", id="no-smoke"),
        pytest.param(
            [SMOKE, one("test_b", "smoke", Outcome.SKIPPED, "not today"), LOAD],
            "1 skipped, first test_b: not today",
            id="skipped",
        ),
        pytest.param(
            [SMOKE, one("g", "load", Outcome.INCONCLUSIVE, "3 samples, 20 needed")],
            "g: 3 samples, 20 needed",
            id="too-few-samples",
        ),
    ],
)
def test_without_evidence_a_release_is_inconclusive(tests, reason):
    assert verdict(tests) == Verdict(state=State.INCONCLUSIVE, reason=reason)


def test_tests_that_passed_before_the_release_came_to_its_end_prove_nothing():
    assert verdict([SMOKE, LOAD], unfinished="deploy") == Verdict(
        state=State.INCONCLUSIVE, reason="the stage deploy did not come to its end"
    )
    assert verdict([SMOKE], unfinished="load").reason == "no load test ran"


def test_a_failure_is_named_and_outranks_everything():
    tests = [
        one("test_a", "smoke", Outcome.FAILED, "the page answered 500\nmore"),
        one("test_b", "smoke", Outcome.FAILED),
        one("g", "load", Outcome.SKIPPED, "not run"),
    ]
    assert verdict(tests, interrupted="Ctrl-C") == Verdict(
        state=State.FAILED, reason="test_a: the page answered 500 (and 1 more)"
    )


def test_an_interrupted_release_has_failed():
    assert verdict([SMOKE], interrupted="SIGTERM") == Verdict(
        state=State.FAILED, reason="interrupted: SIGTERM"
    )


def test_a_stage_that_failed_says_more_than_the_test_that_asked_for_it():
    tests = [one("test_a", "smoke", Outcome.FAILED, "bake: step 2 ended with 1")]
    assert verdict(tests, broken="bake: step 2 ended with 1") == Verdict(
        state=State.FAILED, reason="bake: step 2 ended with 1"
    )
