"""What a tool asks of the init, and what it prints and returns; quick to import."""

from __future__ import annotations

import json
import socket

SOCKET = "/run/init.sock"
PACKET_BYTES = 1 << 17


class Answer:
    """Lines and an exit code."""

    def __init__(
        self, code: int = 0, out: list[str] | None = None, err: list[str] | None = None
    ) -> None:
        self.code = code
        self.out = out or []
        self.err = err or []


def ask(tool: str, argv: list[str]) -> Answer:
    """Ask the init, from a tool's own process.

    Raises:
        OSError: The init does not answer.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as connection:
        connection.connect(SOCKET)
        connection.send(json.dumps({"tool": tool, "argv": argv}).encode())
        packets = iter(lambda: connection.recv(PACKET_BYTES), b"")
        return Answer(**json.loads(b"".join(packets) or b'{"code": 1}'))
