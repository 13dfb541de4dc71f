"""Asking instances who they are, over HTTP."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from release.deploy.probe import Answer, ask


class Service(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        well = self.path == "/healthz?deep=1"
        body = json.dumps({"build": "2026.1.2", "instance": "web000001"}).encode()
        self.send_response(200 if well else 503)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def service() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Service) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
def silent() -> Iterator[str]:
    """An address that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/"


def test_each_address_answers_for_itself(service: str, silent: str) -> None:
    told = {"build": "2026.1.2", "instance": "web000001"}
    found = ask([f"{service}/healthz?deep=1", silent, service], timeout_s=0.2)
    assert found == (
        Answer(status=200, **told),
        Answer(status=0, problem="timed out"),
        Answer(status=503, **told),
    )


def test_an_address_where_nobody_listens_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    (found,) = ask([f"http://127.0.0.1:{port}/"])
    assert str(found) == "no answer ([Errno 111] Connection refused)"


def test_no_address_has_no_answer() -> None:
    assert ask([]) == ()
