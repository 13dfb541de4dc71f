"""The archive: a build's folder goes to ``reports/`` whole, or not at all."""

from __future__ import annotations

import contextlib
import errno
import re
import shutil
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from release.errors import ArchiveFailed
from release.history.entry import Entry
from release.history.ledger import History, renew
from release.history.retention import outdated
from release.redaction import redact_files
from release.settings import Retention

COPIED = ".part"
RETIRED = ".old"
"""Ends of names of folders on their way; they begin with a dot."""
FULL = (errno.ENOSPC, errno.EDQUOT)


def keep(folder: Path, target: Path, *, reports: Path, limits: Retention) -> History:
    """Move a build's folder into the archive, let old ones go, renew the index.

    Args:
        folder: The build's own folder, with all its files.
        target: ``reports/<environment>/<build>``.
        reports: The archive, with the index.
        limits: How many builds are kept, and for how long.

    Raises:
        ArchiveFailed: It could not be written. The build is in the archive whole, or
            still in its own folder.
    """
    with archiving(target.name, folder):
        target.parent.mkdir(parents=True, exist_ok=True)
        for lock in folder.glob("*.lock"):
            lock.unlink()
        redact_files(folder)
        # What was kept of it for now gives way.
        before = target.with_name(f".{target.name}{RETIRED}")
        if target.exists():
            target.rename(before)
        move(folder, target)
        shutil.rmtree(before, ignore_errors=True)
    with archiving("", reports):
        found = renew(reports, anew=f"{target.parent.name}/{target.name}")
        if retire(reports, target.parent.name, found.entries, limits):
            found = renew(reports)
        return found


def move(folder: Path, target: Path) -> None:
    """Move a folder in one step, also to another disk.

    Raises:
        OSError: It could not; then it is where it was, and nothing is at the target.
    """
    try:
        folder.rename(target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        draft = target.with_name(f".{target.name}{COPIED}")
        shutil.rmtree(draft, ignore_errors=True)
        try:
            shutil.copytree(folder, draft, symlinks=True)
            draft.rename(target)
        except (OSError, shutil.Error):
            shutil.rmtree(draft, ignore_errors=True)
            raise
        shutil.rmtree(folder)


def retire(
    reports: Path, environment: str, entries: Iterable[Entry], limits: Retention
) -> list[str]:
    """Delete the builds of an environment that are older than they need be.

    Args:
        reports: The archive.
        environment: Whose limits they are.
        entries: All that there are, newest first.
        limits: How many builds are kept, and for how long.

    Returns:
        Ids of those that are gone.
    """
    own = [each for each in entries if each.environment == environment]
    gone = []
    for each in outdated(own, limits, datetime.now(UTC)):
        folder = reports / each.path
        hidden = folder.with_name(f".{folder.name}{RETIRED}")
        folder.rename(hidden)
        shutil.rmtree(hidden)
        gone.append(each.build)
    return gone


def discard(reports: Path, environment: str) -> None:
    """Delete what a kill in the midst of a copy or a deletion left.

    Nobody else may be archiving a build of this environment.
    """
    for end in (COPIED, RETIRED):
        for draft in (reports / environment).glob(f".*{end}"):
            shutil.rmtree(draft, ignore_errors=True)


@contextlib.contextmanager
def archiving(build: str, folder: Path) -> Iterator[None]:
    """Tell in one error what kept a build, or the index, from being written.

    Args:
        build: Its id; "" is the index over all builds.
        folder: Where it stays for now.

    Raises:
        ArchiveFailed: Instead of an `OSError`.
    """
    try:
        yield
    except (OSError, shutil.Error) as error:
        said, mend = _said(error), _mend(error)
        if build:
            raise ArchiveFailed(
                f"build {build} is not in the archive yet: {said}",
                fix=f"its files are in {folder}; {mend}: the next release to this "
                "environment puts them there",
            ) from error
        raise ArchiveFailed(
            f"the index of {folder} is not up to date: {said}",
            fix=f"{mend}, then: python -m release history --renew",
        ) from error


def _mend(error: OSError | shutil.Error) -> str:
    # A copied tree tells its causes as texts only.
    if error.errno is None or error.errno in FULL:
        return "make room"
    if error.errno in (errno.ENOTDIR, errno.EEXIST):
        return f"make a folder of {error.filename}, or move it away"
    return "put that right"


def _said(error: OSError | shutil.Error) -> str:
    """Return the cause; a copied tree tells it for each file."""
    if isinstance(error, shutil.Error) and isinstance(error.args[0], list):
        source, _, why = error.args[0][0]
        # It gives each error as its text: "[Errno 28] No space left on device: 'a'".
        said = re.search(r"\] ([^:]+)", str(why))
        return f"{Path(source).name}: {said[1] if said else why}"
    where = f": {error.filename}" if error.filename and error.errno not in FULL else ""
    return f"{error.strerror or error}{where}"
