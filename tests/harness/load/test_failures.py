from pathlib import Path

import pytest

from release.load import Measurements, Profile
from release.load.failures import ended_badly, not_measured
from release.load.samples import Endpoint, Window

PROFILE = Profile(
    locustfile=Path("/shop/locustfile.py"), users=1, spawn_rate=1, time_s=9, warmup_s=1
)
LOG = Path("/shop/load/locust.log")


@pytest.mark.parametrize(
    ("code", "log", "said"),
    [
        pytest.param(
            7,
            "first\nlast\n",
            "Locust ended with exit code 7\n"
            "  Locust's last lines:\n    first\n    last\n"
            "  fix: see /shop/load/locust.log for why",
            id="exit-code",
        ),
        pytest.param(
            -9,
            "",
            "Locust was ended by SIGKILL\n"
            "  fix: see /shop/load/locust.log; SIGKILL often means that memory ran out",
            id="signal",
        ),
    ],
)
def test_an_exit_code_is_told_with_the_end_of_the_log(
    code: int, log: str, said: str
) -> None:
    assert str(ended_badly(code, log, PROFILE, log_path=LOG)) == said


def test_a_long_log_is_cut() -> None:
    log = "\n".join(f"line {number}" for number in range(1000))

    said = str(ended_badly(1, log, PROFILE, log_path=LOG))

    assert said.count("\n") == 22
    assert "    line 999\n" in said


def measured(*, good: int = 0, failed: int = 0, raised: int = 0) -> Measurements:
    everything = Endpoint(
        name="*",
        durations_ms=(1.0,) * good,
        failures={"503": failed} if failed else {},
    )
    return Measurements(
        window=Window(started=0, time_s=9),
        users=1,
        endpoints={"*": everything},
        exceptions={"KeyError: 1": raised} if raised else {},
    )


@pytest.mark.parametrize(
    ("measurements", "ran_s", "said"),
    [
        pytest.param(measured(good=1), 10, None, id="whole"),
        pytest.param(measured(failed=1), 10, None, id="only-failed"),
        pytest.param(None, 0, "Locust ended before it sent load", id="no-load"),
        pytest.param(
            measured(),
            10,
            "locustfile.py sent no request in the 9 s that are measured",
            id="no-request",
        ),
        pytest.param(
            measured(good=1),
            4.25,
            "Locust stopped after 4.2 s of 10 s",
            id="ended-early",
        ),
        pytest.param(
            measured(good=1, raised=3),
            10,
            "locustfile.py itself raised 3 times: 3 x KeyError: 1",
            id="raised",
        ),
        pytest.param(
            measured(failed=1, raised=3), 10, None, id="raised-at-failed-responses"
        ),
    ],
)
def test_figures_that_cannot_be_trusted_are_not_judged(
    measurements: Measurements | None, ran_s: float, said: str | None
) -> None:
    found = not_measured(measurements, "", PROFILE, ran_s=ran_s)

    assert (found and found.what) == said
