"""Containers, blobs and staged blocks: records in SQLite, content in files.

A change of records is one transaction, and the files that it leaves unused are
dropped after it; so a kill at any moment loses at most the request in hand. Used
from one thread.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from release.emulator.blobs.files import Files
from release.emulator.blobs.records import (
    Blob,
    Container,
    Piece,
    blob_from_json,
    container_from_json,
)

_TABLES = """
create table if not exists container (
    account text, name text, record text, primary key (account, name)
) without rowid;
create table if not exists blob (
    account text, container text, name text, record text,
    primary key (account, container, name)
) without rowid;
create table if not exists staged (
    account text, container text, blob text, block_id text, file text,
    size_bytes integer, primary key (account, container, blob, block_id)
);
"""
_TICKS_S = 10_000_000
_EPOCH = datetime(1, 1, 1, tzinfo=UTC)


class Store:
    """All that the data plane keeps.

    Args:
        folder: Where; made when missing. What a killed process left is swept.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(folder / "blobs.sqlite", isolation_level=None)
        self._db.execute("pragma journal_mode=wal")
        self._db.execute("pragma synchronous=normal")
        self._db.executescript(_TABLES)
        self._last_tick = 0
        self.files = Files(folder / "content")
        self.files.sweep(set(self._files()))

    def close(self) -> None:
        """Close the database."""
        self._db.close()

    def etag(self, now: datetime) -> str:
        """Return an entity tag that was not given out before."""
        tick = int((now - _EPOCH).total_seconds() * _TICKS_S)
        self._last_tick = max(self._last_tick + 1, tick)
        return f'"0x{self._last_tick:X}"'

    # --- containers -------------------------------------------------------

    def container(self, account: str, name: str) -> Container | None:
        """Return a container, or None."""
        row = self._db.execute(
            "select record from container where account = ? and name = ?",
            (account, name),
        ).fetchone()
        return container_from_json(account, name, json.loads(row[0])) if row else None

    def containers(
        self, account: str, *, prefix: str = "", start: str = ""
    ) -> Iterator[Container]:
        """Yield containers in the order of their names, from `start` on."""
        rows = self._db.execute(
            "select name, record from container where account = ? and name >= ?"
            " order by name",
            (account, max(prefix, start)),
        )
        for name, record in rows:
            if not name.startswith(prefix):
                return
            yield container_from_json(account, name, json.loads(record))

    def save_container(self, container: Container) -> None:
        """Keep a container as it is now."""
        self._db.execute(
            "insert or replace into container values (?, ?, ?)",
            (container.account, container.name, json.dumps(container.to_json())),
        )

    def remove_container(self, container: Container) -> None:
        """Forget a container and all blobs in it."""
        where = (container.account, container.name)
        files = self._files(*where)
        self._db.execute("begin")
        for table in ("blob", "staged"):
            self._db.execute(
                f"delete from {table} where account = ? and container = ?",  # noqa: S608 - two names
                where,
            )
        self._db.execute("delete from container where account = ? and name = ?", where)
        self._db.execute("commit")
        self.files.drop(files)

    def remove_account(self, account: str) -> None:
        """Forget all of an account."""
        for container in list(self.containers(account)):
            self.remove_container(container)

    # --- blobs ------------------------------------------------------------

    def blob(self, account: str, container: str, name: str) -> Blob | None:
        """Return a blob, committed or not, or None."""
        row = self._db.execute(
            "select record from blob where account = ? and container = ? and name = ?",
            (account, container, name),
        ).fetchone()
        if row is None:
            return None
        return blob_from_json(account, container, name, json.loads(row[0]))

    def blobs(
        self, container: Container, *, prefix: str = "", start: str = ""
    ) -> Iterator[Blob]:
        """Yield blobs, committed or not, in the order of names, from `start` on."""
        rows = self._db.execute(
            "select name, record from blob where account = ? and container = ?"
            " and name >= ? order by name",
            (container.account, container.name, max(prefix, start)),
        )
        for name, record in rows:
            if not name.startswith(prefix):
                return
            raw = json.loads(record)
            yield blob_from_json(container.account, container.name, name, raw)

    def being_copied(self) -> list[Blob]:
        """Return the targets of copies that have not ended."""
        rows = self._db.execute(
            "select account, container, name, record from blob"
            " where json_extract(record, '$.copy.status') = 'pending'"
        )
        return [blob_from_json(a, c, n, json.loads(text)) for a, c, n, text in rows]

    def save_blob(self, blob: Blob, *, unstage: bool = False) -> None:
        """Keep a blob as it is now, and drop the content that it no longer has.

        Args:
            blob: The blob.
            unstage: Whether its staged blocks are done with.
        """
        key = (blob.account, blob.container, blob.name)
        before = self.blob(*key)
        files = {piece.file for piece in before.pieces} if before else set()
        self._db.execute("begin")
        self._db.execute(
            "insert or replace into blob values (?, ?, ?, ?)",
            (*key, json.dumps(blob.to_json())),
        )
        if unstage:
            files |= {piece.file for piece in self.staged(blob)}
            self._unstage(key)
        self._db.execute("commit")
        self.files.drop(files - {piece.file for piece in blob.pieces})

    def remove_blob(self, blob: Blob) -> None:
        """Forget a blob and its staged blocks."""
        key = (blob.account, blob.container, blob.name)
        files = [piece.file for piece in (*blob.pieces, *self.staged(blob))]
        self._db.execute("begin")
        self._db.execute(
            "delete from blob where account = ? and container = ? and name = ?", key
        )
        self._unstage(key)
        self._db.execute("commit")
        self.files.drop(files)

    # --- staged blocks ----------------------------------------------------

    def staged(self, blob: Blob) -> list[Piece]:
        """Return the blocks put and not yet committed, oldest first."""
        rows = self._db.execute(
            "select file, size_bytes, block_id from staged where account = ?"
            " and container = ? and blob = ? order by rowid",
            (blob.account, blob.container, blob.name),
        )
        return [Piece(file=f, size_bytes=s, block_id=b) for f, s, b in rows]

    def stage(self, blob: Blob, piece: Piece) -> None:
        """Keep a block that was put, in place of one with the same id."""
        replaced = [p.file for p in self.staged(blob) if p.block_id == piece.block_id]
        self._db.execute(
            "insert or replace into staged values (?, ?, ?, ?, ?, ?)",
            (
                blob.account,
                blob.container,
                blob.name,
                piece.block_id,
                piece.file,
                piece.size_bytes,
            ),
        )
        self.files.drop(replaced)

    def _unstage(self, key: tuple[str, str, str]) -> None:
        self._db.execute(
            "delete from staged where account = ? and container = ? and blob = ?", key
        )

    # --- files ------------------------------------------------------------

    def _files(self, account: str = "%", container: str = "%") -> list[str]:
        where = (account, container)
        records = self._db.execute(
            "select record from blob where account like ? and container like ?", where
        )
        names = [p[0] for (text,) in records for p in json.loads(text)["pieces"]]
        staged = self._db.execute(
            "select file from staged where account like ? and container like ?", where
        )
        return [*names, *(name for (name,) in staged)]
