"""The XML of the data plane: what it writes and what it reads. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from urllib.parse import quote
from xml.etree import ElementTree as ET

from release.emulator.blobs.errors import BlobError
from release.emulator.blobs.records import Blob, Container, Kind, Piece
from release.emulator.blobs.times import http_date

_LEASE_ELEMENTS = {
    "x-ms-lease-status": "LeaseStatus",
    "x-ms-lease-state": "LeaseState",
    "x-ms-lease-duration": "LeaseDuration",
}
_CONTENT_ELEMENTS = (
    "Content-Type",
    "Content-Encoding",
    "Content-Language",
    "Content-MD5",
    "Content-Disposition",
    "Cache-Control",
)
_FIRST_PRINTABLE = " "


_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def render(root: ET.Element) -> bytes:
    """Write a document; what XML cannot hold, such as U+0000, becomes U+FFFD."""
    for element in root.iter():
        if element.text:
            element.text = _NO_XML.sub("\ufffd", element.text)
        for name, value in element.items():
            element.set(name, _NO_XML.sub("\ufffd", value))
    document: bytes = ET.tostring(root, "utf-8", xml_declaration=True)
    return document


def parse(body: bytes) -> ET.Element:
    """Read a document.

    Raises:
        BlobError: It is none, or has a document type declaration.
    """
    if b"<!DOCTYPE" in body or b"<!ENTITY" in body:
        raise BlobError("InvalidXmlDocument", "No document type is expected.")
    try:
        return ET.fromstring(body)  # noqa: S314 - no entity can be declared
    except ET.ParseError as error:
        raise BlobError("InvalidXmlDocument", str(error)) from error


def error(code: str, message: str, fields: Mapping[str, str]) -> bytes:
    """Write an error."""
    root = ET.Element("Error")
    _texts(root, {"Code": code, "Message": message, **fields})
    return render(root)


def _texts(parent: ET.Element, values: Mapping[str, str]) -> None:
    for name, value in values.items():
        ET.SubElement(parent, name).text = value


# --- listings -------------------------------------------------------------


def listing(endpoint: str, container: str, echoed: Mapping[str, str]) -> ET.Element:
    """Start a listing: what was listed, and the options that were asked for."""
    root = ET.Element("EnumerationResults", ServiceEndpoint=endpoint)
    if container:
        root.set("ContainerName", container)
    _texts(root, {name: value for name, value in echoed.items() if value})
    return root


def add_container(
    parent: ET.Element, container: Container, *, metadata: bool, now: datetime
) -> None:
    """Add a container to a listing."""
    item = ET.SubElement(parent, "Container")
    _texts(item, {"Name": container.name})
    properties = {
        "Last-Modified": http_date(container.modified_at),
        "Etag": container.etag,
        **_lease(container.lease.headers(now)),
        "HasImmutabilityPolicy": "false",
        "HasLegalHold": "false",
        "DefaultEncryptionScope": "$account-encryption-key",
        "DenyEncryptionScopeOverride": "false",
    }
    if container.public:
        properties["PublicAccess"] = container.public
    _texts(ET.SubElement(item, "Properties"), properties)
    if metadata:
        _texts(ET.SubElement(item, "Metadata"), container.metadata)


def add_blob(
    parent: ET.Element, blob: Blob, *, include: set[str], now: datetime
) -> None:
    """Add a blob to a listing; `include` as in the query."""
    item = ET.SubElement(parent, "Blob")
    add_name(item, blob.name)
    properties = {
        "Creation-Time": http_date(blob.created_at),
        "Last-Modified": http_date(blob.modified_at),
        "Etag": blob.etag.strip('"'),
        "Content-Length": str(blob.size_bytes),
        **{name: blob.headers.get(name, "") for name in _CONTENT_ELEMENTS},
        "BlobType": blob.kind.value,
        **_tier(blob),
        **_lease(blob.lease.headers(now)),
        "ServerEncrypted": "true",
    }
    if blob.kind is Kind.PAGE:
        properties["x-ms-blob-sequence-number"] = str(blob.sequence_number)
    if blob.sealed:
        properties["Sealed"] = "true"
    if blob.tags:
        properties["TagCount"] = str(len(blob.tags))
    if "copy" in include:
        properties |= _copy(blob)
    _texts(ET.SubElement(item, "Properties"), properties)
    if "metadata" in include:
        _texts(ET.SubElement(item, "Metadata"), blob.metadata)
    if "tags" in include and blob.tags:
        item.append(_tag_set("Tags", blob.tags))


def add_name(parent: ET.Element, name: str) -> None:
    """Add a blob's name; one that XML cannot hold is percent-encoded, and says so."""
    element = ET.SubElement(parent, "Name")
    if any(c < _FIRST_PRINTABLE or c in "\ufffe\uffff" for c in name):
        element.set("Encoded", "true")
        element.text = quote(name)
    else:
        element.text = name


def _lease(headers: Mapping[str, str]) -> dict[str, str]:
    return {_LEASE_ELEMENTS[name]: value for name, value in headers.items()}


