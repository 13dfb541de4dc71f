"""What a load was judged by: values that travel as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any


class Outcome(StrEnum):
    """What a gate came to."""

    PASSED = "passed"
    FAILED = "failed"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True, kw_only=True, slots=True)
class Gate:
    """One threshold of one endpoint, judged."""

    endpoint: str
    metric: str
    """As in release.toml: "p95_ms"."""
    limit: float
    measured: float | None
    """None without a sample."""
    unit: str
    """ "ms", "ratio", "/s" or "samples"."""
    samples: int
    outcome: Outcome
    margin: float | None
    """What is left to the limit, in the unit; below 0 in a breach."""
    text: str
    """All of it, in one line."""

    @property
    def id(self) -> str:
        """Return its name among all gates of a release."""
        return f"{self.endpoint} {self.metric}"

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Gate:
        """Return the gate that `as_json` gave."""
        return cls(**{**raw, "outcome": Outcome(raw["outcome"])})


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """One percentile of one endpoint, this build against earlier ones."""

    endpoint: str
    metric: str
    """ "p50_ms" or "p95_ms"."""
    measured_ms: float | None
    """None without a good response."""
    earlier_ms: float | None
    """Geometric mean of the earlier builds; None without a baseline."""
    change_ratio: float | None
    """0.1 is 10 % slower."""
    low: float | None
    """Between this and `high` lies a further run of the same, 95 % sure."""
    high: float | None
    builds: tuple[str, ...]
    """Ids of the earlier builds."""
    outcome: Outcome
    text: str

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Comparison:
        """Return the comparison that `as_json` gave."""
        outcome = Outcome(raw["outcome"])
        return cls(**{**raw, "builds": tuple(raw["builds"]), "outcome": outcome})


METRICS = ("p50_ms", "p95_ms")


def compared(endpoints: Iterable[str]) -> list[tuple[str, str]]:
    """Return endpoint and metric of each comparison."""
    return [(name, metric) for name in endpoints for metric in METRICS]


@dataclass(frozen=True, kw_only=True, slots=True)
class Endpoint:
    """One endpoint of a new instance, against an old one beside it."""

    name: str
    pairs: int
    """Requests that both were sent."""
    change_ratio: float | None
    """0.1 is 10 % slower; None where too few were good."""
    low: float | None
    """Between this and `high` the change lies."""
    high: float | None
    outcome: Outcome
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Canary:
    """A new instance against an old one beside it, judged."""

    outcome: Outcome
    """Failed is worse; inconclusive, unclear."""
    text: str
    endpoints: tuple[Endpoint, ...]
    pairs: int
    new: str
    """Name of the instance of the new build; "" when there was nothing to compare."""
    old: str

    @classmethod
    def of_nothing(cls, text: str) -> Canary:
        """Return what a release says that had nothing to compare."""
        return cls(
            outcome=Outcome.PASSED, text=text, endpoints=(), pairs=0, new="", old=""
        )

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Canary:
        """Return what `as_json` gave."""
        endpoints = tuple(
            Endpoint(**{**each, "outcome": Outcome(each["outcome"])})
            for each in raw["endpoints"]
        )
        outcome = Outcome(raw["outcome"])
        return cls(**{**raw, "endpoints": endpoints, "outcome": outcome})
