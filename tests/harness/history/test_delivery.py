from datetime import timedelta

import pytest

from release.history.delivery import delivery
from release.history.entry import entry, newest_first


def figures(now, *records):
    found = delivery(newest_first(entry(each) for each in records), now)
    return {each.name: (each.value, each.text, each.basis) for each in found}


@pytest.fixture
def later(noon):
    return noon + timedelta(days=1)


def test_what_has_no_builds_has_no_figures(later):
    assert figures(later) == {
        "Deployment frequency": (0, "0.0 a week", "0 in 30 days"),
        "Lead time": (None, "none", "no new commit went live"),
        "Change failure rate": (None, "none", "no deployment"),
        "Time to restore": (None, "none", "nothing to restore"),
    }


def test_the_four_figures_come_of_the_records(later, record, rolled_back):
    found = figures(later, record(0), rolled_back(1), record(2), record(3))
    assert found == {
        "Deployment frequency": (0.7, "0.7 a week", "3 in 30 days"),
        "Lead time": (7230, "2 h 0 min", "3 commits"),
        "Change failure rate": (0.25, "25 %", "1 of 4 deployments"),
        "Time to restore": (40, "40.0 s", "1 failure"),
    }


def test_what_was_before_the_window_does_not_count(later, record):
    found = figures(later, record(-30 * 24), record(0))
    assert found["Deployment frequency"][2] == "1 in 30 days"


def test_a_release_that_changed_nothing_is_no_deployment(later, record):
    found = figures(later, record(0, verdict="failed", touched=False), record(1))
    assert found["Change failure rate"] == (0, "0 %", "0 of 1 deployment")


def test_a_commit_that_is_released_again_went_live_once(later, record):
    first = record(0)
    found = figures(later, first, record(5, origin=first["origin"]))
    assert found["Lead time"] == (7230, "2 h 0 min", "1 commit")


def test_each_commit_of_a_release_counts(later, noon, record):
    commits = [
        {"commit": name, "authored_at": (noon - timedelta(hours=hours)).isoformat()}
        for name, hours in (("a", 1), ("b", 3), ("c", 9))
    ]
    origin = {"change": commits[0], "passed": {"build": "1"}, "commits": commits}
    found = figures(later, record(0, origin=origin))
    assert found["Lead time"] == (10_830, "3 h 0 min", "3 commits")


def test_what_did_not_come_back_is_restored_by_the_next_that_passed(later, record):
    broken = record(0, verdict="failed", rollback=None)
    assert figures(later, broken)["Time to restore"] == (
        None,
        "none",
        "not restored yet",
    )
    assert figures(later, broken, record(1))["Time to restore"] == (
        3610,
        "1 h 0 min",
        "1 failure",
    )


def test_what_is_not_restored_is_told_beside_the_median(later, record, rolled_back):
    broken = record(1, verdict="failed", rollback=None)
    found = figures(later, rolled_back(0), broken)
    assert found["Time to restore"] == (40, "40.0 s", "1 failure, 1 not restored")
