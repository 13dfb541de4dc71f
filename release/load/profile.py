"""Pure: how much load, for how long, and the command that sends it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from release.settings.model import Load

ANSWER_S = 10
"""Seconds that an answer may still take after the load has ended."""
START_S = 60
"""Seconds that Locust may take to start."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Profile:
    """The load that is sent."""

    locustfile: Path
    users: int
    spawn_rate: float
    """Users started a second."""
    time_s: float
    """Seconds measured, after the warm-up."""
    warmup_s: float
    """Seconds left out at the start, at the least."""
    answer_s: int = ANSWER_S
    """Whole seconds that an answer may still take after the load has ended."""

    @property
    def lead_s(self) -> float:
        """Return the seconds left out: until all users are started, at the least."""
        return max(self.warmup_s, self.users / self.spawn_rate)

    @property
    def run_s(self) -> float:
        """Return the seconds of load."""
        return self.lead_s + self.time_s

    @property
    def longest_s(self) -> float:
        """Return the seconds after which Locust must have ended, start-up included."""
        return self.run_s + self.answer_s + START_S


def profile(load: Load, root: Path) -> Profile:
    """Return the profile that settings ask for.

    Args:
        load: The settings.
        root: The folder that its locustfile is relative to.
    """
    slowest_ms = max(
        (
            limit
            for thresholds in load.thresholds.values()
            for name, limit in thresholds.limits().items()
            if name.endswith("_ms")
        ),
        default=0.0,
    )
    return Profile(
        locustfile=(root / load.locustfile).resolve(),
        users=load.users,
        spawn_rate=load.spawn_rate,
        time_s=load.time_s,
        warmup_s=load.warmup_s,
        answer_s=max(ANSWER_S, math.ceil(2 * slowest_ms / 1000)),
    )


def command(profile: Profile, *, host: str, python: str, recorder: Path) -> list[str]:
    """Return the command that runs Locust.

    Args:
        profile: The load.
        host: URL of the site.
        python: An interpreter that has Locust.
        recorder: The recorder's file.
    """
    return [
        *(python, "-m", "locust", "--headless", "--only-summary"),
        *("-f", f"{profile.locustfile},{recorder}"),
        *("--host", host),
        *("--users", str(profile.users)),
        *("--spawn-rate", f"{profile.spawn_rate:g}"),
        # The recorder ends the run in time; this is for when it cannot.
        *("--run-time", f"{math.ceil(profile.longest_s)}s"),
        *("--stop-timeout", str(profile.answer_s)),
        # Failed requests are judged by thresholds, not by Locust's exit code.
        *("--exit-code-on-error", "0"),
    ]
