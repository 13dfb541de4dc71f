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
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Any

import psutil

from release import environments
from release.coordination.interruption import MARK
from release.wait import Seen, wait_until
from tests.harness.releases.conftest import TINY, Ended, Project

TIMEOUT_S = 180
FROZEN_S = 62
"""Longer than a lease."""
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

Victims = Callable[[Project, int], None]


def release(_: Project, pid: int) -> None:
    """Kill pytest with its workers, Locust and whatever else is in its session."""
    os.killpg(pid, signal.SIGKILL)


def controller(_: Project, pid: int) -> None:
    """Kill the one process that was started."""
    os.kill(pid, signal.SIGKILL)


def azure(project: Project, _: int) -> None:
    """Kill the embedded Azure."""
    os.kill(project.embedded().pid, signal.SIGKILL)


def both(project: Project, pid: int) -> None:
    """Kill both."""
    azure(project, pid)
    release(project, pid)


@dataclass(frozen=True, kw_only=True)
class Case:
    """One kill.

    Attributes:
        stage: Where, as the table calls it.
        kill: What.
        after: Kill once the release has printed this.
        journal: Or once its journal has this.
        file: Or once there is this file in the project.
        at_s: Or so many seconds after its start.
        options: Of pytest.
        behaviour: Of the service that is released.
    """

    stage: str
    kill: Victims = release
    after: str = ""
    journal: str = ""
    file: str = ""
    at_s: float | None = None
    options: tuple[str, ...] = ()
    behaviour: dict[str, Any] = field(default_factory=dict)

    @property
    def moment(self) -> str:
        """Say when, for the table."""
        if self.at_s is not None:
            return f"after {self.at_s:.1f} s"
        return self.after or self.journal or self.file


BROKEN = {"status": 500}
TWO = ("-n", "2")
LONG = ("--set", "load.time_s=4")
"""A load that a kill finds under way."""
CASES = (
    Case(stage="bake", after="builder machine"),
    Case(stage="bake", after="2/5 file", options=TWO),
    Case(stage="bake", after="publishing tiny"),
    Case(stage="bake", kill=controller, after="4/5 shell", options=TWO),
    Case(stage="bake", kill=azure, after="2/5 file"),
    Case(stage="deploy", after="deploying tiny"),
    Case(stage="deploy", after="batch 1 of 2", options=TWO),
    Case(stage="deploy", after="batch 2 of 2"),
    Case(stage="deploy", kill=controller, after="batch 1 of 2", options=TWO),
    Case(stage="deploy", kill=azure, after="batch 1 of 2"),
    Case(stage="deploy", kill=both, after="batch 2 of 2"),
    Case(stage="smoke", file="here"),
    Case(stage="smoke", kill=controller, file="here", options=TWO),
    Case(stage="smoke", kill=azure, file="here"),
    Case(stage="load", after="measuring", options=LONG),
    Case(stage="load", kill=controller, after="measuring", options=TWO + LONG),
    Case(stage="load", kill=azure, after="measuring", options=LONG),
    Case(stage="load", kill=both, after="measuring", options=LONG),
    Case(stage="rollback", after="bringing back", behaviour=BROKEN),
    Case(stage="rollback", after="batch 2 of 2", behaviour=BROKEN),
    Case(stage="rollback", after="essential smoke tests again", behaviour=BROKEN),
    Case(stage="rollback", kill=azure, after="bringing back", behaviour=BROKEN),
    Case(stage="archive", journal='"build_finished"'),
    Case(stage="archive", journal='"build_finished"', behaviour=BROKEN),
    Case(stage="archive", kill=both, journal='"build_finished"'),
)


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
    ended = _run_until(project, case)
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
    return Outcome(
        said="; ".join(said) or "nothing",
        wrong=_wrong(project, after, title),
        took_s=after.took_s,
    )


def _wrong(project: Project, after: Ended, title: str) -> str:
    """Return what is not as it should be after the next run, or ""."""
    if after.status:
        return f"the next run ended with {after.status}: {after.output[-2000:]}"
    record = project.last()
    with urllib.request.urlopen(record["deployment"]["site_url"]) as answer:
        if title not in answer.read().decode():
            return "the site shows another build"
    for one in record["deployment"]["instances"]:
        with urllib.request.urlopen(f"http://{one['address']}/healthz") as answer:
            if json.load(answer)["build"] != record["image"]["build"]:
                return f"{one['name']} runs another build"
    if any((project.root / ".release" / "builds").iterdir()):
        return "a killed build is not archived"
    project.command_line("clean", "--env", "local", "--yes")

    def look() -> Seen[str]:
        listed = project.command_line("clean", "--env", "local").output
        left = [name for name in project.groups() if name.startswith("release-local-")]
        clean = listed == "nothing is left over at local\n" and not left
        return Seen(what=f"{left} {listed}", value="clean" if clean else None)

    wait_until("clean Azure", look, timeout_s=30, interval_s=0.5, fix="")
    marks = str(project.root)
    running = [p.name() for p in psutil.process_iter() if _marked(p, marks)]
    return f"still running: {running}" if running else ""


def _marked(process: psutil.Process, root: str) -> bool:
    try:
        return process.environ().get(MARK, "").startswith(root)
    except psutil.Error:
        return False


def _run_until(project: Project, case: Case) -> Ended:
    """Run pytest, and kill what the case says when it says."""
    started = time.monotonic()
    child = _start(project, *case.options)
    assert child.stdout is not None
    lines: list[str] = []
    over = threading.Event()

    def kill() -> None:
        if not over.is_set():
            over.set()
            case.kill(project, child.pid)

    watch = threading.Thread(
        target=_watch, args=(project, case, started, over, kill), daemon=True
    )
    watch.start()
    seen = not case.after
    with child.stdout:
        for line in child.stdout:
            lines.append(line)
            rolls = case.stage != "rollback" or "rollback" in line
            if not seen and case.after in line and rolls:
                seen = True
                kill()
    over.set()
    return Ended(
        status=child.wait(TIMEOUT_S),
        output="".join(lines),
        took_s=time.monotonic() - started,
    )


def _watch(
    project: Project,
    case: Case,
    started: float,
    over: threading.Event,
    kill: Callable[[], None],
) -> None:
    """Kill at a time, or once a file is there or the journal has a word."""
    if case.after:
        return
    while not over.wait(0.002):
        if case.at_s is not None:
            due = time.monotonic() - started >= case.at_s
        elif case.file:
            due = (project.root / case.file).exists()
        else:
            found = (project.root / ".release" / "builds").glob("*/journal.jsonl")
            due = any(case.journal in path.read_text() for path in found)
        if due:
            kill()
            return


def _start(project: Project, *options: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        project.command(*options),
        cwd=project.root,
        env=project.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def _frozen(project: Project) -> int:
    """Let a release sleep as a laptop does, another one take over, and wake it."""
    other = project.second_checkout()
    project.set(title="Frozen")
    first = _start(project)
    assert first.stdout is not None
    _read_until(first.stdout, "batch 1 of 2")
    os.killpg(first.pid, signal.SIGSTOP)
    threading.Event().wait(FROZEN_S)
    taken = other.release()
    os.killpg(first.pid, signal.SIGCONT)
    told = first.stdout.read()
    status = first.wait(TIMEOUT_S)
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
