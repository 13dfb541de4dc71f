"""How long things take."""

import pytest

from release.emulator.pace import REALISTIC_S, Pace


def test_at_once_nothing_takes_time() -> None:
    pace = Pace()

    assert pace.instant
    assert {pace.seconds(name) for name in REALISTIC_S} == {0}


def test_a_scale_shortens_what_azure_takes() -> None:
    assert Pace(0.1).seconds("vm.create") == pytest.approx(4)
    assert Pace(1).seconds("nothing known") == 0


@pytest.mark.parametrize(
    ("scale", "interval_s"),
    [
        pytest.param(0, 0.5, id="at-once"),
        pytest.param(0.5, 2.5, id="scaled"),
        pytest.param(1, 5, id="as-on-azure"),
    ],
)
def test_probes_come_at_the_same_pace(scale: float, interval_s: float) -> None:
    assert Pace(scale).interval(5) == interval_s


def test_what_is_not_well_is_asked_more_often_at_once() -> None:
    assert (Pace().eager_interval(5), Pace().interval(5)) == (0.1, 0.5)
    assert Pace(1).eager_interval(5) == 5


def test_probes_are_never_too_close_at_once() -> None:
    assert Pace().interval(1) == 0.2
