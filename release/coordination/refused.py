"""The report of a release whose settings are wrong, or which lacks a program.

It began nothing, but who reads a CI's reports wants to know why there is no other.
"""

from __future__ import annotations

import os
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from release import builds, processes, settings
from release.builds import Build
from release.coordination import beginning
from release.coordination.selection import Mode
from release.errors import ArchiveFailed, ReleaseError, UsageError
from release.history.keep import COPIED, archiving, move
from release.history.ledger import renew
from release.redaction import redact_files
from release.report import record
from release.report.archive import write_alone
from release.settings.commit import commit_of

NOTE = "Written as the release was refused, before anything began."
_NAME = re.compile(r"[A-Za-z0-9][\w.-]*")
"""As the settings want it."""


def keep(config: pytest.Config, error: ReleaseError) -> str:
    """Archive a release that cannot begin; nothing where it is none.

    Args:
        config: Of the run.
        error: Why. A wrong command is told to who typed it, and kept nowhere.

    Returns:
        What is to be told: the error, and what kept it out of the archive.
    """
    root, environment = config.rootpath, config.getoption("release_env")
    typed = isinstance(error, UsageError) or hasattr(config, "workerinput")
    if typed or not _is_known(root, environment) or not _releases(config):
        return str(error)
    try:
        _archive(root, environment, error)
    except ArchiveFailed as failed:
        return f"{error}\n{failed}"
    return str(error)


def _releases(config: pytest.Config) -> bool:
    try:
        return beginning.choose(config).mode is Mode.RELEASE
    except UsageError:
        return False


def _is_known(root: Path, environment: str) -> bool:
    """Tell whether there is such an environment, as far as the file can be read."""
    if not (root / "release.toml").is_file() or not _NAME.fullmatch(environment):
        return False
    try:
        return environment in settings.environments(root)
    except ReleaseError:
        return True


def _archive(root: Path, environment: str, error: ReleaseError) -> None:
    at = datetime.now(UTC)
    build = Build(id=builds.build_id(at), environment=environment, root=root)
    draft = build.archive.with_name(f".{build.id}{COPIED}")
    if build.archive.exists() or draft.exists():
        return  # Of two in one second, one tells as much as both.
    found = record.refused(
        build=build.id,
        environment=environment,
        service=root.name,
        commit=commit_of(root),
        who=processes.owner(os.environ),
        error=error,
        at=at,
    )
    with archiving(build.id, draft):
        draft.mkdir(parents=True)
        write_alone(draft, found, note=NOTE)
        redact_files(draft)
        move(draft, build.archive)
        renew(root / "reports")
