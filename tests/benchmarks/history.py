"""What the history costs with many builds: a release's share of it, and a browser's.

Makes an archive of 1,000 builds, archives one more as a release does, and opens the
page in headless Chromium, each a few times. Prints medians, and returns 1 over a limit.
Run it on a quiet machine: `make bench-history`.
"""

from __future__ import annotations

import json
import random
import statistics
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import made
from rich.console import Console

from release.browser import Kind, started
from release.history.keep import keep
from release.settings import Retention

BUILDS = 1000
TIMES = 5
LIMIT_S = 1.0
OPENED = """
const [it] = performance.getEntriesByType('navigation')
return it.loadEventEnd / 1000
"""


def main() -> int:
    """Measure and print; return 1 when a limit is broken."""
    console = Console(highlight=False)
    with tempfile.TemporaryDirectory(prefix="history-bench-") as folder:
        reports = Path(folder) / "reports"
        made.archive(reports, BUILDS)
        first_s = archived_s(reports, 0)
        told = {
            "a release archives its build and renews the index": [
                archived_s(reports, number) for number in range(1, TIMES + 1)
            ],
            "Chromium opens index.html, all of it loaded": opened_s(reports),
        }
        size_mib = (reports / "index.html").stat().st_size / 2**20
    console.print(
        f"{BUILDS} builds, index.html {size_mib:.1f} MiB, medians of {TIMES}:"
    )
    console.print(f"  {first_s:.2f} s  the index is made of all records, once")
    medians = {what: statistics.median(times) for what, times in told.items()}
    for what, taken_s in medians.items():
        word = "within" if taken_s <= LIMIT_S else "OVER"
        console.print(f"  {taken_s:.2f} s  {what}: {word} the limit of {LIMIT_S:.0f} s")
    return int(any(taken_s > LIMIT_S for taken_s in medians.values()))


def archived_s(reports: Path, number: int) -> float:
    """Archive one more build; return the seconds that it took."""
    chance = random.Random(number)  # noqa: S311 - no secret
    at = datetime.now(UTC) + timedelta(minutes=number)
    record = made.record(at, chance, commit=f"{number:040x}")
    folder = reports.parent / "builds" / record["build"]
    folder.mkdir(parents=True)
    (folder / "release.json").write_text(json.dumps(record), encoding="utf-8")
    target = reports / record["environment"] / record["build"]
    limits = Retention(builds=2 * BUILDS)
    begun = time.perf_counter()
    keep(folder, target, reports=reports, limits=limits)
    return time.perf_counter() - begun


def opened_s(reports: Path) -> list[float]:
    """Open the page in a browser; return the seconds until it had loaded."""
    taken = []
    with started(Kind.CHROME) as browser:
        for _ in range(TIMES):
            browser.get((reports / "index.html").as_uri())
            taken.append(float(browser.execute_script(OPENED)))
            browser.get("about:blank")
    return taken


if __name__ == "__main__":
    sys.exit(main())
