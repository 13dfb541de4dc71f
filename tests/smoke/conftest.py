"""A browser the size of a phone."""

import pytest

from release.browser import resize


@pytest.fixture
def phone(browser):
    """The browser, as narrow as a small phone of today."""
    resize(browser, width=360, height=740)
    return browser
