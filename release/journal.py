"""The append-only record of a build: one JSON line an event.

An event is flushed before the act that it announces, so that the journal of a
killed release still names everything that it may have left behind. It is also
the live progress that the terminal shows, the timeline of the report and the
hand-over between processes; several processes append to one file.
"""

from __future__ import annotations

import errno
import json
import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, NoReturn

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
        path: The file; made when the first event comes. Its folder is there until the
            build is archived: what comes afterwards is not written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lines: dict[str, Lines] = {}
        self._goes_on = False
        self._unwritten = b""
        """What the disk did not take: the end of the journal, for this process."""
        self._writing = threading.RLock()

    def go_on(self) -> None:
        """Go on from here without the disk where it is full: an undo must not end so.

        What it does not take is read back all the same, by this process.
        """
        self._goes_on = True

    def write(self, kind: Kind, *, stage: str = "", **data: Any) -> None:
        """Append one event and flush it to the disk's cache.

        One `write` of one line to a file opened for appending: lines of several
        processes do not mix.

        Raises:
            OSError: The disk did not take it, before `go_on`.
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
        with self._writing:
            text = rest = self._unwritten + line.encode() + b"\n"
            try:
                for _ in range(2):
                    rest = _from_whole_line(rest, self._append(rest))
                    if not rest:
                        break
                else:
                    _tell_full()
                self._unwritten = b""
            except FileNotFoundError:
                # A folder made anew would pass for that of a release that was killed.
                self._unwritten = b""
            except OSError as error:
                if self._goes_on:
                    self._unwritten = rest
                    return
                if rest != text:
                    # What could not be told did not begin: the line cut short is ended.
                    self._unwritten = b"\n"
                raise OSError(error.errno, error.strerror, str(self.path)) from None

    def _append(self, text: bytes) -> int:
        """Append what the disk takes of a text; return how much that was."""
        handle = os.open(self.path, os.O_APPEND | os.O_CREAT | os.O_WRONLY, 0o644)
        try:
            return os.write(handle, text)
        finally:
            os.close(handle)

    def _redacted(self, kind: Kind, stage: str, data: Mapping[str, Any]) -> Any:
        if kind is Kind.OUTPUT:
            lines = self._lines.setdefault(stage, Lines())
            return redact_all({**data, "line": lines.redact(str(data["line"]))})
        return redact_all(data)

    def read(self) -> list[Event]:
        """Return all whole events, oldest first; none when there is no file.

        A line without its end (the writer was killed in it, or its disk was full) is
        left out.
        """
        return self.after(0)[0]

    def after(self, position: int) -> tuple[list[Event], int]:
        """Return the whole events from a byte position on, and where they end."""
        whole = self._bytes(position).rpartition(b"\n")[0]
        if not whole:
            return [], position
        lines = whole.decode().split("\n")
        events = [event for line in lines if (event := _event(line))]
        return events, position + len(whole) + 1

    def _bytes(self, position: int) -> bytes:
        """Return what comes after a position, on the disk and not."""
        try:
            with self.path.open("rb") as file:
                size = file.seek(0, os.SEEK_END)
                file.seek(position)
                written = file.read()
        except (FileNotFoundError, NotADirectoryError):
            size, written = 0, b""
        return written + self._unwritten[max(0, position - size) :]

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


def _from_whole_line(text: bytes, taken: int) -> bytes:
    """Return what is to be written yet: a line of which a part is there, anew."""
    start = text.rfind(b"\n", 0, taken) + 1
    return text[start:] if start == taken else b"\n" + text[start:]


def _tell_full() -> NoReturn:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _event(line: str) -> Event | None:
    """Return a line's event; None where the line was cut short."""
    try:
        raw = json.loads(line)
    except ValueError:
        return None
    return Event(
        at=datetime.fromisoformat(raw["at"]),
        pid=raw["pid"],
        kind=Kind(raw["kind"]),
        stage=raw["stage"],
        data=raw["data"],
    )
