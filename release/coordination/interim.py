"""The report of an interrupted release, kept before it is undone.

CI gives ten seconds and then kills (source: "Workflow cancellation reference": SIGINT,
SIGTERM 7.5 s later, SIGKILL 2.5 s after that), and an undo takes longer. So what is
known is archived as soon as a release is told to end, and replaced when it has ended.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from threading import Thread
from typing import Any

from release.builds import RECORD, Build
from release.errors import ArchiveFailed
from release.history.keep import archiving, move
from release.history.ledger import renew
from release.journal import Kind
from release.redaction import redact_files
from release.report.archive import write_alone

INTERIM = "interim"
NOTE = (
    "Written as the release was told to end, before anything was undone. The release "
    "replaces it when it ends in order, so it was killed meanwhile."
)


class Interim:
    """Keeps the report of a build for now, beside whatever its process is at.

    Args:
        build: The build.
        record: Returns what it came to so far, given what ended it.
    """

    def __init__(self, build: Build, record: Callable[[str], dict[str, Any]]) -> None:
        self._build = build
        self._record = record
        self._thread: Thread | None = None

    def begin(self, why: str) -> None:
        """Begin to write it; a second time does nothing."""
        self._build.journal.go_on()
        if self._thread is None:
            self._thread = Thread(target=self._write, args=(why,), name=INTERIM)
            self._thread.start()

    def end(self) -> None:
        """Wait until it is written, if it was begun."""
        if self._thread is not None:
            self._thread.join()

    def withdraw(self) -> None:
        """Take back what is written: nothing had begun, so there is no such build."""
        self.end()
        if is_kept(self._build.archive):
            shutil.rmtree(self._build.archive, ignore_errors=True)
            reports = self._build.root / "reports"
            with suppress(ArchiveFailed), archiving("", reports):
                renew(reports)

    def _write(self, why: str) -> None:
        try:
            keep(self._build, self._record(why))
        except ArchiveFailed as error:
            self._build.journal.write(
                Kind.PROGRESS, text=f"no report is kept for now: {error.what}"
            )


def keep(build: Build, record: dict[str, Any]) -> None:
    """Archive a build for now.

    Raises:
        ArchiveFailed: It could not be written.
    """
    draft = build.folder / INTERIM
    with archiving(build.id, build.folder):
        draft.mkdir(exist_ok=True)
        write_alone(draft, {**record, INTERIM: True}, note=NOTE)
        shutil.copy(build.journal.path, draft)
        redact_files(draft)
        build.archive.parent.mkdir(parents=True, exist_ok=True)
        move(draft, build.archive)
        renew(build.root / "reports")


def is_kept(folder: Path) -> bool:
    """Tell whether what is archived was kept for now."""
    try:
        found = json.loads((folder / RECORD).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return False
    return bool(found.get(INTERIM))
