"""Order of the harness's tests among each other; each of them runs alone too."""

from __future__ import annotations

import contextlib
import gc
import resource
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

from tests.harness import hook

# How quickly values come says how busy the machine is, and nothing of the code.
settings.register_profile("suite", suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("suite")

# Tests that are collected stay: none of that is garbage.
gc.disable()

TOGETHER = ("releases/", "cloud/", "emulator/compute/", "browser/")
"""How the paths of tests begin that share what is dear: releases, images, a browser.
One worker has them all."""
FIRST = (*TOGETHER[:3], "load/")
"""How the paths of tests begin that wait for whole releases and loads."""


def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> None:
    """Begin with what takes longest, so that workers end together.

    What is slow runs when it is asked for by its marker.
    """
    if "matrix" not in config.option.markexpr:
        slow = {item for item in items if item.get_closest_marker("matrix")}
        items[:] = [item for item in items if item not in slow]
        config.hook.pytest_deselected(items=slow)
    items.sort(key=_turn)


class Together(LoadFileScheduling):
    """Gives a worker all tests of a file, or of a folder that shares what is dear."""

    def _split_scope(self, nodeid: str) -> str:
        path = super()._split_scope(nodeid)
        inside = path.removeprefix("tests/harness/")
        return next((each for each in TOGETHER if inside.startswith(each)), path)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(
    config: pytest.Config, log: Producer
) -> LoadFileScheduling | None:
    """Share files out among workers; what is slow, file by file."""
    quick = "matrix" not in config.option.markexpr
    return Together(config, log) if quick and config.option.dist == "loadfile" else None


def pytest_collection_finish() -> None:
    """Spare collections what was imported: pytest makes five as it ends.

    A heap as large as this one wants them seldom while tests run.
    """
    gc.enable()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def _turn(item: pytest.Item) -> int:
    """Return where a test comes in the order."""
    path = item.path.relative_to(Path(__file__).parent).as_posix()
    turns = (turn for turn, begins in enumerate(FIRST) if path.startswith(begins))
    return next(turns, len(FIRST))


@pytest.fixture
def webhook() -> Iterator[hook.Hook]:
    """A webhook that answers 204, unless told otherwise."""
    with hook.listening() as listening:
        yield listening


@pytest.fixture
def full_disk() -> Callable[[int], contextlib.AbstractContextManager[None]]:
    """A disk that takes no more of a file than so many bytes: ``with full_disk(0)``."""

    @contextlib.contextmanager
    def full(size_bytes: int) -> Iterator[None]:
        _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, most))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))

    return full
