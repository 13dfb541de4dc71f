"""The rollback of a release, and its proof. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from release.report import figures, rollout


@dataclass(frozen=True, kw_only=True, slots=True)
class Undone:
    """What was done to bring back what ran before."""

    text: str
    outcome: str
    """Of the stage; "skipped" where nothing was undone."""
    took: str
    rows: tuple[rollout.Row, ...]


def undo(record: Mapping[str, Any]) -> Undone | None:
    """Return the rollback of a build; None where it came to none."""
    found = record.get("rollback")
    stage = next((s for s in record["stages"] if s["name"] == "rollback"), None)
    if not found and stage is None:
        return None
    batches = rollout.batches(record, "rollback")
    ended = stage is not None and stage["duration_s"] is not None
    return Undone(
        text=str((found or {}).get("text") or "It was begun, and did not end."),
        outcome=stage["outcome"] if stage else "skipped",
        took=figures.duration(stage["duration_s"]) if stage and ended else "",
        rows=tuple(
            rollout.rows(batches, (found or {}).get("deployment"), record["deployment"])
        ),
    )
