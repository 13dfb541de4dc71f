"""A child process in an event loop, without a thread of its own.

asyncio's own children cost a thread each before Python 3.12; a pidfd costs nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import IO

_SHOWN_BYTES = 4096


class Child:
    """A process started in its own session; it ends with its own kind of reasons.

    Args:
        argv: What to run.
        output: Where both its streams go.
        pass_fds: Descriptors that it keeps.
    """

    def __init__(
        self,
        argv: Sequence[str],
        *,
        output: IO[bytes] | int = subprocess.DEVNULL,
        pass_fds: Sequence[int] = (),
    ) -> None:
        self._process = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            pass_fds=pass_fds,
            start_new_session=True,
            cwd="/",
        )
        self.pid = self._process.pid
        loop = asyncio.get_running_loop()
        self.ended: asyncio.Future[int] = loop.create_future()
        """Its exit code; minus the signal when one ended it."""
        self._pidfd = os.pidfd_open(self.pid)
        loop.add_reader(self._pidfd, self._reap)

    def _reap(self) -> None:
        asyncio.get_running_loop().remove_reader(self._pidfd)
        os.close(self._pidfd)
        code = self._process.wait()
        if not self.ended.done():
            self.ended.set_result(code)

    async def wait(self) -> int:
        """Wait for its end."""
        return await asyncio.shield(self.ended)

    async def kill(self) -> None:
        """End it by force, and wait."""
        if not self.ended.done():
            self._process.kill()
        await self.wait()


async def run(argv: Sequence[str], log: Path) -> tuple[int, str]:
    """Run a program to its end; kill it when this task is cancelled.

    Args:
        argv: What to run.
        log: A file of its own for what it says; removed at the end.

    Returns:
        Its exit code, and the end of what it said.
    """
    with log.open("w+b") as output:
        child = Child(argv, output=output)
        try:
            code = await child.wait()
        except asyncio.CancelledError:
            await child.kill()
            raise
        finally:
            _unlink(log)
        size = output.seek(0, os.SEEK_END)
        output.seek(max(size - _SHOWN_BYTES, 0))
        return code, output.read().decode(errors="replace").strip()


def _unlink(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink()
