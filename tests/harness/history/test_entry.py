import json

import pytest

from release.history.entry import Left, entry, left_behind, pack, unpack

STOPPED = {"verdict": "failed", "touched": False, "rollback": None}


def ended(name, outcome):
    return {"name": name, "started_s": 0.0, "duration_s": 1.0, "outcome": outcome}


@pytest.mark.parametrize(
    ("changes", "left"),
    [
        pytest.param({}, Left.LIVE, id="passed"),
        pytest.param(STOPPED, Left.UNCHANGED, id="stopped-before-it-touched-anything"),
        pytest.param(
            {"verdict": "failed", "rollback": {"text": "left in place"}, "stages": []},
            Left.IN_PLACE,
            id="kept-as-it-failed",
        ),
        pytest.param(
            {
                "verdict": "failed",
                "rollback": {"text": "deleted"},
                "stages": [ended("rollback", "passed")],
            },
            Left.REMOVED,
            id="nothing-was-there-before",
        ),
        pytest.param(
            {
                "verdict": "failed",
                "rollback": {"text": "not proved"},
                "stages": [ended("rollback", "failed")],
            },
            Left.UNCLEAR,
            id="rollback-failed",
        ),
        pytest.param(
            {"verdict": "failed", "stages": [ended("deploy", "unfinished")]},
            Left.UNCLEAR,
            id="killed-in-deploy",
        ),
    ],
)
def test_it_is_told_what_a_release_left(record, changes, left):
    assert left_behind(record(**changes)) is left


def test_a_release_whose_undo_was_proved_changed_nothing(rolled_back):
    found = entry(rolled_back())
    assert found.left is Left.UNCHANGED
    assert (found.live_at - found.started_at).total_seconds() == 60
    assert (found.touched_at - found.started_at).total_seconds() == 20


def test_an_older_record_tells_by_its_rollback_that_it_was_deployed(rolled_back):
    older = rolled_back()
    del older["touched"], older["origin"]
    assert entry(older).deploys
    assert entry(older).commits == {}


def test_the_commits_since_the_last_passed_build_are_kept(record, noon):
    known = {"commit": "b", "authored_at": noon.isoformat()}
    origin = {"change": known, "passed": {"build": "1"}, "commits": [known]}
    assert entry(record(origin=origin)).commits == {"b": noon}
    nothing_new = origin | {"commits": []}
    assert entry(record(origin=nothing_new)).commits == {}


def test_a_test_that_passed_when_tried_again_is_kept_as_flaky(record):
    tests = [{"nodeid": "a", "outcome": "passed", "flaky": "passed at try 2"}]
    assert entry(record(tests=tests)).tests == {"a": "flaky"}


def test_entries_come_back_as_they_were_kept(record, rolled_back):
    tests = [
        {"nodeid": "tests/smoke/a.py::test_a", "outcome": "failed"},
        {"nodeid": "tests/smoke/a.py::test_b", "outcome": "passed"},
    ]
    entries = [entry(record(1, tests=tests)), entry(rolled_back(0, tests=tests[1:]))]
    kept = json.loads(json.dumps(pack(entries)))
    assert unpack(kept) == entries
    assert json.dumps(kept).count("test_b") == 1


def test_what_another_version_has_kept_is_not_read():
    assert unpack({"schema": 0, "tests": [], "builds": [{}]}) == []
