"""The index over an archive: ``history.json`` for machines, ``index.html`` for people.

What is known of a build is kept, and only builds that are new are read: a release
costs the same whether ten or a thousand were before it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filelock import FileLock

from release.builds import RECORD, records
from release.files import write_whole
from release.history.entry import Entry, entry, newest_first, pack, unpack
from release.history.page import page

LEDGER = "history.json"
INDEX = "index.html"
LOCK = ".index.lock"


@dataclass(frozen=True, kw_only=True, slots=True)
class History:
    """All builds of an archive.

    Attributes:
        entries: Newest first.
        unread: Folders whose record cannot be read.
    """

    entries: tuple[Entry, ...]
    unread: tuple[str, ...] = ()

    def documents(self, now: datetime) -> dict[str, bytes]:
        """Return the files of the index, by name."""
        packed = json.dumps(pack(self.entries), separators=(",", ":"))
        return {
            LEDGER: packed.encode(),
            INDEX: page(self.entries, now, unread=self.unread).encode(),
        }


def merged(
    known: Iterable[Entry],
    present: Iterable[str],
    read: Callable[[str], Mapping[str, Any] | None],
) -> History:
    """Return the history of the builds that are present.

    Args:
        known: Entries from before.
        present: Folders of all builds, as ``environment/build``.
        read: Reads a build's record; None when it is not whole yet.
    """
    before = {each.path: each for each in known}
    found, unread = [], []
    for path in present:
        try:
            if path in before:
                found.append(before[path])
            elif (record := read(path)) is not None:
                found.append(entry(record))
        except (ValueError, KeyError, TypeError):
            unread.append(path)
    return History(entries=tuple(newest_first(found)), unread=tuple(unread))


def history(reports: Path, *, anew: str = "") -> History:
    """Return the history of an archive, as its folders are now.

    Args:
        reports: The archive.
        anew: A build that is read again, as ``environment/build``, or "".
    """
    return merged(
        [each for each in _known(reports / LEDGER) if each.path != anew],
        sorted(
            path.parent.relative_to(reports).as_posix()
            for path in records(reports, "*/*")
        ),
        lambda path: read(reports / path / RECORD),
    )


def read(path: Path) -> dict[str, Any]:
    """Read a JSON document.

    Raises:
        ValueError: It is none.
    """
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def _known(path: Path) -> list[Entry]:
    """Return what was kept; nothing where there is none, or of another version."""
    try:
        return unpack(read(path))
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        # It holds nothing that the builds' own records do not.
        return []


def renew(reports: Path, now: datetime | None = None, *, anew: str = "") -> History:
    """Write the index anew, one process after the other.

    Args:
        reports: The archive.
        now: The time; None is that of the machine.
        anew: As for `history`.

    Raises:
        OSError: It cannot be written; what was there before is.
    """
    reports.mkdir(parents=True, exist_ok=True)
    with FileLock(reports / LOCK):
        found = history(reports, anew=anew)
        for name, content in found.documents(now or datetime.now(UTC)).items():
            write_whole(reports / name, content)
    return found
