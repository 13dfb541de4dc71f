from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from release.load.health import lost, starved, unfit
from release.load.measurements import Sender, Vitals

Make = Callable[..., Any]


def vitals(
    *,
    cpu_ratio: float = 0.3,
    lag_ms: float = 2.0,
    arrived: int = 100,
    late: int = 0,
    process: str = "",
) -> Vitals:
    return Vitals(
        at=0,
        cpu_ratio=cpu_ratio,
        lag_ms=lag_ms,
        users=1,
        arrived=arrived,
        late=late,
        process=process,
    )


@pytest.mark.parametrize(
    ("short", "said"),
    [
        pytest.param(
            vitals(cpu_ratio=0.9),
            "up to 90 % of its CPU, up to 2 ms late, 0 of 200 arrivals late",
            id="cpu",
        ),
        pytest.param(
            vitals(lag_ms=100, arrived=0),
            "up to 30 % of its CPU, up to 100 ms late",
            id="event-loop",
        ),
        pytest.param(
            vitals(late=5),
            "up to 30 % of its CPU, up to 2 ms late, 10 of 200 arrivals late",
            id="arrivals",
        ),
    ],
)
def test_a_generator_that_could_not_keep_up_is_told(
    measured: Make, short: Vitals, said: str
) -> None:
    one_in_ten = measured(vitals=(short, *[vitals()] * 9))
    two_in_ten = measured(vitals=(short, short, *[vitals()] * 8))

    assert starved(one_in_ten) == ""
    assert starved(two_in_ten) == (
        f"the load generator could not keep up in 2 of 10 s: {said}; "
        "send less, add load.processes, or free its machine"
    )


def test_a_little_short_is_not_starved(measured: Make) -> None:
    well = vitals(cpu_ratio=0.89, lag_ms=99, late=4)

    assert starved(measured(vitals=(well,) * 10)) == ""


def test_one_of_many_processes_that_is_always_late_is_enough(measured: Make) -> None:
    well = [vitals(process=f"w-{number}") for number in range(19) for _ in range(10)]
    late = [vitals(process="w-19", lag_ms=200)] * 10

    assert starved(measured(vitals=(*well, *late))) == (
        "the load generator w-19 could not keep up in 10 of 10 s: up to 30 % of its "
        "CPU, up to 200 ms late, 0 of 1,000 arrivals late; send less, add "
        "load.processes, or free its machine"
    )


def sender(name: str, *, lost_s: float | None = None, lost_batches: int = 0) -> Sender:
    return Sender(
        name=name,
        rate=50,
        cpu_ratio=0.1,
        lag_ms=2,
        lost_s=lost_s,
        lost_batches=lost_batches,
    )


def test_a_load_that_too_many_workers_left_is_told(
    measured: Make, endpoint: Make
) -> None:
    given = measured(endpoint(1.0))
    gone = (sender("a"), sender("b", lost_s=7.2), sender("c", lost_batches=2))
    one_left = replace(given, senders=gone, least_ratio=0.34)

    assert unfit(one_left) == (
        "2 of 3 workers were lost: b at 7 s, 2 s of c, and 34 % must stay; see why in "
        "their logs"
    )
    assert unfit(replace(one_left, least_ratio=0.33)) == ""


def test_workers_that_stayed_are_not_told(measured: Make, endpoint: Make) -> None:
    given = replace(measured(endpoint(1.0)), senders=(sender("a"),), least_ratio=1)

    assert (lost(given), unfit(given)) == ("", "")


def test_one_lost_worker_is_named(measured: Make, endpoint: Make) -> None:
    gone = (sender("a", lost_s=3), sender("b"))

    assert lost(replace(measured(endpoint(1.0)), senders=gone)) == (
        "1 of 2 workers was lost: a at 3 s"
    )
