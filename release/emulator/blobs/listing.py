"""Listing blobs, in pages, with prefixes rolled up at a delimiter."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from xml.etree import ElementTree as ET

from release.emulator.blobs import xml
from release.emulator.blobs.call import Call
from release.emulator.blobs.errors import BlobError
from release.emulator.blobs.records import Blob, Container
from release.emulator.blobs.store import Store

MOST = 5000
_SERVED = {"metadata", "uncommittedblobs", "copy", "tags"}
_EMPTY_HERE = {
    "snapshots",
    "deleted",
    "versions",
    "deletedwithversions",
    "immutabilitypolicy",
    "legalhold",
    "permissions",
}
_AFTER_ANY = "\U0010ffff"


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """What a listing asks for."""

    prefix: str
    delimiter: str
    start: str
    limit: int
    include: frozenset[str]


def page_size(fields: Mapping[str, str]) -> int:
    """Return how many entries a page may have.

    Raises:
        BlobError: `maxresults` is no number above 0.
    """
    text = fields.get("maxresults", str(MOST))
    if not text.isascii() or not text.isdigit() or int(text) == 0:
        raise BlobError("OutOfRangeQueryParameterValue", f"maxresults={text}")
    return min(int(text), MOST)


def wanted(fields: Mapping[str, str]) -> Wanted:
    """Read the query.

    Raises:
        BlobError: Something in it is not known.
    """
    include = frozenset(filter(None, fields.get("include", "").split(",")))
    unknown = include - _SERVED - _EMPTY_HERE
    if unknown:
        raise BlobError(
            "InvalidQueryParameterValue", f"include={','.join(sorted(unknown))}"
        )
    return Wanted(
        prefix=fields.get("prefix", ""),
        delimiter=fields.get("delimiter", ""),
        start=fields.get("marker") or fields.get("startfrom", ""),
        limit=page_size(fields),
        include=include,
    )


def entries(store: Store, container: Container, ask: Wanted) -> Iterator[Blob | str]:
    """Yield blobs and rolled-up prefixes in order, without end of page."""
    start = ask.start
    while True:
        rolled = ""
        for blob in store.blobs(container, prefix=ask.prefix, start=start):
            if not (blob.committed or "uncommittedblobs" in ask.include):
                continue
            rest = blob.name[len(ask.prefix) :]
            head, found, _ = rest.partition(ask.delimiter or _AFTER_ANY)
            if not found:
                yield blob
                continue
            rolled = ask.prefix + head + ask.delimiter
            yield rolled
            break
        if not rolled:
            return
        start = rolled + _AFTER_ANY


def page(call: Call, container: Container, endpoint: str) -> bytes:
    """Write one page of a container's blobs."""
    ask = wanted(call.fields)
    names = ("Prefix", "Marker", "MaxResults", "Delimiter")
    echoed = {name: call.fields.get(name.lower(), "") for name in names}
    root = xml.listing(endpoint, container.name, echoed)
    items = ET.SubElement(root, "Blobs")
    following = ""
    for entry in entries(call.store, container, ask):
        if len(items) == ask.limit:
            following = entry if isinstance(entry, str) else entry.name
            break
        if isinstance(entry, str):
            xml.add_name(ET.SubElement(items, "BlobPrefix"), entry)
        else:
            xml.add_blob(items, entry, include=set(ask.include), now=call.now)
    ET.SubElement(root, "NextMarker").text = following
    return xml.render(root)
