"""One request that was let in, and what every operation does with it."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import re
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from aiohttp import ClientSession, web

from release.emulator.blobs import conditions
from release.emulator.blobs import lease as leases
from release.emulator.blobs.accounts import Account, Accounts, Tokens
from release.emulator.blobs.address import Address
from release.emulator.blobs.auth import Grant
from release.emulator.blobs.errors import BlobError
from release.emulator.blobs.records import Blob, Container, Kind
from release.emulator.blobs.store import Store
from release.emulator.blobs.times import http_date

_LARGEST_XML_BYTES = 16 * 1024 * 1024
_META = "x-ms-meta-"
IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
"""What the name of a metadatum is."""


def utc_now() -> datetime:
    """Return the time, aware and in UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """A request as others may know of it: signatures masked, no body."""

    method: str
    path: str
    query: str
    status: int
    client: str
    """The User-Agent header."""


def metadata_in(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the metadata in headers, names as they were spelled.

    Names are C# identifiers (source: "Setting and retrieving properties and metadata
    for Blob service resources").

    Raises:
        BlobError: A name is none.
    """
    found = {
        name[len(_META) :]: value
        for name, value in headers.items()
        if name.lower().startswith(_META)
    }
    for name in found:
        if not IDENTIFIER.fullmatch(name):
            raise BlobError("InvalidMetadata", f"{_META}{name}")
    return found


def _let_through(_method: str, _path: str) -> None:
    """Refuse nothing."""


def _forget(_: Asked) -> None:
    """Note nothing."""


@dataclass(kw_only=True, slots=True)
class Service:
    """What the data plane works with."""

    store: Store
    accounts: Accounts
    tokens: Tokens
    authority: Callable[[], str]
    """Where a client gets a token: https://127.0.0.1:PORT/TENANT."""
    trust: ssl.SSLContext | None = None
    """For the sources of copies."""
    now: Callable[[], datetime] = utc_now
    check: Callable[[str, str], None] = _let_through
    """Told of method and path first; raises the BlobError of a fault."""
    note: Callable[[Asked], None] = _forget
    """Told of every request once it is answered."""
    session: ClientSession | None = None
    """For the sources of copies; the application opens and closes it."""
    copies: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    """Copies under way, by id."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """A request with all that was found out about it."""

    request: web.Request
    address: Address
    account: Account
    grant: Grant
    fields: Mapping[str, str]
    """The query: names in lower case, values decoded."""
    now: datetime
    service: Service
    again: Callable[[web.Request], Awaitable[web.StreamResponse]]
    """Answers a request that came within this one, refusals as well."""

    @property
    def store(self) -> Store:
        """The store."""
        return self.service.store

    def header(self, name: str) -> str | None:
        """Return a request header, or None."""
        return self.request.headers.get(name)

    def required(self, name: str) -> str:
        """Return a request header.

        Raises:
            BlobError: It is missing.
        """
        value = self.header(name)
        if value is None:
            raise BlobError("MissingRequiredHeader", name)
        return value

    def number(self, name: str) -> int | None:
        """Return a header that holds a whole number, or None.

        Raises:
            BlobError: It holds something else.
        """
        text = self.header(name)
        if text is None:
            return None
        try:
            return int(text)
        except ValueError as error:
            raise BlobError("InvalidHeaderValue", f"{name}: {text}") from error

    @property
    def metadata(self) -> dict[str, str]:
        """The metadata in the headers, names as they were spelled."""
        return metadata_in(self.request.headers)

    # --- what is there ----------------------------------------------------

    def container(self) -> Container:
        """Return the container.

        Raises:
            BlobError: 404.
        """
        found = self.store.container(self.address.account, self.address.container)
        if found is None:
            raise BlobError("ContainerNotFound")
        return found

    def found(self) -> Blob | None:
        """Return the blob, committed or not, or None.

        Raises:
            BlobError: 404 for the container.
        """
        self.container()
        return self.store.blob(
            self.address.account, self.address.container, self.address.blob
        )

    def blob(self, kind: Kind | None = None) -> Blob:
        """Return the committed blob.

        Raises:
            BlobError: 404, or 409 when it is not of the `kind`.
        """
        found = self.found()
        if found is None or not found.committed:
            raise BlobError("BlobNotFound")
        if kind and found.kind is not kind:
            raise BlobError("InvalidBlobType", f"{found.kind}, not {kind}.")
        return found

    # --- whether it may ---------------------------------------------------

    def admit_write(self, blob: Blob | None, *, replaces: bool = False) -> None:
        """See that lease, conditions and pending copies let a write through.

        Args:
            blob: What is there.
            replaces: Whether the write puts new content in place of the old, which
                a SAS that may only create may not.

        Raises:
            BlobError: They do not.
        """
        there = blob if blob and blob.committed else None
        if there and replaces and not self.grant.allows("w"):
            raise BlobError("UnauthorizedBlobOverwrite")
        conditions.check_write(
            self.request.headers,
            etag=there.etag if there else None,
            modified_at=there.modified_at if there else None,
        )
        if blob:
            given = self.header("x-ms-lease-id")
            leases.admit_write(blob.lease, given=given, noun="Blob", now=self.now)
            if blob.copy and blob.copy.status == "pending":
                raise BlobError("PendingCopyOperation")

    def admit_read(self, blob: Blob) -> None:
        """See that lease and conditions let a read through.

        Raises:
            BlobError: They do not.
        """
        given = self.header("x-ms-lease-id")
        leases.admit_read(blob.lease, given=given, noun="Blob", now=self.now)
        conditions.check_read(
            self.request.headers, etag=blob.etag, modified_at=blob.modified_at
        )

    # --- the body ---------------------------------------------------------

    async def body(self) -> AsyncIterator[bytes]:
        """Yield the request's body as it comes.

        Raises:
            BlobError: Its length is not given.
        """
        if self.request.content_length is None:
            raise BlobError("MissingContentLengthHeader")
        async for chunk in self.request.content.iter_any():
            yield chunk

    async def document(self) -> bytes:
        """Return a body that holds XML.

        Raises:
            BlobError: It is too long, or its MD5 is another than given.
        """
        parts = []
        size_bytes = 0
        async for chunk in self.request.content.iter_any():
            size_bytes += len(chunk)
            if size_bytes > _LARGEST_XML_BYTES:
                raise BlobError("RequestBodyTooLarge")
            parts.append(chunk)
        body = b"".join(parts)
        digest = hashlib.md5(body, usedforsecurity=False).digest()
        self.check_md5(base64.b64encode(digest).decode())
        return body

    def check_md5(self, md5: str) -> None:
        """See that the body has the MD5 that the request says.

        Raises:
            BlobError: It does not, or what is said is no MD5.
        """
        said = self.header("Content-MD5")
        if said is None:
            return
        try:
            digest = base64.b64decode(said, validate=True)
        except binascii.Error as error:
            raise BlobError("InvalidMd5", said) from error
        if base64.b64encode(digest).decode() != md5:
            raise BlobError("Md5Mismatch", f"Given {said}, calculated {md5}.")

    # --- the answer -------------------------------------------------------

    def stamp(self) -> tuple[str, datetime]:
        """Return a new entity tag and the time that goes with it."""
        return self.store.etag(self.now), self.now

    def answer(
        self,
        status: int,
        of: Blob | Container | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        body: bytes = b"",
    ) -> web.Response:
        """Return a response; `of` adds its entity tag and time."""
        told = dict(headers or {})
        if of:
            told = {
                "ETag": of.etag,
                "Last-Modified": http_date(of.modified_at),
                **told,
            }
        if body:
            told["Content-Type"] = "application/xml"
        return web.Response(status=status, headers=told, body=body or None)
