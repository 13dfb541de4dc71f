"""Pure: how much load, for how long, and the command that sends it."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path

from release.settings.model import Load
from release.settings.model import Workers as Given

ANSWER_S = 10
"""Seconds that an answer may still take after the load has ended."""
START_S = 60
"""Seconds that Locust may take to start."""
PORT = 5557
"""Where Locust's master listens if nobody says otherwise."""
INSIDE = Path(__file__).with_name("inside")
"""Locust files that run beside the user's."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Workers:
    """Workers elsewhere, who send the load in place of this machine."""

    expect: int
    host: str
    """Address of this machine that they connect to."""
    port: int
    wait_s: float
    """Seconds that they have to come."""
    least_ratio: float
    """Share of them that must stay to the end."""

    @property
    def bind(self) -> str:
        """Return address and port."""
        return f"{self.host}:{self.port}"


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
    """Of Locust, on this machine or on each worker's."""
    workers: Workers | None = None

    @property
    def senders(self) -> int:
        """Return how many processes share the load."""
        return self.processes * (self.workers.expect if self.workers else 1)

    @property
    def wait_s(self) -> float:
        """Return the seconds that the other processes have to come."""
        return self.workers.wait_s if self.workers else START_S

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
        """Return the seconds after which Locust must have ended, once it has begun."""
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
        workers=_workers(load.workers),
    )


def _workers(given: Given) -> Workers | None:
    if not given.expect:
        return None
    host, port = address(given.bind)
    return Workers(
        expect=given.expect,
        host=host,
        port=port,
        wait_s=given.wait_s,
        least_ratio=given.least_ratio,
    )


def address(text: str) -> tuple[str, int]:
    """Return host and port of "HOST" or "HOST:PORT"."""
    host, _, port = text.partition(":")
    return host, int(port or PORT)


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
    # The one user that Locust knows of in the open model, in each process.
    users = profile.senders if is_open else profile.users
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
    ]


def shared(profile: Profile, *, free_port: int) -> list[str]:
    """Return what the command needs where several processes share the load.

    Args:
        profile: The load.
        free_port: A port for processes of this machine alone.
    """
    if profile.senders == 1 and not profile.workers:
        return []
    # The users of a process that is lost are given to the others.
    several = ["--expect-workers", str(profile.senders), "--enable-rebalancing"]
    if profile.workers:
        where = profile.workers
        bind = ("--master-bind-host", where.host, "--master-bind-port", str(where.port))
        return [*several, "--master", *bind]
    port = str(free_port)
    return [
        *(*several, "--processes", str(profile.processes)),
        *("--master-bind-host", "127.0.0.1", "--master-bind-port", port),
        *("--master-host", "127.0.0.1", "--master-port", port),
    ]


def variables(profile: Profile, folder: Path) -> dict[str, str]:
    """Return what the Locust files of this package read from their environment."""
    arrivals = None
    if profile.rate is not None:
        arrivals = {
            "rate": profile.rate / profile.senders,
            "is_even": profile.arrivals == "constant",
            "most": math.ceil(profile.most_under_way / profile.senders),
            "ready": math.ceil(profile.users / profile.senders),
        }
    plan = {
        "lead_s": profile.lead_s,
        "time_s": profile.time_s,
        "arrivals": arrivals,
        "expect": profile.senders,
        "wait_s": profile.wait_s,
    }
    return {
        "RECORDER_CHILD": "begun",
        "RECORDER_FOLDER": str(folder.resolve()),
        "RECORDER_PLAN": json.dumps(plan),
    }
