import pytest

from release.report.top import Fact, compared, headline, sentence, serving, top

GATE = {
    "endpoint": "GET /ask",
    "metric": "p95_ms",
    "limit": 300.0,
    "measured": 640.2,
    "unit": "ms",
    "outcome": "failed",
    "text": "GET /ask p95_ms failed: measured 640.2 ms, limit 300 ms",
}
PREVIOUS = {"build": "41", "instances": [{}, {}]}
RECORD = {
    "build": "42",
    "attached": False,
    "environment": "qa",
    "cloud": "azure",
    "commit": "abc1234def5678",
    "verdict": "failed",
    "reason": "bake: pip ended with status 1",
    "started_at": "2026-11-23T11:32:05+00:00",
    "duration_s": 60.0,
    "stages": [],
    "gates": [],
    "previous": PREVIOUS,
    "deployment": None,
    "rollback": None,
}


def test_a_broken_gate_is_told_as_a_person_would_and_what_came_back_after_it():
    broken = RECORD | {
        "gates": [GATE],
        "reason": f"{GATE['text']} (and 1 more)",
        "rollback": {"text": "The previous build 41 is back and proved."},
    }
    assert headline(broken) == (
        "Failed: GET /ask: p95 response was 640 ms, limit 300 ms (and 1 more). "
        "The previous build 41 is back and proved."
    )


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        pytest.param(
            {}, "Build 41 serves as before, on 2 instances.", id="nothing-touched"
        ),
        pytest.param({"previous": None}, "Nothing was deployed.", id="nothing-there"),
        pytest.param(
            {"stages": [{"name": "deploy"}]},
            "What it had begun to deploy was not undone; the next release does so, or "
            "python -m release clean.",
            id="killed",
        ),
        pytest.param({"attached": True}, "", id="attached"),
    ],
)
def test_it_says_what_serves_now(changes, said):
    assert serving(RECORD | changes) == said


def test_what_did_not_come_back_is_not_told_as_serving():
    stuck = RECORD | {
        "stages": [{"name": "rollback", "outcome": "failed"}],
        "rollback": {"text": "Build 41 was to come back, and is not proved."},
    }
    assert serving(stuck) == (
        "Build 41 was to come back, and is not proved; python -m release status --env "
        "qa tells what runs."
    )


def test_a_release_that_passed_says_what_runs_in_its_sentence():
    passed = RECORD | {
        "verdict": "passed",
        "reason": "2 smoke tests and 1 load gate passed",
        "deployment": {"build": "42", "instances": [{}, {}]},
    }
    assert sentence(passed) == (
        "Passed: build 42 runs on 2 instances; 2 smoke tests and 1 load gate passed."
    )
    assert serving(passed) == ""


def test_the_facts_say_what_when_and_by_whom():
    origin = {
        "who": "https://github.com/we/shop/actions/runs/7",
        "change": {
            "subject": "Show prices",
            "author": "A. Weaver",
            "authored_at": "2026-11-22T10:00:00+00:00",
        },
        "usual": {"duration_s": 50.0, "builds": 5},
    }
    assert top(RECORD | {"origin": origin}).facts == (
        Fact(name="Environment", value="qa", notes=("azure",)),
        Fact(name="Build", value="42"),
        Fact(
            name="Commit",
            value="abc1234def56",
            title="abc1234def5678",
            notes=("Show prices", "A. Weaver, 2026-11-22 10:00:00 UTC"),
        ),
        Fact(
            name="Started by",
            value="CI run at github.com",
            href="https://github.com/we/shop/actions/runs/7",
        ),
        Fact(name="Started", value="2026-11-23 11:32:05 UTC"),
        Fact(
            name="Took",
            value="60.0 s",
            notes=("usual: 50.0 s, the median of the last 5 that passed",),
        ),
    )


def test_a_run_that_attached_tells_the_commit_that_it_tested():
    deployed = {"build": "41", "instances": [], "tags": {"release-commit": "f" * 40}}
    attached = RECORD | {"attached": True, "deployment": deployed}
    found = {fact.name: fact for fact in top(attached).facts}
    assert found["Commit deployed"].title == "f" * 40
    assert "Commit" not in found


def test_a_record_that_knows_less_shows_less():
    names = [fact.name for fact in top(RECORD).facts]
    assert names == ["Environment", "Build", "Commit", "Started", "Took"]


@pytest.mark.parametrize(
    ("took_s", "usual_s", "builds", "said"),
    [
        (60.0, None, 0, ""),
        (None, 50.0, 5, "usual: 50.0 s, the median of the last 5 that passed"),
        (
            60.0,
            50.0,
            5,
            "20 % longer than 50.0 s, the median of the last 5 that passed",
        ),
        (51.0, 50.0, 3, "as usual (50.0 s, the median of the last 3 that passed)"),
        (25.0, 50.0, 1, "50 % shorter than 50.0 s, that of the last that passed"),
    ],
)
def test_a_duration_is_told_against_the_usual_one(took_s, usual_s, builds, said):
    assert compared(took_s, usual_s, builds) == said
