"""Writing blobs: Put Blob, blocks, properties, metadata, tier, tags, delete."""

from __future__ import annotations

import base64
import binascii
from dataclasses import replace
from datetime import datetime
from urllib.parse import parse_qsl

from aiohttp import web

from release.emulator.blobs import xml
from release.emulator.blobs.call import Call
from release.emulator.blobs.errors import BlobError
from release.emulator.blobs.lease import Lease, State
from release.emulator.blobs.records import Blob, Kind, Piece
from release.emulator.blobs.sources import content

CONTENT_HEADERS = (
    "Content-Type",
    "Content-Encoding",
    "Content-Language",
    "Content-MD5",
    "Content-Disposition",
    "Cache-Control",
)
_PLAIN = ("Content-Type", "Content-Encoding", "Content-Language", "Cache-Control")
_TIERS = ("Hot", "Cool", "Cold", "Archive")
_MOST_BLOCKS = 50_000
_LONGEST_BLOCK_ID_BYTES = 64
ENCRYPTED = {"x-ms-request-server-encrypted": "true"}


def replacement(
    call: Call, before: Blob | None, kind: Kind, pieces: tuple[Piece, ...]
) -> Blob:
    """Return the blob that a request puts in place of what was there."""
    etag, now = call.stamp()
    there = before if before and before.committed else None
    return Blob(
        account=call.address.account,
        container=call.address.container,
        name=call.address.blob,
        kind=kind,
        etag=etag,
        created_at=there.created_at if there else now,
        modified_at=now,
        size_bytes=sum(piece.size_bytes for piece in pieces),
        pieces=pieces,
        headers=content_headers(call),
        metadata=call.metadata,
        tags=dict(parse_qsl(call.header("x-ms-tags") or "")),
        tier=tier(call) or "",
        lease=kept_lease(there, now),
    )


def kept_lease(before: Blob | None, now: datetime) -> Lease:
    """Return the lease after a write, which ends one that has expired."""
    if before is None or before.lease.state(now) is State.EXPIRED:
        return Lease()
    return before.lease


def changed(call: Call, blob: Blob) -> Blob:
    """Return a blob with a new entity tag and time."""
    etag, now = call.stamp()
    return replace(blob, etag=etag, modified_at=now, lease=kept_lease(blob, now))


def given_headers(call: Call) -> dict[str, str]:
    """Return the content headers that a request sets for downloads."""
    asked = {name: call.header(f"x-ms-blob-{name.lower()}") for name in CONTENT_HEADERS}
    return {name: value for name, value in asked.items() if value}


def content_headers(call: Call) -> dict[str, str]:
    """Return the content headers that a blob is to be downloaded with."""
    return {"Content-Type": "application/octet-stream", **given_headers(call)}


def tier(call: Call) -> str | None:
    """Return the access tier that a request asks for.

    Raises:
        BlobError: There is no such tier.
    """
    asked = call.header("x-ms-access-tier")
    if asked is not None and asked not in _TIERS:
        raise BlobError("InvalidHeaderValue", f"x-ms-access-tier: {asked}")
    return asked


# --- put blob -------------------------------------------------------------


async def put_block_blob(call: Call) -> web.Response:
    """Answer Put Blob for a block blob."""
    call.admit_write(call.found(), replaces=True)
    piece, md5 = await call.store.files.write(call.body())
    try:
        call.check_md5(md5)
        before = call.found()
        call.admit_write(before, replaces=True)
        blob = replacement(call, before, Kind.BLOCK, (piece,))
        blob.headers.setdefault("Content-MD5", md5)
        blob = replace(blob, headers=blob.headers | _plain(call) | given_headers(call))
    except BaseException:
        call.store.files.drop([piece.file])
        raise
    call.store.save_blob(blob, unstage=True)
    return call.answer(201, blob, {"Content-MD5": md5, **ENCRYPTED})


def _plain(call: Call) -> dict[str, str]:
    """Return what Put Blob takes of a request's own content headers."""
    asked = {name: call.header(name) for name in _PLAIN}
    return {name: value for name, value in asked.items() if value}


# --- blocks ---------------------------------------------------------------


async def put_block(call: Call) -> web.Response:
    """Answer Put Block."""
    block_id = _block_id(call)
    _admit_block(call)
    piece, md5 = await call.store.files.write(content(call))
    try:
        call.check_md5(md5)
        stage(call, replace(piece, block_id=block_id))
    except BaseException:
        call.store.files.drop([piece.file])
        raise
    return call.answer(201, headers={"Content-MD5": md5, **ENCRYPTED})


