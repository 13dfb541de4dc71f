"""A pytest plugin beside the harness: when the browser was in use.

Writes a line for each span, its start and end in seconds since 1970, to the file
that BROWSER_SPANS names. In use is: being started, a smoke test's own code, and a
smoke test's end, which makes the browser clean or ends it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest


@contextmanager
def _noted() -> Iterator[None]:
    start = time.time()
    try:
        yield
    finally:
        with Path(os.environ["BROWSER_SPANS"]).open("a", encoding="utf-8") as file:
            file.write(f"{start} {time.time()}\n")


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(fixturedef: Any) -> Generator[None, Any, Any]:
    if fixturedef.argname != "release_driver":
        return (yield)
    with _noted():
        return (yield)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    if not item.get_closest_marker("smoke"):
        return (yield)
    with _noted():
        return (yield)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown(
    item: pytest.Item, nextitem: pytest.Item | None
) -> Generator[None, Any, Any]:
    # The last teardown of all ends the browser.
    if not item.get_closest_marker("smoke") and nextitem is not None:
        return (yield)
    with _noted():
        return (yield)
