"""A stage: run, timed, recorded; what it asks of Azure is counted."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator

from release.azure.clients import Azure
from release.errors import CanaryUnclear, ReleaseError
from release.journal import Journal, Kind

PREFLIGHT = "preflight"

BAKE = "bake"

DEPLOY = "deploy"

CANARY = "canary"

LOAD = "load"

ROLLBACK = "rollback"

INCONCLUSIVE = "inconclusive"


@contextlib.contextmanager
def stage(journal: Journal, name: str) -> Iterator[None]:
    """Record a stage: that it started, how it ended, how long it took."""
    journal.write(Kind.STAGE_STARTED, stage=name)
    started = time.monotonic()

    def finished(outcome: str, error: str = "") -> None:
        journal.write(
            Kind.STAGE_FINISHED,
            stage=name,
            outcome=outcome,
            duration_s=round(time.monotonic() - started, 3),
            error=error,
        )

    try:
        yield
    except CanaryUnclear as error:
        finished(INCONCLUSIVE, str(error))
        raise
    except ReleaseError as error:
        finished("failed", str(error))
        raise
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            finished("interrupted", str(error) or "Ctrl-C")
        else:
            said = f"{type(error).__name__}: {error}".removesuffix(": ")
            finished("failed", said)
        raise
    finished("passed")


@contextlib.contextmanager
def on_azure(journal: Journal, azure: Azure, name: str) -> Iterator[None]:
    """Let Azure's waits be told by a stage, and count what it asks."""
    with azure.patience.during(progress(journal, name)):
        try:
            yield
        finally:
            count(journal, azure, name)


def count(journal: Journal, azure: Azure, name: str = "") -> None:
    """Note what was asked of Azure since this was noted last."""
    asked = [each.to_json() for each in azure.tally.take()]
    if asked:
        left = azure.tally.take_left()
        journal.write(Kind.REQUESTS, stage=name, asked=asked, left=left)


def progress(journal: Journal, name: str) -> Callable[[str], None]:
    """Return what tells a stage's progress."""
    return lambda text: journal.write(Kind.PROGRESS, stage=name, text=text)
