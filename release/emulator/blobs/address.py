"""What a request's URL points at. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote

from release.emulator.blobs.errors import BlobError

_CONTAINER = re.compile(r"[a-z0-9](?:-?[a-z0-9])*$|\$root$|\$web$|\$logs$")
_CONTAINER_LENGTHS = range(3, 63 + 1)
_LONGEST_BLOB = 1024
_HOST = re.compile(r"([a-z0-9-]+)\.(?:[a-z0-9-]+\.)?blob\.", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Address:
    """A service (no container), a container (no blob) or a blob."""

    account: str
    container: str = ""
    blob: str = ""

    @property
    def level(self) -> str:
        """`service`, `container` or `blob`."""
        if self.blob:
            return "blob"
        return "container" if self.container else "service"


def parse_query(raw: str) -> tuple[tuple[str, str], ...]:
    """Split a query string into names, in lower case, and values, both decoded.

    A plus sign is a plus sign: storage clients escape spaces.
    """
    pairs = (part.partition("=") for part in raw.split("&") if part)
    return tuple((unquote(name).lower(), unquote(value)) for name, _, value in pairs)


def parse(*, host: str, raw_path: str, is_container: bool) -> Address:
    """Read an address.

    Args:
        host: The Host header. `ACCOUNT.blob.anything` names the account; on any
            other host it is the first part of the path, as Azurite has it.
        raw_path: The path as it came, still escaped.
        is_container: Whether the query has `restype=container`: one part is then
            a container, else a blob of the root container.

    Raises:
        BlobError: There is no account, or a name that cannot be.
    """
    named = _HOST.match(host)
    path = unquote(raw_path.lstrip("/"))
    if named:
        account = named[1]
    else:
        account, _, path = path.partition("/")
    container, _, blob = path.partition("/")
    if not account:
        raise BlobError("InvalidUri", "The path must begin with an account's name.")
    if container and not blob and not is_container:
        container, blob = "$root", container
    if container:
        _check(container, blob)
    return Address(account=account.lower(), container=container, blob=blob)


def _check(container: str, blob: str) -> None:
    if len(container) not in _CONTAINER_LENGTHS:
        raise BlobError(
            "OutOfRangeInput", f"A container's name has 3 to 63 characters: {container}"
        )
    if not _CONTAINER.match(container):
        raise BlobError("InvalidResourceName", f"Container: {container}")
    if len(blob) > _LONGEST_BLOB:
        raise BlobError("InvalidResourceName", f"Blob: {blob}")
