"""The history in a terminal, and for machines. Pure: entries in, rows out."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from release.history.delivery import delivery
from release.history.entry import Entry, by_environment
from release.history.flaky import flaky
from release.history.live import live
from release.history.trends import Picture, trends
from release.report.figures import duration, short

COLOURS = {"passed": "green", "failed": "red", "inconclusive": "yellow"}
ROWS = 30
"""Builds that are listed: the last ones."""


def shown(
    entries: Sequence[Entry], found: Sequence[Entry], now: datetime
) -> RenderableType:
    """Return what the history page says.

    Args:
        entries: All builds of the environments wanted, newest first.
        found: Those of them to be listed.
        now: Aware.
    """
    parts: list[RenderableType] = []
    for name, builds in by_environment(entries).items():
        parts += [
            Text(name, style="bold"),
            Text(live(builds).text),
            _figures(builds, now),
            _trends(trends(builds)),
            Text(),
        ]
    return Group(*parts, _builds(found), Text(_counted(found)))


def _figures(builds: Sequence[Entry], now: datetime) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in ("figure", "value", "from", "definition"):
        table.add_column(column, overflow="fold")
    for each in delivery(builds, now):
        table.add_row(each.name, Text(each.text), Text(each.basis), each.definition)
    return table


def _trends(pictures: Sequence[Picture]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in ("trend", "of", "so far"):
        table.add_column(column, overflow="fold")
    for picture in pictures:
        name = picture.title
        for line in picture.lines:
            table.add_row(name, Text(line.name), Text(line.said))
            name = ""
        if not picture.lines:
            table.add_row(name, "", picture.note)
    return table


def _builds(found: Sequence[Entry]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in ("build", "environment", "verdict", "commit", "took", "reason"):
        table.add_column(column, overflow="fold", no_wrap=column == "build")
    for each in found[:ROWS]:
        table.add_row(
            each.build,
            each.environment,
            Text(each.verdict, style=COLOURS.get(each.verdict, "")),
            short(each.commit)[:12] or "none",
            duration(each.duration_s),
            Text(each.reason),
        )
    return table


def _counted(found: Sequence[Entry]) -> str:
    count = len(found)
    if not count:
        return "no build is like that"
    some = f"the last {ROWS} of " if count > ROWS else ""
    return f"{some}{count} build{'s' * (count != 1)}"


def as_json(
    entries: Sequence[Entry], found: Sequence[Entry], now: datetime
) -> dict[str, Any]:
    """Return the same for machines."""
    return {
        "schema": 1,
        "at": now.isoformat(),
        "environments": {
            name: _environment(builds, now)
            for name, builds in by_environment(entries).items()
        },
        "builds": [each.to_json() for each in found],
    }


def _environment(builds: Sequence[Entry], now: datetime) -> dict[str, Any]:
    runs = live(builds)
    return {
        "live": {
            "state": str(runs.state),
            "build": runs.build.build if runs.build else None,
            "commit": runs.build.commit if runs.build else None,
            "image": runs.build.image if runs.build else None,
            "since": runs.since.isoformat() if runs.since else None,
            "text": runs.text,
        },
        "delivery": [figure.to_json() for figure in delivery(builds, now)],
        "flaky": [
            {
                "nodeid": each.nodeid,
                "images": list(each.images),
                "failed": each.failed,
                "passed": each.passed,
            }
            for each in flaky(builds)
        ],
    }
