"""Ask a starting service for pages over its Unix socket, as the image's check does.

python -m rocdash.check SOCKET PATH...
"""

from __future__ import annotations

import http.client
import socket
import sys
import time

_PATIENCE_S = 20.0


class _OverSocket(http.client.HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("rocdash", timeout=_PATIENCE_S)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def ask(path: str, page: str) -> tuple[int, str]:
    """Return status and body, waiting for a service that is not yet there."""
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        connection = _OverSocket(path)
        try:
            connection.request("GET", page)
            response = connection.getresponse()
            return response.status, response.read().decode()
        except (FileNotFoundError, ConnectionRefusedError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        finally:
            connection.close()


def main(path: str, *pages: str) -> None:
    """Exit with the first page that is not answered with 200."""
    for page in pages:
        status, body = ask(path, page)
        if status != http.client.OK:
            sys.exit(f"check: GET {page} answered {status}: {body[:500]}")
        sys.stdout.write(f"check: GET {page} answered {status}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
