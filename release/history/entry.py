"""What the history keeps of a build. Pure: ``release.json`` in, an entry out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Self

from release.verdict import State

SCHEMA = 1
FLAKY = "flaky"


class Left(StrEnum):
    """What a release left behind at its environment."""

    LIVE = "live"
    """It passed: its image runs."""
    UNCHANGED = "unchanged"
    """What ran before runs: nothing was touched, or it came back and was proved."""
    REMOVED = "removed"
    """Nothing ran before, and what it had made was deleted."""
    IN_PLACE = "in place"
    """It failed, and was left in place on purpose."""
    UNCLEAR = "unclear"
    """It ended in the midst: nobody has proved what runs."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """One build, as the history knows it."""

    build: str
    environment: str
    service: str
    verdict: str
    reason: str
    by: str
    """Who or what started it, or ""."""
    commit: str
    subject: str
    """First line of the commit's message, or ""."""
    started_at: datetime
    finished_at: datetime
    image: str
    """Version of its image, or ""."""
    image_build: str
    """The build that baked it, or ""."""
    left: Left
    rollback: str
    """What came back, in a sentence, or ""."""
    touched_at: datetime | None
    """When it began to change the environment; None when it never did."""
    live_at: datetime | None
    """When its own image was proved, or what ran before had come back."""
    commits: Mapping[str, datetime] = field(default_factory=dict)
    """When each commit was authored that had not passed here before."""
    stages_s: Mapping[str, float] = field(default_factory=dict)
    """Seconds of each stage that ended."""
    p95_ms: Mapping[str, float] = field(default_factory=dict)
    """By endpoint; ``*`` is all together."""
    tests: Mapping[str, str] = field(default_factory=dict)
    """Outcome by node id; `FLAKY` of one that passed when it was tried again."""

    @property
    def passed(self) -> bool:
        """Whether the release passed."""
        return self.verdict == State.PASSED

    @property
    def deploys(self) -> bool:
        """Whether it was a deployment: it changed, or may have changed, what runs."""
        return self.touched_at is not None

    @property
    def duration_s(self) -> float:
        """Seconds from its beginning to its end."""
        return (self.finished_at - self.started_at).total_seconds()

    @property
    def path(self) -> str:
        """Its folder in the archive."""
        return f"{self.environment}/{self.build}"

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {name: _plain(value) for name, value in asdict(self).items()}

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Self:
        """Read it back."""
        times = ("started_at", "finished_at", "touched_at", "live_at")
        read = {name: _moment(raw[name]) for name in times}
        commits = {
            name: datetime.fromisoformat(at) for name, at in raw["commits"].items()
        }
        return cls(**{**raw, **read, "commits": commits, "left": Left(raw["left"])})


def entry(record: Mapping[str, Any]) -> Entry:
    """Return what the history keeps of a build's ``release.json``."""
    started = datetime.fromisoformat(record["started_at"])
    stages = {stage["name"]: stage for stage in record["stages"]}
    image = record["image"] or {}
    origin = record.get("origin") or {}
    change = origin.get("change") or {}
    left = left_behind(record)
    deploy, rollback = stages.get("deploy"), stages.get("rollback")
    changed = deploy if _touched(record) else None
    proved = {Left.LIVE: deploy, Left.UNCHANGED: rollback}.get(left)
    return Entry(
        build=record["build"],
        environment=record["environment"],
        service=record["service"],
        verdict=record["verdict"],
        reason=record["reason"],
        by=origin.get("who", ""),
        commit=record["commit"],
        subject=change.get("subject", ""),
        started_at=started,
        finished_at=datetime.fromisoformat(record["finished_at"]),
        image=image.get("version", ""),
        image_build=image.get("build", ""),
        left=left,
        rollback=(record["rollback"] or {}).get("text", ""),
        touched_at=_start(started, changed) if changed else None,
        live_at=_end(started, proved),
        commits=_commits(origin, change),
        stages_s={
            name: stage["duration_s"]
            for name, stage in stages.items()
            if stage["duration_s"] is not None
        },
        p95_ms={
            each["name"]: each["p95_ms"]
            for each in (record["load"] or {}).get("endpoints", [])
            if each["p95_ms"] is not None
        },
        tests={
            test["nodeid"]: FLAKY if test.get("flaky") else test["outcome"]
            for test in record["tests"]
        },
    )


def _commits(
    origin: Mapping[str, Any], change: Mapping[str, Any]
) -> dict[str, datetime]:
    """Return those since the last passed build; one where that is not known."""
    known = origin.get("passed") is not None
    found = (origin.get("commits") or []) if known else [change] if change else []
    return {
        each["commit"]: datetime.fromisoformat(each["authored_at"]) for each in found
    }


def left_behind(record: Mapping[str, Any]) -> Left:
    """Say what a release left at its environment."""
    if record["verdict"] == State.PASSED:
        return Left.LIVE
    if not _touched(record):
        return Left.UNCHANGED
    rollback = record["rollback"]
    outcome = next(
        (s["outcome"] for s in record["stages"] if s["name"] == "rollback"), None
    )
    if rollback and outcome is None:
        return Left.IN_PLACE
    if rollback and outcome == "passed":
        return Left.UNCHANGED if rollback.get("deployment") else Left.REMOVED
    return Left.UNCLEAR


def _touched(record: Mapping[str, Any]) -> bool:
    """Tell whether a release changed the scale set; older records imply it."""
    implied = record["verdict"] == State.PASSED or record["rollback"] is not None
    return bool(record.get("touched", implied))


def newest_first(entries: Iterable[Entry]) -> list[Entry]:
    """Return entries in the order of their beginning, the last one first."""
    return sorted(entries, key=lambda each: (each.started_at, each.path), reverse=True)


def by_environment(entries: Sequence[Entry]) -> dict[str, list[Entry]]:
    """Return the entries of each environment, names sorted, order kept."""
    names = sorted({each.environment for each in entries})
    return {name: [e for e in entries if e.environment == name] for name in names}


def pack(entries: Sequence[Entry]) -> dict[str, Any]:
    """Return entries as one JSON document; a test's name stands in it once."""
    names = sorted({name for each in entries for name in each.tests})
    place = {name: index for index, name in enumerate(names)}
    builds = []
    for each in entries:
        outcomes: dict[str, list[int]] = {}
        for name, outcome in each.tests.items():
            outcomes.setdefault(outcome, []).append(place[name])
        builds.append(replace(each, tests={}).to_json() | {"tests": outcomes})
    return {"schema": SCHEMA, "tests": names, "builds": builds}


def unpack(document: Mapping[str, Any]) -> list[Entry]:
    """Read entries back from what `pack` made; another schema's are none."""
    if document.get("schema") != SCHEMA:
        return []
    names = document["tests"]
    return [
        Entry.from_json(
            raw
            | {
                "tests": {
                    names[place]: outcome
                    for outcome, places in raw["tests"].items()
                    for place in places
                }
            }
        )
        for raw in document["builds"]
    ]


def _start(started: datetime, stage: Mapping[str, Any]) -> datetime:
    return started + timedelta(seconds=stage["started_s"])


def _end(started: datetime, stage: Mapping[str, Any] | None) -> datetime | None:
    if stage is None or stage["duration_s"] is None:
        return None
    return _start(started, stage) + timedelta(seconds=stage["duration_s"])


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _plain(inner) for name, inner in value.items()}
    return value.isoformat() if isinstance(value, datetime) else value
