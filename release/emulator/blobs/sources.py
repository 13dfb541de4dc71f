"""Content that a request takes from a URL: copies, and blocks put from one.

The source may be any loopback URL: a blob of this service (with a signature, or of
the same account), or a disk's or image's export. Nothing else is reached for.
"""

from __future__ import annotations

import base64
import hashlib
import ipaddress
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiohttp
from yarl import URL

from release.emulator.blobs import address as addresses
from release.emulator.blobs import conditions
from release.emulator.blobs.address import Address
from release.emulator.blobs.call import Call, metadata_in
from release.emulator.blobs.errors import BlobError
from release.emulator.blobs.files import CHUNK_BYTES
from release.emulator.blobs.records import Blob, Kind
from release.emulator.blobs.times import parse_http_date

_CONTENT_HEADERS = (
    "Content-Type",
    "Content-Encoding",
    "Content-Language",
    "Content-MD5",
    "Content-Disposition",
    "Cache-Control",
)
_OK = (200, 206)


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """What is copied from."""

    chunks: AsyncIterator[bytes]
    size_bytes: int
    kind: Kind = Kind.BLOCK
    headers: dict[str, str] = field(default_factory=dict)
    metadata: dict[str, str] = field(default_factory=dict)
    appended_blocks: int = 0
    ranges: tuple[tuple[int, int], ...] = ()


async def content(call: Call) -> AsyncIterator[bytes]:
    """Yield what a request brings: its body, or what its copy source holds."""
    if call.header("x-ms-copy-source") is None:
        async for chunk in call.body():
            yield chunk
        return
    async with reading(call) as source:
        async for chunk in verified(call, source):
            yield chunk


async def verified(call: Call, source: Source) -> AsyncIterator[bytes]:
    """Yield what a source holds, and see that its MD5 is the one that was given.

    Raises:
        BlobError: It is not.
    """
    digest = hashlib.md5(usedforsecurity=False)
    async for chunk in source.chunks:
        digest.update(chunk)
        yield chunk
    said = call.header("x-ms-source-content-md5")
    found = base64.b64encode(digest.digest()).decode()
    if said is not None and said != found:
        raise BlobError("Md5Mismatch", f"Given {said}, calculated {found}.")


@asynccontextmanager
async def reading(call: Call) -> AsyncIterator[Source]:
    """Open the source that a request names, for as long as the block runs.

    Raises:
        BlobError: It cannot be read, or its conditions do not hold.
    """
    url = _asked(call)
    blob = _own(call, url)
    if blob:
        # It may be replaced meanwhile, by what is copied from it even.
        with call.store.files.held(blob.pieces):
            yield _from_blob(call, blob)
        return
    async with _fetching(call, url) as answer:
        yield _from_answer(call, answer)


def _asked(call: Call) -> URL:
    text = call.required("x-ms-copy-source")
    try:
        url = URL(text, encoded=True)
        sound = url.scheme in {"http", "https"} and url.host
    except ValueError:
        sound = None
    if not sound:
        shown = text.partition("?")[0]
        raise BlobError("InvalidHeaderValue", f"x-ms-copy-source: {shown}")
    return url


def without_sas(url: URL) -> str:
    """Return a URL as others may see it: without its query."""
    return str(url.with_query(None))


def _own(call: Call, url: URL) -> Blob | None:
    """Return the blob of the same account that an unsigned URL points at, if any.

    The owner of an account needs no signature to copy within it.
    """
    own_host = url.authority == call.request.host
    named = url.host is not None and f"{call.account.name}.blob." in url.host
    if url.query_string or not (own_host or named):
        return None
    if call.grant.how not in {"key", "bearer"}:
        return None
    found = addresses.parse(
        host=url.authority, raw_path=url.raw_path, is_container=False
    )
    if found.account != call.address.account:
        return None
    blob = call.store.blob(found.account, found.container, found.blob)
    if blob is None or not blob.committed:
        raise _unreadable(404, f"The specified blob does not exist: {_name(found)}.")
    return blob


def _name(address: Address) -> str:
    return f"{address.container}/{address.blob}"


def _from_blob(call: Call, blob: Blob) -> Source:
    conditions.check_source(
        call.request.headers, etag=blob.etag, modified_at=blob.modified_at
    )
    start, end = 0, blob.size_bytes
    asked = conditions.source_range(call.request.headers)
    if asked:
        start, end = conditions.clip(asked, blob.size_bytes)
    return Source(
        chunks=call.store.files.read(blob.pieces, start, end),
        size_bytes=end - start,
        kind=blob.kind,
        headers=blob.headers,
        metadata=blob.metadata,
        appended_blocks=blob.appended_blocks,
        ranges=blob.ranges,
    )


@asynccontextmanager
async def _fetching(call: Call, url: URL) -> AsyncIterator[aiohttp.ClientResponse]:
    session = call.service.session
    assert session is not None  # noqa: S101 - the application opened it
    target, host = _reachable(call, url)
    headers = {"x-ms-version": call.header("x-ms-version") or "2024-11-04"}
    if host:
        headers["Host"] = host
    authorization = call.header("x-ms-copy-source-authorization")
    if authorization:
        headers["Authorization"] = authorization
    asked = call.header("x-ms-source-range")
    if asked:
        headers["x-ms-range"] = headers["Range"] = asked
    try:
        async with session.get(
            target, headers=headers, allow_redirects=False
        ) as answer:
            if answer.status not in _OK:
                raise _unreadable(
                    answer.status,
                    answer.headers.get("x-ms-error-code") or answer.reason or "",
                )
            yield answer
    except (aiohttp.ClientError, TimeoutError) as error:
        detail = str(error) or type(error).__name__
        raise _unreadable(404, detail) from error


def _reachable(call: Call, url: URL) -> tuple[URL, str]:
    """Return where to connect to, and the Host header if it is another.

    `ACCOUNT.blob.core.windows.net` is this very service.
    """
    host = url.host or ""
    if ".blob." in host:
        local = call.request.get_extra_info("sockname")
        return url.with_scheme("https").with_host(local[0]).with_port(local[1]), host
    if host != "localhost" and not _is_loopback(host):
        raise _unreadable(
            403, f"This embedded Azure reads from loopback only, not from {host}."
        )
    return url, ""


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _unreadable(status: int, detail: str) -> BlobError:
    return BlobError(
        "CannotVerifyCopySource",
        detail,
        status=status if status in {401, 403, 404, 409, 412} else 400,
        fields={"CopySourceStatusCode": str(status), "CopySourceErrorMessage": detail},
    )


def _from_answer(call: Call, answer: aiohttp.ClientResponse) -> Source:
    headers = answer.headers
    modified_at = parse_http_date(headers.get("Last-Modified", ""))
    conditions.check_source(
        call.request.headers, etag=headers.get("ETag"), modified_at=modified_at
    )
    size_bytes = answer.content_length
    if size_bytes is None:
        raise _unreadable(answer.status, "The source does not tell its length.")
    kind = Kind(headers.get("x-ms-blob-type", Kind.BLOCK))
    return Source(
        chunks=answer.content.iter_chunked(CHUNK_BYTES),
        size_bytes=size_bytes,
        kind=kind,
        headers={name: headers[name] for name in _CONTENT_HEADERS if name in headers},
        metadata=metadata_in(headers),
        appended_blocks=int(headers.get("x-ms-blob-committed-block-count", "0")),
        ranges=((0, size_bytes),) if kind is Kind.PAGE and size_bytes else (),
    )
