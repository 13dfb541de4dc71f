"""Recorded runs of a canary: values that travel as JSON, and what they come to. Pure.

The load itself is kept, so that other statistics can judge the same runs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from release.load import Canary, Outcome
from release.load.canary import Pair, judge, looks
from release.settings.model import Canary as Rules

SCHEMA = 1
COLUMNS = ("at", "endpoint", "new", "old")


@dataclass(frozen=True, kw_only=True, slots=True)
class Condition:
    """How much worse the new instance is, and how often that is tried."""

    name: str
    runs: int
    slower_ratio: float = 0.0
    """Time that its answers take longer, as a share of the old one's median."""
    error_ratio: float = 0.0

    @property
    def is_worse(self) -> bool:
        """Whether it is to be found."""
        return self.slower_ratio > 0 or self.error_ratio > 0


CONDITIONS = (
    Condition(name="same", runs=40),
    *(
        Condition(name=f"slower-{percent}", runs=20, slower_ratio=percent / 100)
        for percent in (5, 10, 20, 50)
    ),
    *(
        Condition(name=f"failing-{percent}", runs=20, error_ratio=percent / 100)
        for percent in (1, 5)
    ),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """One run: what was done to whom, under what, and each pair of answers."""

    condition: str
    number: int
    endpoint: str
    """Which of the new instance's was worse; "" where none."""
    delay_ms: float
    error_ratio: float
    new: str
    old: str
    began_at: str
    load_s: float
    """Seconds of load that counted."""
    own_cpu_ratio: float
    """Share of the machine that instances, load and embedded Azure used."""
    other_cpu_ratio: float
    """Share that anything else used."""
    pairs: tuple[Pair, ...]

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON values, the pairs as columns."""
        raw = {name: value for name, value in asdict(self).items() if name != "pairs"}
        columns = {
            name: [getattr(pair, name) for pair in self.pairs] for name in COLUMNS
        }
        return {"schema": SCHEMA, **raw, "pairs": columns}

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Run:
        """Return the run that `as_json` gave."""
        columns = raw["pairs"]
        pairs = tuple(
            Pair(at=at, endpoint=endpoint, new=new, old=old)
            for at, endpoint, new, old in zip(
                *(columns[name] for name in COLUMNS), strict=True
            )
        )
        kept = {name: raw[name] for name in raw if name not in ("schema", "pairs")}
        return cls(**kept, pairs=pairs)

    def median_ms(self, endpoint: str) -> float:
        """Return the old instance's median at an endpoint."""
        times = [
            pair.old for pair in self.pairs if pair.endpoint == endpoint and pair.old
        ]
        return float(np.median(times))


@dataclass(frozen=True, kw_only=True, slots=True)
class Decision:
    """What the canary said of a run, and after how many seconds of load."""

    found: Canary
    after_s: float
    pairs: tuple[Pair, ...]
    """Those that it had seen."""

    def names(self, endpoint: str) -> bool:
        """Tell whether it blames an endpoint."""
        return any(
            each.name == endpoint and each.outcome is Outcome.FAILED
            for each in self.found.endpoints
        )


def decide(pairs: Sequence[Pair], rules: Rules) -> Decision:
    """Judge pairs look by look, as a release does, until it is clear."""
    at = looks(rules)
    for look in range(len(at)):
        found = judge(pairs, rules, look=look)
        if found.outcome is not Outcome.INCONCLUSIVE:
            break
    after_s = at[look]
    seen = tuple(pair for pair in pairs if pair.at <= after_s)
    return Decision(found=found, after_s=after_s, pairs=seen)
