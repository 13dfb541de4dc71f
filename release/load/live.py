"""A look at a load run while it runs."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from release.load.histogram import Histogram
from release.load.measurements import FILES, RUN, Measurements, events, gathered

MOST_NAMED = 4


@dataclass(frozen=True, kw_only=True, slots=True)
class Sending:
    """What one of several processes did since the last look."""

    name: str
    rate: float
    lag_ms: float
    lost: bool

    @property
    def share(self) -> str:
        """Return its rate, and how late its event loop ran at the most."""
        return f"{self.rate:.0f}/s {self.lag_ms:.0f} ms late"


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
    waiting: str = ""
    """Who is waited for before the load begins, or ""."""
    senders: tuple[Sending, ...] = ()
    """The processes that share the load; none where one alone sends it."""
    heard: bool = True
    """Whether anything was told since the look before."""
    heard_s: float = 0.0
    """As `elapsed_s`, when something was told last."""

    @property
    def is_cut_short(self) -> bool:
        """Whether the load has begun, and was never told of up to its end."""
        return bool(self.elapsed_s) and self.heard_s < self.run_s

    def __str__(self) -> str:
        if not self.elapsed_s:
            return self.waiting or "starting Locust"
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
        return (
            f"{phase}: {self.rate:.0f} requests/s{p95}, {errors}, {users}"
            f"{shares(self.senders)}"
        )


def shares(senders: Sequence[Sending]) -> str:
    """Return "; a 70/s 2 ms late, b lost", or for many their range and the worst."""
    if not senders:
        return ""
    there = [each for each in senders if not each.lost]
    lost = [each.name for each in senders if each.lost]
    if len(senders) <= MOST_NAMED:
        said = [
            f"{each.name} lost" if each.lost else f"{each.name} {each.share}"
            for each in senders
        ]
        return f"; {', '.join(said)}"
    said = [f"{len(there)} of {len(senders)} workers"]
    if there:
        rates = [each.rate for each in there]
        latest = max(there, key=lambda each: each.lag_ms)
        said.append(f"{min(rates):.0f} to {max(rates):.0f}/s each")
        said.append(f"{latest.name} {latest.lag_ms:.0f} ms late")
    if lost:
        named = ", ".join(lost[:MOST_NAMED])
        said.append(f"lost {named}" + (" ..." if len(lost) > MOST_NAMED else ""))
    return f"; {', '.join(said)}"


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
        self._heard = 0.0
        self._users: dict[str, int] = {}
        self._waiting = ""
        self._lost: dict[str, bool] = {}
        """Of each process that joined, whether it was lost."""

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
        if new:
            self._heard = now
        return Live(
            elapsed_s=max(0.0, now - self._began) if self._began else 0.0,
            lead_s=self._run["lead_s"],
            run_s=self._run["lead_s"] + self._run["time_s"],
            rate=(good.total + bad) / (now - since) if now > since else 0.0,
            p95_ms=good.percentile_ms(95) if good.total else None,
            errors=self._errors,
            users=sum(self._users.values()),
            waiting=self._waiting,
            senders=self._sending(new, now - since),
            heard=bool(new),
            heard_s=max(0.0, self._heard - self._began) if self._began else 0.0,
        )

    def _sending(
        self, new: Sequence[Mapping[str, Any]], time_s: float
    ) -> tuple[Sending, ...]:
        requests: Counter[str] = Counter()
        lag_ms: dict[str, float] = {}
        for event in new:
            name = event["process"]
            if event["event"] == "second":
                requests[name] += event["good"] + sum(event["failures"].values())
            elif event["event"] == "vitals":
                lag_ms[name] = max(lag_ms.get(name, 0.0), event["lag_ms"])
        return tuple(
            Sending(
                name=name,
                rate=requests[name] / time_s if time_s > 0 else 0.0,
                lag_ms=lag_ms.get(name, 0.0),
                lost=lost,
            )
            for name, lost in sorted(self._lost.items())
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
                self._note(event)
            found += told
        self._told += found
        return found

    def _note(self, event: Mapping[str, Any]) -> None:
        kind = event["event"]
        if kind == "started":
            self._began = min(self._began or event["at"], event["at"])
        elif kind == "vitals":
            self._users[event["process"]] = event["users"]
        elif kind == "joined":
            self._lost[event["name"]] = False
        elif kind == "left":
            del self._lost[event["name"]]
        elif kind == "lost":
            self._lost[event["name"]] = True
            self._users[event["name"]] = 0
        elif kind == "refused":
            self._waiting += f"; refused {event['name']}: {event['what']}"
        elif kind == "waiting" and "workers" in self._run:
            refused = self._waiting.partition(";")[2]
            self._waiting = (
                f"waiting for workers at {self._run['workers']}: "
                f"{event['came']} of {self._run['senders']}"
            ) + (f";{refused}" if refused else "")
