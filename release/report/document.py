"""The schema of ``release.json``, for machines that read it. Pure.

docs/release.schema.json is printed from it by ``python -m release schema``. Version 1
grows: keys are added, none is renamed, taken away or given another meaning. A reader
ignores what it does not know; a key with a default is missing in older records. Who
adds a key to a record adds it here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from release.load.gate import Canary, Comparison, Gate
from release.load.measurements import Sender
from release.preflight.findings import Finding
from release.report.record import SCHEMA
from release.settings.commit import Commit
from release.verdict import Ended, State

DIALECT = "https://json-schema.org/draft/2020-12/schema"

StageOutcome = Literal[
    "passed", "failed", "inconclusive", "interrupted", "skipped", "unfinished"
]


class Table(BaseModel):
    """A part of the document."""

    model_config = ConfigDict(use_attribute_docstrings=True, populate_by_name=True)


class Stage(Table):
    """A timed step of a release."""

    name: str
    started_s: float
    """Seconds after the release began."""
    duration_s: float | None
    """None where it did not end."""
    outcome: StageOutcome
    error: str
    """What failed and what to do; "" where nothing did."""


class Passed(Table):
    """The build that passed last before this one."""

    build: str
    commit: str


class Usual(Table):
    """What is usual here."""

    duration_s: float
    """Median of the builds that passed."""
    builds: int


class Origin(Table):
    """Where a build comes from."""

    who: str
    """A user and host, or the address of a CI run."""
    change: Commit | None = None
    """The commit that it was made from."""
    passed: Passed | None = None
    count: int = 0
    """Commits since the build that passed last."""
    commits: list[Commit] = []
    """Those, newest first, as many as are told."""
    usual: Usual | None = None


class WhatIf(Table):
    """What the deployment was to change."""

    note: str
    summary: str
    lines: list[str]
    changes: list[dict[str, Any]]
    """As Azure's what-if tells them, secrets masked."""


class Preflight(Table):
    """What was looked at before anything was created."""

    duration_s: float
    summary: str
    findings: list[Finding]
    image: str = ""
    """Which one was to be released, as far as it was known; ""."""
    what_if: WhatIf | None


class Image(Table):
    """The image that was released."""

    schema_: int = Field(alias="schema")
    id: str
    """Azure's id of the gallery version."""
    version: str
    build: str
    """The build that baked it."""
    digest: str
    """SHA-256 of its recipe."""
    commit: str
    reused: bool
    baked_at: str
    passed_in: str = ""
    """The environment that it was lent from, or ""."""


class Instance(Table):
    """One instance of the scale set."""

    id: str
    name: str
    latest_model: bool
    health: str
    address: str
    """Where it alone answers: host:port."""
    build: str
    """The build that it answered with; "" where it was not asked."""
    protection: str = ""
    """What it is protected from, or ""."""
    image_id: str = ""
    size: str = ""
    settled: bool = True
    """Whether Azure neither makes nor changes it just now."""


class Deployed(Table):
    """A scale set as it was seen."""

    schema_: int = Field(alias="schema")
    image_id: str
    build: str
    capacity: int
    size: str
    repairs: bool
    ssh_key: str
    """Public key of its administrator, or ""."""
    site_url: str
    instances: list[Instance]
    tags: dict[str, str]
    policy: dict[str, Any] = {}
    noticed: bool = False


class Upgraded(Table):
    """One instance of a batch."""

    name: str
    before: str
    """The build that it ran, or ""."""
    after: str
    healthy_s: float | None
    """Seconds until it was healthy."""


class Batch(Table):
    """Instances that were upgraded together."""

    stage: str
    batch: str
    took_s: float
    instances: list[Upgraded]


class Rollout(Table):
    """How instances were upgraded."""

    strategy: Literal["batches", "surge"]
    in_place: list[Any]
    """Instances that a surge upgraded in place, for want of quota."""
    batches: list[Batch] = []


class Endpoint(Table):
    """What one endpoint answered under load; ``*`` is all together."""

    name: str
    requests: int
    failed: int
    failures: dict[str, int]
    """How often by text."""
    error_ratio: float
    rate: float
    """Requests a second."""
    mean_ms: float | None
    p50_ms: float | None
    p90_ms: float | None
    p95_ms: float | None
    p99_ms: float | None
    p99_9_ms: float | None
    max_ms: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Page(Gate):
    """How long a page took to load in a browser; its endpoint is the page's path."""

    browser: str


class Picture(Table):
    """A drawing of the load."""

    file: str
    """In the build's folder."""
    title: str
    text: str


