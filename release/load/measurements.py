"""What a load run measured, read back from the recorders' files."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from release.load.histogram import Histogram

FILES = "load-*.jsonl"
RUN = "run.json"
SCHEMA = 2
ALL = "*"
"""The endpoint that is all endpoints together."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Second:
    """What one endpoint answered to the requests that were due in one second."""

    at: int
    """Seconds since measuring began; below 0 in the ramp and the warm-up."""
    good: Histogram
    failures: Mapping[str, int]
    """How often, by what was wrong."""

    @property
    def failed(self) -> int:
        """Return how many were not good."""
        return sum(self.failures.values())


@dataclass(frozen=True, kw_only=True, slots=True)
class Endpoint:
    """What was measured of one endpoint, or of all."""

    name: str
    seconds: Sequence[Second]
    """Those measured, in order; one without a request is left out."""
    lead: Sequence[Second] = ()
    """Those of the ramp and the warm-up, which count in no figure."""
    durations: Histogram
    """Of all good responses measured."""
    failures: Mapping[str, int]
    """How often, by what was wrong, the most frequent first."""

    @classmethod
    def of(
        cls, name: str, seconds: Iterable[Second], lead: Iterable[Second] = ()
    ) -> Endpoint:
        """Return an endpoint with these seconds."""
        kept = tuple(seconds)
        return cls(
            name=name,
            seconds=kept,
            lead=tuple(lead),
            durations=Histogram.merged(each.good for each in kept),
            failures=_summed(each.failures for each in kept),
        )

    @property
    def good(self) -> int:
        """Return how many responses were good."""
        return self.durations.total

    @property
    def failed(self) -> int:
        """Return how many were not."""
        return sum(self.failures.values())

    @property
    def requests(self) -> int:
        """Return how many requests were due."""
        return self.good + self.failed

    @property
    def error_ratio(self) -> float:
        """Return the failed share, from 0 to 1; 0 without a request."""
        return self.failed / self.requests if self.requests else 0.0

    def percentile_ms(self, percent: float) -> float:
        """Return the time that a share of the good responses kept to.

        Raises:
            ValueError: There was no good response.
        """
        return self.durations.percentile_ms(percent)


@dataclass(frozen=True, kw_only=True, slots=True)
class Vitals:
    """How one process of the generator was in one second."""

    at: int
    cpu_ratio: float
    """Share of one CPU that it used."""
    lag_ms: float
    """The most that its event loop ran late."""
    users: int
    arrived: int
    """Arrivals of the open model."""
    late: int
    """Those of them that began over 50 ms after they were due."""
    process: str = ""
    """Name of the process."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sender:
    """One of several processes that shared the load."""

    name: str
    rate: float
    """Responses a measured second, failed ones too."""
    cpu_ratio: float
    """The most of one CPU that it used in a second."""
    lag_ms: float
    """The most that its event loop ran late."""
    lost_s: float | None
    """When it was lost, in seconds since measuring began; None: it stayed."""
    lost_batches: int
    """What it told and never came, each about a second's figures."""

    @property
    def stayed(self) -> bool:
        """Whether all that it measured is there."""
        return self.lost_s is None and not self.lost_batches


