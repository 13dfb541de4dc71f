from release.report.failures import Failure, failures, next_steps

STAGE_ERROR = (
    "pip ended with status 1:\nno such package: left-pad\n  fix: correct the recipe"
)


def record(**more):
    return {
        "environment": "qa",
        "attached": False,
        "stages": [],
        "gates": [],
        "tests": [],
        "output": [],
        "rollback": None,
    } | more


def stage(name, outcome, error=""):
    return {"name": name, "outcome": outcome, "error": error}


def ended(nodeid, outcome, text="", group="smoke", **evidence):
    return {
        "nodeid": nodeid,
        "outcome": outcome,
        "text": text,
        "group": group,
        "evidence": evidence,
    }


def test_nothing_failed_in_a_release_that_passed():
    passed = record(
        stages=[stage("bake", "passed")], tests=[ended("a.py::test_a", "passed")]
    )
    assert failures(passed) == []
    assert next_steps(passed, []) == []


def test_a_failed_stage_is_told_once_with_cause_and_fix():
    broken = record(
        stages=[stage("bake", "failed", STAGE_ERROR)],
        tests=[
            ended("a.py::test_a", "failed", STAGE_ERROR),
            ended("a.py::test_b", "skipped", "not run: image failed"),
        ],
    )
    assert failures(broken) == [
        Failure(
            title="bake",
            place="stage",
            outcome="failed",
            cause="pip ended with status 1:",
            detail="no such package: left-pad",
            fix="correct the recipe",
            nodeid="",
        )
    ]


def test_a_stage_that_failed_for_one_inside_it_is_not_told_again():
    worse = "web0 answers worse than web1\n  fix: look at web0"
    broken = record(
        stages=[stage("deploy", "failed", worse), stage("canary", "failed", worse)]
    )

    assert [failure.title for failure in failures(broken)] == ["canary"]


def test_a_failed_stage_shows_the_last_that_its_commands_printed():
    printed = [{"stage": "bake", "line": f"line {n}"} for n in range(20)]
    (found,) = failures(
        record(
            stages=[stage("bake", "failed", "exit code 3\n  fix: mend it")],
            output=[*printed, {"stage": "rollback", "line": "other"}],
        )
    )
    assert found.detail.splitlines() == [f"line {n}" for n in range(8, 20)]


def test_a_failed_smoke_test_brings_what_the_browser_showed():
    (found,) = failures(
        record(
            tests=[
                ended(
                    "tests/smoke/test_ask.py::test_known",
                    "failed",
                    "assert 0 > 1\n  \n  Left is less\n    than right",
                    address="http://site/ask",
                    screenshot="screenshots/a.png",
                )
            ]
        )
    )
    assert found == Failure(
        title="test_known",
        place="smoke test",
        outcome="failed",
        cause="assert 0 > 1",
        detail="Left is less\n  than right",
        fix="",
        nodeid="tests/smoke/test_ask.py::test_known",
        address="http://site/ask",
        screenshot="screenshots/a.png",
    )


def test_a_broken_gate_is_told_in_its_own_words():
    gate = {
        "endpoint": "GET /",
        "metric": "p95_ms",
        "text": "GET / p95_ms failed: measured 512 ms, limit 350 ms",
    }
    nodeid = "tests/load/test_thresholds.py::test_threshold[GET / p95_ms]"
    text = "GET / p95_ms failed: measured 512 ms\nassert 'failed' == 'passed'"
    (found,) = failures(
        record(gates=[gate], tests=[ended(nodeid, "failed", text, group="load")])
    )
    assert (found.place, found.title) == ("load gate", "GET /: p95 response")
    assert (found.cause, found.detail) == (gate["text"], "")


def test_the_next_step_brings_the_failed_build_back_to_be_looked_at():
    tests = [ended("a.py::test_a", "failed", "no")]
    undone = record(tests=tests, rollback={"text": "Build 41 is back."})
    again = (
        "pytest --env qa 'a.py::test_a'",
        "runs the first of them again on what is deployed",
    )
    assert next_steps(undone, failures(undone)) == [
        (
            "pytest --env qa --keep-failed",
            "releases this again and leaves it in place",
        ),
        again,
    ]
    attached = record(tests=tests, attached=True)
    assert next_steps(attached, failures(attached)) == [again]


def test_what_did_not_come_back_is_looked_at_before_anything_is_released_again():
    stuck = record(
        stages=[stage("rollback", "failed", "may not write")],
        tests=[ended("a.py::test_a", "failed", "no")],
        rollback={"text": "Build 41 was to come back, and is not proved."},
    )
    assert next_steps(stuck, failures(stuck)) == [
        (
            "python -m release status --env qa",
            "tells what runs now; then mend what kept it from coming back",
        )
    ]


def test_what_is_unclear_comes_after_what_failed():
    tests = [
        ended("a.py::test_unclear", "inconclusive", "too few", group="load"),
        ended("a.py::test_broken", "failed", "too slow", group="load"),
    ]
    titles = [failure.title for failure in failures(record(tests=tests))]
    assert titles == ["test_broken", "test_unclear"]
