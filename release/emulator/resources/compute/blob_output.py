"""Output of a run command, appended to a blob while it comes.

https://learn.microsoft.com/azure/virtual-machines/linux/run-command-managed
"""

from __future__ import annotations

import asyncio
import contextlib
from types import TracebackType
from typing import Self

import aiohttp

from release.emulator.cloud import Cloud
from release.emulator.resources.compute.own_blobs import served_at

_VERSION = {"x-ms-version": "2021-12-02"}
_LARGEST_BLOCK = 4 * 2**20
_EVERY_S = 0.2
_TIMEOUT = aiohttp.ClientTimeout(total=30)
_THERE_ALREADY = 409


class BlobOutput:
    """An append blob at a URL with a SAS; without a URL, nothing.

    Use it as an async context manager: leaving it writes what is left.

    Args:
        url: Where to; made when it is not there.
        cloud: Whose blob service it is.
    """

    def __init__(self, url: str | None, cloud: Cloud) -> None:
        self._url = url
        self._cloud = cloud
        self._pending = bytearray()
        self._task: asyncio.Task[None] | None = None
        self._closing = asyncio.Event()
        self.problem = ""
        """Why output was not written; "" as long as it was."""

    def write(self, data: bytes) -> None:
        """Take output; it is written soon."""
        if self._url and not self.problem:
            self._pending += data

    async def __aenter__(self) -> Self:
        if self._url:
            self._task = asyncio.create_task(self._pump(self._url))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._closing.set()
        if self._task:
            await self._task

    async def _pump(self, url: str) -> None:
        connector = aiohttp.TCPConnector(ssl=self._cloud.trust)
        try:
            async with aiohttp.ClientSession(
                connector=connector, timeout=_TIMEOUT
            ) as session:
                await self._create(session, url)
                last = False
                while not last:
                    last = self._closing.is_set()
                    await self._flush(session, url)
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(self._closing.wait(), _EVERY_S)
        except (OSError, aiohttp.ClientError, TimeoutError, ValueError) as error:
            self.problem = f"{type(error).__name__}: {error}"

    async def _create(self, session: aiohttp.ClientSession, url: str) -> None:
        where, host = served_at(self._cloud, url)
        new = {**_VERSION, "x-ms-blob-type": "AppendBlob", "If-None-Match": "*"}
        async with session.put(where, headers=new | host) as answer:
            if answer.status != _THERE_ALREADY and not answer.ok:
                self.problem = f"HTTP {answer.status} {await answer.text()}"

    async def _flush(self, session: aiohttp.ClientSession, url: str) -> None:
        append = f"{url}{'&' if '?' in url else '?'}comp=appendblock"
        where, host = served_at(self._cloud, append)
        while self._pending and not self.problem:
            block = bytes(self._pending[:_LARGEST_BLOCK])
            del self._pending[: len(block)]
            headers = _VERSION | host
            async with session.put(where, headers=headers, data=block) as answer:
                if not answer.ok:
                    self.problem = f"HTTP {answer.status} {await answer.text()}"
