"""Stages of a release: run one, time it, record it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator

from release.errors import ReleaseError
from release.journal import Journal, Kind

BAKE = "bake"
DEPLOY = "deploy"
SMOKE = "smoke"
LOAD = "load"
ROLLBACK = "rollback"


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
    except ReleaseError as error:
        finished("failed", str(error))
        raise
    except BaseException as error:
        finished(
            "interrupted" if isinstance(error, KeyboardInterrupt) else "failed",
            f"{type(error).__name__}: {error}",
        )
        raise
    finished("passed")
