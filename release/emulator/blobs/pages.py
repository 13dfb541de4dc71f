"""Page blobs: create, write and clear pages, list what was written, resize.

Also Set Blob Properties of any blob, since a page blob is resized through it.
"""

from __future__ import annotations

import tempfile
from dataclasses import replace

from aiohttp import web

from release.emulator.blobs import conditions, xml
from release.emulator.blobs.appends import IN_MEMORY_BYTES
from release.emulator.blobs.call import Call
from release.emulator.blobs.errors import BlobError
from release.emulator.blobs.files import pour
from release.emulator.blobs.records import Blob, Kind, Piece
from release.emulator.blobs.sources import content
from release.emulator.blobs.uploads import (
    ENCRYPTED,
    changed,
    given_headers,
    replacement,
)

PAGE_BYTES = 512
_LARGEST_BYTES = 8 * 1024**4
_LARGEST_WRITE_BYTES = 4 * 1024 * 1024

Ranges = tuple[tuple[int, int], ...]


def written(ranges: Ranges, start: int, end: int) -> Ranges:
    """Return ranges with one more, joined where they touch. All are half-open."""
    apart = [r for r in ranges if r[1] < start or r[0] > end]
    touching = [r for r in ranges if not (r[1] < start or r[0] > end)]
    low = min([start, *(r[0] for r in touching)])
    high = max([end, *(r[1] for r in touching)])
    return tuple(sorted([*apart, (low, high)]))


def cleared(ranges: Ranges, start: int, end: int) -> Ranges:
    """Return ranges without one. All are half-open."""
    parts = [
        part
        for low, high in ranges
        for part in ((low, min(high, start)), (max(low, end), high))
        if part[0] < part[1]
    ]
    return tuple(sorted(set(parts)))


async def create(call: Call) -> web.Response:
    """Answer Put Blob for a page blob: zeros that take no space."""
    call.required("x-ms-blob-content-length")
    size_bytes = _size(call)
    before = call.found()
    call.admit_write(before, replaces=True)
    file = call.store.files.new()
    call.store.files.resize(file, size_bytes)
    blob = replacement(
        call, before, Kind.PAGE, (Piece(file=file, size_bytes=size_bytes),)
    )
    number = call.number("x-ms-blob-sequence-number") or 0
    blob = replace(blob, sequence_number=number)
    call.store.save_blob(blob, unstage=True)
    return call.answer(201, blob, ENCRYPTED)


def _size(call: Call) -> int:
    size_bytes = call.number("x-ms-blob-content-length") or 0
    if size_bytes % PAGE_BYTES or not 0 <= size_bytes <= _LARGEST_BYTES:
        raise BlobError("InvalidHeaderValue", f"x-ms-blob-content-length: {size_bytes}")
    return size_bytes


async def put_page(call: Call) -> web.Response:
    """Answer Put Page, from a body or a URL, and Clear Pages."""
    action = call.required("x-ms-page-write").lower()
    blob, start, end = _admit(call)
    headers = dict(ENCRYPTED)
    if action == "clear":
        call.store.files.blank(blob.pieces[0].file, start, end)
        blob = replace(blob, ranges=cleared(blob.ranges, start, end))
    elif action == "update":
        with tempfile.SpooledTemporaryFile(max_size=IN_MEMORY_BYTES) as body:
            size_bytes, headers["Content-MD5"] = await pour(content(call), body)
            call.check_md5(headers["Content-MD5"])
            if size_bytes != end - start:
                raise BlobError("InvalidPageRange", f"The body has {size_bytes} bytes.")
            blob, start, end = _admit(call)
            call.store.files.splice(body, blob.pieces[0].file, start)
        blob = replace(blob, ranges=written(blob.ranges, start, end))
    else:
        raise BlobError("InvalidHeaderValue", f"x-ms-page-write: {action}")
    blob = changed(call, blob)
    call.store.save_blob(blob)
    headers["x-ms-blob-sequence-number"] = str(blob.sequence_number)
    return call.answer(201, blob, headers)


def _admit(call: Call) -> tuple[Blob, int, int]:
    blob = call.blob(Kind.PAGE)
    call.admit_write(blob)
    number = blob.sequence_number
    most = call.number("x-ms-if-sequence-number-le")
    below = call.number("x-ms-if-sequence-number-lt")
    exact = call.number("x-ms-if-sequence-number-eq")
    if (
        (most is not None and number > most)
        or (below is not None and number >= below)
        or (exact is not None and number != exact)
    ):
        raise BlobError("SequenceNumberConditionNotMet")
    asked = conditions.asked_range(call.request.headers)
    if asked is None or asked[1] is None:
        raise BlobError("MissingRequiredHeader", "x-ms-range")
    start, end = asked[0], asked[1] + 1
    if start % PAGE_BYTES or end % PAGE_BYTES or end > blob.size_bytes:
        raise BlobError("InvalidPageRange")
    clears = call.required("x-ms-page-write").lower() == "clear"
    if end - start > _LARGEST_WRITE_BYTES and not clears:
        raise BlobError("RequestBodyTooLarge")
    return blob, start, end


async def get_ranges(call: Call) -> web.Response:
    """Answer Get Page Ranges."""
    if "prevsnapshot" in call.fields:
        raise BlobError("NotImplemented", "This embedded Azure has no snapshots.")
    blob = call.blob(Kind.PAGE)
    call.admit_read(blob)
    ranges = blob.ranges
    asked = conditions.asked_range(call.request.headers)
    if asked:
        start, end = conditions.clip(asked, blob.size_bytes)
        ranges = cleared(cleared(ranges, 0, start), end, blob.size_bytes)
    headers = {"x-ms-blob-content-length": str(blob.size_bytes)}
    return call.answer(200, blob, headers, body=xml.page_list(ranges))


def resized(call: Call, blob: Blob) -> Blob:
    """Return a page blob with the size and sequence number that a request sets."""
    if call.header("x-ms-blob-content-length") is not None:
        size_bytes = _size(call)
        piece = replace(blob.pieces[0], size_bytes=size_bytes)
        call.store.files.resize(piece.file, size_bytes)
        blob = replace(
            blob,
            size_bytes=size_bytes,
            pieces=(piece,),
            ranges=cleared(blob.ranges, size_bytes, _LARGEST_BYTES),
        )
    action = call.header("x-ms-sequence-number-action")
    if action is None:
        return blob
    given = call.number("x-ms-blob-sequence-number") or 0
    numbers = {
        "max": max(given, blob.sequence_number),
        "update": given,
        "increment": blob.sequence_number + 1,
    }
    if action.lower() not in numbers:
        raise BlobError("InvalidHeaderValue", f"x-ms-sequence-number-action: {action}")
    return replace(blob, sequence_number=numbers[action.lower()])


async def set_properties(call: Call) -> web.Response:
    """Answer Set Blob Properties: content headers, all of them at once."""
    blob = call.blob()
    call.admit_write(blob)
    headers = given_headers(call)
    sized = {"x-ms-blob-content-length", "x-ms-sequence-number-action"}
    if blob.kind is Kind.PAGE:
        blob = resized(call, blob)
    if headers or not sized & {name.lower() for name in call.request.headers}:
        blob = replace(blob, headers=headers)
    blob = changed(call, blob)
    call.store.save_blob(blob)
    return call.answer(200, blob)
