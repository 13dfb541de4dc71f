"""``python -m release clean --yes``: what a release does first, and the rest too."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from release import builds, housekeeping
from release.cleaning import Kind
from release.coordination import killed
from release.coordination.lock import Lock
from release.coordination.run import Run
from release.coordination.selection import Mode, Selection
from release.journal import Journal
from release.journal import Kind as Event
from release.settings import Settings

POLL_S = 0.1
ROUNDS = 2


def clear(settings: Settings, say: Callable[[str], None]) -> None:
    """Clear up under the environment's lock.

    Args:
        settings: Of the environment.
        say: Told each thing that is done.

    Raises:
        UsageError: Somebody releases there.
        ReleaseError: Something could not be cleared away.
    """
    # It archives nothing, as a run that attaches.
    build = builds.begin(settings.root, settings.environment, attached=True)
    run = Run(
        settings=settings,
        selection=Selection(mode=Mode.RELEASE, reason="clean"),
        build=build,
    )
    lock = Lock(settings, build, os.environ)
    try:
        with _told(build.journal, say):
            _clear(run, lock, say)
    finally:
        lock.release()
        run.close()
        shutil.rmtree(build.folder, ignore_errors=True)


def _clear(run: Run, lock: Lock, say: Callable[[str], None]) -> None:
    settings, build = run.settings, run.build
    said = killed.sweep(run, lock.take(run.azure))
    for text in said:
        say(text)
    done: set[tuple[Kind, str]] = set()
    # What a scale set needed is left over once it went back to what ran before.
    for _ in range(ROUNDS):
        found = housekeeping.left_over(settings, run.azure, running=build.id)
        rows = [row for row in found if (row.kind, row.name) not in done]
        done |= {(row.kind, row.name) for row in rows}
        housekeeping.clear(settings, build, run.azure, rows)
    if not done and not said:
        say(f"nothing is left over at {settings.environment}")


@contextmanager
def _told(journal: Journal, say: Callable[[str], None]) -> Iterator[None]:
    """Say what a journal tells, as it comes."""
    over = threading.Event()

    def follow() -> None:
        position = 0
        while True:
            last = over.wait(POLL_S)
            new, position = journal.after(position)
            for event in new:
                if event.kind is Event.PROGRESS:
                    say(event.data["text"])
            if last:
                return

    thread = threading.Thread(target=follow, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
