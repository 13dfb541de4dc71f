"""What the load gate reports, against what the server itself knows, on a quiet machine.

A server with a known distribution of response times, at 200 requests a second, in both
load models, and with a stall of 2 s in each 20 s. Prints each percentile by the gate's
recorder and by the server's own clock; 1 is returned where they differ by over 2 % and
over 1 ms, or where the open model hides the stall. `make bench-truth`; a quick version
is tests/harness/load/test_truth.py.
"""

from __future__ import annotations

import math
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from release.load.measurements import Measurements
from release.load.profile import Profile
from release.load.run import run
from release.wait import Seen, wait_until

KNOWN = Path(__file__).parents[1] / "harness" / "load" / "known.py"
VISITORS = """
from locust import FastHttpUser, between, task

class Visitor(FastHttpUser):
    # Each comes about twice a second, and no two in step.
    wait_time = between(0.1, 0.57)

    @task
    def visit(self):
        self.client.get("/")
"""
RATE = 200
TIME_S = 60
STALL_S = 2.0
EVERY_S = 20.0
PERCENTS = (50, 95, 99, 99.9, 100)
TOLERANCE_RATIO = 0.02
TOLERANCE_MS = 1.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    """A load, and whether the server stalls in it."""

    name: str
    rate: float | None = None
    arrivals: str = "poisson"
    stalls: bool = False


CASES = (
    Case(name="closed"),
    Case(name="open", rate=RATE),
    Case(name="open, 2 s of 20 s stalled", rate=RATE, arrivals="constant", stalls=True),
    Case(name="closed, 2 s of 20 s stalled", stalls=True),
)


def main() -> int:
    """Measure and print; return 1 where the figures are not true."""
    wanted = sys.argv[1:]
    console = Console(highlight=False)
    table = Table(title=f"{RATE} requests/s for {TIME_S} s, in ms")
    for column in ("load", "percentile", "reported", "server", "apart"):
        table.add_column(column, justify="left" if column == "load" else "right")
    wrong = 0
    for case in CASES:
        if not wanted or case.name in wanted:
            wrong += tell(table, case)
    console.print(table)
    return 1 if wrong else 0


def tell(table: Table, case: Case) -> int:
    """Add the rows of a case; return how many are wrong."""
    wrong = 0
    with tempfile.TemporaryDirectory(prefix="bench-truth-") as folder:
        found, known = send(case, Path(folder))
    rate = found.everything.requests / found.time_s
    for percent in PERCENTS:
        measured, true = found.everything.percentile_ms(percent), known(percent)
        apart = abs(measured - true)
        is_right = apart <= TOLERANCE_MS or apart <= TOLERANCE_RATIO * true
        if percent == 99 and case.stalls and case.rate:
            is_right = is_right and measured > 1000 * STALL_S / 2
        wrong += not is_right
        name = "longest" if percent == 100 else f"p{percent:g}"
        table.add_row(
            f"{case.name} ({rate:.0f}/s)" if percent == PERCENTS[0] else "",
            *(name, f"{measured:.1f}", f"{true:.1f}"),
            f"{apart / true:.2%} {apart:.1f} ms" + ("" if is_right else " WRONG"),
        )
    table.add_section()
    return wrong


def send(case: Case, folder: Path) -> tuple[Measurements, Callable[[float], float]]:
    """Send a load; return what was measured, and the server's own percentiles."""
    locustfile = folder / "locustfile.py"
    locustfile.write_text(VISITORS, encoding="utf-8")
    plan = Profile(
        locustfile=locustfile,
        # A visitor waits 0.335 s and is answered in 0.165 s, on average.
        users=RATE // 2,
        spawn_rate=RATE,
        time_s=TIME_S,
        warmup_s=2,
        rate=case.rate,
        arrivals=case.arrivals,
    )
    with serving(folder, stall_s=STALL_S if case.stalls else 0) as url:
        found = run(plan, host=url, folder=folder / "load")
    lines = (folder / "answers").read_text(encoding="utf-8").splitlines()
    took = sorted(
        float(ms)
        for began, ms in map(str.split, lines)
        if found.started <= float(began) < found.started + found.time_s
    )
    return found, lambda percent: took[max(0, math.ceil(percent * len(took) / 100) - 1)]


@contextmanager
def serving(folder: Path, *, stall_s: float) -> Iterator[str]:
    """Run the known server; yield its address."""
    arguments = (str(folder), "10", str(stall_s), str(EVERY_S))
    with subprocess.Popen([sys.executable, str(KNOWN), *arguments]) as server:
        try:
            port = folder / "port"
            text = wait_until(
                "known server",
                lambda: Seen(
                    what="no port yet",
                    value=port.read_text() if port.exists() else None,
                ),
                timeout_s=20,
                interval_s=0.05,
                fix="see its output",
            )
            yield f"http://127.0.0.1:{text}"
        finally:
            server.terminate()


if __name__ == "__main__":
    raise SystemExit(main())
