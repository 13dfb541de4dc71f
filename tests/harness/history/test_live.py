from datetime import timedelta

from release.history.entry import entry, newest_first
from release.history.live import live

KEPT = {"rollback": {"text": "left in place"}, "stages": []}


def now(*records):
    return live(newest_first(entry(each) for each in records))


def test_what_passed_last_is_live_since_its_instances_were_proved(record, noon):
    found = now(record(0), record(1, commit="c0ffee"))
    assert found.build.build == "2026.1123.10000"
    assert found.since == noon + timedelta(hours=1, seconds=30)
    assert found.text == (
        "Build 2026.1123.10000 of commit c0ffee is live since 2026-11-23 13:00:30 UTC."
    )


def test_a_release_that_was_undone_leaves_the_one_before_live(record, rolled_back):
    assert now(record(0), rolled_back(1)).build.build == "2026.1123.0"


def test_an_image_is_live_since_the_first_release_of_it(record, noon):
    image = {"version": "7", "build": "7"}
    found = now(record(0), record(1, image=image), record(2, image=image))
    assert found.build.build == "2026.1123.20000"
    assert found.since == noon + timedelta(hours=1, seconds=30)


def test_a_failed_build_that_was_left_in_place_is_told(record):
    found = now(record(0), record(1, verdict="failed", **KEPT))
    assert not found.certain
    assert found.text == (
        "Build 2026.1123.10000 failed and was left in place at 2026-11-23 13:01:00 UTC."
    )


def test_what_ended_in_the_midst_is_not_called_live(record):
    found = now(record(0), record(1, verdict="failed", stages=[]))
    assert found.text == (
        "It is not certain what is live: build 2026.1123.10000 ended in the midst at "
        "2026-11-23 13:01:00 UTC. python -m release status tells."
    )


def test_a_first_release_that_failed_leaves_nothing(record, rolled_back):
    text = {"rollback": {"text": "Nothing ran here before."}}
    assert now(rolled_back(0, **text)).text == (
        "Nothing is live: build 2026.1123.0 failed, and nothing ran before it."
    )
    untouched = record(0, verdict="failed", touched=False)
    assert now(untouched).text == "Nothing has been deployed here yet."
