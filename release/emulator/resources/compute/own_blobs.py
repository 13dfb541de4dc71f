"""URLs of Azure's blob service, which is this embedded Azure's own."""

from __future__ import annotations

from yarl import URL

from release.emulator.cloud import Cloud
from release.emulator.names import BLOB_SUFFIXES


def served_at(cloud: Cloud, address: str) -> tuple[URL, dict[str, str]]:
    """Return where a URL is served from, and the headers that ask for it there.

    ``ACCOUNT.blob.core.windows.net`` and its like are served here, whoever names
    them; any other URL is served where it says.

    Raises:
        ValueError: It is no URL.
    """
    url = URL(address)
    if (url.host or "").partition(".")[2] not in BLOB_SUFFIXES:
        return url, {}
    return URL(cloud.blob_origin).join(url.relative()), {"Host": url.authority}
