"""A server that answers as told, and a client of it with the harness's own policy."""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from azure.core import PipelineClient
from azure.core.rest import HttpRequest, HttpResponse

from release.azure.patience import Patience, Retry
from release.azure.tally import Tally

PATH = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/images/i"


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What the server answers to one request; status 0 cuts the connection off."""

    status: int
    code: str = ""
    message: str = "why"
    headers: Mapping[str, str] = field(default_factory=dict)


class Clock:
    """A clock that notes each pause, and does not sleep."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    def now(self) -> float:
        return sum(self.slept)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


class Asked:
    """A client, and what came of asking."""

    def __init__(self, url: str, answers: list[Answer], bodies: list[bytes]) -> None:
        self.clock = Clock()
        self.said: list[str] = []
        self.tally = Tally()
        self.patience = Patience(pause_s=1, clock=self.clock)
        self.answers = answers
        self.bodies = bodies
        self.url = url
        self._client: PipelineClient[HttpRequest, HttpResponse] = PipelineClient(
            url, policies=[Retry(self.patience, self.tally)]
        )

    def ask(
        self, method: str, *answers: Answer, path: str = PATH, **options: Any
    ) -> HttpResponse:
        """Send a request that is answered so; 200 comes after all."""
        self.answers[:] = answers
        request = HttpRequest(method, self.url + path, content=b"body")
        with self.patience.during(self.said.append):
            response: HttpResponse = self._client.send_request(request, **options)
        return response

    @property
    def sent(self) -> int:
        return len(self.bodies)


@pytest.fixture
def asked() -> Iterator[Asked]:
    answers: list[Answer] = []
    bodies: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            bodies.append(self.rfile.read(int(self.headers.get("Content-Length", 0))))
            answer = answers.pop(0) if answers else Answer(status=200)
            if not answer.status:
                # A reset, and no orderly end.
                reset = struct.pack("ii", 1, 0)
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, reset)
                self.close_connection = True
                return
            error = {"error": {"code": answer.code, "message": answer.message}}
            body = json.dumps(error).encode() if answer.code else b"{}"
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def __getattr__(self, name: str) -> Any:
            if name.startswith("do_"):
                return self._answer
            raise AttributeError(name)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=[0.01])
    thread.start()
    try:
        yield Asked(f"http://127.0.0.1:{server.server_port}", answers, bodies)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
