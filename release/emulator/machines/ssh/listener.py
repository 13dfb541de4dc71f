"""The SSH port of a machine, from its boot to its end."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import logging
import socket
from typing import Any

from release.emulator.machines.errors import MachineError
from release.emulator.machines.ssh.door import Door

log = logging.getLogger(__name__)

PORT, ORDINARY_PORT = 22, 2222
_BACKLOG = 64


def free_port(address: str) -> int:
    """Return the port that machines listen at: 22 where this process may have it.

    It may not when it is an ordinary user's, or when this computer's own SSH server
    listens at all addresses; then it is 2222.

    Args:
        address: One of the addresses that machines get.
    """
    try:
        _bound(address, PORT).close()
    except OSError:
        return ORDINARY_PORT
    return PORT


class Listener:
    """Accepts connections to one machine.

    Args:
        door: The machine.
        address: Its loopback address.
        port: Where to listen.

    Raises:
        MachineError: Something else listens there.
    """

    def __init__(self, door: Door, address: str, port: int) -> None:
        self._door = door
        try:
            self._socket = _bound(address, port)
        except OSError as error:
            raise MachineError(
                f"the SSH server of {door.name} cannot listen at {address}:{port}: "
                f"{error.strerror}",
                fix=f"see what has the port: ss -ltnp 'sport = :{port}'",
            ) from error
        self._socket.settimeout(0)
        self._socket.listen(_BACKLOG)
        self._clients: set[socket.socket] = set()
        self._connections: set[Any] = set()
        self._tasks = {asyncio.create_task(self._accept())}

    def close(self) -> None:
        """Stop listening and cut every connection, as a machine that goes down does."""
        for task in self._tasks:
            task.cancel()
        # Now, not when the task has noticed: the number of a closed socket may be
        # another descriptor's by then, whose reader would go instead.
        asyncio.get_running_loop().remove_reader(self._socket)
        self._socket.close()
        for connection in self._connections:
            connection.abort()
        # A task that is cancelled before its first step closes nothing.
        for client in self._clients:
            client.close()

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            client, _ = await loop.sock_accept(self._socket)
            self._clients.add(client)
            task = asyncio.create_task(self._serve(client))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _serve(self, client: socket.socket) -> None:
        try:
            await self._talk(client)
        finally:
            client.close()
            self._clients.discard(client)

    async def _talk(self, client: socket.socket) -> None:
        # asyncssh takes 20 MB, which an Azure that nobody logs in to need not spend.
        server = await asyncio.to_thread(
            importlib.import_module, "release.emulator.machines.ssh.server"
        )
        with contextlib.suppress(*server.ORDINARY_ENDS):
            connection = await server.serve(client, self._door)
            self._connections.add(connection)
            try:
                await connection.wait_closed()
            finally:
                self._connections.discard(connection)


def _bound(address: str, port: int) -> socket.socket:
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((address, port))
    except OSError:
        listening.close()
        raise
    return listening
