import json
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from release.load.live import Live, Tail
from release.load.samples import Endpoint, describe, read


def endpoint(*durations_ms: float) -> Endpoint:
    return Endpoint(name="GET /", durations_ms=tuple(sorted(durations_ms)), failures={})


@pytest.mark.parametrize(
    ("percent", "expected"),
    [(50, 50), (95, 95), (99, 99), (99.9, 100), (100, 100), (0, 1)],
)
def test_a_percentile_is_the_nearest_rank(percent: float, expected: float) -> None:
    assert endpoint(*range(1, 101)).percentile_ms(percent) == expected


def test_a_percentile_of_nothing_is_an_error() -> None:
    with pytest.raises(ValueError, match="GET / has no good response"):
        endpoint().percentile_ms(50)


@given(st.lists(st.floats(0, 1e6), min_size=1), st.floats(1, 100))
def test_that_share_of_the_samples_keeps_to_a_percentile(
    durations: list[float], percent: float
) -> None:
    found = endpoint(*durations).percentile_ms(percent)

    kept = sum(duration <= found for duration in durations)
    assert kept / len(durations) * 100 >= percent - 1e-6
    assert found in durations


def write(
    folder: Path,
    *samples: tuple[float, float, int, int],
    process: int = 1,
    started: float | None = 100.0,
) -> None:
    events = [
        {"event": "endpoint", "at": 100, "number": 0, "text": "GET /"},
        {"event": "endpoint", "at": 100, "number": 1, "text": "POST /login"},
        {"event": "failure", "at": 100, "number": 1, "text": "503"},
        {"event": "failure", "at": 100, "number": 2, "text": "no answer"},
        {"event": "cpu_warning", "at": 100, "cpu_percent": 93.5},
        {"event": "exception", "at": 100, "text": "KeyError: 1"},
    ]
    if started is not None:
        events.insert(0, {"event": "started", "at": started})
    lines = "".join(json.dumps(event) + "\n" for event in events)
    (folder / f"events-{process}.jsonl").write_text(lines + '{"event": "cut')
    data = b"".join(struct.pack("<dfHH", *sample) for sample in samples)
    (folder / f"samples-{process}.bin").write_bytes(data + b"cut")


def test_only_requests_sent_in_the_measured_time_count(tmp_path: Path) -> None:
    describe(tmp_path, users=3, lead_s=2, time_s=10)
    write(
        tmp_path,
        (101.999, 1.0, 0, 0),
        (102.0, 2.0, 0, 0),
        (111.999, 60_000.0, 0, 0),
        (112.0, 4.0, 0, 0),
    )

    found = read(tmp_path)

    assert found
    assert found.everything.durations_ms == (2.0, 60_000.0)


def test_a_request_of_the_warm_up_that_is_never_answered_counts(
    tmp_path: Path,
) -> None:
    describe(tmp_path, users=3, lead_s=2, time_s=10)
    write(tmp_path, (101, 20_000.0, 0, 2))

    found = read(tmp_path)

    assert found
    assert found.everything.failures == {"no answer": 1}


def test_the_samples_of_all_processes_are_put_together(tmp_path: Path) -> None:
    describe(tmp_path, users=3, lead_s=2, time_s=10)
    write(tmp_path, (103, 5, 0, 0), (103, 1, 1, 1), process=1)
    write(tmp_path, (103, 3, 0, 0), (103, 4, 1, 0), process=2)

    found = read(tmp_path)

    assert found
    assert found.endpoints == {
        "*": Endpoint(name="*", durations_ms=(3, 4, 5), failures={"503": 1}),
        "GET /": Endpoint(name="GET /", durations_ms=(3, 5), failures={}),
        "POST /login": Endpoint(
            name="POST /login", durations_ms=(4,), failures={"503": 1}
        ),
    }
    assert found.exceptions == {"KeyError: 1": 2}
    assert found.cpu_percent == 93.5
    assert found.summary()["endpoints"][0] == {
        "name": "*",
        "requests": 4,
        "failed": 1,
        "failures": {"503": 1},
        "error_ratio": 0.25,
        "rate": 0.3,
        "p50_ms": 4,
        "p90_ms": 5,
        "p95_ms": 5,
        "p99_ms": 5,
        "max_ms": 5,
    }


def test_a_run_without_load_measured_nothing(tmp_path: Path) -> None:
    describe(tmp_path, users=3, lead_s=2, time_s=10)
    write(tmp_path, started=None)

    assert read(tmp_path) is None


def test_a_look_shows_what_came_since_the_last(tmp_path: Path) -> None:
    tail = Tail(tmp_path, lead_s=2, run_s=12)

    assert str(tail.look(99.0)) == "starting Locust"
    write(tmp_path, (100, 1, 0, 0), (100, 2, 0, 0))
    assert str(tail.look(101.0)) == (
        "warming up 1 of 2 s: 1 requests/s, p95 2 ms, no errors"
    )
    write(tmp_path, (100, 1, 0, 0), (100, 2, 0, 0), (102, 9, 0, 0), (102, 9, 0, 1))
    assert tail.look(105.0) == Live(
        elapsed_s=5, lead_s=2, run_s=12, rate=0.5, p95_ms=9, errors=1
    )
    assert str(tail.look(106.0)) == "measuring 4 of 10 s: 0 requests/s, 1 error"
    assert str(tail.look(113.0)) == (
        "waiting for the last answers: 0 requests/s, 1 error"
    )