@dataclass(frozen=True, kw_only=True, slots=True)
class Measurements:
    """What a load run measured, warm-up left out."""

    started: float
    """When measuring began, in seconds since 1970."""
    time_s: float
    """Seconds measured; fewer than asked for when the load ended early."""
    users: int
    endpoints: Mapping[str, Endpoint]
    """By name, such as "GET /"; "*" is all together."""
    exceptions: Mapping[str, int] = field(default_factory=dict)
    """How often the locustfile's own code raised, by what."""
    vitals: Sequence[Vitals] = ()
    """Of each process and measured second."""
    ended_early: str = ""
    """Why the load was ended before its time, or ""."""
    senders: Sequence[Sender] = ()
    """The processes that shared the load; none where one alone sent it."""
    least_ratio: float = 0.0
    """Share of them that had to stay."""

    @property
    def everything(self) -> Endpoint:
        """Return all endpoints together."""
        return self.endpoints[ALL]

    def rate(self, endpoint: Endpoint) -> float:
        """Return the good responses a second."""
        return endpoint.good / self.time_s if self.time_s else 0.0

    def summary(self) -> dict[str, Any]:
        """Return the figures as JSON values."""
        return {
            "schema": SCHEMA,
            "started": self.started,
            "time_s": self.time_s,
            "users": self.users,
            "ended_early": self.ended_early,
            "exceptions": dict(self.exceptions),
            "workers": [asdict(each) for each in self.senders],
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
    percents = {
        "p50_ms": 50,
        "p90_ms": 90,
        "p95_ms": 95,
        "p99_ms": 99,
        "p99_9_ms": 99.9,
        "max_ms": 100,
    }
    found: dict[str, float | None] = {
        name: round(endpoint.percentile_ms(percent), 3) if endpoint.good else None
        for name, percent in percents.items()
    }
    mean = round(endpoint.durations.mean_ms, 3) if endpoint.good else None
    return {"mean_ms": mean, **found}


def describe(
    folder: Path, *, users: int, lead_s: float, time_s: float, **more: object
) -> None:
    """Write down what a run that begins in a folder is to be.

    Args:
        folder: Of the run.
        users: Simulated users.
        lead_s: Seconds that count in no figure, at the start.
        time_s: Seconds that are measured.
        more: Of processes that share the load: ``senders``, how many they are, and
            ``least_ratio``, the share of them that must stay; ``workers``, where those
            of other machines connect to.
    """
    run = {"schema": SCHEMA, "users": users, "lead_s": lead_s, "time_s": time_s}
    (folder / RUN).write_text(json.dumps(run | more), encoding="utf-8")


def read(folder: Path) -> Measurements | None:
    """Return what a run measured; None when it sent no load at all.

    Args:
        folder: Where the recorders wrote to.
    """
    run = json.loads((folder / RUN).read_text(encoding="utf-8"))
    told = [event for path in sorted(folder.glob(FILES)) for event in events(path)[0]]
    return gathered(told, run)


def gathered(
    told: Sequence[Mapping[str, Any]], run: Mapping[str, Any]
) -> Measurements | None:
    """Return what events of all processes come to; None before the load began.

    Args:
        told: Events, in each process's order.
        run: As `describe` wrote it.
    """
    begun = [event["at"] for event in told if event["event"] == "started"]
    if not begun:
        return None
    ended = [event["measured_s"] for event in told if event["event"] == "stopping"]
    time_s = min(run["time_s"], max(0.0, max(ended, default=run["time_s"])))
    last = math.ceil(run["time_s"])
    return Measurements(
        started=min(begun) + run["lead_s"],
        time_s=time_s,
        users=run["users"],
        endpoints=_endpoints(
            [event for event in told if event["event"] == "second"], last
        ),
        exceptions=Counter(
            event["text"] for event in told if event["event"] == "exception"
        ),
        vitals=tuple(
            _vitals(event)
            for event in told
            if event["event"] == "vitals" and 0 <= event["second"] < last
        ),
        senders=_senders(told, last, time_s),
        least_ratio=run.get("least_ratio", 0.0),
    )


def _most(vitals: Iterable[Mapping[str, Any]], name: str) -> float:
    return max((float(each[name]) for each in vitals), default=0.0)


def _senders(
    told: Sequence[Mapping[str, Any]], last: int, time_s: float
) -> tuple[Sender, ...]:
    """Return the processes that joined, by name."""
    requests: Counter[str] = Counter()
    vitals: dict[str, list[Mapping[str, Any]]] = {}
    batches: Counter[str] = Counter()
    lost: dict[str, float] = {}
    for event in told:
        process = event.get("process", "")
        if event["event"] == "second" and 0 <= event["second"] < last:
            requests[process] += event["good"] + sum(event["failures"].values())
        elif event["event"] == "vitals" and 0 <= event["second"] < last:
            vitals.setdefault(process, []).append(event)
        elif event["event"] == "gap":
            batches[event["name"]] += event["batches"]
        elif event["event"] == "lost":
            lost[event["name"]] = round(event["at_s"], 1)
    left = {event["name"] for event in told if event["event"] == "left"}
    joined = {event["name"] for event in told if event["event"] == "joined"}
    return tuple(
        Sender(
            name=name,
            rate=round(requests[name] / time_s, 2) if time_s else 0.0,
            cpu_ratio=_most(vitals.get(name, ()), "cpu_ratio"),
            lag_ms=_most(vitals.get(name, ()), "lag_ms"),
            lost_s=lost.get(name),
            lost_batches=batches[name],
        )
        for name in sorted(joined - left)
    )


def _endpoints(told: Sequence[Mapping[str, Any]], last: int) -> dict[str, Endpoint]:
    """Return the endpoints, all together first; several lines of one second add up."""
    lines: dict[str, dict[int, list[Second]]] = {}
    for event in told:
        by_second = lines.setdefault(event["endpoint"], {})
        by_second.setdefault(event["second"], []).append(_second(event))
    found = {
        name: [_merged(at, several) for at, several in sorted(by_second.items())]
        for name, by_second in sorted(lines.items())
    }
    everything = together(each for seconds in found.values() for each in seconds)
    made = {ALL: _endpoint(ALL, everything, last)}
    made |= {name: _endpoint(name, seconds, last) for name, seconds in found.items()}
    # An endpoint that only the warm-up saw was not measured.
    return {name: each for name, each in made.items() if each.seconds or name == ALL}


def together(seconds: Iterable[Second]) -> list[Second]:
    """Return seconds of several endpoints or processes as those of one."""
    by_second: dict[int, list[Second]] = {}
    for each in seconds:
        by_second.setdefault(each.at, []).append(each)
    return [_merged(at, several) for at, several in sorted(by_second.items())]


def _endpoint(name: str, seconds: Sequence[Second], last: int) -> Endpoint:
    return Endpoint.of(
        name,
        [each for each in seconds if 0 <= each.at < last],
        [each for each in seconds if each.at < 0],
    )


def _merged(at: int, several: Sequence[Second]) -> Second:
    if len(several) == 1:
        return several[0]
    return Second(
        at=at,
        good=Histogram.merged(each.good for each in several),
        failures=_summed(each.failures for each in several),
    )


def _second(event: Mapping[str, Any]) -> Second:
    return Second(
        at=event["second"],
        good=Histogram.decoded(
            event["histogram"],
            longest_ms=event["longest_ms"],
            sum_ms=event["sum_ms"],
        ),
        failures=event["failures"],
    )


def _summed(several: Iterable[Mapping[str, int]]) -> dict[str, int]:
    found: Counter[str] = Counter()
    for each in several:
        found.update(each)
    return dict(found.most_common())


def _vitals(event: Mapping[str, Any]) -> Vitals:
    return Vitals(
        at=event["second"],
        process=event.get("process", ""),
        **{
            name: event[name]
            for name in Vitals.__slots__
            if name not in ("at", "process")
        },
    )


def events(path: Path, begin: int = 0) -> tuple[list[dict[str, Any]], int]:
    """Return the whole lines of a recorder's file, from a byte on, and their end."""
    with path.open("rb") as file:
        file.seek(begin)
        whole, end, _ = file.read().rpartition(b"\n")
    process = path.stem.removeprefix("load-")
    told = [
        {**json.loads(line), "process": process} for line in whole.split(b"\n") if line
    ]
    return told, begin + len(whole) + len(end)
