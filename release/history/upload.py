"""A team's archive: builds of several machines in one container, under one index.

A build's ``release.json`` is sent last, so that a build whose sending was cut short is
none. The index is made from what the container holds. Two machines that renew it at
once are told apart by the ETag of ``history.json``: who finds it changed begins again
(source: "Specifying conditional headers for Blob service operations").
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from azure.core import MatchConditions
from azure.core.exceptions import (
    ResourceExistsError,
    ResourceModifiedError,
    ResourceNotFoundError,
)

from release.azure.clients import Azure
from release.azure.operations import call
from release.builds import RECORD
from release.errors import ArchiveFailed, ReleaseError
from release.history.entry import Entry, unpack
from release.history.ledger import INDEX, LEDGER, History, merged
from release.history.place import Place, content_type
from release.wait import Seen, wait_until

if TYPE_CHECKING:
    from azure.storage.blob import ContainerClient

T = TypeVar("T")

AT_ONCE = 8
"""Files on their way at the same time."""
RENEWAL_S = 120.0
"""Seconds that the index may be changed by others while it is renewed."""


class Store:
    """The archive in a container.

    Args:
        azure: Whose blob service has it.
        place: The container.
    """

    def __init__(self, azure: Azure, place: Place) -> None:
        self._azure = azure
        self._place = place
        self._container: ContainerClient = azure.blobs(
            place.account
        ).get_container_client(place.container)

    def send(self, archive: Path, builds: Sequence[str]) -> History:
        """Send builds, then renew the index.

        Args:
            archive: The folder ``reports``.
            builds: Each as ``environment/build``.

        Raises:
            ArchiveFailed: It could not be sent, or the index not be renewed.
        """
        unsent = list(builds)
        try:
            self._call("opening it", self._open)
            while unsent:
                self._call("sending it", lambda: self._put(archive, unsent[0]))
                unsent.pop(0)
            return self._call("renewing its index", lambda: self._renew(builds))
        except ReleaseError as error:
            named = f"build {', '.join(unsent)}" if unsent else "the index"
            raise ArchiveFailed(
                f"{named} did not get to {self._place.url}: {error.what}",
                fix=error.fix,
            ) from error

    def missing(self, builds: Iterable[str]) -> list[str]:
        """Return those of some builds that the container does not hold.

        Raises:
            ReleaseError: Azure refused or failed.
        """
        self._call("opening it", self._open)
        there = set(self._call("listing it", lambda: list(self._present())))
        return [path for path in builds if path not in there]

    def _call(self, doing: str, request: Callable[[], T]) -> T:
        return call(self._azure, doing, request)

    def _open(self) -> None:
        """Make the container where it is missing."""
        if not self._container.exists():
            try:
                self._container.create_container()
            except ResourceExistsError:
                return

    def _put(self, archive: Path, build: str) -> None:
        """Send a build's files, its record last."""
        folder = archive / build
        files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
        record = folder / RECORD

        def send(path: Path) -> None:
            name = path.relative_to(archive).as_posix()
            with path.open("rb") as data:
                self._upload(name, data, overwrite=True)

        with ThreadPoolExecutor(AT_ONCE) as threads:
            # A list, so that what failed is told.
            list(threads.map(send, [path for path in files if path != record]))
        send(record)

    def _upload(self, name: str, data: Any, **conditions: Any) -> str:
        """Send a file and return its ETag."""
        from azure.storage.blob import ContentSettings  # noqa: PLC0415 - slow

        blob = self._container.get_blob_client(f"{self._place.folder}{name}")
        done = blob.upload_blob(
            data,
            content_settings=ContentSettings(
                content_type=content_type(name),
                # What is renewed must not be shown as it was.
                cache_control="no-cache" if name in {INDEX, LEDGER} else None,
            ),
            **conditions,
        )
        return str(done["etag"])

    # --- the index ------------------------------------------------------------------

    def _renew(self, anew: Sequence[str]) -> History:
        """Write the index of what the container holds; builds just sent are read anew.

        The page is written after the ledger that it was made from; if that has changed
        meanwhile, somebody else's page may have been overwritten, and all begins again.
        """

        def look() -> Seen[History]:
            known, etag = self._ledger()
            found = self._merged([each for each in known if each.path not in anew])
            files = found.documents(datetime.now(UTC))
            ours = self._replace(files[LEDGER], etag)
            if ours:
                self._upload(INDEX, files[INDEX], overwrite=True)
                if self._ledger()[1] == ours:
                    return Seen(what="renewed", value=found)
            return Seen(what="somebody else renewed it too", value=None)

        return wait_until(
            f"index of {self._place.url}",
            look,
            timeout_s=RENEWAL_S,
            interval_s=0.2,
            fix="python -m release history --env NAME --upload",
        )

    def _ledger(self) -> tuple[list[Entry], str]:
        """Return what the index holds so far, and its ETag; "" where there is none."""
        try:
            found = self._container.download_blob(f"{self._place.folder}{LEDGER}")
        except ResourceNotFoundError:
            return [], ""
        try:
            known = unpack(json.loads(found.readall()))
        except (ValueError, KeyError, TypeError):
            # It holds nothing that the builds' own records do not.
            known = []
        return known, str(found.properties.etag)

    def _replace(self, content: bytes, etag: str) -> str:
        """Write the ledger where it has not changed; return its ETag, or ""."""
        try:
            if not etag:
                return self._upload(LEDGER, content, overwrite=False)
            return self._upload(
                LEDGER,
                content,
                overwrite=True,
                etag=etag,
                match_condition=MatchConditions.IfNotModified,
            )
        except (ResourceExistsError, ResourceModifiedError):
            return ""

    def _merged(self, known: list[Entry]) -> History:
        present = list(self._present())
        old = {each.path for each in known}
        new = [path for path in present if path not in old]
        with ThreadPoolExecutor(AT_ONCE) as threads:
            records = dict(zip(new, threads.map(self._record, new), strict=True))
        return merged(known, present, lambda path: _read(records[path]))

    def _present(self) -> Iterator[str]:
        """Yield the folders of builds, as ``environment/build``."""
        start = self._place.folder
        for environment in self._folders(start):
            for build in self._folders(environment):
                yield build.removeprefix(start).rstrip("/")

    def _folders(self, start: str) -> list[str]:
        """Return the folders below one, each ending in a slash."""
        walked = self._container.walk_blobs(name_starts_with=start, delimiter="/")
        return [each.name for each in walked if each.name.endswith("/")]

    def _record(self, build: str) -> bytes | None:
        """Return a build's record; None while it has not all been sent."""
        name = f"{self._place.folder}{build}/{RECORD}"
        try:
            found: bytes = self._container.download_blob(name).readall()
        except ResourceNotFoundError:
            return None
        return found


def _read(record: bytes | None) -> dict[str, Any] | None:
    return None if record is None else json.loads(record)