def stage(call: Call, piece: Piece) -> None:
    """Keep a block, under a blob that shows only once blocks are committed."""
    blob = _admit_block(call)
    lengths = (
        {len(kept.block_id) for kept in call.store.staged(blob)} if blob else set()
    )
    if lengths and lengths != {len(piece.block_id)}:
        raise BlobError("InvalidBlobOrBlock", "Block ids must be of one length.")
    if blob is None:
        made = replacement(call, None, Kind.BLOCK, ())
        blob = replace(made, committed=False)
        call.store.save_blob(blob)
    call.store.stage(blob, piece)


def _admit_block(call: Call) -> Blob | None:
    blob = call.found()
    if blob and blob.kind is not Kind.BLOCK:
        raise BlobError("InvalidBlobType", f"{blob.kind}, not {Kind.BLOCK}.")
    call.admit_write(blob)
    return blob


def _block_id(call: Call) -> str:
    block_id = call.fields.get("blockid", "")
    try:
        raw = base64.b64decode(block_id, validate=True)
    except binascii.Error as error:
        raise BlobError("InvalidBlockId", f"blockid={block_id}") from error
    if not 0 < len(raw) <= _LONGEST_BLOCK_ID_BYTES:
        raise BlobError("InvalidBlockId", f"blockid={block_id}")
    return block_id


async def put_block_list(call: Call) -> web.Response:
    """Answer Put Block List."""
    entries = xml.parse_block_list(await call.document())
    if len(entries) > _MOST_BLOCKS:
        raise BlobError("BlockCountExceedsLimit")
    before = call.found()
    if before and before.kind is not Kind.BLOCK:
        raise BlobError("InvalidBlobType", f"{before.kind}, not {Kind.BLOCK}.")
    call.admit_write(before, replaces=True)
    pieces = _chosen(call, before, entries)
    blob = replacement(call, before, Kind.BLOCK, pieces)
    call.store.save_blob(blob, unstage=True)
    return call.answer(201, blob, ENCRYPTED)


def _chosen(
    call: Call, before: Blob | None, entries: list[tuple[str, str]]
) -> tuple[Piece, ...]:
    committed = {p.block_id: p for p in before.pieces} if before else {}
    staged = {p.block_id: p for p in call.store.staged(before)} if before else {}
    places = {
        "Committed": committed,
        "Uncommitted": staged,
        "Latest": committed | staged,
    }
    missing = [block_id for place, block_id in entries if block_id not in places[place]]
    if missing:
        raise BlobError("InvalidBlockList", f"There is no block {missing[0]}.")
    return tuple(places[place][block_id] for place, block_id in entries)


async def get_block_list(call: Call) -> web.Response:
    """Answer Get Block List."""
    blob = call.found()
    if blob is None:
        raise BlobError("BlobNotFound")
    which = call.fields.get("blocklisttype", "committed").lower()
    if which not in {"committed", "uncommitted", "all"}:
        raise BlobError("InvalidQueryParameterValue", f"blocklisttype={which}")
    committed = [piece for piece in blob.pieces if piece.block_id]
    body = xml.block_list(
        committed if which != "uncommitted" else None,
        call.store.staged(blob) if which != "committed" else None,
    )
    headers = {"x-ms-blob-content-length": str(blob.size_bytes)}
    return call.answer(200, blob if blob.committed else None, headers, body=body)


# --- changing what is there -----------------------------------------------


async def delete(call: Call) -> web.Response:
    """Answer Delete Blob."""
    blob = call.blob()
    call.admit_write(blob)
    call.store.remove_blob(blob)
    return call.answer(202, headers={"x-ms-delete-type-permanent": "true"})


async def set_metadata(call: Call) -> web.Response:
    """Answer Set Blob Metadata."""
    blob = call.blob()
    call.admit_write(blob)
    blob = replace(changed(call, blob), metadata=call.metadata)
    call.store.save_blob(blob)
    return call.answer(200, blob, ENCRYPTED)


async def set_tier(call: Call) -> web.Response:
    """Answer Set Blob Tier."""
    blob = call.blob(Kind.BLOCK)
    call.required("x-ms-access-tier")
    asked = tier(call) or ""
    call.store.save_blob(replace(blob, tier=asked, tier_changed_at=call.now))
    return call.answer(200)


async def get_tags(call: Call) -> web.Response:
    """Answer Get Blob Tags."""
    return call.answer(200, body=xml.tags(call.blob().tags))


async def set_tags(call: Call) -> web.Response:
    """Answer Set Blob Tags."""
    tags = xml.parse_tags(await call.document())
    call.store.save_blob(replace(call.blob(), tags=tags))
    return call.answer(204)
