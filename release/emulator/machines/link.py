"""The host's end of a machine's socket pair: requests, replies, events.

One JSON message a packet; descriptors travel with the request that needs them.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import socket
from collections.abc import Callable, Sequence
from typing import Any

Message = dict[str, Any]

_PACKET_BYTES = 1 << 20


class LinkLost(Exception):
    """The machine is gone."""


class Link:
    """Speaks to one init.

    Args:
        connection: Our end of the socket pair.
        heard: Given each message that is no reply.
    """

    def __init__(
        self, connection: socket.socket, heard: Callable[[Message], None]
    ) -> None:
        self._socket = connection
        self._socket.settimeout(0)
        self._heard = heard
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[Message]] = {}
        self._open = True
        asyncio.get_running_loop().add_reader(self._socket, self._read)

    def send(
        self, message: Message, descriptors: Sequence[int] = ()
    ) -> tuple[int, asyncio.Future[Message]]:
        """Send a request.

        Returns:
            Its number, and its reply once there is one.

        Raises:
            LinkLost: The machine is gone.
        """
        number = next(self._numbers)
        reply: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        data = json.dumps({"id": number, **message}).encode()
        try:
            socket.send_fds(self._socket, [data], descriptors)
        except OSError as error:
            raise LinkLost(str(error)) from error
        self._waiting[number] = reply
        return number, reply

    async def ask(self, message: Message) -> Message:
        """Send a request and wait for its reply.

        Raises:
            LinkLost: The machine is gone.
        """
        _, reply = self.send(message)
        return await reply

    def drain(self) -> None:
        """Take what the machine said before it ended."""
        while self._open and self._read():
            pass

    def _read(self) -> bool:
        try:
            data = self._socket.recv(_PACKET_BYTES)
        except BlockingIOError:
            return False
        except ConnectionResetError:
            data = b""
        if not data:
            self.close()
            return False
        message = json.loads(data)
        reply = self._waiting.pop(message.get("id", 0), None)
        if reply is None:
            self._heard(message)
        elif not reply.done():
            reply.set_result(message)
        return True

    def close(self) -> None:
        """Stop; whoever waits for a reply learns that there will be none."""
        if not self._open:
            return
        self._open = False
        asyncio.get_running_loop().remove_reader(self._socket)
        self._socket.close()
        for reply in self._waiting.values():
            if not reply.done():
                reply.set_exception(LinkLost("the machine is gone"))
                reply.exception()  # whoever waits no longer is not missed
        self._waiting.clear()
