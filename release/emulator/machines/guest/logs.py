"""Bounded logs: what a service prints, a time stamp before each line.

A log is one file of at most `LIMIT_BYTES` and one older file of as much.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from pathlib import Path

LIMIT_BYTES = 4 << 20
_CHUNK_BYTES = 1 << 16


class Log:
    """One unit's log.

    Args:
        path: The file; the older one is beside it, named ``<path>.1``.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        self._size_bytes = os.fstat(self._file).st_size
        self._open_line = False
        self._read_end = -1
        self.write_end = -1
        """What services write to, once `open_pipe` made it."""

    def open_pipe(self) -> None:
        """Make the pipe that services write to, and read it from now on."""
        if self.write_end >= 0:
            return
        self._read_end, self.write_end = os.pipe()
        os.set_blocking(self._read_end, False)
        asyncio.get_running_loop().add_reader(self._read_end, self._read)

    def say(self, text: str) -> None:
        """Write a line of the init itself, after what the service wrote before."""
        self.drain()
        start = "\n" if self._open_line else ""
        self._open_line = False
        self._append(f"{start}{stamp()} init: {text}\n".encode())

    def note(self, text: str) -> None:
        """Write a line of somebody else."""
        self._append(f"{stamp()} {text}\n".encode())

    def drain(self) -> None:
        """Take what the service has written until now."""
        if self._read_end >= 0:
            while self._read():
                pass

    def _read(self) -> bool:
        try:
            data = os.read(self._read_end, _CHUNK_BYTES)
        except BlockingIOError:
            return False
        if not data:
            return False
        prefix = f"{stamp()} ".encode()
        lines = data.replace(b"\n", b"\n" + prefix)
        if data.endswith(b"\n"):
            lines = lines[: -len(prefix)]
        self._append(lines if self._open_line else prefix + lines)
        self._open_line = not data.endswith(b"\n")
        return True

    def _append(self, data: bytes) -> None:
        with contextlib.suppress(OSError):  # a full disk must not end the init
            self._size_bytes += os.write(self._file, data)
            if self._size_bytes > LIMIT_BYTES:
                self._rotate()

    def _rotate(self) -> None:
        self.path.replace(f"{self.path}.1")
        os.close(self._file)
        self._file = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        self._size_bytes = 0


def stamp() -> str:
    """Return the time now, UTC, to the millisecond."""
    now = time.time()
    whole = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now))
    return f"{whole}.{int(now % 1 * 1000):03d}Z"
