"""What a local release costs beyond what it is for, and what the embedded Azure weighs.

Makes a copy of the sample project in a folder of its own, releases it three times
(the first release, one of a changed page, one of the same again) and takes it all
away. Prints where every second went. What is not one of these is overhead:

- commands: the service's build and the recipe's own steps
- boots: machines, from the copy of their disk, or from when they go down to boot again,
  until their service is well
- browser: its start, the smoke tests' own code, and its cleaning
- load: the canary and the load stage, each from Locust's start to its end

Run it on a quiet machine: `make bench`. It is no test, and nothing else runs it.
"""

from __future__ import annotations

import json
import os
import platform
import re
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import measured
import psutil
import sample
from rich.console import Console
from rich.table import Table
from spans import Span, seconds

from release import environments
from release.journal import Event, Journal

CHANGED = "app/src/rocdash/templates/base.html"
OVERHEAD_RATIO = 0.15
MEMORY_MIB = 120
SHOWN_S = 0.15
"""The least that a line of its own is worth."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Release:
    """One release, measured."""

    name: str
    whole: Span
    phases: Sequence[measured.Phase]
    events: Sequence[Event]

    @property
    def ratio(self) -> float:
        """The share of its wall time that is overhead."""
        return self.overhead_s / (self.whole.end - self.whole.start)

    @property
    def overhead_s(self) -> float:
        """Seconds that are overhead."""
        return sum(seconds(phase.rest) for phase in self.phases)


def main() -> int:
    """Measure and print; return 1 when a limit is broken."""
    console = Console(highlight=False)
    load = os.getloadavg()[0]
    console.print(
        f"{os.cpu_count()} cores, Python {platform.python_version()}, "
        f"load average {load:.1f} at the start\n"
    )
    with tempfile.TemporaryDirectory(prefix="release-bench-") as folder:
        project = Path(folder)
        sample.copy_to(project)
        # How fast this machine answers is not what is measured.
        sample.forgive_slowness(project)
        try:
            releases = [release(project, "the first release")]
            with (project / CHANGED).open("a", encoding="utf-8") as page:
                page.write("<!-- changed -->\n")
            releases.append(release(project, "a changed page"))
            releases.append(release(project, "the same again"))
            memory = memory_mib(project)
        finally:
            environments.down(project)
    for each in releases:
        show(console, each)
    heavy = show_memory(console, memory)
    slow = [each.name for each in releases if each.ratio > OVERHEAD_RATIO]
    return 1 if slow or heavy else 0


def release(project: Path, name: str) -> Release:
    """Release once; return what it spent its time on."""
    spans = project / "browser.txt"
    spans.write_text("", encoding="utf-8")
    earlier = set(project.glob("reports/local/*"))
    here = str(Path(__file__).parent)
    before = moments(project)["count"]
    started = time.time()
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--env", "local", "-p", "browser_spans"],
        cwd=project,
        env={**os.environ, "PYTHONPATH": here, "BROWSER_SPANS": str(spans)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    whole = Span(start=started, end=time.time())
    if done.returncode:
        raise SystemExit(f"{done.stdout}\n{name}: it did not pass; nothing is measured")
    (archived,) = set(project.glob("reports/local/*")) - earlier
    events = Journal(archived / "journal.jsonl").read()
    timeline = moments(project, since=before)["value"]
    kinds = [
        ("commands", measured.commands(events)),
        ("boots", measured.boots(timeline)),
        ("browser", browser(spans)),
        ("load", measured.load(events)),
    ]
    return Release(
        name=name,
        whole=whole,
        phases=measured.phases(whole, events, kinds),
        events=events,
    )


def browser(path: Path) -> list[Span]:
    """Read what the plugin wrote."""
    lines = path.read_text(encoding="utf-8").splitlines()
    numbers = [line.split() for line in lines]
    return [Span(start=float(start), end=float(end)) for start, end in numbers]


def moments(project: Path, *, since: int = 0) -> dict[str, Any]:
    """Return what the embedded Azure tells of its machines."""
    found = environments.running(project)
    if found is None:
        return {"count": 0, "value": []}
    context = ssl.create_default_context(cafile=found.ca)
    url = f"{found.arm_url}/emulator/timeline?since={since}"
    with urllib.request.urlopen(url, context=context, timeout=10) as answer:
        told: dict[str, Any] = json.load(answer)
        return told


def memory_mib(project: Path) -> dict[str, float]:
    """Return resident MiB of the embedded Azure: now, at most, and its children."""
    found = environments.running(project)
    if found is None:
        raise SystemExit("the embedded Azure has ended")
    process = psutil.Process(found.pid)
    status = Path(f"/proc/{found.pid}/status").read_text(encoding="utf-8")
    peak = re.search(r"VmHWM:\s+(\d+) kB", status)
    children = process.children(recursive=True)
    balancer = [it for it in children if it.name() == "haproxy"]
    others = [it for it in children if it.name() != "haproxy"]
    return {
        "now": process.memory_info().rss / 2**20,
        "at most so far": int(peak.group(1)) / 1024 if peak else 0.0,
        "HAProxy beside it": sum(it.memory_info().rss for it in balancer) / 2**20,
        "machines and their services": sum(it.memory_info().rss for it in others)
        / 2**20,
    }


def show(console: Console, release: Release) -> None:
    """Print a release's table."""
    table = Table(title=f"{release.name}: seconds", title_justify="left")
    table.add_column("phase")
    for name in ("wall", *measured.KINDS, "overhead"):
        table.add_column(name, justify="right")
    rows = [
        (
            phase.name,
            phase.whole.end - phase.whole.start,
            *(phase.spent_s[kind] for kind in measured.KINDS),
            seconds(phase.rest),
        )
        for phase in release.phases
    ]
    for name, *numbers in rows:
        table.add_row(name, *(f"{number:.2f}" for number in numbers))
    table.add_section()
    totals = [sum(column) for column in list(zip(*rows, strict=True))[1:]]
    table.add_row("all", *(f"{number:.2f}" for number in totals))
    console.print(table)
    rest = [span for phase in release.phases for span in phase.rest]
    spent = measured.spent_on(release.whole, rest, release.events)
    for what, taken_s in spent.items():
        if taken_s >= SHOWN_S:
            console.print(f"  {taken_s:5.2f} s of overhead after {what}", markup=False)
    word = "within" if release.ratio <= OVERHEAD_RATIO else "OVER"
    console.print(
        f"overhead {release.ratio:.1%} of {totals[0]:.1f} s, {word} the limit of "
        f"{OVERHEAD_RATIO:.0%}\n"
    )


def show_memory(console: Console, memory: dict[str, float]) -> bool:
    """Print what the embedded Azure weighs; return whether that is too much."""
    heavy = memory["at most so far"] > MEMORY_MIB
    console.print("resident memory of the embedded Azure, MiB")
    for name, mib in memory.items():
        console.print(f"  {mib:6.1f}  {name}")
    word = "OVER" if heavy else "within"
    console.print(f"{word} the limit of {MEMORY_MIB} MiB")
    return heavy


if __name__ == "__main__":
    sys.exit(main())
