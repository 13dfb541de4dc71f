"""Blob Batch: many small requests in the body of one, each answered by itself.

https://learn.microsoft.com/rest/api/storageservices/blob-batch
"""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import dataclass
from email.message import Message
from email.parser import BytesParser
from typing import Final

from aiohttp import web
from yarl import URL

from release.emulator.blobs.address import parse_query
from release.emulator.blobs.call import Call
from release.emulator.blobs.errors import BlobError

_MOST: Final = 256
_LINE: Final = "\r\n"
_SERVED: Final = ("DELETE", "PUT tier")


@dataclass(frozen=True, kw_only=True, slots=True)
class _Part:
    """One request of a batch."""

    number: str
    """Its Content-ID, which its answer bears as well."""
    method: str
    target: str
    """Path and query, as they came."""
    headers: Message


async def carry_out(call: Call) -> web.Response:
    """Answer Blob Batch.

    Raises:
        BlobError: The body is none of a batch, or asks for what no batch does.
    """
    kind = call.required("Content-Type")
    parts = _parts(kind, await call.document())
    answers = await asyncio.gather(
        *(call.again(_request(call, part)) for part in parts)
    )
    boundary = f"batchresponse_{uuid.uuid4()}"
    body = b"".join(
        _written(boundary, part, answer)
        for part, answer in zip(parts, answers, strict=True)
    )
    return web.Response(
        status=202,
        headers={"Content-Type": f"multipart/mixed; boundary={boundary}"},
        body=body + f"--{boundary}--{_LINE}".encode(),
    )


def _parts(kind: str, body: bytes) -> list[_Part]:
    head = f"Content-Type: {kind}{_LINE}{_LINE}".encode()
    message = BytesParser().parsebytes(head + body)
    found = message.get_payload()
    if not message.is_multipart() or not isinstance(found, list):
        raise BlobError("InvalidInput", "The body of a batch is multipart/mixed.")
    if len(found) > _MOST:
        raise BlobError("InvalidInput", f"A batch has at most {_MOST} requests.")
    return [_part(one) for one in found if isinstance(one, Message)]


def _part(message: Message) -> _Part:
    content = message.get_payload(decode=True)
    first, _, rest = (content if isinstance(content, bytes) else b"").partition(b"\n")
    words = first.decode("latin-1").split()
    method, target = [*words, "", ""][:2]
    what = dict(parse_query(target.partition("?")[2])).get("comp", "")
    if f"{method} {what}".rstrip() not in _SERVED or not target.startswith("/"):
        raise BlobError(
            "InvalidInput",
            f"'{method} comp={what}' is nothing that a batch may ask for: it has "
            f"{', '.join(_SERVED)} of blobs.",
        )
    return _Part(
        number=str(message.get("Content-ID", "")),
        method=method,
        target=target,
        headers=BytesParser().parsebytes(rest, headersonly=True),
    )


def _request(call: Call, part: _Part) -> web.Request:
    """Return a part as a request of its own: each is signed by itself.

    Older SDKs leave the account out of the paths, wherever they sent the batch: such
    a path is one of a host that is named after the account.
    """
    outer, account = call.request, call.address.account
    whole = part.target.startswith(f"/{account}/")
    host = outer.host if whole else f"{account}.blob.{outer.host}"
    own = {name.lower(): str(value) for name, value in part.headers.items()}
    inner = outer.clone(
        method=part.method,
        rel_url=URL(part.target, encoded=True),
        headers={"host": host, "content-length": "0"} | own,
    )
    assert isinstance(inner, web.Request)  # noqa: S101 - what it is a clone of is one
    return inner


def _written(boundary: str, part: _Part, answer: web.StreamResponse) -> bytes:
    body = answer.body if isinstance(answer, web.Response) else None
    content = body if isinstance(body, bytes) else b""
    lines = [
        f"--{boundary}",
        "Content-Type: application/http",
        *([f"Content-ID: {part.number}"] if part.number else []),
        "",
        f"HTTP/1.1 {answer.status} {answer.reason}",
        *(f"{name}: {value}" for name, value in answer.headers.items()),
        f"Content-Length: {len(content)}",
        f"x-ms-request-id: {uuid.uuid4()}",
        "",
        "",
    ]
    return _LINE.join(lines).encode() + content + _LINE.encode()
