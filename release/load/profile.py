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
INSIDE = Path(__file__).with_name("inside")
"""Locust files that run beside the user's."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Profile:
    """The load that is sent."""

    locustfile: Path
    users: int
    """Simulated users; of the open model, those made before the first arrives."""
    spawn_rate: float
    """Users started a second."""
    time_s: float
    """Seconds measured, after the warm-up."""
    warmup_s: float
    """Seconds left out at the start, at the least."""
    answer_s: int = ANSWER_S
    """Whole seconds that an answer may still take after the load has ended."""
    rate: float | None = None
    """Arrivals a second of the open model; None is the closed one."""
    arrivals: str = "poisson"
    """ "poisson" or "constant"."""
    most_under_way: int = 1000
    """Arrivals of the open model that may be under way at once."""
    processes: int = 1
    """Of Locust, on this machine."""

    @property
    def lead_s(self) -> float:
        """Return the seconds left out: until all users are started, at the least."""
        if self.rate is not None:
            return self.warmup_s
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
        rate=load.rate if load.model == "open" else None,
        arrivals=load.arrivals,
        most_under_way=load.most_under_way,
        processes=load.processes,
    )


def command(profile: Profile, *, host: str, python: str, folder: Path) -> list[str]:
    """Return the command that runs Locust.

    Args:
        profile: The load.
        host: URL of the site.
        python: An interpreter that has Locust.
        folder: Where Locust's own figures go, as ``locust_*.csv``.
    """
    is_open = profile.rate is not None
    files = [profile.locustfile, INSIDE / "recorder.py"]
    if is_open:
        files.append(INSIDE / "arrivals.py")
    # The one user that Locust knows of in the open model, in each process.
    users = profile.processes if is_open else profile.users
    several = ["--processes", str(profile.processes)] if profile.processes > 1 else []
    return [
        *(python, "-m", "locust", "--headless", "--only-summary"),
        *("-f", ",".join(str(path) for path in files)),
        *("--host", host),
        *("--users", str(users)),
        *("--spawn-rate", f"{users if is_open else profile.spawn_rate:g}"),
        # The recorder ends the run in time; this is for when it cannot.
        *("--run-time", f"{math.ceil(profile.longest_s)}s"),
        *("--stop-timeout", str(profile.answer_s)),
        # Failed requests are judged by thresholds, not by Locust's exit code.
        *("--exit-code-on-error", "0"),
        *("--csv", str(folder / "locust"), "--csv-full-history"),
        *several,
    ]


def variables(profile: Profile, folder: Path) -> dict[str, str]:
    """Return what the Locust files of this package read from their environment."""
    found = {
        "RECORDER_FOLDER": str(folder.resolve()),
        "RECORDER_LEAD_S": str(profile.lead_s),
        "RECORDER_TIME_S": str(profile.time_s),
    }
    if profile.rate is not None:
        found |= {
            "ARRIVALS_RATE": str(profile.rate / profile.processes),
            "ARRIVALS_KIND": profile.arrivals,
            "ARRIVALS_MOST": str(math.ceil(profile.most_under_way / profile.processes)),
            "ARRIVALS_USERS": str(math.ceil(profile.users / profile.processes)),
        }
    return found
