"""Until when a build may change something: a file in its folder.

The controller, which holds the lock, writes it; each process of the build looks there
before each request that changes something.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

from release.builds import Build
from release.errors import LockLost

FILE = "permit.lock"
_unwritten: dict[Path, tuple[float, str]] = {}
"""What a full disk did not take: it stands for this process, which is to undo."""


def grant(build: Build, *, until_s: float) -> None:
    """Let a build write until a moment of `now_s`."""
    _write(build, until_s, "")


def revoke(build: Build, why: str) -> None:
    """Let a build write no more."""
    _write(build, 0.0, why)


def guard(build: Build) -> Callable[[], None]:
    """Return what each process of a build asks before it changes something.

    It raises `LockLost` when the build may not, or no longer.
    """

    def admit() -> None:
        until_s, why = _read(build)
        past_s = now_s() - until_s
        if past_s < 0:
            return
        late = f"it could not be renewed, and ran out {past_s:.0f} s ago"
        raise LockLost(
            f"the lock of environment {build.environment} is lost: {why or late}. "
            "Nothing was changed from here on",
            fix="see who releases there: python -m release status --env "
            f"{build.environment}; then release again, which puts right what this "
            "build left",
        )

    return admit


def now_s() -> float:
    """Return seconds of a clock that all processes share, and that never sleeps.

    ``CLOCK_MONOTONIC`` stands still on Linux while a laptop sleeps.
    """
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


def _read(build: Build) -> tuple[float, str]:
    if build.folder in _unwritten:
        return _unwritten[build.folder]
    try:
        raw = json.loads((build.folder / FILE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return 0.0, "it was never taken"
    return float(raw["until_s"]), str(raw["why"])


def _write(build: Build, until_s: float, why: str) -> None:
    path = build.folder / FILE
    draft = path.with_suffix(".part")
    try:
        text = json.dumps({"until_s": until_s, "why": why})
        draft.write_text(text, encoding="utf-8")
        draft.replace(path)
    except FileNotFoundError:
        # The folder is gone once the build is archived: nothing is changed after.
        return
    except OSError:
        _unwritten[build.folder] = until_s, why
    else:
        _unwritten.pop(build.folder, None)
