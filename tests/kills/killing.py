"""Run a release until the moment that a case names, and kill there."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from cases import Case

from tests.harness.releases.project import Ended, Project

TIMEOUT_S = 180


def run_until(project: Project, case: Case) -> Ended:
    """Run pytest, and kill what the case says when it says."""
    started = time.monotonic()
    child = project.begin(*case.options)
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
