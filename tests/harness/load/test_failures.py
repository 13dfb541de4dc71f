from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from release.load.failures import ended_badly, not_measured
from release.load.measurements import Sender
from release.load.profile import Profile

Make = Callable[..., Any]
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
            "  | first\n"
            "  | last\n"
            "  fix: see load/locust.log beside the report for why",
            id="exit-code",
        ),
        pytest.param(
            -9,
            "",
            "Locust was ended by SIGKILL\n"
            "  fix: see load/locust.log beside the report; SIGKILL often means that "
            "memory ran out",
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

    assert said.count("\n") == 21
    assert "  | line 999\n" in said


def test_locusts_own_figures_are_left_to_its_log() -> None:
    log = "last words\nType     Name      # reqs\n--------|--------|-------\n"

    said = ended_badly(1, log, PROFILE, log_path=LOG).what

    assert said == "Locust ended with exit code 1\n  | last words"


@pytest.mark.parametrize(
    ("good", "failed", "raised", "time_s", "said"),
    [
        pytest.param(1, 0, 0, 9, None, id="whole"),
        pytest.param(0, 1, 0, 9, None, id="only-failed"),
        pytest.param(
            *(0, 0, 0, 9),
            "locustfile.py sent no request in the 9 s that are measured",
            id="no-request",
        ),
        pytest.param(
            *(1, 0, 0, 3.25), "Locust stopped after 4.2 s of 10 s", id="ended-early"
        ),
        pytest.param(
            *(0, 0, 0, -0.5), "Locust stopped after 0.5 s of 10 s", id="ended-at-once"
        ),
        pytest.param(
            *(1, 0, 3, 9),
            "locustfile.py itself raised 3 times: 3 x KeyError: 1",
            id="raised",
        ),
        pytest.param(0, 1, 3, 9, None, id="raised-at-failed-responses"),
    ],
)
def test_figures_that_cannot_be_trusted_are_not_judged(
    *,
    endpoint: Make,
    measured: Make,
    good: int,
    failed: int,
    raised: int,
    time_s: float,
    said: str | None,
) -> None:
    told = measured(
        endpoint(*[1.0] * good, failed=failed), time_s=time_s, raised=raised
    )

    found = not_measured(told, "", PROFILE, gave_up="")

    assert (found and found.what) == said


def test_a_run_without_load_is_not_judged() -> None:
    found = not_measured(None, "", PROFILE, gave_up="")

    assert found
    assert found.what == "Locust ended before it sent load"


def test_a_load_that_was_ended_on_purpose_is_judged(
    endpoint: Make, measured: Make
) -> None:
    told = measured(endpoint(1.0), time_s=3)

    assert not_measured(told, "", PROFILE, gave_up="GET / p95_ms") is None


def test_a_load_that_every_worker_left_is_not_judged(
    endpoint: Make, measured: Make
) -> None:
    gone = Sender(name="a", rate=5, cpu_ratio=0.1, lag_ms=2, lost_s=3.1, lost_batches=0)
    told = replace(measured(endpoint(1.0), time_s=3), senders=(gone,))

    found = not_measured(told, "", PROFILE, gave_up="")

    assert found
    assert str(found) == (
        "1 of 1 workers was lost: a at 3 s\n"
        "  fix: see the logs of the workers; nobody was left to send the load"
    )
