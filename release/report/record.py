"""``release.json``: what a release was, in one document.

Pure: events of the journal, outcomes of the tests and the settings in, JSON out. The
report and the index are made from it alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

from release.errors import ReleaseError
from release.journal import BATCH, Event, Kind
from release.report.requests import requests
from release.settings import Settings
from release.verdict import Ended, Outcome, State, Verdict

SCHEMA = 1
REFUSED = "settings"
"""The one stage of a release that was refused before it began anything."""
TOOLS = "tools"
"""How the names of the journal's values begin that hold versions of tools."""
PAGE = "page "
"""How the names of the journal's values begin that hold a page's gate."""


def record(
    settings: Settings,
    *,
    build: str,
    attached: bool,
    verdict: Verdict,
    tests: Sequence[Ended],
    events: Sequence[Event],
    tools: Mapping[str, str],
    seen: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return the document.

    Args:
        settings: What was set; secrets are masked in it.
        build: The build's id.
        attached: Whether the run only tested what it found.
        verdict: What the release came to.
        tests: The gates, in the order they ended.
        events: The journal, oldest first.
        tools: Versions by name.
        seen: What ran when the run began, or None.
    """
    started = events[0].at if events else datetime.now(UTC)
    ended = events[-1].at if events else started
    values = _values(events)
    load = values.get("load") or {}
    gates = load.get("gates", [])
    found = stages(events, tests)
    for stage in found:
        if stage["name"] == "load" and stage["outcome"] == "passed":
            stage["outcome"] = _worst(gate["outcome"] for gate in gates)
    return {
        "schema": SCHEMA,
        "build": build,
        "attached": attached,
        "environment": settings.environment,
        "cloud": settings.env.cloud,
        "service": settings.env.scale_set,
        "commit": settings.commit,
        "verdict": str(verdict.state),
        "reason": verdict.reason,
        "started_at": started.isoformat(),
        "finished_at": ended.isoformat(),
        "duration_s": round((ended - started).total_seconds(), 3),
        "stages": found,
        "origin": values.get("origin"),
        "preflight": values.get("preflight"),
        "image": values.get("image"),
        "base": values.get("base", ""),
        "previous": values.get("previous", seen),
        "deployment": values.get("deployment"),
        "rollout": None
        if attached
        else {
            "strategy": settings.env.rollout.strategy,
            "in_place": values.get("in_place", []),
            "batches": batches(events),
        },
        "canary": _canary(values),
        "pages": [it for name, it in values.items() if name.startswith(PAGE)],
        "gates": gates,
        "load": load.get("summary"),
        "rollback": values.get("rollback"),
        "touched": bool(values.get("touched")),
        "cleaned": values.get("cleaned", []),
        "tests": [asdict(test) for test in tests],
        "output": [
            {"stage": e.stage, "line": e.data["line"]}
            for e in events
            if e.kind is Kind.OUTPUT
        ],
        "progress": progress(events, started),
        "settings": _settings(settings),
        "tools": {**tools, **_tools(values)},
        "requests": requests(events),
    }


def refused(
    *,
    build: str,
    environment: str,
    service: str,
    commit: str,
    who: str,
    error: ReleaseError,
    at: datetime,
) -> dict[str, Any]:
    """Return the document of a release that was refused before it began anything."""
    first, *more = error.what.splitlines()
    problem = f" {' '.join(more[0].split())}" if more else ""
    others = f" (and {len(more) - 1} more)" if len(more) > 1 else ""
    stage = _stage(REFUSED, 0.0)
    stage |= {"duration_s": 0.0, "outcome": "failed", "error": str(error)}
    nothing = ("preflight", "image", "previous", "deployment", "rollout", "canary")
    return {
        "schema": SCHEMA,
        "build": build,
        "attached": False,
        "environment": environment,
        "cloud": "",
        "service": service,
        "commit": commit,
        "verdict": str(State.FAILED),
        "reason": f"{first}{problem}{others}",
        "started_at": at.isoformat(),
        "finished_at": at.isoformat(),
        "duration_s": 0.0,
        "stages": [stage],
        "origin": {"who": who},
        **dict.fromkeys(nothing),
        "gates": [],
        "load": None,
        "rollback": None,
        "touched": False,
        "cleaned": [],
        "tests": [],
        "output": [],
        "progress": [],
        "settings": [],
        "tools": {},
        "requests": requests([]),
    }


def stages(events: Sequence[Event], tests: Sequence[Ended]) -> list[dict[str, Any]]:
    """Return the stages with start (seconds from the first event) and outcome.

    Smoke is no stage that anybody runs: it is the time from the first smoke test
    to the end of the last.
    """
    found: list[dict[str, Any]] = []
    for event in events:
        offset_s = round((event.at - events[0].at).total_seconds(), 3)
        if event.kind is Kind.STAGE_STARTED:
            found.append(_stage(event.stage, offset_s))
        elif event.kind is Kind.STAGE_FINISHED:
            _finish(found, event)
    smoke = _smoke(events, tests)
    if smoke:
        found.append(smoke)
    return sorted(found, key=lambda stage: float(stage["started_s"]))


def _canary(values: Mapping[str, Any]) -> dict[str, Any] | None:
    found = values.get("canary")
    return found and {**found, "pictures": values.get("canary_pictures", [])}


def _stage(name: str, started_s: float) -> dict[str, Any]:
    return {
        "name": name,
        "started_s": started_s,
        "duration_s": None,
        "outcome": "unfinished",
        "error": "",
    }


def _finish(found: Sequence[dict[str, Any]], event: Event) -> None:
    for stage in reversed(found):
        if stage["name"] == event.stage and stage["duration_s"] is None:
            stage |= {
                "duration_s": event.data["duration_s"],
                "outcome": event.data["outcome"],
                "error": event.data["error"],
            }
            return


def _smoke(events: Sequence[Event], tests: Sequence[Ended]) -> dict[str, Any] | None:
    """Return the smoke tests as a stage, or None when none of them began."""
    outcomes = {test.nodeid: test.outcome for test in tests if test.group == "smoke"}
    ran = [
        event
        for event in events
        if event.kind is Kind.TEST_FINISHED
        and outcomes.get(event.data["nodeid"], Outcome.SKIPPED) != Outcome.SKIPPED
    ]
    # A test that asked for a stage which failed did not begin.
    begun = [event for event in ran if event.data["duration_s"]]
    if not begun:
        return None
    first = min(e.at - timedelta(seconds=e.data["duration_s"]) for e in begun)
    stage = _stage("smoke", round((first - events[0].at).total_seconds(), 3))
    took = (max(event.at for event in ran) - first).total_seconds()
    return stage | {
        "duration_s": round(took, 3),
        "outcome": _worst(outcomes.values()),
    }


def _worst(outcomes: Iterable[str]) -> str:
    """Return failed, inconclusive or passed: one outcome for many."""
    given = {str(outcome) for outcome in outcomes}
    if "failed" in given:
        return "failed"
    return "passed" if given <= {"passed"} else "inconclusive"


def batches(events: Sequence[Event]) -> list[dict[str, Any]]:
    """Return the batches of roll-outs, in their order, each with its stage."""
    return [
        {"stage": event.stage, **event.data["value"]}
        for event in events
        if event.kind is Kind.VALUE and event.data["name"] == BATCH
    ]


def progress(events: Sequence[Event], started: datetime) -> list[dict[str, Any]]:
    """Return what was said along the way: seconds, stage, text."""
    return [
        {
            "at_s": round((event.at - started).total_seconds(), 3),
            "stage": event.stage,
            "text": event.data["text"],
        }
        for event in events
        if event.kind is Kind.PROGRESS
    ]


def _tools(values: Mapping[str, Any]) -> dict[str, str]:
    """Return versions that were found along the way, of each browser for one."""
    found: dict[str, str] = {}
    for name, versions in values.items():
        found |= versions if name.startswith(TOOLS) else {}
    return found


def _values(events: Sequence[Event]) -> dict[str, Any]:
    """Return what was handed over, by name; failed work has no value."""
    found: dict[str, Any] = {}
    for event in events:
        if event.kind is Kind.VALUE:
            given = event.data["value"]
            if isinstance(given, dict) and set(given) & {"value", "error"}:
                given = given.get("value")
            found[event.data["name"]] = given
    return found


def _settings(settings: Settings) -> list[dict[str, str]]:
    """Return path, value and source of each setting, sorted; secrets as ``***``."""
    tables = {
        **_flat(settings.env.model_dump(), ()),
        **_flat(settings.image.model_dump(), ("image",)),
    }
    return [
        {
            "path": path,
            "value": str(tables[path]),
            "source": str(settings.sources.get(path, "")),
        }
        for path in sorted(tables)
    ]


def _flat(value: Any, path: tuple[str, ...]) -> dict[str, Any]:
    if isinstance(value, dict) and value:
        found: dict[str, Any] = {}
        for name, inner in value.items():
            found |= _flat(inner, (*path, str(name)))
        return found
    return {".".join(path): value}
