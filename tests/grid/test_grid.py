"""Smoke tests run on a real Selenium Grid as they do on this machine."""

import json
import os
import socket
import subprocess
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from release import browser as browsers
from release.browser import Kind, capture, clean, find, resize, started
from release.errors import ToolMissing
from release.wait import Seen, wait_until

# As root a browser refuses its sandbox; the node says so for whoever asks it.
NODE = """
[node]
detect-drivers = false
selenium-manager = false
"""
DRIVER = """
[[node.driver-configuration]]
display-name = "{name}"
max-sessions = 1
webdriver-executable = "{driver}"
stereotype = '{stereotype}'
"""


def there():
    """Browsers that are on this machine, with what a node is told of each."""
    found = {}
    for kind, options in (
        (Kind.CHROME, {"goog:chromeOptions": {"args": ["--no-sandbox"]}}),
        (Kind.FIREFOX, {}),
    ):
        try:
            found[kind] = (find(kind), {"browserName": str(kind), **options})
        except ToolMissing:
            continue
    return found


@pytest.fixture(scope="module")
def grid(tmp_path_factory):
    """Address of a grid with the browsers of this machine."""
    folder = tmp_path_factory.mktemp("grid")
    drivers = [
        DRIVER.format(
            name=kind, driver=programs.driver, stereotype=json.dumps(stereotype)
        )
        for kind, (programs, stereotype) in there().items()
    ]
    (folder / "grid.toml").write_text(NODE + "".join(drivers))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    where = ("--host", "127.0.0.1", "--port", str(port), "--config", "grid.toml")
    with (folder / "grid.log").open("w") as log:
        server = subprocess.Popen(
            ["java", "-jar", os.environ["SELENIUM_SERVER"], "standalone", *where],
            cwd=folder,
            stdout=log,
            stderr=log,
        )
    url = f"http://127.0.0.1:{port}"

    def look():
        assert server.poll() is None, (folder / "grid.log").read_text()
        try:
            with urllib.request.urlopen(f"{url}/status") as answer:
                ready = json.load(answer)["value"]["ready"]
        except OSError as error:
            return Seen(what=str(error))
        return Seen(what=f"ready: {ready}", value=ready or None)

    try:
        wait_until("grid", look, timeout_s=60, interval_s=0.2, fix="see its log")
        yield url
    finally:
        server.terminate()
        server.wait(30)


@pytest.fixture(scope="module")
def page():
    """Address of a page with a console and a missing picture."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200 if self.path == "/" else 404)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(
                b"<!doctype html><h1>Here</h1><img src=none><script>"
                b"console.error('it went wrong')</script>"
            )

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("kind", there())
def test_a_browser_of_the_grid_does_all_that_one_of_this_machine_does(grid, page, kind):
    with started(kind, grid=grid) as driver:
        resize(driver, width=360, height=740)
        driver.get(page)
        assert driver.execute_script("return innerWidth") == 360
        assert browsers.load_times_ms(driver, page, count=2)[1] == 200
        found = capture(driver)
        clean(driver)
        assert driver.current_url == "about:blank"
    assert "<h1>Here</h1>" in found.page_source
    if kind is Kind.CHROME:
        assert any("it went wrong" in line for line in found.console)
        odd = browsers.remarkable(found.requests, slow_ms=60_000)
        assert odd
        assert all(line.startswith(f"failed: 404 GET {page}") for line in odd)
    else:
        assert found.missing == (
            "no console: firefox does not tell it",
            "no requests: firefox does not tell them",
        )
