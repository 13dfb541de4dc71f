"""What failed, why, and what to do next. Pure: ``release.json`` in."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from release.report import gates as naming

_FIX = "\n  fix: "
_EVIDENCE = ("address", "console", "network", "page", "requests", "screenshot")
LINES = 12
"""Lines of a failed test's text, or of a stage's output, that are shown."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Failure:
    """One thing that failed."""

    title: str
    place: str
    """"stage", "smoke test", "load gate" or "test"."""
    outcome: str
    cause: str
    """What happened, in a line or a few."""
    detail: str
    """More of it, or ""."""
    fix: str
    """What to do next, or ""."""
    nodeid: str
    address: str = ""
    """Where the browser was, as a URL."""
    console: str = ""
    """What the browser's console said."""
    network: str = ""
    """Its requests that failed or were slow, a line each, or "nothing"."""
    requests: str = ""
    """All of its requests, as a file of the build."""
    page: str = ""
    """The page's source, as a file of the build."""
    screenshot: str = ""
    """What the browser showed, as a file of the build."""


def failures(record: Mapping[str, Any]) -> list[Failure]:
    """Return what failed, as it happened: stages, tests, and last what is unclear.

    A test that failed because a stage did is no failure of its own, nor is a stage that
    failed because one inside it did: the inner one, which began later, tells it.
    """
    told = [stage["error"] for stage in record["stages"] if stage["error"]]
    innermost = {stage["error"]: stage for stage in record["stages"]}
    found = [
        _of_stage(stage, record["output"])
        for stage in record["stages"]
        if stage["error"]
        and stage["outcome"] in {"failed", "interrupted"}
        and stage is innermost[stage["error"]]
    ]
    gates = {_gate_name(gate): gate for gate in record["gates"]}
    unclear_last = sorted(record["tests"], key=lambda test: test["outcome"] != "failed")
    for test in unclear_last:
        if test["outcome"] not in {"failed", "inconclusive"}:
            continue
        if any(test["text"].strip() == error.strip() for error in told):
            continue
        found.append(_of_test(test, gates))
    return found


def next_steps(
    record: Mapping[str, Any], found: Sequence[Failure]
) -> list[tuple[str, str]]:
    """Return commands, and what each does, to see the first failed test fail again."""
    undone = next((s for s in record["stages"] if s["name"] == "rollback"), None)
    if undone and undone["outcome"] != "passed":
        status = f"python -m release status --env {record['environment']}"
        return [
            (status, "tells what runs now; then mend what kept it from coming back")
        ]
    nodeid = next((failure.nodeid for failure in found if failure.nodeid), "")
    if not nodeid:
        return []
    command = f"pytest --env {record['environment']}"
    again = (
        f"{command} '{nodeid}'",
        "runs the first of them again on what is deployed",
    )
    if not record["rollback"]:
        return [again]
    kept = (
        f"{command} --keep-failed",
        "releases this again and leaves it in place",
    )
    return [kept, again]


def _of_stage(stage: Mapping[str, Any], output: Sequence[Mapping[str, str]]) -> Failure:
    """Return a stage's failure, with the last that its commands printed."""
    text, _, fix = str(stage["error"]).partition(_FIX)
    cause, _, detail = text.partition("\n")
    printed = [each["line"] for each in output if each["stage"] == stage["name"]]
    return Failure(
        title=stage["name"],
        place="stage",
        outcome=stage["outcome"],
        cause=cause,
        detail=detail or "\n".join(printed[-LINES:]),
        fix=fix,
        nodeid="",
    )


def _of_test(
    test: Mapping[str, Any], gates: Mapping[str, Mapping[str, Any]]
) -> Failure:
    name = str(test["nodeid"]).rpartition("::")[2]
    gate = next((g for key, g in gates.items() if f"[{key}]" in name), None)
    text, _, fix = str(test["text"]).strip().partition(_FIX)
    cause, _, detail = text.partition("\n")
    kinds = {"smoke": "smoke test", "load": "load gate"}
    return Failure(
        title=naming.name(_gate_name(gate)) if gate else name,
        place=kinds.get(test["group"], "test"),
        outcome=test["outcome"],
        cause=str(gate["text"]) if gate else cause,
        detail="" if gate else _first(detail),
        fix=fix,
        nodeid=test["nodeid"],
        **{name: test["evidence"].get(name, "") for name in _EVIDENCE},
    )


def _first(text: str) -> str:
    """Return the first lines of a text, without what it is indented by."""
    return "\n".join(textwrap.dedent(text).strip().splitlines()[:LINES])


def _gate_name(gate: Mapping[str, Any]) -> str:
    return f"{gate['endpoint']} {gate['metric']}"
