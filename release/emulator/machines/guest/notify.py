"""The sd_notify(3) socket of one service."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable
from pathlib import Path

_FOLDER = Path("/run/systemd/notify")
_MESSAGE_BYTES = 4096


class NotifySocket:
    """Listens while a service runs.

    Args:
        unit: The service's name.
        told: Given each message as a mapping, such as ``{"READY": "1"}``.
    """

    def __init__(self, unit: str, told: Callable[[dict[str, str]], None]) -> None:
        self.path = _FOLDER / unit
        _FOLDER.mkdir(parents=True, exist_ok=True)
        self.path.unlink(missing_ok=True)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)  # noqa: FBT003 - the socket's own interface
        self._socket.bind(str(self.path))
        self.path.chmod(0o666)
        self._told = told
        asyncio.get_running_loop().add_reader(self._socket, self._read)

    def _read(self) -> None:
        with contextlib.suppress(BlockingIOError):
            text = self._socket.recv(_MESSAGE_BYTES).decode(errors="replace")
            pairs = (line.partition("=") for line in text.splitlines())
            self._told({name: value for name, equals, value in pairs if equals})

    def close(self) -> None:
        """Stop listening."""
        asyncio.get_running_loop().remove_reader(self._socket)
        self._socket.close()
        self.path.unlink(missing_ok=True)
