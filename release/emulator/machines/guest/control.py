"""How the init is spoken to: by the host on a socket pair, by tools on a socket.

One message a packet (SOCK_SEQPACKET), JSON; a tool's answer ends with its
connection, and may take several. The host's descriptors travel with its
request, so that a command's output never passes through the init.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import struct
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from .answers import PACKET_BYTES, SOCKET, Answer

Message = dict[str, Any]

_DESCRIPTORS = 8


class HostLink:
    """The socket pair to the host.

    Args:
        number: Its descriptor.
        handle: Given each message with its descriptors.
        lost: Called once when the host is gone.
    """

    def __init__(
        self,
        number: int,
        handle: Callable[[Message, list[int]], Awaitable[None]],
        lost: Callable[[], None],
    ) -> None:
        self._socket = socket.socket(fileno=number)
        self._socket.setblocking(False)  # noqa: FBT003 - the socket's own interface
        self._socket.set_inheritable(False)
        self._handle = handle
        self._lost = lost
        self._tasks: set[asyncio.Future[None]] = set()
        self._unsent: list[bytes] = []
        asyncio.get_running_loop().add_reader(self._socket, self._read)

    def send(self, message: Message) -> None:
        """Tell the host something; it is kept when the host is slow."""
        self._unsent.append(json.dumps(message).encode())
        self._flush()

    async def settle(self) -> None:
        """Wait until every request has its reply."""
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _flush(self) -> None:
        loop = asyncio.get_running_loop()
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            while self._unsent:
                try:
                    self._socket.send(self._unsent[0])
                except BlockingIOError:
                    loop.add_writer(self._socket, self._flush)
                    return
                del self._unsent[0]
        loop.remove_writer(self._socket)

    def _read(self) -> None:
        try:
            data, descriptors, _, _ = socket.recv_fds(
                self._socket, PACKET_BYTES, _DESCRIPTORS
            )
        except BlockingIOError:
            return
        except ConnectionResetError:
            data, descriptors = b"", []
        if not data:
            asyncio.get_running_loop().remove_reader(self._socket)
            self._lost()
            return
        for number in descriptors:
            os.set_inheritable(number, False)  # noqa: FBT003
        task = asyncio.ensure_future(self._handle(json.loads(data), descriptors))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


class ToolSocket:
    """The socket that systemctl and its like connect to.

    Args:
        answer: Given the tool, its words and whether root asks.
        elevate: Given the connection of a ``sudo``, its descriptors and who asks.
    """

    def __init__(
        self,
        answer: Callable[[str, list[str], bool], Awaitable[Answer]],
        elevate: Callable[[socket.socket, list[int], int], Awaitable[Message]],
    ) -> None:
        self._answer = answer
        self._elevate = elevate
        self._tasks: set[asyncio.Task[None]] = set()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._socket.setblocking(False)  # noqa: FBT003
        self._socket.bind(SOCKET)
        Path(SOCKET).chmod(0o666)
        self._socket.listen(64)
        asyncio.get_running_loop().add_reader(self._socket, self._accept)

    def _accept(self) -> None:
        with contextlib.suppress(BlockingIOError):
            connection, _ = self._socket.accept()
            task = asyncio.create_task(self._serve(connection))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _serve(self, connection: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        with connection, contextlib.suppress(OSError, ValueError):
            connection.setblocking(False)  # noqa: FBT003
            data, descriptors = await _received(connection)
            asked = json.loads(data)
            peer = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
            _, uid, _ = struct.unpack("3i", peer)
            if asked["tool"] == "sudo":
                reply = await self._elevate(connection, descriptors, uid)
            else:
                reply = vars(await self._answer(asked["tool"], asked["argv"], uid == 0))
            data = json.dumps(reply).encode()
            for start in range(0, len(data), PACKET_BYTES):
                packet = data[start : start + PACKET_BYTES]
                await loop.sock_sendall(connection, packet)


async def _received(connection: socket.socket) -> tuple[bytes, list[int]]:
    """Return a packet and the descriptors that came with it."""
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[None] = loop.create_future()
    loop.add_reader(connection, _tell, ready)
    try:
        await ready
    finally:
        loop.remove_reader(connection)
    data, descriptors, _, _ = socket.recv_fds(connection, PACKET_BYTES, _DESCRIPTORS)
    for number in descriptors:
        os.set_inheritable(number, False)  # noqa: FBT003
    return data, descriptors


def _tell(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        ready.set_result(None)
