"""Browsers are found on PATH, and missing ones are told with what to install."""

import pytest

from release.browser import Kind, Programs, find
from release.errors import ToolMissing


def test_the_first_name_that_is_there_is_taken():
    there = {"chromium": "/b/chromium", "chromedriver": "/b/chromedriver"}
    assert find(Kind.CHROME, which=there.get) == Programs(
        browser="/b/chromium", driver="/b/chromedriver"
    )


def test_missing_browser_says_what_to_install():
    with pytest.raises(ToolMissing) as raised:
        find(Kind.CHROME, which={}.get)
    assert str(raised.value) == (
        "Chrome or Chromium is not installed: none of google-chrome, "
        "google-chrome-stable, chromium, chromium-browser is on PATH\n"
        "  fix: apt-get install chromium chromium-driver (Ubuntu: chromium-browser "
        "chromium-chromedriver); or choose another browser with --browser"
    )


def test_missing_driver_names_the_browser_that_it_drives():
    with pytest.raises(ToolMissing) as raised:
        find(Kind.FIREFOX, which={"firefox": "/b/firefox"}.get)
    assert str(raised.value) == (
        "geckodriver is not installed, which drives /b/firefox\n"
        "  fix: apt-get install firefox-esr, and geckodriver of Mozilla; or choose "
        "another browser with --browser"
    )
