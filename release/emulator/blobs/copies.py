"""Copy Blob and its kin: what is copied from a URL, at once or in the background.

A copy in the background tells the truth of itself at any time: `pending` with the
bytes done, then `success`, `failed` or `aborted`. Its target is empty until it
succeeds. A copy that a restart interrupts has failed.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import datetime

from aiohttp import ClientError, web
from yarl import URL

from release.emulator.blobs.call import Call, Service
from release.emulator.blobs.errors import BlobError
from release.emulator.blobs.records import Blob, Copy, Kind, Piece
from release.emulator.blobs.sources import Source, reading, verified, without_sas
from release.emulator.blobs.store import Store
from release.emulator.blobs.uploads import ENCRYPTED, given_headers, replacement

log = logging.getLogger(__name__)

_QUICK_S = 0.2
"""A copy that takes no longer is answered as done, as Azure does with small ones."""
_PROGRESS_BYTES = 8 * 1024 * 1024
_INTERRUPTED = "500 InternalError the service was restarted while copying"


async def copy(call: Call) -> web.Response:
    """Answer Copy Blob."""
    async with AsyncExitStack() as opened:
        source = await opened.enter_async_context(reading(call))
        blob = _begun(call, source)
        assert blob.copy is not None  # noqa: S101 - just begun
        copy_id = blob.copy.id
        task = asyncio.create_task(
            _copying(call.service, blob, source, opened.pop_all()), name="copy"
        )
    call.service.copies[copy_id] = task
    task.add_done_callback(lambda _: call.service.copies.pop(copy_id, None))
    await asyncio.wait({task}, timeout=_QUICK_S)
    return _told(call, call.blob())


async def copy_now(call: Call) -> web.Response:
    """Answer Copy Blob From URL: done when answered."""
    async with AsyncExitStack() as opened:
        source = await opened.enter_async_context(reading(call))
        blob = _begun(call, source)
        await _copying(call.service, blob, source, opened.pop_all())
    done = call.blob()
    if done.copy and done.copy.status != "success":
        raise BlobError("CannotVerifyCopySource", done.copy.description, status=400)
    return _told(call, done)


def _told(call: Call, blob: Blob) -> web.Response:
    assert blob.copy is not None  # noqa: S101 - it is the target of one
    headers = {"x-ms-copy-id": blob.copy.id, "x-ms-copy-status": blob.copy.status}
    return call.answer(202, blob, headers)


def _begun(call: Call, source: Source) -> Blob:
    before = call.found()
    call.admit_write(before, replaces=True)
    url = URL(call.required("x-ms-copy-source"), encoded=True)
    blob = replacement(call, before, source.kind, ())
    blob = replace(
        blob,
        headers=dict(source.headers),
        metadata=blob.metadata or source.metadata,
        copy=Copy(
            id=str(uuid.uuid4()),
            source=without_sas(url),
            status="pending",
            total_bytes=source.size_bytes,
        ),
    )
    call.store.save_blob(blob, unstage=True)
    return blob


async def _copying(
    service: Service, blob: Blob, source: Source, opened: AsyncExitStack
) -> None:
    """Copy into a target until it is done, failed or given up."""
    store = service.store
    async with opened:
        try:
            piece, _ = await store.files.write(
                _watched(service, blob, source), sparse=source.kind is Kind.PAGE
            )
        except asyncio.CancelledError:
            raise
        except (ClientError, OSError, TimeoutError) as error:
            log.warning("copy to %s/%s failed: %s", blob.container, blob.name, error)
            _end(service, blob, "failed", f"500 InternalError {error}")
        else:
            _finish(service, blob, source, piece)


async def _watched(
    service: Service, blob: Blob, source: Source
) -> AsyncIterator[bytes]:
    done_bytes = told_bytes = 0
    async for chunk in source.chunks:
        yield chunk
        done_bytes += len(chunk)
        if done_bytes - told_bytes >= _PROGRESS_BYTES:
            told_bytes = done_bytes
            kept = _target(service.store, blob)
            if kept and kept.copy:
                copying = replace(kept.copy, done_bytes=done_bytes)
                service.store.save_blob(replace(kept, copy=copying))


def _finish(service: Service, blob: Blob, source: Source, piece: Piece) -> None:
    kept = _target(service.store, blob)
    if kept is None or kept.copy is None or piece.size_bytes != source.size_bytes:
        service.store.files.drop([piece.file])
        if kept:
            _end(service, blob, "failed", "500 InternalError the source broke off")
        return
    now = service.now()
    copied = replace(
        kept.copy, status="success", done_bytes=piece.size_bytes, finished_at=now
    )
    service.store.save_blob(
        replace(
            kept,
            pieces=(piece,),
            size_bytes=piece.size_bytes,
            etag=service.store.etag(now),
            modified_at=now,
            appended_blocks=source.appended_blocks,
            ranges=source.ranges,
            copy=copied,
        )
    )


def _target(store: Store, blob: Blob) -> Blob | None:
    """Return the target of a copy that still is one, or None."""
    kept = store.blob(blob.account, blob.container, blob.name)
    mine = kept and kept.copy and blob.copy and kept.copy.id == blob.copy.id
    return kept if mine else None


def _end(service: Service, blob: Blob, status: str, description: str) -> None:
    kept = _target(service.store, blob)
    if kept:
        now = service.now()
        service.store.save_blob(_ended(kept, status, description, now))


def _ended(blob: Blob, status: str, description: str, now: datetime) -> Blob:
    assert blob.copy is not None  # noqa: S101 - it is the target of one
    ended = replace(blob.copy, status=status, description=description, finished_at=now)
    return replace(blob, copy=ended)


async def abort(call: Call) -> web.Response:
    """Answer Abort Copy Blob."""
    if call.header("x-ms-copy-action") != "abort":
        raise BlobError("InvalidHeaderValue", "x-ms-copy-action must be abort.")
    blob = call.blob()
    if blob.copy is None or blob.copy.status != "pending":
        raise BlobError("NoPendingCopyOperation")
    if blob.copy.id != call.fields.get("copyid"):
        raise BlobError("CopyIdMismatch")
    task = call.service.copies.get(blob.copy.id)
    if task:
        task.cancel()
        await asyncio.wait({task})
    _end(call.service, blob, "aborted", "")
    return call.answer(204)


def fail_interrupted(store: Store, now: datetime) -> None:
    """Mark as failed the copies that were under way when the process ended."""
    for blob in store.being_copied():
        store.save_blob(_ended(blob, "failed", _INTERRUPTED, now))


async def put_from_url(call: Call) -> web.Response:
    """Answer Put Blob From URL."""
    if call.required("x-ms-blob-type") != Kind.BLOCK:
        raise BlobError("InvalidHeaderValue", "x-ms-blob-type must be BlockBlob.")
    call.admit_write(call.found(), replaces=True)
    async with reading(call) as source:
        piece, md5 = await call.store.files.write(verified(call, source))
    try:
        before = call.found()
        call.admit_write(before, replaces=True)
        blob = replacement(call, before, Kind.BLOCK, (piece,))
    except BaseException:
        call.store.files.drop([piece.file])
        raise
    if call.header("x-ms-copy-source-blob-properties") != "false":
        given = given_headers(call)
        blob = replace(blob, headers=source.headers | given)
    blob = replace(
        blob,
        headers=blob.headers | {"Content-MD5": md5},
        metadata=blob.metadata or source.metadata,
    )
    call.store.save_blob(blob, unstage=True)
    return call.answer(201, blob, {"Content-MD5": md5, **ENCRYPTED})
