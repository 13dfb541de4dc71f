"""The append-only record of a build: one JSON line an event.

An event is flushed before the act that it announces, so that the journal of a
killed release still names everything that it may have left behind. It is also
the live progress that the terminal shows, the timeline of the report and the
hand-over between processes; several processes append to one file.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from release.redaction import Lines, redact_all

SCHEMA = 1
BATCH = "batch"
"""Name of the value that says what became of a batch of a roll-out."""


class Kind(StrEnum):
    """What an event says."""

    BUILD_STARTED = "build_started"
    STAGE_STARTED = "stage_started"
    PROGRESS = "progress"
    OUTPUT = "output"
    """A line that a command printed: shown live, kept in the report's log."""
    STAGE_FINISHED = "stage_finished"
    """data: outcome ("passed", "failed", "skipped"), duration_s, error, fix."""
    CREATING = "creating"
    """data: resource_id. Written before the request that creates it. A group that
    carries no tags of ours has created_by: who creates it for this build."""
    DELETED = "deleted"
    """data: resource_id."""
    VALUE = "value"
    """A result handed to the other processes. data: name, value."""
    TEST_FINISHED = "test_finished"
    """data: nodeid, outcome, duration_s."""
    REQUESTS = "requests"
    """data: asked, what was asked of Azure since the last one: kind, operation,
    count, repeated; left, the least that was left of Azure's limits, by bucket."""
    BUILD_FINISHED = "build_finished"
    """data: verdict, reason."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """One line of the journal."""

    at: datetime
    """Aware, UTC."""
    pid: int
    kind: Kind
    stage: str
    """The stage that it belongs to, or ""."""
    data: Mapping[str, Any]


class Journal:
    """Append events to a file, and read them back.

    Args:
        path: The file; made with its folder when the first event comes.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lines: dict[str, Lines] = {}

    def write(self, kind: Kind, *, stage: str = "", **data: Any) -> None:
        """Append one event and flush it to the disk's cache.

        One `write` of one line to a file opened for appending: lines of several
        processes do not mix.
        """
        line = json.dumps(
            {
                "schema": SCHEMA,
                "at": datetime.now(UTC).isoformat(),
                "pid": os.getpid(),
                "kind": kind,
                "stage": stage,
                "data": self._redacted(kind, stage, data),
            }
        )
        self.path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(self.path, os.O_APPEND | os.O_CREAT | os.O_WRONLY, 0o644)
        try:
            os.write(handle, line.encode() + b"\n")
        finally:
            os.close(handle)

    def _redacted(self, kind: Kind, stage: str, data: Mapping[str, Any]) -> Any:
        if kind is Kind.OUTPUT:
            lines = self._lines.setdefault(stage, Lines())
            return redact_all({**data, "line": lines.redact(str(data["line"]))})
        return redact_all(data)

    def read(self) -> list[Event]:
        """Return all whole events, oldest first; none when there is no file.

        A last line without its end (the writer was killed in it) is left out.
        """
        return self.after(0)[0]

    def after(self, position: int) -> tuple[list[Event], int]:
        """Return the whole events from a byte position on, and where they end."""
        if not self.path.exists():
            return [], position
        with self.path.open("rb") as file:
            file.seek(position)
            whole = file.read().rpartition(b"\n")[0]
        if not whole:
            return [], position
        events = [_event(line) for line in whole.decode().split("\n") if line]
        return events, position + len(whole) + 1

    def value(self, name: str) -> Any:
        """Return the last value handed over under `name`, or None."""
        for event in reversed(self.read()):
            if event.kind is Kind.VALUE and event.data["name"] == name:
                return event.data["value"]
        return None

    def left_behind(self) -> list[str]:
        """Return ids of resources announced and not yet deleted, newest first."""
        return list(reversed(self._open()))

    def left_by_others(self) -> list[str]:
        """Return those that another program created for this build."""
        return [identifier for identifier, by in self._open().items() if by]

    def _open(self) -> dict[str, str]:
        open_ids: dict[str, str] = {}
        for event in self.read():
            if event.kind is Kind.CREATING:
                by = event.data.get("created_by", "")
                open_ids[event.data["resource_id"]] = by
            elif event.kind is Kind.DELETED:
                open_ids.pop(event.data["resource_id"], None)
        return open_ids


def _event(line: str) -> Event:
    raw = json.loads(line)
    return Event(
        at=datetime.fromisoformat(raw["at"]),
        pid=raw["pid"],
        kind=Kind(raw["kind"]),
        stage=raw["stage"],
        data=raw["data"],
    )
