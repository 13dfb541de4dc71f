"""What one release spent its time on: read from its journal and the embedded Azure."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any

from spans import Span, seconds, share, within

from release.journal import Event, Kind

KINDS = ("commands", "boots", "browser", "load")
STEP = re.compile(r"\d+/\d+ ")
"""How the bake announces a step of the recipe."""
BUILDING = "building the service"


@dataclass(frozen=True, kw_only=True, slots=True)
class Phase:
    """One row of the table."""

    name: str
    whole: Span
    spent_s: Mapping[str, float]
    """Seconds by kind."""
    rest: Sequence[Span]
    """What belongs to no kind."""


def commands(events: Sequence[Event]) -> list[Span]:
    """Return when the service's build and the recipe's steps ran.

    Each is announced; it ends with what is announced next.
    """
    told = [
        event
        for event in events
        if event.stage == "bake" and event.kind in (Kind.PROGRESS, Kind.STAGE_FINISHED)
    ]
    return [
        Span(start=event.at.timestamp(), end=after.at.timestamp())
        for event, after in pairwise(told)
        if STEP.match(event.data.get("text", ""))
        or event.data.get("text", "").startswith(BUILDING)
    ]


def load(events: Sequence[Event]) -> list[Span]:
    """Return when Locust ran: the canary and the load stage."""
    began, found = {}, []
    for event in events:
        if event.stage in ("canary", "load"):
            if event.kind is Kind.STAGE_STARTED:
                began[event.stage] = event.at.timestamp()
            elif event.kind is Kind.STAGE_FINISHED:
                start = began[event.stage]
                found.append(Span(start=start, end=event.at.timestamp()))
    return found


def boots(timeline: Sequence[Mapping[str, Any]]) -> list[Span]:
    """Return when machines booted: from their disk's copy to a healthy service.

    One that boots again does so from when it goes down. One whose health nobody asks
    for has booted once its services start.
    """
    down: dict[str, float] = {}
    begun: dict[str, float] = {}
    up: dict[str, float] = {}
    found: list[Span] = []
    for moment in timeline:
        name, state = moment["resource"], moment["state"]
        at = datetime.fromisoformat(moment["at"]).timestamp()
        if state in ("copying", "starting"):
            begun.setdefault(name, down.pop(name, at))
        elif state == "running" and name in begun:
            up[name] = at
        elif state == "Healthy" and name in begun:
            found.append(Span(start=begun.pop(name), end=at))
            up.pop(name, None)
        elif state in ("stopping", "deallocating"):
            down[name] = at
            if name in up:
                found.append(Span(start=begun.pop(name), end=up.pop(name)))
    return found + [Span(start=begun[name], end=up[name]) for name in up]


def phases(
    whole: Span, events: Sequence[Event], kinds: Sequence[tuple[str, Sequence[Span]]]
) -> list[Phase]:
    """Cut a release into its phases and tell what each was spent on."""
    marks = [("start", whole.start)]
    for event in events:
        if event.kind is Kind.STAGE_STARTED and event.stage in ("bake", "deploy"):
            marks.append((event.stage, event.at.timestamp()))
        if event.kind is Kind.STAGE_FINISHED and event.stage in ("deploy", "load"):
            name = {"deploy": "smoke tests", "load": "verdict, archive"}[event.stage]
            marks.append((name, event.at.timestamp()))
        if event.kind is Kind.STAGE_STARTED and event.stage == "load":
            marks.append(("load tests", event.at.timestamp()))
    found = []
    for (name, start), (_, end) in pairwise([*marks, ("", whole.end)]):
        span = Span(start=start, end=end)
        spent, rest = share(span, kinds)
        spent_s = {kind: seconds(spent[kind]) for kind in KINDS}
        found.append(Phase(name=name, whole=span, spent_s=spent_s, rest=rest))
    return found


def spent_on(
    whole: Span, rest: Sequence[Span], events: Sequence[Event]
) -> dict[str, float]:
    """Return the seconds of `rest` by what the journal had told last, most first."""
    told = [(whole.start, "the command's start")] + [
        (event.at.timestamp(), _short(event))
        for event in events
        if event.kind is not Kind.OUTPUT
    ]
    found: dict[str, float] = defaultdict(float)
    for (start, what), (end, _) in pairwise([*told, (whole.end, "")]):
        between = Span(start=start, end=end)
        found[what] += seconds(part for it in rest for part in within([between], it))
    return dict(sorted(found.items(), key=lambda item: -item[1]))


def _short(event: Event) -> str:
    if event.kind is Kind.PROGRESS:
        what = event.data["text"]
    else:
        name = event.data.get("name") or event.data.get("nodeid") or ""
        what = f"{event.kind} {str(name).rpartition('::')[2]}".strip()
    return f"{event.stage or 'release'}: {what}"[:80]
