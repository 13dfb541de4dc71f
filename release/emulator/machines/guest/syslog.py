"""``/dev/log``: what programs tell syslog(3), kept as a log of its own."""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
from pathlib import Path

from .logs import Log

_SOCKET = Path("/dev/log")
_MESSAGE_BYTES = 8192
_PRIORITY = re.compile(r"^<\d+>(?:[A-Z][a-z]{2} [ \d]\d [\d:]{8} )?")


class Syslog:
    """Listens for the life of the machine.

    Args:
        log: Where the messages go, without priority and time.
    """

    def __init__(self, log: Log) -> None:
        self._log = log
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)  # noqa: FBT003
        self._socket.bind(str(_SOCKET))
        _SOCKET.chmod(0o666)
        asyncio.get_running_loop().add_reader(self._socket, self._read)

    def _read(self) -> None:
        with contextlib.suppress(BlockingIOError):
            text = self._socket.recv(_MESSAGE_BYTES).decode(errors="replace")
            for line in _PRIORITY.sub("", text).rstrip("\0\n").splitlines():
                self._log.note(line)
