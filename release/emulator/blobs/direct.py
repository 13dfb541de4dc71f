"""What the cloud itself puts into an account and takes from it, without a request."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from release.emulator.blobs.address import Address
from release.emulator.blobs.records import Blob, Container, Kind, Piece
from release.emulator.blobs.store import Store


def file_of(store: Store, address: Address) -> Path | None:
    """Return where the content of a page blob is; None when there is none."""
    blob = store.blob(address.account, address.container, address.blob)
    if blob is None or blob.kind is not Kind.PAGE or not blob.committed:
        return None
    return store.files.path(blob.pieces[0].file)


def put(store: Store, address: Address, kind: Kind, file: str) -> None:
    """Make a blob of a file of the store's, and its container when it is not there."""
    now = datetime.now(UTC)
    if store.container(address.account, address.container) is None:
        container = Container(
            account=address.account,
            name=address.container,
            etag=store.etag(now),
            modified_at=now,
        )
        store.save_container(container)
    size_bytes = store.files.path(file).stat().st_size
    blob = Blob(
        account=address.account,
        container=address.container,
        name=address.blob,
        kind=kind,
        etag=store.etag(now),
        created_at=now,
        modified_at=now,
        size_bytes=size_bytes,
        pieces=(Piece(file=file, size_bytes=size_bytes),),
        headers={"Content-Type": "application/octet-stream"},
    )
    if kind is Kind.PAGE:
        blob = replace(blob, ranges=((0, size_bytes),))
    store.save_blob(blob, unstage=True)
