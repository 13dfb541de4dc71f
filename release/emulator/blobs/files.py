"""The content of blobs, as files in a folder.

A file that is still being read when its blob goes stays until the reader is done.
"""

from __future__ import annotations

import asyncio
import base64
import errno
import hashlib
import os
import uuid
from collections import Counter
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from release.emulator.blobs.records import Piece

CHUNK_BYTES = 256 * 1024


class Files:
    """Write, read and drop content.

    Args:
        folder: Where the files are; made when missing. Two letters of a name
            choose its sub-folder.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._readers: Counter[str] = Counter()
        self._doomed: set[str] = set()

    def path(self, name: str) -> Path:
        """Return where a file is."""
        return self._folder / name[:2] / name

    def new(self) -> str:
        """Make an empty file and return its name."""
        name = uuid.uuid4().hex
        path = self.path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        return name

    async def write(
        self, chunks: AsyncIterable[bytes], *, sparse: bool = False
    ) -> tuple[Piece, str]:
        """Write a stream to a new file; nothing is left of one that breaks off.

        Args:
            chunks: The stream.
            sparse: Leave holes where whole chunks are zeros.

        Returns:
            The piece, and its MD5 in base64.
        """
        name = self.new()
        try:
            with self.path(name).open("wb") as file:
                size_bytes, md5 = await pour(chunks, file, sparse=sparse)
        except BaseException:
            self.drop([name])
            raise
        return Piece(file=name, size_bytes=size_bytes), md5

    def splice(self, source: IO[bytes], name: str, offset: int) -> None:
        """Write all of `source` into a file, from `offset` on."""
        source.seek(0)
        with self.path(name).open("r+b") as file:
            file.seek(offset)
            while chunk := source.read(CHUNK_BYTES):
                file.write(chunk)

    def resize(self, name: str, size_bytes: int) -> None:
        """Cut a file, or lengthen it with zeros that take no space."""
        with self.path(name).open("r+b") as file:
            file.truncate(size_bytes)

    def blank(self, name: str, start: int, end: int) -> None:
        """Put zeros from `start` up to `end` (exclusive), where no hole is."""
        with self.path(name).open("r+b", buffering=0) as file:
            for low, high in _data(file.fileno(), start, end):
                file.seek(low)
                for left in range(high - low, 0, -CHUNK_BYTES):
                    file.write(bytes(min(left, CHUNK_BYTES)))

    async def read(
        self, pieces: Iterable[Piece], start: int, end: int
    ) -> AsyncIterator[bytes]:
        """Yield the bytes from `start` up to `end` (exclusive) of joined pieces.

        Lets others have their turn after each chunk, since no read here waits.
        """
        pieces = tuple(pieces)
        with self.held(pieces):
            for piece in pieces:
                if start < piece.size_bytes and end > 0:
                    for chunk in self._slice(piece, max(start, 0), end):
                        yield chunk
                        await asyncio.sleep(0)
                start -= piece.size_bytes
                end -= piece.size_bytes

    @contextmanager
    def held(self, pieces: Iterable[Piece]) -> Iterator[None]:
        """Keep the files of pieces while the block runs, whatever drops them.

        An iterator of `read` holds them from its first chunk on only.
        """
        names = {piece.file for piece in pieces}
        self._readers.update(names)
        try:
            yield
        finally:
            self._readers.subtract(names)
            for name in names:
                if not self._readers[name]:
                    del self._readers[name]
            gone = names & self._doomed
            self._doomed -= gone
            self.drop(gone)

    def _slice(self, piece: Piece, start: int, end: int) -> Iterable[bytes]:
        left = min(end, piece.size_bytes) - start
        with self.path(piece.file).open("rb") as file:
            file.seek(start)
            while left > 0:
                chunk = file.read(min(left, CHUNK_BYTES))
                if not chunk:
                    chunk = bytes(min(left, CHUNK_BYTES))
                left -= len(chunk)
                yield chunk

    def drop(self, names: Iterable[str]) -> None:
        """Delete files, those being read once they no longer are."""
        for name in set(names):
            if self._readers[name] > 0:
                self._doomed.add(name)
            else:
                self.path(name).unlink(missing_ok=True)

    def sweep(self, wanted: set[str]) -> None:
        """Delete files that nothing refers to: what a killed process left."""
        if self._folder.exists():
            for path in self._folder.glob("??/*"):
                if path.name not in wanted:
                    path.unlink()


def _data(file: int, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield what of a range an open file holds, as half-open ranges between holes."""
    while start < end:
        try:
            low = os.lseek(file, start, os.SEEK_DATA)
        except OSError as error:
            if error.errno == errno.ENXIO:  # From there on all is hole.
                return
            raise
        start = os.lseek(file, low, os.SEEK_HOLE)
        if low < end:
            yield low, min(start, end)


async def pour(
    chunks: AsyncIterable[bytes], into: IO[bytes], *, sparse: bool = False
) -> tuple[int, str]:
    """Write a stream to a file that is open.

    Returns:
        The number of bytes, and their MD5 in base64.
    """
    digest = hashlib.md5(usedforsecurity=False)
    size_bytes = 0
    async for chunk in chunks:
        digest.update(chunk)
        if sparse and not any(chunk):
            into.seek(len(chunk), os.SEEK_CUR)
        else:
            into.write(chunk)
        size_bytes += len(chunk)
    if sparse:
        into.truncate(size_bytes)
    return size_bytes, base64.b64encode(digest.digest()).decode()
