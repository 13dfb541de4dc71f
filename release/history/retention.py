"""Which builds of the archive are older than they need be. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from release.history.entry import Entry
from release.settings import Retention


def outdated(entries: Sequence[Entry], limits: Retention, now: datetime) -> list[Entry]:
    """Return the builds that go: beyond the count, or past the age.

    The last one that passed stays whatever its age, and so does the last one of all.

    Args:
        entries: All builds of one environment, newest first.
        limits: How many are kept, and for how long.
        now: Aware.
    """
    oldest = now - timedelta(days=limits.build_days)
    kept = {each.path for each in [each for each in entries if each.passed][:1]}
    return [
        each
        for place, each in enumerate(entries)
        if place
        and each.path not in kept
        and (place >= limits.builds or each.finished_at < oldest)
    ]
