"""What the data plane keeps of containers and blobs; it round-trips through JSON."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from release.emulator.blobs import lease as leases
from release.emulator.blobs.lease import Lease

SCHEMA = 1


class Kind(StrEnum):
    """What Azure calls `x-ms-blob-type`."""

    BLOCK = "BlockBlob"
    APPEND = "AppendBlob"
    PAGE = "PageBlob"


@dataclass(frozen=True, kw_only=True, slots=True)
class Piece:
    """A part of a blob's content: one file of `files.Files`, from its start."""

    file: str
    size_bytes: int
    block_id: str = ""
    """Base64, as given to Put Block; "" for content that came in one request."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Copy:
    """The last copy that a blob was the target of."""

    id: str
    source: str
    """The URL that was asked for, without its signature."""
    status: str
    """`pending`, `success`, `aborted` or `failed`."""
    done_bytes: int = 0
    total_bytes: int = 0
    finished_at: datetime | None = None
    description: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Container:
    """A container."""

    account: str
    name: str
    etag: str
    modified_at: datetime
    metadata: dict[str, str] = field(default_factory=dict)
    public: str = ""
    """`container`, `blob`, or "" for private."""
    policies: dict[str, dict[str, str]] = field(default_factory=dict)
    """Stored access policies: id to Start, Expiry and Permission, as given."""
    lease: Lease = field(default_factory=Lease)

    def to_json(self) -> dict[str, Any]:
        """Return all but account and name, which are the record's key."""
        return {
            "schema": SCHEMA,
            "etag": self.etag,
            "modified_at": self.modified_at.isoformat(),
            "metadata": self.metadata,
            "public": self.public,
            "policies": self.policies,
            "lease": self.lease.to_json(),
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class Blob:
    """A blob; not `committed` while it only has staged blocks."""

    account: str
    container: str
    name: str
    kind: Kind
    etag: str
    created_at: datetime
    modified_at: datetime
    size_bytes: int
    pieces: tuple[Piece, ...]
    committed: bool = True
    headers: dict[str, str] = field(default_factory=dict)
    """Content-Type, Content-Encoding and the like, as a download sends them."""
    metadata: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    tier: str = ""
    """As set; "" for the account's default."""
    tier_changed_at: datetime | None = None
    lease: Lease = field(default_factory=Lease)
    copy: Copy | None = None
    appended_blocks: int = 0
    sealed: bool = False
    sequence_number: int = 0
    ranges: tuple[tuple[int, int], ...] = ()
    """Of a page blob: what was written, as half-open byte ranges in order."""

    def to_json(self) -> dict[str, Any]:
        """Return all but account, container and name, the record's key."""
        return {
            "schema": SCHEMA,
            "kind": self.kind,
            "etag": self.etag,
            "created_at": self.created_at.isoformat(),
            "modified_at": self.modified_at.isoformat(),
            "size_bytes": self.size_bytes,
            "pieces": [[p.file, p.size_bytes, p.block_id] for p in self.pieces],
            "committed": self.committed,
            "headers": self.headers,
            "metadata": self.metadata,
            "tags": self.tags,
            "tier": self.tier,
            "tier_changed_at": _text(self.tier_changed_at),
            "lease": self.lease.to_json(),
            "copy": _copy_to_json(self.copy) if self.copy else None,
            "appended_blocks": self.appended_blocks,
            "sealed": self.sealed,
            "sequence_number": self.sequence_number,
            "ranges": self.ranges,
        }


def container_from_json(account: str, name: str, raw: dict[str, Any]) -> Container:
    """Read what `Container.to_json` returned."""
    return Container(
        account=account,
        name=name,
        etag=raw["etag"],
        modified_at=datetime.fromisoformat(raw["modified_at"]),
        metadata=raw["metadata"],
        public=raw["public"],
        policies=raw["policies"],
        lease=leases.from_json(raw["lease"]),
    )


def blob_from_json(
    account: str, container: str, name: str, raw: dict[str, Any]
) -> Blob:
    """Read what `Blob.to_json` returned."""
    return Blob(
        account=account,
        container=container,
        name=name,
        kind=Kind(raw["kind"]),
        etag=raw["etag"],
        created_at=datetime.fromisoformat(raw["created_at"]),
        modified_at=datetime.fromisoformat(raw["modified_at"]),
        size_bytes=raw["size_bytes"],
        pieces=tuple(
            Piece(file=file, size_bytes=size_bytes, block_id=block_id)
            for file, size_bytes, block_id in raw["pieces"]
        ),
        committed=raw["committed"],
        headers=raw["headers"],
        metadata=raw["metadata"],
        tags=raw["tags"],
        tier=raw["tier"],
        tier_changed_at=_moment(raw["tier_changed_at"]),
        lease=leases.from_json(raw["lease"]),
        copy=_copy_from_json(raw["copy"]) if raw["copy"] else None,
        appended_blocks=raw["appended_blocks"],
        sealed=raw["sealed"],
        sequence_number=raw["sequence_number"],
        ranges=tuple((start, end) for start, end in raw["ranges"]),
    )


def _copy_to_json(copy: Copy) -> dict[str, Any]:
    return {
        "id": copy.id,
        "source": copy.source,
        "status": copy.status,
        "done_bytes": copy.done_bytes,
        "total_bytes": copy.total_bytes,
        "finished_at": _text(copy.finished_at),
        "description": copy.description,
    }


def _copy_from_json(raw: dict[str, Any]) -> Copy:
    return Copy(
        id=raw["id"],
        source=raw["source"],
        status=raw["status"],
        done_bytes=raw["done_bytes"],
        total_bytes=raw["total_bytes"],
        finished_at=_moment(raw["finished_at"]),
        description=raw["description"],
    )


def _text(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
