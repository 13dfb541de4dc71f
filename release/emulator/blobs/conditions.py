"""Conditional headers and ranges. Pure.

Sources: "Specifying conditional headers for Blob service operations" and
"Specifying the range header for Blob service operations".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime

from release.emulator.blobs.errors import BlobError
from release.emulator.blobs.times import parse_http_date

_RANGE = re.compile(r"bytes=(\d+)-(\d*)$")


def check_write(
    headers: Mapping[str, str],
    *,
    etag: str | None,
    modified_at: datetime | None,
) -> None:
    """See that the conditions of a write hold.

    Args:
        headers: The request's headers.
        etag: Of what is there; None when nothing is.
        modified_at: Of what is there.

    Raises:
        BlobError: 412, or 409 where `If-None-Match: *` meets something.
    """
    failed = _failed(headers, etag, modified_at, "")
    if failed == "If-None-Match" and headers.get("If-None-Match") == "*":
        raise BlobError("BlobAlreadyExists")
    if failed:
        raise BlobError("ConditionNotMet")


def check_source(
    headers: Mapping[str, str], *, etag: str | None, modified_at: datetime | None
) -> None:
    """See that the `x-ms-source-if-` conditions on the source of a copy hold.

    Raises:
        BlobError: 412.
    """
    if _failed(headers, etag, modified_at, "x-ms-source-"):
        raise BlobError("SourceConditionNotMet")


def check_read(headers: Mapping[str, str], *, etag: str, modified_at: datetime) -> None:
    """See that the conditions of a read hold.

    Raises:
        BlobError: 304 where the client has it already, else 412.
    """
    failed = _failed(headers, etag, modified_at, "")
    if failed in {"If-None-Match", "If-Modified-Since"}:
        raise BlobError("ConditionNotMet", status=304)
    if failed:
        raise BlobError("ConditionNotMet")


def _failed(
    headers: Mapping[str, str],
    etag: str | None,
    modified_at: datetime | None,
    prefix: str,
) -> str | None:
    if "x-ms-if-tags" in headers or "x-ms-source-if-tags" in headers:
        raise BlobError("UnsupportedHeader", "Conditions on tags are not served.")
    match = headers.get(f"{prefix}If-Match")
    if match is not None and not (etag and _is(etag, match)):
        return "If-Match"
    none_match = headers.get(f"{prefix}If-None-Match")
    if none_match is not None and etag and _is(etag, none_match):
        return "If-None-Match"
    if modified_at is None:
        return None
    whole_seconds = modified_at.replace(microsecond=0)
    since = _date(headers, f"{prefix}If-Modified-Since")
    if since and none_match is None and whole_seconds <= since:
        return "If-Modified-Since"
    until = _date(headers, f"{prefix}If-Unmodified-Since")
    if until and match is None and whole_seconds > until:
        return "If-Unmodified-Since"
    return None


def _is(etag: str, given: str) -> bool:
    """Whether an entity tag is the one given, which Azure takes without quotes too."""
    return given == "*" or given.strip('"') == etag.strip('"')


def _date(headers: Mapping[str, str], name: str) -> datetime | None:
    text = headers.get(name)
    if text is None:
        return None
    moment = parse_http_date(text)
    if moment is None:
        raise BlobError("InvalidHeaderValue", f"{name}: {text}")
    return moment


def asked_range(headers: Mapping[str, str]) -> tuple[int, int | None] | None:
    """Return the range that is asked for: first byte and, if given, the last.

    `x-ms-range` goes before `Range`. A range of another form is as none, which is
    what HTTP says and Azure does.
    """
    return _range(headers.get("x-ms-range") or headers.get("Range"))


def source_range(headers: Mapping[str, str]) -> tuple[int, int | None] | None:
    """Return the range of the source of a copy that is asked for, or None."""
    return _range(headers.get("x-ms-source-range"))


def _range(text: str | None) -> tuple[int, int | None] | None:
    found = _RANGE.match(text) if text else None
    if found is None:
        return None
    last = int(found[2]) if found[2] else None
    if last is not None and last < int(found[1]):
        return None
    return int(found[1]), last


def clip(asked: tuple[int, int | None], size_bytes: int) -> tuple[int, int]:
    """Return the range as half-open bytes of a content that has `size_bytes`.

    Raises:
        BlobError: 416, it starts beyond the end.
    """
    start, last = asked
    if start >= size_bytes:
        raise BlobError(
            "InvalidRange", headers={"Content-Range": f"bytes */{size_bytes}"}
        )
    return start, size_bytes if last is None else min(last + 1, size_bytes)
