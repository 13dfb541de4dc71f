"""A webhook on loopback."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any


@dataclass(kw_only=True)
class Hook:
    """What it answers, the last of it again and again, and what it was sent."""

    url: str = ""
    answers: list[int] = field(default_factory=lambda: [204])
    sent: list[Any] = field(default_factory=list)


@contextmanager
def listening() -> Iterator[Hook]:
    """Listen until the block is left."""
    hook = Hook()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            size = int(self.headers["Content-Length"])
            hook.sent.append(json.loads(self.rfile.read(size)))
            status = hook.answers.pop(0) if len(hook.answers) > 1 else hook.answers[0]
            self.send_response(status)
            self.send_header("Location", "http://127.0.0.1:9/elsewhere")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        hook.url = f"http://127.0.0.1:{server.server_port}/T0/b7c1e2f9"
        yield hook
        server.shutdown()
        thread.join()
