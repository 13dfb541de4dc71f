"""A build: one run of a release, its id and its folders.

The id is a time in the form of a gallery version, ``YYYY.MMDD.HHMMSS`` in UTC with
no leading zeros in a part, so that the image that a build bakes can bear its name.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

from release.journal import Journal
from release.processes import Process

STATE = ".release"
RECORD = "release.json"
"""What an archived build came to, in its folder."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Build:
    """One release on its way."""

    id: str
    environment: str
    root: Path
    """The project's folder."""
    attached: bool = False
    """Whether it only looks at what is deployed; then nothing is archived."""

    @property
    def folder(self) -> Path:
        """Where the build keeps its files until it is archived."""
        kind = "attached" if self.attached else "builds"
        return self.root / STATE / kind / f"{self.environment}-{self.id}"

    @property
    def archive(self) -> Path:
        """Where its files end up."""
        return self.root / "reports" / self.environment / self.id

    @property
    def journal(self) -> Journal:
        """Its journal: one in a process, whoever asks."""
        return _journal(self.folder / "journal.jsonl")


@cache
def _journal(path: Path) -> Journal:
    return Journal(path)


def build_id(moment: datetime) -> str:
    """Return the id of a build that starts at a moment."""
    at = moment.astimezone(UTC)
    clock = at.hour * 10_000 + at.minute * 100 + at.second
    return f"{at.year}.{at.month * 100 + at.day}.{clock}"


def started_at(build: str) -> datetime | None:
    """Return the moment that a build's id says; None when it is no id."""
    found = re.fullmatch(r"(\d{4})\.(\d{3,4})\.(\d{1,6})", build)
    if not found:
        return None
    year, day, clock = (int(part) for part in found.groups())
    text = f"{year:04}{day:04}{clock:06}+0000"
    try:
        return datetime.strptime(text, "%Y%m%d%H%M%S%z")
    except ValueError:
        return None


def records(archive: Path, builds: str) -> list[Path]:
    """Return the records of archived builds, that of the newest first.

    None is read for it. A folder whose name begins with a dot is no build: it is on its
    way into the archive, or out.

    Args:
        archive: A folder.
        builds: Which folders below it, as a pattern: ``*/*``.
    """
    found = (
        path
        for path in archive.glob(f"{builds}/{RECORD}")
        if not path.parent.name.startswith(".")
    )
    return sorted(found, key=_begun_at, reverse=True)


def _begun_at(record: Path) -> datetime:
    return started_at(record.parent.name) or datetime.min.replace(tzinfo=UTC)


def begin(
    root: Path, environment: str, *, attached: bool, now: datetime | None = None
) -> Build:
    """Begin a build: choose an id that is free, and make its folder."""
    moment = now or datetime.now(UTC)
    while True:
        build = Build(
            id=build_id(moment),
            environment=environment,
            root=root,
            attached=attached,
        )
        if not build.archive.exists():
            try:
                build.folder.mkdir(parents=True)
            except FileExistsError:
                pass
            else:
                return build
        moment += timedelta(seconds=1)


def left(root: Path, environment: str, *, attached: bool = False) -> list[Build]:
    """Return builds of an environment whose folders lie there, oldest name first."""
    kind = "attached" if attached else "builds"
    name = re.compile(rf"{re.escape(environment)}-(\d+\.\d+\.\d+)")
    found = sorted((root / STATE / kind).glob(f"{environment}-*"))
    return [
        Build(id=match[1], environment=environment, root=root, attached=attached)
        for path in found
        if (match := name.fullmatch(path.name))
    ]


def unfinished(root: Path, environment: str, *, but: str) -> list[Build]:
    """Return builds of an environment that were killed: their folders are left.

    Args:
        root: The project's folder.
        environment: The environment, whose lock nobody holds but the one who asks.
        but: Id of the build that asks, or "".
    """
    found = left(root, environment)
    return [build for build in found if build.id != but and not _runs(build)]


def running(root: Path) -> list[Build]:
    """Return the releases of a checkout whose processes are alive."""
    folders = (root / STATE / "builds").glob("*-*")
    names = sorted({folder.name.rpartition("-")[0] for folder in folders})
    return [build for name in names for build in left(root, name) if _runs(build)]


def _runs(build: Build) -> bool:
    """Tell whether a build's process is alive: it is about to be refused the lock."""
    begun = build.journal.read()[:1]
    said = [event.data["process"] for event in begun if "process" in event.data]
    return any(Process(**each).runs() for each in said)
