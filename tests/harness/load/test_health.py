from collections.abc import Callable
from typing import Any

import pytest

from release.load.health import starved
from release.load.measurements import Vitals

Make = Callable[..., Any]


def vitals(
    *,
    cpu_ratio: float = 0.3,
    lag_ms: float = 2.0,
    arrived: int = 100,
    late: int = 0,
) -> Vitals:
    return Vitals(
        at=0,
        cpu_ratio=cpu_ratio,
        lag_ms=lag_ms,
        users=1,
        under_way=0,
        arrived=arrived,
        late=late,
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
