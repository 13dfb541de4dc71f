"""One release at a time: the lock on an environment, in this checkout."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from release.builds import STATE, Build
from release.errors import UsageError
from release.settings import Settings


class Lock:
    """The right to release to an environment; the system frees it with its process.

    Args:
        lock: Held.
        holder: Where it stands who holds it, for whoever comes second.
    """

    def __init__(self, lock: FileLock, holder: Path) -> None:
        self._lock = lock
        self._holder = holder

    @classmethod
    def take(cls, settings: Settings) -> Lock:
        """Take the lock at once, or not at all.

        Raises:
            UsageError: Another process releases there.
        """
        name = settings.environment
        path = settings.root / STATE / f"{name}.lock"
        path.parent.mkdir(parents=True, exist_ok=True)
        holder = path.with_suffix(".holder")
        lock = FileLock(path)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            # It is empty in the moment between the lock and the build's first file.
            who = holder.read_text(encoding="utf-8") if holder.exists() else ""
            raise UsageError(
                f"environment {name} is being released{who and f' by {who}'}",
                fix=f"wait for it to end; pytest tests/smoke --env {name} may look at "
                "what is deployed meanwhile",
            ) from None
        holder.write_text("", encoding="utf-8")
        return cls(lock, holder)

    def name(self, build: Build) -> None:
        """Say who holds it, and since when."""
        now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        self._holder.write_text(
            f"build {build.id}, process {os.getpid()}, since {now}", encoding="utf-8"
        )

    def release(self) -> None:
        """Let others release."""
        self._holder.unlink(missing_ok=True)
        self._lock.release()
