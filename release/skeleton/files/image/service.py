"""A service of one page: put yours in its place.

What a release needs of it is /healthz: 200 with build and instance, 503 while it drains.
"""

from __future__ import annotations

import json
import os
import socket
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

DRAINING = Path("/run/myservice/draining")
PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>myservice</title>
</head>
<body><main><h1>myservice works</h1></main></body>
</html>
"""


def health() -> tuple[HTTPStatus, str]:
    """Return status and body of /healthz."""
    draining = DRAINING.exists()
    body = {
        "status": "draining" if draining else "ok",
        "build": os.environ.get("RELEASE_BUILD", ""),
        "instance": socket.gethostname(),
    }
    status = HTTPStatus.SERVICE_UNAVAILABLE if draining else HTTPStatus.OK
    return status, json.dumps(body)


class Handler(BaseHTTPRequestHandler):
    """Answers a request."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        """Answer with the page or the health."""
        if self.path == "/healthz":
            status, body = health()
            self._answer(status, body, "application/json")
        elif self.path == "/":
            self._answer(HTTPStatus.OK, PAGE, "text/html; charset=utf-8")
        else:
            self._answer(HTTPStatus.NOT_FOUND, "no such page\n", "text/plain")

    def _answer(self, status: HTTPStatus, text: str, kind: str) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Leave the log to what goes wrong."""


def server(address: str, port: int) -> ThreadingHTTPServer:
    """Return a server that listens."""
    return ThreadingHTTPServer((address, port), Handler)


if __name__ == "__main__":
    server(os.environ["BIND_ADDRESS"], 8080).serve_forever()
