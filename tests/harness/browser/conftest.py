"""A real browser, and a page that leaves traces in it."""

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from release.browser import Kind, clean, started

PAGE = b"""<!doctype html><html lang="en"><title>Traces</title><h1>Traces</h1>
<script>
document.cookie = "visited=yes";
localStorage.visited = sessionStorage.visited = "yes";
console.error("it went wrong");
</script>"""


class _Traces(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.0"

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<title>Blank</title>" if "blank" in self.path else PAGE)

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def traces():
    """Address of a page that sets a cookie, fills storage and logs an error."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Traces) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def one_browser():
    with started(Kind.CHROME) as driver:
        yield driver


@pytest.fixture
def browser(one_browser):
    clean(one_browser)
    return one_browser
