"""One threshold of one endpoint, judged: a value that travels as JSON."""

from __future__ import annotations

from collections.abc import Mapping
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
