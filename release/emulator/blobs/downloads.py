"""Reading blobs: Get Blob, Get Blob Properties, and the headers that tell of one."""

from __future__ import annotations

import base64
import hashlib

from aiohttp import web

from release.emulator.blobs import conditions
from release.emulator.blobs.call import Call
from release.emulator.blobs.errors import BlobError
from release.emulator.blobs.records import Blob, Kind
from release.emulator.blobs.times import http_date

_LARGEST_HASHED_BYTES = 4 * 1024 * 1024


def describe(call: Call, blob: Blob) -> dict[str, str]:
    """Return the headers that tell of a blob, but for length and range."""
    headers = {
        "ETag": blob.etag,
        "Last-Modified": http_date(blob.modified_at),
        "Accept-Ranges": "bytes",
        "x-ms-creation-time": http_date(blob.created_at),
        "x-ms-blob-type": blob.kind.value,
        "x-ms-server-encrypted": "true",
        **blob.headers,
        **(call.grant.overrides or {}),
        **blob.lease.headers(call.now),
        **{f"x-ms-meta-{name}": value for name, value in blob.metadata.items()},
        **_of_kind(blob),
        **_of_copy(blob),
    }
    if blob.tags:
        headers["x-ms-tag-count"] = str(len(blob.tags))
    return headers


def _of_kind(blob: Blob) -> dict[str, str]:
    if blob.kind is Kind.APPEND:
        count = {"x-ms-blob-committed-block-count": str(blob.appended_blocks)}
        return {**count, "x-ms-blob-sealed": "true"} if blob.sealed else count
    if blob.kind is Kind.PAGE:
        return {"x-ms-blob-sequence-number": str(blob.sequence_number)}
    if not blob.tier:
        return {"x-ms-access-tier": "Hot", "x-ms-access-tier-inferred": "true"}
    told = {"x-ms-access-tier": blob.tier}
    if blob.tier_changed_at:
        told["x-ms-access-tier-change-time"] = http_date(blob.tier_changed_at)
    return told


def _of_copy(blob: Blob) -> dict[str, str]:
    copy = blob.copy
    if copy is None:
        return {}
    told = {
        "x-ms-copy-id": copy.id,
        "x-ms-copy-source": copy.source,
        "x-ms-copy-status": copy.status,
        "x-ms-copy-progress": f"{copy.done_bytes}/{copy.total_bytes}",
    }
    if copy.finished_at:
        told["x-ms-copy-completion-time"] = http_date(copy.finished_at)
    if copy.description:
        told["x-ms-copy-status-description"] = copy.description
    return told


async def get_properties(call: Call) -> web.StreamResponse:
    """Answer Get Blob Properties."""
    blob = call.blob()
    call.admit_read(blob)
    headers = describe(call, blob) | {"Content-Length": str(blob.size_bytes)}
    return web.Response(headers=headers)


async def get_metadata(call: Call) -> web.Response:
    """Answer Get Blob Metadata."""
    blob = call.blob()
    call.admit_read(blob)
    told = {f"x-ms-meta-{name}": value for name, value in blob.metadata.items()}
    return call.answer(200, blob, told)


async def get(call: Call) -> web.StreamResponse:
    """Answer Get Blob, in whole or in part."""
    blob = call.blob()
    call.admit_read(blob)
    if blob.tier == "Archive":
        raise BlobError("BlobArchived")
    with call.store.files.held(blob.pieces):
        return await _sent(call, blob)


async def _sent(call: Call, blob: Blob) -> web.StreamResponse:
    headers = describe(call, blob)
    start, end, status = 0, blob.size_bytes, 200
    asked = conditions.asked_range(call.request.headers)
    if asked:
        start, end = conditions.clip(asked, blob.size_bytes)
        status = 206
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{blob.size_bytes}"
        if "Content-MD5" in headers:
            headers["x-ms-blob-content-md5"] = headers.pop("Content-MD5")
        if call.header("x-ms-range-get-content-md5") == "true":
            headers["Content-MD5"] = await _md5(call, blob, start, end)
    headers["Content-Length"] = str(end - start)
    response = web.StreamResponse(status=status, headers=headers)
    await response.prepare(call.request)
    async for chunk in call.store.files.read(blob.pieces, start, end):
        await response.write(chunk)
    await response.write_eof()
    return response


async def _md5(call: Call, blob: Blob, start: int, end: int) -> str:
    if end - start > _LARGEST_HASHED_BYTES:
        raise BlobError("OutOfRangeInput", "A hashed range has at most 4 MiB.")
    digest = hashlib.md5(usedforsecurity=False)
    async for chunk in call.store.files.read(blob.pieces, start, end):
        digest.update(chunk)
    return base64.b64encode(digest.digest()).decode()