def _tier(blob: Blob) -> dict[str, str]:
    if blob.kind is not Kind.BLOCK:
        return {}
    if not blob.tier:
        return {"AccessTier": "Hot", "AccessTierInferred": "true"}
    told = {"AccessTier": blob.tier}
    if blob.tier_changed_at:
        told["AccessTierChangeTime"] = http_date(blob.tier_changed_at)
    return told


def _copy(blob: Blob) -> dict[str, str]:
    if blob.copy is None:
        return {}
    told = {
        "CopyId": blob.copy.id,
        "CopyStatus": blob.copy.status,
        "CopySource": blob.copy.source,
        "CopyProgress": f"{blob.copy.done_bytes}/{blob.copy.total_bytes}",
    }
    if blob.copy.finished_at:
        told["CopyCompletionTime"] = http_date(blob.copy.finished_at)
    if blob.copy.description:
        told["CopyStatusDescription"] = blob.copy.description
    return told


# --- block lists, page lists ----------------------------------------------


def block_list(committed: list[Piece] | None, staged: list[Piece] | None) -> bytes:
    """Write the blocks of a blob; None leaves a part out."""
    root = ET.Element("BlockList")
    parts = (("CommittedBlocks", committed), ("UncommittedBlocks", staged))
    for name, pieces in parts:
        if pieces is not None:
            part = ET.SubElement(root, name)
            for piece in pieces:
                block = ET.SubElement(part, "Block")
                _texts(block, {"Name": piece.block_id, "Size": str(piece.size_bytes)})
    return render(root)


def parse_block_list(body: bytes) -> list[tuple[str, str]]:
    """Read the body of Put Block List: where to look, and the block id."""
    root = parse(body)
    entries = [(element.tag, (element.text or "").strip()) for element in root]
    if root.tag != "BlockList" or any(
        tag not in {"Committed", "Uncommitted", "Latest"} for tag, _ in entries
    ):
        raise BlobError("InvalidXmlDocument", "A BlockList is expected.")
    return entries


def page_list(ranges: tuple[tuple[int, int], ...]) -> bytes:
    """Write the ranges of a page blob; they are half-open here, closed there."""
    root = ET.Element("PageList")
    for start, end in ranges:
        page = ET.SubElement(root, "PageRange")
        _texts(page, {"Start": str(start), "End": str(end - 1)})
    return render(root)


# --- access policies, tags, keys ------------------------------------------


def policies(kept: Mapping[str, Mapping[str, str]]) -> bytes:
    """Write the stored access policies of a container."""
    root = ET.Element("SignedIdentifiers")
    for policy_id, policy in kept.items():
        item = ET.SubElement(root, "SignedIdentifier")
        _texts(item, {"Id": policy_id})
        _texts(ET.SubElement(item, "AccessPolicy"), policy)
    return render(root)


def parse_policies(body: bytes) -> dict[str, dict[str, str]]:
    """Read stored access policies."""
    if not body.strip():
        return {}
    found = {}
    for item in parse(body).iter("SignedIdentifier"):
        policy = item.find("AccessPolicy")
        found[item.findtext("Id", "")] = {
            part.tag: part.text or "" for part in (policy if policy is not None else ())
        }
    return found


def tags(kept: Mapping[str, str]) -> bytes:
    """Write a blob's tags."""
    return render(_tag_set("Tags", kept))


def _tag_set(name: str, kept: Mapping[str, str]) -> ET.Element:
    root = ET.Element(name)
    tag_set = ET.SubElement(root, "TagSet")
    for key, value in kept.items():
        _texts(ET.SubElement(tag_set, "Tag"), {"Key": key, "Value": value})
    return root


def parse_tags(body: bytes) -> dict[str, str]:
    """Read a blob's tags."""
    found = parse(body).iter("Tag")
    return {tag.findtext("Key", ""): tag.findtext("Value", "") for tag in found}


def parse_key_info(body: bytes) -> dict[str, str]:
    """Read the request for a user delegation key."""
    return {element.tag: element.text or "" for element in parse(body)}


def user_delegation_key(values: Mapping[str, str]) -> bytes:
    """Write a user delegation key."""
    root = ET.Element("UserDelegationKey")
    _texts(root, values)
    return render(root)


def service_properties() -> bytes:
    """Write the properties of a new account's blob service."""
    root = ET.Element("StorageServiceProperties")
    logging = ET.SubElement(root, "Logging")
    off = {"Version": "1.0", "Delete": "false", "Read": "false", "Write": "false"}
    _texts(logging, off)
    _texts(ET.SubElement(logging, "RetentionPolicy"), {"Enabled": "false"})
    for name in ("HourMetrics", "MinuteMetrics"):
        metrics = ET.SubElement(root, name)
        _texts(metrics, {"Version": "1.0", "Enabled": "false"})
        _texts(ET.SubElement(metrics, "RetentionPolicy"), {"Enabled": "false"})
    ET.SubElement(root, "Cors")
    deletion = ET.SubElement(root, "DeleteRetentionPolicy")
    _texts(deletion, {"Enabled": "false"})
    _texts(ET.SubElement(root, "StaticWebsite"), {"Enabled": "false"})
    return render(root)
