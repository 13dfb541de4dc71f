"""Order of the harness's tests among each other; each of them runs alone too."""

from __future__ import annotations

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with whole releases: they take one worker as long as the rest another."""
    items.sort(key=lambda item: "releases" not in item.path.parts)
