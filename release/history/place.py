"""Where a team's archive is: a container of blobs, by its address. Pure."""

from __future__ import annotations

import mimetypes
from dataclasses import dataclass
from pathlib import PurePath
from typing import Self
from urllib.parse import urlsplit

TYPES = {
    ".hlog": "text/plain",
    ".html": "text/html",
    ".json": "application/json",
    ".jsonl": "application/x-ndjson",
    ".log": "text/plain",
    ".svg": "image/svg+xml",
    ".xml": "application/xml",
}
"""What machines' own lists do not agree on."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """A container, and the folder in it.

    Attributes:
        url: As it is set.
        account: Storage account.
        container: Of blobs; ``$web`` is shown as a static website.
        folder: Within it, "" or ending in a slash.
    """

    url: str
    account: str
    container: str
    folder: str

    @classmethod
    def of(cls, url: str) -> Self:
        """Return what an ``archive_to`` names."""
        parts = urlsplit(url)
        container, _, folder = parts.path.strip("/").partition("/")
        return cls(
            url=url.rstrip("/"),
            account=(parts.hostname or "").partition(".")[0],
            container=container,
            folder=f"{folder}/" if folder else "",
        )


def content_type(name: str) -> str:
    """Return the content type of a file, with the charset of a text."""
    end = PurePath(name).suffix.lower()
    found = TYPES.get(end) or mimetypes.guess_type(name)[0]
    if found is None:
        return "application/octet-stream"
    is_text = found.startswith("text/") or found == "application/xml"
    return f"{found}; charset=utf-8" if is_text else found
