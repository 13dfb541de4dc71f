import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from release.load.histogram import Histogram
from release.load.live import Live, Sending, Tail, shares
from release.load.measurements import Sender, describe, read
from release.redaction import redact

Make = Callable[..., Any]


@pytest.mark.parametrize(
    ("percent", "expected"),
    [(50, 50), (95, 95), (99, 99), (99.9, 100), (100, 100), (0, 1)],
)
def test_a_percentile_is_the_nearest_rank(percent: float, expected: float) -> None:
    found = Histogram.of(range(1, 101)).percentile_ms(percent)

    assert found == pytest.approx(expected, rel=0.004)


def test_a_percentile_of_nothing_is_an_error() -> None:
    with pytest.raises(ValueError, match="no response was counted"):
        Histogram.of([]).percentile_ms(50)


@given(st.lists(st.floats(0.1, 3.6e6), min_size=1), st.floats(0, 100))
def test_a_percentile_is_within_one_per_cent_from_0_1_ms_to_an_hour(
    durations: list[float], percent: float
) -> None:
    found = Histogram.of(durations).percentile_ms(percent)

    # Rounded as the rank is: 1.1 % of 100 are 1, not 2.
    rank = max(1, -int(-round(percent * len(durations) / 100, 9) // 1))
    assert found == pytest.approx(sorted(durations)[rank - 1], rel=0.01, abs=0.001)


@given(st.lists(st.lists(st.floats(0.001, 1e6))))
def test_histograms_add_up_exactly(several: list[list[float]]) -> None:
    merged = Histogram.merged(Histogram.of(each) for each in several)

    assert merged.counts.tolist() == (
        Histogram.of(one for each in several for one in each).counts.tolist()
    )
    assert merged.longest_ms == max((max(each) for each in several if each), default=0)


@given(st.lists(st.floats(0.001, 1e6), min_size=1))
def test_nothing_takes_a_histogram_for_a_secret(durations: list[float]) -> None:
    text = encoded(Histogram.of(durations))

    assert redact(text) == text
    again = Histogram.decoded(text, longest_ms=max(durations), sum_ms=sum(durations))
    assert again.counts.tolist() == Histogram.of(durations).counts.tolist()


def test_the_mean_and_the_longest_are_exact() -> None:
    found = Histogram.of([1.2345, 2.3456, 999.9999])

    assert found.longest_ms == 999.9999
    assert found.mean_ms == pytest.approx(334.5266667)


def encoded(good: Histogram) -> str:
    return str(good.hdr().encode().decode().rstrip("="))


def second(at: int, *durations_ms: float, name: str = "GET /", **failures: int) -> Any:
    good = Histogram.of(durations_ms)
    return {
        "event": "second",
        "at": 100,
        "second": at,
        "endpoint": name,
        "good": good.total,
        "failures": failures,
        "longest_ms": good.longest_ms,
        "sum_ms": good.sum_ms,
        "histogram": encoded(good) if good.total else "",
    }


VITALS = {
    "event": "vitals",
    "at": 103,
    "second": 1,
    "cpu_ratio": 0.5,
    "lag_ms": 2.5,
    "users": 3,
    "arrived": 0,
    "late": 0,
}


def write(
    folder: Path, *told: Any, process: int | str = 1, started: bool = True
) -> None:
    """Add events to a process's file, as a recorder does, and a cut one."""
    path = folder / f"load-{process}.jsonl"
    had = path.read_text().rpartition("\n")[0] + "\n" if path.exists() else ""
    if started and not had:
        had = '{"event": "started", "at": 100.0}\n'
    lines = "".join(json.dumps(event) + "\n" for event in told)
    path.write_text(had + lines + '{"event": "cut')


def test_only_requests_due_in_the_measured_time_count(tmp_path: Path) -> None:
    describe(tmp_path, users=3, lead_s=2, time_s=10)
    write(
        tmp_path,
        second(-2, 1.0),
        second(-1, 1.5),
        second(0, 2.0),
        second(9, 60_000.0),
        second(10, 4.0),
    )

    found = read(tmp_path)

    assert found
    assert found.everything.durations == Histogram.of([2.0, 60_000.0])
    assert [each.at for each in found.everything.seconds] == [0, 9]
    assert [each.at for each in found.everything.lead] == [-2, -1]
    assert (found.started, found.time_s) == (102.0, 10)


def test_what_all_processes_measured_is_put_together(tmp_path: Path) -> None:
    describe(tmp_path, users=3, lead_s=2, time_s=10)
    write(
        tmp_path,
        second(1, 5),
        second(1, name="POST /login", busy=1),
        VITALS,
        {"event": "exception", "at": 103, "text": "KeyError: 1"},
    )
    # A late answer adds to its second.
    write(tmp_path, second(1, 3), second(1, 4, name="POST /login"), process=2)
    write(tmp_path, second(1, 8), second(3, 9), process=2)

    found = read(tmp_path)

    assert found
    assert list(found.endpoints) == ["*", "GET /", "POST /login"]
    assert found.endpoints["GET /"].durations == Histogram.of([3, 5, 8, 9])
    assert [each.good.total for each in found.everything.seconds] == [4, 1]
    assert found.endpoints["POST /login"].failures == {"busy": 1}
    assert found.exceptions == {"KeyError: 1": 1}
    assert [(each.at, each.lag_ms) for each in found.vitals] == [(1, 2.5)]
    assert found.summary()["endpoints"][2] == {
        "name": "POST /login",
        "requests": 2,
        "failed": 1,
        "failures": {"busy": 1},
        "error_ratio": 0.5,
        "rate": 0.1,
        "mean_ms": 4,
        "p50_ms": 4,
        "p90_ms": 4,
        "p95_ms": 4,
        "p99_ms": 4,
        "p99_9_ms": 4,
        "max_ms": 4,
    }


def test_a_load_that_ended_early_was_measured_for_less(tmp_path: Path) -> None:
    describe(tmp_path, users=3, lead_s=2, time_s=10)
    write(
        tmp_path,
        second(0, 1),
        {"event": "stopping", "at": 105.5, "measured_s": 3.5},
    )

    found = read(tmp_path)

    assert found
    assert found.time_s == 3.5


def test_a_run_without_load_measured_nothing(tmp_path: Path) -> None:
    describe(tmp_path, users=3, lead_s=2, time_s=10)
    write(tmp_path, started=False)

    assert read(tmp_path) is None


def test_a_look_shows_what_came_since_the_last(tmp_path: Path) -> None:
    describe(tmp_path, users=3, lead_s=2, time_s=10)
    tail = Tail(tmp_path)

    assert str(tail.look(99.0)) == "starting Locust"
    write(tmp_path, second(-2, 1, 2), VITALS)
    assert str(tail.look(101.0)) == (
        "warming up 1 of 2 s: 1 requests/s, p95 2 ms, no errors, 3 users"
    )
    assert tail.so_far(101.0) is None
    write(tmp_path, second(0, 9, busy=1))
    assert tail.look(105.0) == Live(
        elapsed_s=5,
        lead_s=2,
        run_s=12,
        rate=0.5,
        p95_ms=9,
        errors=1,
        users=3,
        heard_s=5,
    )
    measured = tail.so_far(105.0)
    assert measured
    assert (measured.time_s, measured.everything.requests) == (3, 2)
    assert str(tail.look(106.0)) == (
        "measuring 4 of 10 s: 0 requests/s, 1 error, 3 users"
    )
    assert str(tail.look(113.0)) == (
        "waiting for the last answers: 0 requests/s, 1 error, 3 users"
    )


def joined(name: str) -> Any:
    return {"event": "joined", "at": 99, "name": name}


def test_who_shared_the_load_and_was_lost_is_told(tmp_path: Path) -> None:
    describe(
        tmp_path, users=3, lead_s=2, time_s=10, senders=2, least_ratio=0.5, workers="x"
    )
    lost = {"event": "lost", "at": 105, "name": "b", "at_s": 4.04}
    gap = {"event": "gap", "at": 105, "name": "b", "batches": 2}
    write(tmp_path, joined("b"), joined("a"), lost, gap, process="master")
    write(tmp_path, second(-1, 1), second(1, 5, 6, busy=1), VITALS, process="a")
    write(tmp_path, second(1, 3), process="b")

    found = read(tmp_path)

    assert found
    assert found.least_ratio == 0.5
    assert found.senders == (
        Sender(
            name="a", rate=0.3, cpu_ratio=0.5, lag_ms=2.5, lost_s=None, lost_batches=0
        ),
        Sender(name="b", rate=0.1, cpu_ratio=0, lag_ms=0, lost_s=4.0, lost_batches=2),
    )
    assert found.summary()["workers"][1]["lost_s"] == 4.0
    assert found.everything.requests == 4


def test_a_look_shows_who_is_waited_for_and_who_sends(tmp_path: Path) -> None:
    describe(tmp_path, users=3, lead_s=2, time_s=10, senders=2, workers="10.0.0.4:5557")
    tail = Tail(tmp_path)
    refused = {"event": "refused", "at": 98, "name": "c", "what": "it has no recorder"}
    came = {"event": "waiting", "at": 99, "came": 1, "refused": 1}
    write(tmp_path, refused, came, process="master", started=False)

    assert str(tail.look(99.0)) == (
        "waiting for workers at 10.0.0.4:5557: 1 of 2; refused c: it has no recorder"
    )
    begun = {"event": "started", "at": 100.0}
    lost = {"event": "lost", "at": 102, "name": "b", "at_s": 0}
    write(tmp_path, joined("a"), joined("b"), begun, lost, process="master")
    write(tmp_path, second(0, 5, 6), VITALS, process="a")
    assert str(tail.look(104.0)) == (
        "measuring 2 of 10 s: 0 requests/s, p95 6 ms, no errors, 3 users; "
        "a 0/s 2 ms late, b lost"
    )


def test_many_workers_are_told_by_their_range() -> None:
    many = [
        Sending(name=f"w{number}", rate=50 + number, lag_ms=number, lost=number > 4)
        for number in range(10)
    ]

    assert shares(many) == (
        "; 5 of 10 workers, 50 to 54/s each, w4 4 ms late, lost w5, w6, w7, w8 ..."
    )
