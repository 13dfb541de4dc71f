import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from release.load.histogram import Histogram
from release.load.measurements import Endpoint, Measurements, Second, Vitals
from release.load.profile import Profile


class Site(ThreadingHTTPServer):
    """Answers each path in its own way until it is closed."""

    daemon_threads = True
    block_on_close = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.closing = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Site
    # One packet an answer: two would wait for each other's acknowledgement.
    wbufsize = 65536

    def do_GET(self) -> None:
        if self.path == "/slow":
            self.server.closing.wait(0.2)
        if self.path == "/hang":
            self.server.closing.wait(30)
        self.send_response(503 if self.path == "/broken" else 200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="session")
def site() -> Iterator[str]:
    server = Site()
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield server.url
    server.closing.set()
    server.shutdown()
    thread.join()
    server.server_close()


Write = Callable[..., Profile]


@pytest.fixture
def profile(tmp_path: Path) -> Write:
    """Make the profile of a locustfile whose one user runs some lines."""

    def write(*lines: str, time_s: float = 0.5, warmup_s: float = 0.2) -> Profile:
        path = tmp_path / "locustfile.py"
        body = "\n        ".join(lines)
        path.write_text(
            "from locust import FastHttpUser, HttpUser, constant, task\n\n"
            "class Visitor(FastHttpUser):\n"
            "    wait_time = constant(0.02)\n\n"
            "    @task\n"
            f"    def visit(self):\n        {body}\n"
        )
        return Profile(
            locustfile=path,
            users=2,
            spawn_rate=10,
            time_s=time_s,
            warmup_s=warmup_s,
            answer_s=1,
        )

    return write


@pytest.fixture(scope="session")
def endpoint() -> Callable[..., Endpoint]:
    """Make an endpoint that answered so in one second."""

    def make(
        *durations_ms: float, name: str = "GET /", failed: int = 0, at: int = 0
    ) -> Endpoint:
        failures = {"503 Service Unavailable": failed} if failed else {}
        second = Second(at=at, good=Histogram.of(durations_ms), failures=failures)
        return Endpoint.of(name, [second] if durations_ms or failed else [])

    return make


@pytest.fixture(scope="session")
def measured() -> Callable[..., Measurements]:
    """Make what was measured of some endpoints; all together is the first's."""

    def make(
        *several: Endpoint,
        time_s: float = 10,
        vitals: tuple[Vitals, ...] = (),
        raised: int = 0,
    ) -> Measurements:
        everything = Endpoint.of("*", several[0].seconds if several else ())
        return Measurements(
            started=0,
            time_s=time_s,
            users=1,
            endpoints={"*": everything} | {one.name: one for one in several},
            exceptions={"KeyError: 1": raised} if raised else {},
            vitals=vitals,
        )

    return make
