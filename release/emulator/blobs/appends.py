"""Append blobs: create, append under position conditions, seal."""

from __future__ import annotations

import tempfile
from dataclasses import replace

from aiohttp import web

from release.emulator.blobs.call import Call
from release.emulator.blobs.errors import BlobError
from release.emulator.blobs.files import pour
from release.emulator.blobs.records import Blob, Kind, Piece
from release.emulator.blobs.sources import content
from release.emulator.blobs.uploads import ENCRYPTED, changed, replacement

_LARGEST_BLOCK_BYTES = 100 * 1024 * 1024
_MOST_BLOCKS = 50_000
IN_MEMORY_BYTES = 256 * 1024


async def create(call: Call) -> web.Response:
    """Answer Put Blob for an append blob."""
    if call.request.content_length:
        raise BlobError("InvalidHeaderValue", "Content-Length must be 0.")
    before = call.found()
    call.admit_write(before, replaces=True)
    piece = Piece(file=call.store.files.new(), size_bytes=0)
    blob = replacement(call, before, Kind.APPEND, (piece,))
    call.store.save_blob(blob, unstage=True)
    return call.answer(201, blob, ENCRYPTED)


async def append_block(call: Call) -> web.Response:
    """Answer Append Block."""
    from_url = call.header("x-ms-copy-source") is not None
    _admit(call, 1 if from_url else call.request.content_length or 0)
    with tempfile.SpooledTemporaryFile(max_size=IN_MEMORY_BYTES) as body:
        size_bytes, md5 = await pour(content(call), body)
        call.check_md5(md5)
        blob = _admit(call, size_bytes)
        offset = blob.size_bytes
        piece = blob.pieces[0]
        call.store.files.splice(body, piece.file, offset)
    grown = replace(piece, size_bytes=offset + size_bytes)
    blob = replace(
        changed(call, blob),
        pieces=(grown,),
        size_bytes=grown.size_bytes,
        appended_blocks=blob.appended_blocks + 1,
    )
    call.store.save_blob(blob)
    return call.answer(
        201,
        blob,
        {
            "Content-MD5": md5,
            "x-ms-blob-append-offset": str(offset),
            "x-ms-blob-committed-block-count": str(blob.appended_blocks),
            **ENCRYPTED,
        },
    )


def _admit(call: Call, size_bytes: int) -> Blob:
    blob = call.blob(Kind.APPEND)
    call.admit_write(blob)
    if blob.sealed:
        raise BlobError("BlobIsSealed")
    if not size_bytes:
        raise BlobError("InvalidHeaderValue", "Content-Length must be above 0.")
    if size_bytes > _LARGEST_BLOCK_BYTES:
        raise BlobError("RequestBodyTooLarge")
    if blob.appended_blocks >= _MOST_BLOCKS:
        raise BlobError("BlockCountExceedsLimit")
    position = call.number("x-ms-blob-condition-appendpos")
    if position is not None and position != blob.size_bytes:
        raise BlobError("AppendPositionConditionNotMet")
    most = call.number("x-ms-blob-condition-maxsize")
    if most is not None and blob.size_bytes + size_bytes > most:
        raise BlobError("MaxBlobSizeConditionNotMet")
    return blob


async def seal(call: Call) -> web.Response:
    """Answer Append Blob Seal."""
    blob = call.blob(Kind.APPEND)
    call.admit_write(blob)
    position = call.number("x-ms-blob-condition-appendpos")
    if position is not None and position != blob.size_bytes:
        raise BlobError("AppendPositionConditionNotMet")
    blob = replace(changed(call, blob), sealed=True)
    call.store.save_blob(blob)
    return call.answer(200, blob, {"x-ms-blob-sealed": "true"})
