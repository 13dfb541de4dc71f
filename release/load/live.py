"""A look at a load run while it runs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from release.load.histogram import Histogram
from release.load.measurements import FILES, RUN, Measurements, events, gathered


@dataclass(frozen=True, kw_only=True, slots=True)
class Live:
    """The last second or so of a run."""

    elapsed_s: float
    """Since the load began; 0 while Locust starts."""
    lead_s: float
    run_s: float
    rate: float
    """Responses a second, failed ones too."""
    p95_ms: float | None
    """Of good responses; None without one."""
    errors: int
    """Since the load began."""
    users: int

    def __str__(self) -> str:
        if not self.elapsed_s:
            return "starting Locust"
        left = self.elapsed_s - self.lead_s
        if left < 0:
            phase = f"warming up {self.elapsed_s:.0f} of {self.lead_s:.0f} s"
        elif self.elapsed_s < self.run_s:
            phase = f"measuring {left:.0f} of {self.run_s - self.lead_s:.0f} s"
        else:
            phase = "waiting for the last answers"
        p95 = "" if self.p95_ms is None else f", p95 {self.p95_ms:.0f} ms"
        errors = f"{self.errors or 'no'} error{'' if self.errors == 1 else 's'}"
        users = f"{self.users} user{'' if self.users == 1 else 's'}"
        return f"{phase}: {self.rate:.0f} requests/s{p95}, {errors}, {users}"


class Tail:
    """Reads what the recorders have added since the last look.

    Args:
        folder: Where the recorders write to.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._run = json.loads((folder / RUN).read_text(encoding="utf-8"))
        self._read: dict[Path, int] = {}
        self._told: list[Mapping[str, Any]] = []
        self._errors = 0
        self._began: float | None = None
        self._looked: float | None = None
        self._users: dict[Path, int] = {}

    def look(self, now: float) -> Live:
        """Return what happened since the last look.

        Args:
            now: Seconds since 1970.
        """
        new = self._new()
        since = self._looked or self._began or now
        seconds = [event for event in new if event["event"] == "second"]
        good = Histogram.merged(
            Histogram.decoded(
                event["histogram"],
                longest_ms=event["longest_ms"],
                sum_ms=event["sum_ms"],
            )
            for event in seconds
        )
        bad = sum(sum(event["failures"].values()) for event in seconds)
        self._errors += bad
        self._looked = now
        return Live(
            elapsed_s=max(0.0, now - self._began) if self._began else 0.0,
            lead_s=self._run["lead_s"],
            run_s=self._run["lead_s"] + self._run["time_s"],
            rate=(good.total + bad) / (now - since) if now > since else 0.0,
            p95_ms=good.percentile_ms(95) if good.total else None,
            errors=self._errors,
            users=sum(self._users.values()),
        )

    def so_far(self, now: float) -> Measurements | None:
        """Return what was measured up to now; None before measuring began."""
        if not self._began:
            return None
        measured_s = now - self._began - self._run["lead_s"]
        if measured_s <= 0:
            return None
        return gathered(
            self._told,
            {**self._run, "time_s": min(self._run["time_s"], measured_s)},
        )

    def _new(self) -> list[Mapping[str, Any]]:
        found: list[Mapping[str, Any]] = []
        for path in sorted(self._folder.glob(FILES)):
            begin = self._read.get(path, 0)
            told, self._read[path] = events(path, begin)
            for event in told:
                if event["event"] == "started":
                    self._began = min(self._began or event["at"], event["at"])
                elif event["event"] == "vitals":
                    self._users[path] = event["users"]
            found += told
        self._told += found
        return found
