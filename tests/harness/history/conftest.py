"""Builds of a history, made from what matters in a test."""

from datetime import UTC, datetime, timedelta

import pytest

from release.browser import Kind, started

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def stage(name, started_s, duration_s, outcome="passed"):
    return {
        "name": name,
        "started_s": started_s,
        "duration_s": duration_s,
        "outcome": outcome,
        "error": "",
    }


def origin(commit, authored_at, **more):
    return {
        "who": "ada@laptop",
        "change": {
            "commit": commit,
            "subject": "Mend the page",
            "author": "Ada",
            "authored_at": authored_at.isoformat(),
        },
    } | more


def record_of(at_h=0.0, **changes):
    """A release of a minute that passed, begun so many hours after noon."""
    started = NOON + timedelta(hours=at_h)
    build = f"2026.1123.{round(at_h * 10_000)}"
    return {
        "schema": 1,
        "build": build,
        "environment": "qa",
        "service": "shop",
        "commit": f"commit-of-{build}",
        "origin": origin(f"commit-of-{build}", started - timedelta(hours=2)),
        "verdict": "passed",
        "reason": "1 smoke test and 1 load gate passed",
        "started_at": started.isoformat(),
        "finished_at": (started + timedelta(seconds=60)).isoformat(),
        "duration_s": 60.0,
        "stages": [
            stage("bake", 0.0, 20.0),
            stage("deploy", 20.0, 10.0),
            stage("smoke", 30.0, 10.0),
            stage("load", 40.0, 20.0),
        ],
        "image": {"version": build, "build": build},
        "rollback": None,
        "touched": True,
        "load": {"endpoints": [{"name": "*", "p95_ms": 40.0}]},
        "tests": [],
    } | changes


ROLLED_BACK = {
    "verdict": "failed",
    "reason": "test_page: no title",
    "stages": [
        stage("bake", 0.0, 20.0),
        stage("deploy", 20.0, 10.0),
        stage("smoke", 30.0, 10.0, "failed"),
        stage("rollback", 40.0, 20.0),
    ],
    "rollback": {"text": "The previous build is back.", "deployment": {"build": "1"}},
    "load": None,
}


@pytest.fixture
def record():
    """Return a record: ``record(at_h=1, verdict="failed")``."""
    return record_of


@pytest.fixture
def rolled_back():
    """Return the record of a release that failed, and whose undo was proved."""
    return lambda at_h=0.0, **changes: record_of(at_h, **(ROLLED_BACK | changes))


@pytest.fixture
def noon():
    return NOON


@pytest.fixture(scope="module")
def browser():
    with started(Kind.CHROME) as driver:
        yield driver
