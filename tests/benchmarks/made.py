"""An archive of made builds, as a benchmark of the history needs one."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

ENVIRONMENTS = ("qa", "prod", "local")
ENDPOINTS = ("*", "GET /", "GET /ask", "GET /api/metrics", "POST /login")
STAGES = ("preflight", "bake", "deploy", "smoke", "load")
SMOKE = tuple(f"tests/smoke/test_site.py::test_page_{n}" for n in range(14))
GATES = tuple(
    f"tests/load/test_gates.py::test_gate[{endpoint} p95_ms]" for endpoint in ENDPOINTS
)
FAILURE_RATIO = 0.12


def archive(
    reports: Path, count: int, *, now: datetime | None = None, padding: int = 40_000
) -> None:
    """Write the records of builds, three hours apart, the last one just ended.

    Args:
        reports: The archive.
        count: How many builds.
        now: When the last one ended.
        padding: Characters of output in each: a real record has some.
    """
    chance = random.Random(41)  # noqa: S311 - no secret
    end = now or datetime.now(UTC)
    for back in range(count, 0, -1):
        started = end - timedelta(hours=3 * back)
        made = record(started, chance, commit=f"{chance.getrandbits(160):040x}")
        made["output"] = [{"stage": "bake", "line": "x" * padding}]
        folder = reports / made["environment"] / made["build"]
        folder.mkdir(parents=True)
        (folder / "release.json").write_text(json.dumps(made), encoding="utf-8")
        (folder / "report.html").write_text("a report", encoding="utf-8")


def record(started: datetime, chance: random.Random, *, commit: str) -> dict[str, Any]:
    """Return the record of one build, which fails now and then."""
    clock = started.hour * 10_000 + started.minute * 100 + started.second
    build = f"{started.year}.{started.month * 100 + started.day}.{clock}"
    stages, at = [], 1.0
    for name in STAGES:
        took = round(chance.uniform(8, 20), 3)
        stages.append(_stage(name, at, took, "passed"))
        at += took
    bad = chance.choice(SMOKE) if chance.random() < FAILURE_RATIO else ""
    outcome = "failed" if bad else "passed"
    if bad:
        stages[3]["outcome"] = "failed"
        stages[4:] = [_stage("rollback", at, 15.0, "passed")]
    version = build if chance.random() < 0.6 else f"2026.1101.{int(started.day / 3)}"
    return {
        "schema": 1,
        "build": build,
        "attached": False,
        "environment": chance.choice(ENVIRONMENTS),
        "cloud": "azure",
        "service": "rocdash",
        "commit": commit,
        "origin": {
            "who": "https://github.com/rocdash/rocdash/actions/runs/7",
            "change": {
                "commit": commit,
                "subject": "Show the trend of a segment",
                "author": "A. Author",
                "authored_at": (
                    started - timedelta(hours=chance.uniform(0.2, 9))
                ).isoformat(),
            },
        },
        "verdict": outcome,
        "reason": f"{bad.rpartition('::')[2]}: the page said 500"
        if bad
        else "14 smoke tests and 5 load gates passed",
        "started_at": started.isoformat(),
        "finished_at": (started + timedelta(seconds=at + 15)).isoformat(),
        "duration_s": at + 15,
        "stages": stages,
        "image": {"version": version, "build": version},
        "rollback": {
            "text": "The previous build is back.",
            "deployment": {"build": "1"},
        }
        if bad
        else None,
        "touched": True,
        "tests": [
            {"nodeid": name, "outcome": "failed" if name == bad else "passed"}
            for name in (*SMOKE, *GATES)
        ],
        "load": None
        if bad
        else {
            "endpoints": [
                {"name": name, "p95_ms": round(chance.gauss(30 + 9 * place, 3), 3)}
                for place, name in enumerate(ENDPOINTS)
            ]
        },
    }


def _stage(name: str, started: float, took: float, outcome: str) -> dict[str, Any]:
    return {
        "name": name,
        "started_s": started,
        "duration_s": took,
        "outcome": outcome,
        "error": "",
    }
