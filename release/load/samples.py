"""What a load run measured, read back from the recorder's files."""

from __future__ import annotations

import json
import math
import struct
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SAMPLE = struct.Struct("<dfHH")
"""As the recorder writes it."""
NO_ANSWER = "no answer"
"""What the recorder calls the failure of a request that was never answered."""
RUN = "run.json"
SCHEMA = 1
ALL = "*"
"""The endpoint that is all endpoints together."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One response."""

    started: float
    """Seconds since 1970."""
    duration_ms: float
    endpoint: str
    failure: str
    """What was wrong, or ""."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Window:
    """The seconds that are measured."""

    started: float
    """Seconds since 1970."""
    time_s: float

    def holds(self, sample: Sample) -> bool:
        """Return whether a sample counts.

        One without an answer does, whenever it was sent: it still waited when the
        window closed.
        """
        sent = sample.started
        in_time = self.started <= sent < self.started + self.time_s
        return in_time or sample.failure == NO_ANSWER


@dataclass(frozen=True, kw_only=True, slots=True)
class Endpoint:
    """What was measured of one endpoint, or of all."""

    name: str
    durations_ms: tuple[float, ...]
    """Of good responses, rising."""
    failures: Mapping[str, int]
    """How often, by what was wrong."""

    @property
    def good(self) -> int:
        """Return how many responses were good."""
        return len(self.durations_ms)

    @property
    def failed(self) -> int:
        """Return how many were not."""
        return sum(self.failures.values())

    @property
    def requests(self) -> int:
        """Return how many requests were sent."""
        return self.good + self.failed

    @property
    def error_ratio(self) -> float:
        """Return the failed share, from 0 to 1; 0 without a request."""
        return self.failed / self.requests if self.requests else 0.0

    def percentile_ms(self, percent: float) -> float:
        """Return the time that a share of the good responses kept to.

        Nearest rank: a time that was measured, never one in between.

        Raises:
            ValueError: There was no good response.
        """
        if not self.durations_ms:
            raise ValueError(f"{self.name} has no good response")
        rank = math.ceil(round(percent * self.good / 100, 9))
        return self.durations_ms[max(0, rank - 1)]


@dataclass(frozen=True, kw_only=True, slots=True)
class Measurements:
    """What a load run measured, warm-up left out."""

    window: Window
    users: int
    endpoints: Mapping[str, Endpoint]
    """By name, such as "GET /"; "*" is all together."""
    exceptions: Mapping[str, int] = field(default_factory=dict)
    """How often the locustfile's own code raised, by what."""
    cpu_percent: float | None = None
    """Of Locust, where it was short of it: times are then too long."""

    @property
    def everything(self) -> Endpoint:
        """Return all endpoints together."""
        return self.endpoints[ALL]

    def rate(self, endpoint: Endpoint) -> float:
        """Return the good responses a second."""
        return endpoint.good / self.window.time_s

    def summary(self) -> dict[str, Any]:
        """Return the figures as JSON values."""
        return {
            "schema": SCHEMA,
            "started": self.window.started,
            "time_s": self.window.time_s,
            "users": self.users,
            "cpu_percent": self.cpu_percent,
            "exceptions": dict(self.exceptions),
            "endpoints": [
                {
                    "name": one.name,
                    "requests": one.requests,
                    "failed": one.failed,
                    "failures": dict(one.failures),
                    "error_ratio": one.error_ratio,
                    "rate": self.rate(one),
                    **_times(one),
                }
                for one in self.endpoints.values()
            ],
        }


def _times(endpoint: Endpoint) -> dict[str, float | None]:
    percents = {"p50_ms": 50, "p90_ms": 90, "p95_ms": 95, "p99_ms": 99, "max_ms": 100}
    return {
        name: endpoint.percentile_ms(percent) if endpoint.good else None
        for name, percent in percents.items()
    }


def describe(folder: Path, *, users: int, lead_s: float, time_s: float) -> None:
    """Write down what a run that begins in a folder is to be."""
    run = {"schema": SCHEMA, "users": users, "lead_s": lead_s, "time_s": time_s}
    (folder / RUN).write_text(json.dumps(run), encoding="utf-8")


def read(folder: Path) -> Measurements | None:
    """Return what a run measured; None when it sent no load at all.

    Args:
        folder: Where the recorder wrote to.
    """
    run = json.loads((folder / RUN).read_text(encoding="utf-8"))
    happened = [event for path in _event_files(folder) for event in events(path)]
    begun = [event["at"] for event in happened if event["event"] == "started"]
    if not begun:
        return None
    window = Window(started=min(begun) + run["lead_s"], time_s=run["time_s"])
    found = (one for path in _event_files(folder) for one in samples(path))
    cpu = [one["cpu_percent"] for one in happened if one["event"] == "cpu_warning"]
    return Measurements(
        window=window,
        users=run["users"],
        endpoints=by_endpoint(one for one in found if window.holds(one)),
        exceptions=Counter(
            one["text"] for one in happened if one["event"] == "exception"
        ),
        cpu_percent=max(cpu, default=None),
    )


def by_endpoint(found: Iterator[Sample]) -> dict[str, Endpoint]:
    """Return samples sorted by endpoint, all together first."""
    durations: dict[str, list[float]] = {ALL: []}
    failures: dict[str, Counter[str]] = {ALL: Counter()}
    for sample in found:
        for name in (ALL, sample.endpoint):
            good = durations.setdefault(name, [])
            bad = failures.setdefault(name, Counter())
            if sample.failure:
                bad[sample.failure] += 1
            else:
                good.append(sample.duration_ms)
    return {
        name: Endpoint(
            name=name,
            durations_ms=tuple(sorted(durations[name])),
            failures=dict(failures[name].most_common()),
        )
        for name in sorted(durations, key=lambda name: (name != ALL, name))
    }


def samples(events_file: Path) -> Iterator[Sample]:
    """Yield the samples that belong to a file of events, in their order."""
    endpoints: dict[int, str] = {}
    failures = {0: ""}
    for event in events(events_file):
        if event["event"] == "endpoint":
            endpoints[event["number"]] = event["text"]
        elif event["event"] == "failure":
            failures[event["number"]] = event["text"]
    process = events_file.stem.partition("-")[2]
    data = events_file.with_name(f"samples-{process}.bin").read_bytes()
    whole = len(data) - len(data) % SAMPLE.size
    for started, duration_ms, endpoint, failure in SAMPLE.iter_unpack(data[:whole]):
        yield Sample(started, duration_ms, endpoints[endpoint], failures[failure])


def events(path: Path) -> list[dict[str, Any]]:
    """Return the whole lines of a file of events."""
    lines = path.read_text(encoding="utf-8").split("\n")
    return [json.loads(line) for line in lines[:-1]]


def _event_files(folder: Path) -> list[Path]:
    return sorted(folder.glob("events-*.jsonl"))
