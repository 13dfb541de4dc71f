"""The service's own tests; a release runs those of tests/smoke and tests/load."""

import json
import threading
import urllib.request
from collections.abc import Iterator

import pytest

from image.service import server


@pytest.fixture
def url() -> Iterator[str]:
    """Address of a running service."""
    with server("127.0.0.1", 0) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()
        thread.join()


def test_the_service_is_healthy(url: str) -> None:
    with urllib.request.urlopen(f"{url}/healthz") as answer:
        assert json.load(answer)["status"] == "ok"


def test_the_page_has_a_heading(url: str) -> None:
    with urllib.request.urlopen(url) as answer:
        assert "<h1>myservice works</h1>" in answer.read().decode()
