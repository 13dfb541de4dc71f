"""Order of the harness's tests among each other; each of them runs alone too."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.harness import hook


def pytest_configure(config: pytest.Config) -> None:
    """Tell of the marker."""
    config.addinivalue_line("markers", "matrix: slow; run by make test-rollouts")


def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> None:
    """Begin with whole releases: they take one worker as long as the rest another.

    What is slow runs when it is asked for by its marker.
    """
    if "matrix" not in config.option.markexpr:
        slow = [item for item in items if item.get_closest_marker("matrix")]
        items[:] = [item for item in items if item not in slow]
        config.hook.pytest_deselected(items=slow)
    items.sort(key=lambda item: "releases" not in item.path.parts)


@pytest.fixture
def webhook() -> Iterator[hook.Hook]:
    """A webhook that answers 204, unless told otherwise."""
    with hook.listening() as listening:
        yield listening
