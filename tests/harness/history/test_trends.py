from release.history.entry import entry, newest_first
from release.history.flaky import Flaky, flaky
from release.history.trends import SHOWN, trends

A, B = "tests/smoke/a.py::test_a", "tests/smoke/a.py::test_b"
SAME = {"version": "7", "build": "7"}


def entries(*records):
    return newest_first(entry(each) for each in records)


def ran(**outcomes):
    names = {"a": A, "b": B}
    return [{"nodeid": names[n], "outcome": it} for n, it in outcomes.items()]


def test_a_test_that_failed_and_passed_on_one_image_is_flaky(record, rolled_back):
    found = flaky(
        entries(
            record(0, image=SAME, tests=ran(a="passed", b="passed")),
            rolled_back(1, image=SAME, tests=ran(a="failed", b="passed")),
            rolled_back(2, tests=ran(a="passed", b="failed")),
        )
    )
    assert found == [Flaky(nodeid=A, images=("7",), failed=1, passed=1)]


def test_a_test_that_did_not_run_is_not_flaky(record, rolled_back):
    assert not flaky(
        entries(
            record(0, image=SAME, tests=ran(a="skipped")),
            rolled_back(1, image=SAME, tests=ran(a="failed")),
            rolled_back(2, image=None, tests=ran(a="passed")),
        )
    )


def test_each_picture_says_in_words_what_it_shows(record, rolled_back):
    load = {"endpoints": [{"name": "GET /", "p95_ms": 30.0}]}
    stage, endpoint, smoke, flakiness = trends(
        entries(
            record(0, image=SAME, load=load, tests=ran(a="passed")),
            record(1, load=load | {"endpoints": [{"name": "GET /", "p95_ms": 45.0}]}),
            rolled_back(2, image=SAME, tests=ran(a="failed")),
        )
    )
    assert [f"{line.name} {line.said}" for line in stage.lines] == [
        "bake last 20.0 s",
        "deploy last 10.0 s",
        "smoke last 10.0 s",
        "load last 20.0 s",
    ]
    assert [f"{line.name} {line.said}" for line in endpoint.lines] == [
        "GET / last 45 ms, 30 ms to 45 ms"
    ]
    assert [f"{line.name} {line.said}" for line in smoke.lines] == [
        "smoke tests last 10.0 s"
    ]
    assert [f"{line.name} {line.said}" for line in flakiness.lines] == [
        "1. test_a failed 1 and passed 1 times on image 7"
    ]
    assert [dot.kind for dot in flakiness.dots] == ["passed", "failed"]


def test_an_axis_has_round_steps_from_zero_to_above_the_highest(record):
    stage = trends(entries(record(0)))[0]
    assert [tick.text for tick in stage.ticks] == ["0", "20 s", "40 s", "60 s"]


def test_a_picture_shows_the_last_builds_only(record):
    stage = trends(entries(*(record(hour) for hour in range(SHOWN + 1))))[0]
    assert len({bar.entry.build for bar in stage.bars}) == SHOWN
    assert {bar.entry.build for bar in stage.bars} >= {f"2026.1123.{SHOWN}0000"}


def test_what_nobody_measured_says_so(record):
    bare = record(0, verdict="failed", stages=[], load=None)
    assert [(each.empty, each.note) for each in trends(entries(bare))] == [
        (True, "No build has measured this yet."),
        (True, "No build has measured this yet."),
        (True, "No build has measured this yet."),
        (True, "No test failed and passed on the same image."),
    ]
