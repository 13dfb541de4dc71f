"""The four figures of delivery, each with its definition. Pure.

They are those of DORA (dora.dev, "software delivery performance metrics"), as far as
releases know them: what users find broken later, no release tells.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from release.history.entry import Entry
from release.report.figures import duration

WINDOW = timedelta(days=30)
WEEK_S = timedelta(days=7).total_seconds()


@dataclass(frozen=True, kw_only=True, slots=True)
class Figure:
    """One figure, ready to be read."""

    name: str
    value: float | None
    """None when there is nothing to count."""
    unit: str
    text: str
    """The value in words, with its unit."""
    basis: str
    """What it was computed from."""
    definition: str

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return asdict(self)


def delivery(entries: Sequence[Entry], now: datetime) -> tuple[Figure, ...]:
    """Return the four figures of one environment, for the days up to now.

    Args:
        entries: All its builds, newest first.
        now: Aware.
    """
    recent = [
        each
        for each in entries
        if each.deploys and now - WINDOW <= each.finished_at <= now
    ]
    return (
        _frequency(recent),
        _lead_time(recent, entries),
        _change_failure(recent),
        _restore(recent, entries),
    )


def _frequency(recent: Sequence[Entry]) -> Figure:
    passed = sum(each.passed for each in recent)
    weekly = passed * WEEK_S / WINDOW.total_seconds()
    return Figure(
        name="Deployment frequency",
        value=round(weekly, 3),
        unit="a week",
        text=f"{weekly:.1f} a week",
        basis=f"{passed} in {WINDOW.days} days",
        definition="Releases that passed, by week.",
    )


def _lead_time(recent: Sequence[Entry], entries: Sequence[Entry]) -> Figure:
    first: dict[str, Entry] = {}
    for each in reversed(entries):
        for commit in each.commits if each.passed else ():
            first.setdefault(commit, each)
    waits = [
        (each.live_at - authored_at).total_seconds()
        for each in recent
        for commit, authored_at in each.commits.items()
        if first.get(commit) is each and each.live_at
    ]
    return _median(
        "Lead time",
        waits,
        basis=_many(len(waits), "commit"),
        none="no new commit went live",
        definition="From a commit being authored to its image being proved on all "
        "instances, in the first release of it that passed. Median of all commits.",
    )


def _change_failure(recent: Sequence[Entry]) -> Figure:
    failed = sum(not each.passed for each in recent)
    ratio = failed / len(recent) if recent else None
    return Figure(
        name="Change failure rate",
        value=None if ratio is None else round(ratio, 4),
        unit="ratio",
        text="none" if ratio is None else f"{100 * ratio:.0f} %",
        basis=f"{failed} of {_many(len(recent), 'deployment')}"
        if recent
        else "no deployment",
        definition="Releases that changed the scale set and did not pass, as a share "
        "of all that changed it.",
    )


def _restore(recent: Sequence[Entry], entries: Sequence[Entry]) -> Figure:
    failed = [each for each in recent if not each.passed]
    waits = [wait for each in failed if (wait := _restored_s(each, entries))]
    still = len(failed) - len(waits)
    return _median(
        "Time to restore",
        waits,
        basis=_many(len(waits), "failure") + (f", {still} not restored" * bool(still)),
        none="not restored yet" if still else "nothing to restore",
        definition="From a failed release beginning to change the scale set until "
        "what ran before was back and proved, or the next release had passed. Median.",
    )


def _restored_s(failed: Entry, entries: Sequence[Entry]) -> float | None:
    """Return seconds until a service was whole again; None when it is not yet."""
    if failed.touched_at is None:
        return None
    later = [
        each.live_at
        for each in entries
        if each.passed and each.live_at and each.started_at > failed.started_at
    ]
    back = [failed.live_at] if failed.live_at else []
    ends = [*back, *later]
    return (min(ends) - failed.touched_at).total_seconds() if ends else None


def _median(
    name: str, seconds: Sequence[float], *, basis: str, none: str, definition: str
) -> Figure:
    middle = statistics.median(seconds) if seconds else None
    return Figure(
        name=name,
        value=None if middle is None else round(middle, 3),
        unit="s",
        text="none" if middle is None else _span(middle),
        basis=none if middle is None else basis,
        definition=definition,
    )


def _span(seconds: float) -> str:
    """Return seconds as a person reads them: also 3 h 20 min, 2 d 5 h."""
    minutes = round(seconds / 60)
    if minutes < 60:  # noqa: PLR2004 - an hour
        return duration(seconds)
    hours, rest = divmod(minutes, 60)
    if hours < 48:  # noqa: PLR2004 - two days
        return f"{hours} h {rest} min"
    days, hours = divmod(round(minutes / 60), 24)
    return f"{days} d {hours} h"


def _many(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
