"""What a client types, on its way into a sandbox.

asyncio's own pipe transport loses the end of what it still has to write when it is
told of the end of the input at that moment (in Python 3.11 to 3.13 at least:
``_write_ready`` of asyncio/unix_events.py closes without looking at its buffer again).
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import struct
import termios


class Pipe:
    """The writing end of a pipe, or a terminal; what asyncssh calls a file.

    Args:
        number: Its descriptor, which is this object's from now on.
    """

    def __init__(self, number: int) -> None:
        os.set_blocking(number, False)
        self._number = number

    async def write(self, data: bytes) -> None:
        """Write all of it; nothing when nobody reads any more."""
        rest = memoryview(data)
        with contextlib.suppress(OSError):
            while rest:
                try:
                    rest = rest[os.write(self._number, rest) :]
                except BlockingIOError:
                    await self._writable()

    async def close(self) -> None:
        """Tell the reader that this is all."""
        self._number, number = -1, self._number
        os.close(number)

    def resize(self, rows: int, columns: int, width: int, height: int) -> None:
        """Give a terminal another size."""
        size = struct.pack("4H", rows, columns, width, height)
        with contextlib.suppress(OSError):
            fcntl.ioctl(self._number, termios.TIOCSWINSZ, size)

    async def _writable(self) -> None:
        loop = asyncio.get_running_loop()
        ready = asyncio.Event()
        loop.add_writer(self._number, ready.set)
        try:
            await ready.wait()
        finally:
            loop.remove_writer(self._number)
