"""A CONNECT proxy for clients that can be pointed at no other Azure.

It answers Azure's names (`names`) from this embedded Azure and refuses every other
host, so that a client behind it reaches nothing outside. The tunnel ends at our own
TLS, with a certificate for these names.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging

from release.emulator.names import AUTHORITIES, BLOB_SUFFIXES, GRAPHS, RESOURCE_MANAGER

log = logging.getLogger(__name__)

HTTPS = "443"
_HEAD_TIMEOUT_S = 30
_CHUNK_BYTES = 1 << 16
_REFUSED = """\
{what}: this proxy answers Azure's names only, at port 443: {names}, *.{suffixes}. \
Unset HTTPS_PROXY, or name the host in NO_PROXY.
"""


class Proxy:
    """Listens on loopback.

    Args:
        arm: Host and port of our Resource Manager, which is authority and Graph too.
        blob: Host and port of our blob service.
    """

    def __init__(self, *, arm: tuple[str, int], blob: tuple[str, int]) -> None:
        self._arm = arm
        self._blob = blob
        self._tunnels: dict[asyncio.Task[None], asyncio.StreamWriter] = {}
        """Those that are open, with who is at their other end."""

    async def start(self, host: str, port: int) -> asyncio.Server:
        """Listen; port 0 takes any."""
        return await asyncio.start_server(self._accept, host, port)

    async def close(self) -> None:
        """Cut all tunnels."""
        tunnels = dict(self._tunnels)
        for task in tunnels:
            task.cancel()
        await asyncio.gather(*tunnels, return_exceptions=True)
        for writer in tunnels.values():
            writer.close()
        gone = (writer.wait_closed() for writer in tunnels.values())
        await asyncio.gather(*gone, return_exceptions=True)

    def _accept(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        task = asyncio.create_task(self._serve(reader, writer))
        self._tunnels[task] = writer
        task.add_done_callback(self._end)

    def _end(self, task: asyncio.Task[None]) -> None:
        self._tunnels.pop(task).close()

    async def _serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        with contextlib.suppress(
            OSError,
            asyncio.IncompleteReadError,
            asyncio.LimitOverrunError,
            ValueError,
        ):
            async with asyncio.timeout(_HEAD_TIMEOUT_S):
                head = await reader.readuntil(b"\r\n\r\n")
            method, target = head.decode("latin-1").split(" ", 2)[:2]
            ours = self._behind(target) if method == "CONNECT" else None
            if ours:
                await _tunnel(reader, writer, ours)
            else:
                log.warning("the proxy refused %s %s", method, target)
                writer.write(_refusal(f"{method} {target}"))
                await writer.drain()

    def _behind(self, target: str) -> tuple[str, int] | None:
        """Return who answers for a host of Azure's."""
        host, _, port = target.lower().rpartition(":")
        if port != HTTPS:
            return None
        if host in (*RESOURCE_MANAGER, *AUTHORITIES, *GRAPHS):
            return self._arm
        account, _, suffix = host.partition(".")
        return self._blob if account and suffix in BLOB_SUFFIXES else None


def _refusal(what: str) -> bytes:
    names = ", ".join((*RESOURCE_MANAGER, *AUTHORITIES, *GRAPHS))
    text = _REFUSED.format(what=what, names=names, suffixes=", *.".join(BLOB_SUFFIXES))
    return (
        "HTTP/1.1 403 Forbidden\r\nContent-Type: text/plain\r\n"
        f"Content-Length: {len(text.encode())}\r\nConnection: close\r\n\r\n{text}"
    ).encode()


async def _tunnel(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, ours: tuple[str, int]
) -> None:
    inner_reader, inner_writer = await asyncio.open_connection(*ours)
    writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
    both = [
        asyncio.create_task(_pump(reader, inner_writer)),
        asyncio.create_task(_pump(inner_reader, writer)),
    ]
    try:
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in both:
            task.cancel()
        await asyncio.gather(*both, return_exceptions=True)
        inner_writer.close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(_CHUNK_BYTES):
        writer.write(data)
        await writer.drain()
