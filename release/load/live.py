"""A look at a load run while it runs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from release.load.samples import SAMPLE, Endpoint, events


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
        return f"{phase}: {self.rate:.0f} requests/s{p95}, {errors}"


class Tail:
    """Reads what the recorder has added since the last look.

    Args:
        folder: Where the recorder writes to.
        lead_s: Seconds left out at the start.
        run_s: Seconds of load, those included.
    """

    def __init__(self, folder: Path, *, lead_s: float, run_s: float) -> None:
        self._folder = folder
        self._lead_s = lead_s
        self._run_s = run_s
        self._read: dict[Path, int] = {}
        self._errors = 0
        self._began: float | None = None
        self._looked: float | None = None

    def look(self, now: float) -> Live:
        """Return what happened since the last look.

        Args:
            now: Seconds since 1970.
        """
        self._began = self._began or self._beginning()
        since = self._looked or self._began or now
        self._looked = now
        good, bad = self._new()
        self._errors += bad
        last = Endpoint(name="*", durations_ms=tuple(sorted(good)), failures={})
        return Live(
            elapsed_s=max(0.0, now - self._began) if self._began else 0.0,
            lead_s=self._lead_s,
            run_s=self._run_s,
            rate=(len(good) + bad) / (now - since) if now > since else 0.0,
            p95_ms=last.percentile_ms(95) if good else None,
            errors=self._errors,
        )

    def _beginning(self) -> float | None:
        for path in self._folder.glob("events-*.jsonl"):
            for event in events(path):
                if event["event"] == "started":
                    return float(event["at"])
        return None

    def _new(self) -> tuple[list[float], int]:
        good: list[float] = []
        bad = 0
        for path in self._folder.glob("samples-*.bin"):
            with path.open("rb") as file:
                file.seek(self._read.get(path, 0))
                data = file.read()
            whole = len(data) - len(data) % SAMPLE.size
            self._read[path] = self._read.get(path, 0) + whole
            for _, duration_ms, _, failure in SAMPLE.iter_unpack(data[:whole]):
                if failure:
                    bad += 1
                else:
                    good.append(duration_ms)
        return good, bad