class Load(Table):
    """What load was sent, and what came of it."""

    schema_: int = Field(alias="schema")
    started: float
    """Seconds since the epoch."""
    time_s: float
    """Seconds measured."""
    users: int
    ended_early: str = ""
    """Why, or ""."""
    exceptions: dict[str, int] = {}
    workers: list[Sender] = []
    endpoints: list[Endpoint]
    sentence: str = ""
    conditions: dict[str, Any] = {}
    """What must be equal for two loads to be compared."""
    comparisons: list[Comparison] = []
    pictures: list[Picture] = []


@dataclass(frozen=True, kw_only=True, slots=True)
class Drawn(Canary):
    """A new instance against an old one beside it, judged and drawn."""

    pictures: tuple[Picture, ...] = ()


class Rollback(Table):
    """What became of the environment after a release that did not pass."""

    text: str
    deployment: Deployed | None = None
    """What came back and was proved."""


class Cleaned(Table):
    """What was deleted because it was left over or old."""

    kind: str
    name: str
    build: str
    why: str


class Output(Table):
    """A line that a command printed."""

    stage: str
    line: str


class Progress(Table):
    """What was said along the way."""

    at_s: float
    stage: str
    text: str


class Setting(Table):
    """A setting; secrets are masked."""

    path: str
    value: str
    source: str


class Operation(Table):
    """What was asked of Azure, by operation."""

    kind: str
    operation: str
    count: int
    repeated: int


class Requests(Table):
    """What was asked of Azure, added up."""

    reads: int
    writes: int
    deletes: int
    blobs: int
    repeated: int
    least_left: dict[str, int] = {}
    """The least that was left of Azure's limits, by bucket."""
    operations: list[Operation]


class Release(Table):
    """What a release was, in one document."""

    model_config = ConfigDict(title="release.json of pytest-release")

    schema_: Literal[1] = Field(alias="schema")
    """Version of this schema."""
    build: str
    """Its id, a time in UTC: YYYY.MMDD.HHMMSS."""
    attached: bool
    """Whether it only tested what it found."""
    environment: str
    cloud: str
    service: str
    """Name of the scale set."""
    commit: str
    """With "-dirty" where files differed from it; "" where there is none."""
    verdict: State
    reason: str
    started_at: datetime
    finished_at: datetime
    duration_s: float
    stages: list[Stage]
    origin: Origin | None = None
    preflight: Preflight | None = None
    image: Image | None
    previous: Deployed | None
    """What ran before."""
    deployment: Deployed | None
    """What this build was proved on."""
    rollout: Rollout | None = None
    canary: Drawn | None = None
    base: str = ""
    """Azure's image that the recipe starts from: publisher:offer:sku."""
    gates: list[Gate]
    """Thresholds of the load, judged."""
    pages: list[Page] = []
    """Loading times of pages, judged."""
    load: Load | None
    rollback: Rollback | None
    touched: bool | None = None
    """Whether the scale set was changed, or may have been."""
    cleaned: list[Cleaned] = []
    tests: list[Ended]
    output: list[Output]
    progress: list[Progress]
    settings: list[Setting]
    tools: dict[str, str]
    """Versions by name."""
    requests: Requests | None = None
    interim: bool = False
    """Whether it was written before the release had ended, which was then killed."""


def schema() -> dict[str, Any]:
    """Return the JSON Schema of a release's record."""
    made = Release.model_json_schema(by_alias=True)
    title = f"{made.pop('title')}, version {SCHEMA}"
    return {"$schema": DIALECT, "title": title, **made}


def text() -> str:
    """Return it as it is published."""
    return json.dumps(schema(), indent=1, ensure_ascii=False) + "\n"


def problems(record: Mapping[str, Any]) -> list[str]:
    """Return where a record and the schema differ, a line each."""
    try:
        read = Release.model_validate(record)
    except ValidationError as error:
        return [
            f"{'.'.join(str(part) for part in each['loc'])}: {each['msg']}"
            for each in error.errors()
        ]
    known = read.model_dump(mode="json", by_alias=True)
    return [
        f"{path}: not in the schema; add it to release/report/document.py"
        for path in _unknown(dict(record), known, ())
    ]


def _unknown(given: Any, known: Any, path: tuple[str, ...]) -> Iterator[str]:
    """Yield the paths of keys that a record has, and what was read of it has not."""
    if isinstance(given, dict) and isinstance(known, dict):
        for name, inner in given.items():
            if name in known:
                yield from _unknown(inner, known[name], (*path, name))
            else:
                yield ".".join((*path, name))
    elif isinstance(given, list) and isinstance(known, list):
        for place, (one, other) in enumerate(zip(given, known, strict=False)):
            yield from _unknown(one, other, (*path, str(place)))
