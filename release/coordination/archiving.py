"""A build that has ended goes to the archive: on this disk, and to a team's."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from release.azure.clients import Azure
from release.builds import Build
from release.errors import ArchiveFailed, ReleaseError
from release.history.keep import archiving, keep
from release.history.place import Place
from release.report.archive import write_record
from release.settings import Settings

WAITING_S = 30.0
"""Seconds that an upload waits for an Azure that is busy or does not answer."""


def archive(settings: Settings, build: Build, record: dict[str, Any]) -> None:
    """Put a build into the archive on this disk.

    Raises:
        ArchiveFailed: It, or the index, could not be written.
    """
    with archiving(build.id, build.folder):
        write_record(build.folder, record)
    keep(
        build.folder,
        build.archive,
        reports=build.root / "reports",
        limits=settings.env.retention,
    )


def upload(settings: Settings, azure: Azure, builds: Sequence[str]) -> str:
    """Send archived builds to the team's archive; return where it is to be seen.

    Args:
        settings: ``env.archive_to`` is set in them.
        azure: With the release's credential, and no lock to hold.
        builds: Each as ``environment/build``.

    Raises:
        ArchiveFailed: They could not be sent.
    """
    place = _place(settings, azure)
    azure.patience.waiting_s = WAITING_S
    # It imports the SDK's blob client, which an attach need not wait for.
    from release.history.upload import Store  # noqa: PLC0415

    Store(azure, place).send(settings.root / "reports", builds)
    return f"{place.url}/index.html"


def upload_missing(settings: Settings, azure: Azure, reports: Path) -> Sequence[str]:
    """Send what the team's archive does not hold of an environment; return it.

    Raises:
        ReleaseError: It could not be sent.
    """
    from release.history.ledger import history  # noqa: PLC0415 - it imports jinja2
    from release.history.upload import Store  # noqa: PLC0415 - it imports the SDK

    name = settings.environment
    own = [each.path for each in history(reports).entries if each.environment == name]
    store = Store(azure, _place(settings, azure))
    missing = store.missing(reversed(own))
    store.send(reports, missing)
    return missing


def one_line(error: ReleaseError) -> str:
    """Return an error with its fix on one line, for what does not change a verdict."""
    return f"{' '.join(error.what.split())}; fix: {error.fix}"


def _place(settings: Settings, azure: Azure) -> Place:
    """Return the container, when it is of the Azure that the credential is for."""
    url = settings.env.archive_to
    place = Place.of(url)
    there = urlsplit(url).hostname
    here = urlsplit(azure.endpoint.blob_url.format(account=place.account)).hostname
    if settings.env.cloud == "azure" and there != here:
        raise ArchiveFailed(
            f"archive_to is at {there}, and accounts of this Azure are at {here}",
            fix="name a container of the same Azure, which the release signs in to",
        )
    return place
