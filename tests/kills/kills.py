"""Kill releases, the embedded Azure and both at every stage; see the next run pass.

Prints a table as it goes: what was killed, where, what the next run said of it, and
whether that one passed and left nothing. For people and for CI at night:
``make test-kills`` takes some ten minutes. The suite has a short version of it.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO

import aftermath
import killing
from cases import CASES, TWO, Case, azure

from release import environments
from tests.harness.releases.project import TINY, Project

FROZEN_S = 62
"""Longer than a lease."""
STARVED = "the load generator could not keep up"
BROWSER = """
from pathlib import Path

from release.wait import Seen, wait_until


def test_in_a_browser(browser, site):
    browser.get(site.url)
    assert "<h1>" in browser.page_source
    if Path("wait-here").exists():
        Path("here").touch()
        look = lambda: Seen(what="here", value=None)
        wait_until("kill", look, timeout_s=30, interval_s=0.1, fix="")
"""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of one kill: what the next run said, and what is wrong after it."""

    said: str
    wrong: str
    took_s: float


def main() -> int:
    """Run all; return how many went wrong."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--random", type=int, default=10, help="random moments")
    options.add_argument("--races", type=int, default=10, help="starts at one instant")
    options.add_argument("--seed", type=int, default=int(time.time()))
    options.add_argument("--only", default="", help="cases of this stage only")
    given = options.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended"))
    wrong = 0
    with _project() as project:
        whole_s = project.release().took_s
        chance = random.Random(given.seed)  # noqa: S311 - not a secret
        _say(f"a whole release takes {whole_s:.1f} s; --seed {given.seed}")
        _say(_line("kill", "stage", "moment", "the next run said", "s", "verdict"))
        at = [chance.uniform(0.3, whole_s) for _ in range(given.random)]
        randoms = [
            Case(stage="random", at_s=s, options=chance.choice(((), TWO))) for s in at
        ]
        for case in (*CASES, *randoms):
            if given.only in ("", case.stage):
                wrong += _show(case, _killed(project, case))
        if given.only in ("", "frozen"):
            wrong += _frozen(project)
        if given.only in ("", "race"):
            wrong += _races(project, given.races)
    _say(f"{wrong} went wrong")
    return min(wrong, 1)


def _show(case: Case, found: Outcome) -> int:
    verdict = found.wrong or "passed, nothing left"
    kill = case.kill.__name__ + "".join(f" {o}" for o in case.options)
    cells = (kill, case.stage, case.moment, found.said)
    _say(_line(*cells, f"{found.took_s:.1f}", verdict))
    return bool(found.wrong)


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _line(*cells: str) -> str:
    widths = (15, 9, 28, 60, 5, 0)
    return "  ".join(
        c[: w or None].ljust(w) for c, w in zip(cells, widths, strict=True)
    )


def _killed(project: Project, case: Case) -> Outcome:
    """Kill a release, run the next one, and see what is wrong after it."""
    title = f"Killed {time.monotonic_ns()}"
    project.set(title=title, **case.behaviour)
    for name in ("here", "wait-here"):
        (project.root / name).unlink(missing_ok=True)
    browser = project.root / "tests" / "smoke" / "test_browser.py"
    if case.file:
        browser.write_text(BROWSER)
        (project.root / "wait-here").touch()
    ended = killing.run_until(project, case)
    browser.unlink(missing_ok=True)
    (project.root / "wait-here").unlink(missing_ok=True)
    if case.at_s is not None and ended.status == 0:
        # The machine was slower when a whole release was timed: it had passed already.
        return _killed(project, replace(case, at_s=case.at_s / 2))
    if case.kill is not azure and ended.status != -signal.SIGKILL:
        return Outcome(
            said="", wrong=f"ended before it: {ended.output[-300:]}", took_s=0
        )
    if case.kill is azure and (ended.status == 0 or "Traceback" in ended.output):
        return Outcome(said="", wrong=f"status {ended.status}", took_s=ended.took_s)
    project.set(title=title)
    after = project.release()
    said = [
        line.partition("swept: ")[2].strip() or line.split("  ")[-1].strip()
        for line in after.output.splitlines()
        if "swept: " in line or "left behind" in line
    ]
    if STARVED in after.output:
        # No verdict: the machine was too busy to send its second of load.
        after = project.release()
    return Outcome(
        said="; ".join(said) or "nothing",
        wrong=aftermath.wrong(project, after, title),
        took_s=after.took_s,
    )


def _frozen(project: Project) -> int:
    """Let a release sleep as a laptop does, another one take over, and wake it."""
    other = project.second_checkout()
    project.set(title="Frozen")
    first = project.begin()
    assert first.stdout is not None
    _read_until(first.stdout, "batch 1 of 2")
    os.killpg(first.pid, signal.SIGSTOP)
    threading.Event().wait(FROZEN_S)
    taken = other.release()
    os.killpg(first.pid, signal.SIGCONT)
    told = first.stdout.read()
    status = first.wait(killing.TIMEOUT_S)
    lost = "is lost: somebody else took it. Nothing was changed from here on"
    good = taken.status == 0 and status == 1 and lost in told
    live = json.loads(_page(other.last()["deployment"]["instances"][0]["address"]))
    good = good and live["build"] == other.last()["image"]["build"]
    said = "did not end" if "did not end" in taken.output else taken.output[-200:]
    verdict = "the sleeper stopped" if good else f"wrong: {status} {told[-800:]}"
    _say(_line("frozen", "deploy", "62 s", said, f"{taken.took_s:.1f}", verdict))
    return not good


def _page(address: str) -> str:
    with urllib.request.urlopen(f"http://{address}/healthz") as answer:
        return str(answer.read().decode())


def _read_until(stream: IO[str], text: str) -> None:
    for line in stream:
        if text in line:
            return


def _races(project: Project, times: int) -> int:
    """Start two releases at one instant, from two checkouts and from one."""
    wrong = 0
    for number in range(times):
        pair = (project, project.second_checkout() if number % 2 else project)
        with ThreadPoolExecutor() as pool:
            ended = list(pool.map(lambda one: one.pytest(), pair))
        statuses = sorted(each.status for each in ended)
        refused = next((e.output for e in ended if e.status == 4), "")
        good = statuses == [0, 4] and "is being released by" in refused
        said = next((r for r in refused.splitlines() if "is being" in r), refused)
        kind = "two checkouts" if number % 2 else "one checkout"
        verdict = "one won" if good else f"wrong: {statuses} {refused[-500:]}"
        took_s = max(each.took_s for each in ended)
        _say(_line("race", kind[:9], kind, said, f"{took_s:.1f}", verdict))
        wrong += not good
    return wrong


@contextmanager
def _project() -> Iterator[Project]:
    """Make a tiny project; stop its embedded Azure at the end."""
    folder = Path(tempfile.mkdtemp(prefix="kills-"))
    root = folder / "tiny"
    shutil.copytree(TINY, root)
    # A share that 20 samples tell: in its second of load a busy machine sends 70.
    told = root / "release.toml"
    told.write_text(
        told.read_text().replace("error_ratio = 0.01", "error_ratio = 0.05")
    )
    project = Project(root=root)
    project.set()
    try:
        yield project
    finally:
        environments.down(root, forget=True)
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
