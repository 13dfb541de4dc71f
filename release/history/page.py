"""``reports/index.html`` from entries. Pure.

One file that needs nothing else: the rows and pictures stand in it, and a script of a
few lines filters them. It reads as well without that.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from markupsafe import Markup

from release.history import trends
from release.history.delivery import delivery
from release.history.entry import Entry, by_environment
from release.history.live import live
from release.report.html import STYLE
from release.report.templating import templates
from release.verdict import State

TEMPLATES = Path(__file__).parent / "templates"
RECENT = 30
"""Builds that the strip of an environment draws."""
AT_ONCE = 100
"""Rows that are shown before somebody asks for more."""


def page(entries: Sequence[Entry], now: datetime, *, unread: Sequence[str] = ()) -> str:
    """Return the index of all builds as a page of its own.

    Args:
        entries: Newest first.
        now: Aware: when it is written.
        unread: Folders whose record cannot be read.
    """
    template = templates(TEMPLATES).get_template("index.html.j2")
    return template.render(
        builds=entries,
        environments=[
            _environment(name, builds, now)
            for name, builds in by_environment(entries).items()
        ],
        verdicts=[state for state in State if any(e.verdict == state for e in entries)],
        at_once=AT_ONCE,
        box=trends,
        now=now,
        unread=unread,
        style=Markup(_text(STYLE) + _text(TEMPLATES / "history.css")),  # noqa: S704 - ours
        script=Markup(_text(TEMPLATES / "filter.js")),  # noqa: S704 - ours
    )


def _environment(name: str, builds: Sequence[Entry], now: datetime) -> dict[str, Any]:
    """Return what stands above the table of builds for one environment."""
    recent = list(reversed(builds[:RECENT]))
    longest_s = max(each.duration_s for each in recent) or 1
    return {
        "name": name,
        "live": live(builds),
        "last": builds[0],
        "count": len(builds),
        "good": sum(each.passed for each in builds),
        "longest_s": longest_s,
        "bars": [
            (each, round(max(100 * each.duration_s / longest_s, 4), 1))
            for each in recent
        ],
        "delivery": delivery(builds, now),
        "pictures": trends.trends(builds),
    }


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")
