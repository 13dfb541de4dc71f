"""What the recorder reports, against what a server knows of itself."""

import math
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from release.load.measurements import Endpoint, Measurements
from release.load.profile import Profile
from release.load.run import run
from release.wait import Seen, wait_until

KNOWN = Path(__file__).with_name("known.py")
VISITORS = """
import os, time
from pathlib import Path
import gevent
from locust import FastHttpUser, between, task

raw = (Path(os.environ["RECORDER_FOLDER"]) / "raw.txt").open("a", buffering=1)

class Visitor(FastHttpUser):
    # Each comes about twice a second, and no two in step.
    wait_time = between(0.1, 0.57)

    @task
    def visit(self):
        due = getattr(gevent.getcurrent(), "due", None) or time.time()
        self.client.get("/")
        raw.write(f"{due} {(time.time() - due) * 1000}\\n")
"""
RATE = 200
TIME_S = 6.0


@dataclass(frozen=True, kw_only=True)
class Case:
    """A load, and when the server stalls in it."""

    rate: float | None = None
    arrivals: str = "poisson"
    stall_s: float = 0


CASES = {
    "closed": Case(),
    "open, and a stall": Case(rate=RATE, arrivals="constant", stall_s=1),
}


@dataclass(frozen=True, kw_only=True)
class Found:
    """What was measured, and what the server knows."""

    measured: Endpoint
    seen: Callable[[float], float]
    """Percentiles of what the visitors saw by their own clock, unrounded."""
    known: Callable[[float], float]
    """Percentiles of what the server knows it took."""
    lag_ms: float
    """The most that other work on this machine delayed generator and server."""


@contextmanager
def serving(folder: Path, *, stall_at: float = -9, stall_s: float = 0) -> Iterator[str]:
    with subprocess.Popen(
        [sys.executable, str(KNOWN), str(folder), str(stall_at), str(stall_s), "3600"]
    ) as server:
        try:
            port = wait_until(
                "known server",
                lambda: Seen(
                    what="no port yet",
                    value=(folder / "port").read_text()
                    if (folder / "port").exists()
                    else None,
                ),
                timeout_s=20,
                interval_s=0.02,
                fix="see its output",
            )
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()


def truth(rows: Path, found: Measurements) -> Callable[[float], float]:
    """Return the percentiles of lines of start and duration, in the measured time."""
    lines = [line.split() for line in rows.read_text().splitlines()]
    took = sorted(
        float(ms)
        for began, ms in lines
        if found.started <= float(began) < found.started + found.time_s
    )
    return lambda percent: took[max(0, math.ceil(percent * len(took) / 100) - 1)]


def send(case: Case, folder: Path) -> Found:
    locustfile = folder / "locustfile.py"
    locustfile.write_text(VISITORS)
    plan = Profile(
        locustfile=locustfile,
        users=RATE // 2,
        spawn_rate=RATE,
        time_s=TIME_S,
        warmup_s=1,
        rate=case.rate,
        arrivals=case.arrivals,
    )
    with serving(folder, stall_at=3, stall_s=case.stall_s) as url:
        found = run(plan, host=url, folder=folder / "load")
    return Found(
        measured=found.everything,
        seen=truth(folder / "load" / "raw.txt", found),
        known=truth(folder / "answers", found),
        lag_ms=max(each.lag_ms for each in found.vitals)
        + float((folder / "lag").read_text() or 0),
    )


@pytest.fixture(scope="module")
def loads(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Found]:
    """Send all loads at once: none needs more than a tenth of a core."""
    folders = {name: tmp_path_factory.mktemp("load") for name in CASES}
    with ThreadPoolExecutor() as pool:
        found = pool.map(send, CASES.values(), folders.values())
        return dict(zip(CASES, found, strict=True))


def see_the_truth(found: Found) -> None:
    assert found.measured.failed == 0
    assert found.measured.requests == pytest.approx(RATE * TIME_S, rel=0.15)
    for percent in (50, 95, 99, 99.9, 100):
        measured = found.measured.percentile_ms(percent)
        assert measured == pytest.approx(found.seen(percent), rel=0.01, abs=1)
        # The machine may delay both sides; nobody may report less than the truth.
        assert measured >= 0.98 * found.known(percent) - 1
        assert measured <= 1.02 * found.known(percent) + 1 + 3 * found.lag_ms


@pytest.mark.parametrize("name", CASES)
def test_the_figures_are_true(loads: Mapping[str, Found], name: str) -> None:
    see_the_truth(loads[name])


def test_the_open_model_shows_a_stall(loads: Mapping[str, Found]) -> None:
    found = loads["open, and a stall"].measured

    # Of what is due in the second that stalls, a tenth waits 0.9 s and more.
    assert found.percentile_ms(98) > 1000
    assert loads["closed"].measured.percentile_ms(98) < 700
    (worst,) = sorted(found.seconds, key=lambda each: -each.good.longest_ms)[:1]
    assert worst.good.percentile_ms(50) > 500


@pytest.mark.matrix
def test_the_figures_of_arrivals_by_chance_are_true(tmp_path: Path) -> None:
    found = send(Case(rate=RATE), tmp_path)

    see_the_truth(found)
    assert found.measured.percentile_ms(98) < 700
