"""A reused browser is as good as a new one, and leaves evidence."""

import io
import re
import socket

import pytest
from PIL import Image

from release.browser import (
    Kind,
    capture,
    clean,
    console,
    picture,
    resize,
    scaled,
    started,
    versions,
)
from release.errors import ReleaseError

_MEMORY = "return [document.cookie, localStorage.visited, sessionStorage.visited]"


def test_a_cleaned_browser_remembers_nothing(browser, traces):
    browser.get(traces)
    assert browser.execute_script(_MEMORY) == ["visited=yes", "yes", "yes"]
    clean(browser)
    browser.get(f"{traces}blank")
    assert browser.execute_script(_MEMORY) == ["", None, None]
    assert console(browser) == []


def test_a_cleaned_browser_has_one_window_on_an_empty_page(browser, traces):
    browser.get(traces)
    browser.switch_to.new_window("tab")
    browser.get(traces)
    browser.execute_script("setTimeout(() => alert('stop'))")
    clean(browser)
    assert len(browser.window_handles) == 1
    assert browser.current_url == "about:blank"


def test_a_cleaned_browser_is_as_wide_as_at_first(browser):
    width = "return innerWidth"
    usual = browser.execute_script(width)
    resize(browser, width=360, height=740)
    assert browser.execute_script(width) == 360
    clean(browser)
    assert browser.execute_script(width) == usual


def test_evidence_shows_page_and_console(browser, traces):
    browser.get(traces)
    found = capture(browser)
    assert found.url == traces
    assert found.screenshot_png.startswith(b"\x89PNG")
    assert "<h1>Traces</h1>" in found.page_source
    assert [line.split(" ")[0] for line in found.console] == ["SEVERE"]
    assert "it went wrong" in found.console[0]
    assert found.missing == ()


def test_a_picture_in_small_is_small_whoever_scales_it(browser, traces):
    browser.get(traces)
    width, height = browser.execute_script("return [innerWidth, innerHeight]")
    by_us = scaled(browser.get_screenshot_as_png())
    for small in (picture(browser), by_us):
        with Image.open(io.BytesIO(small)) as shown:
            assert shown.format == "WEBP"
            assert abs(shown.width - 0.35 * width) < 2
            assert abs(shown.height - 0.35 * height) < 2
        assert len(small) < 10_000


def test_a_browser_tells_its_version_and_that_of_its_driver(browser):
    found = versions(browser)
    assert set(found) == {"chrome", "chromedriver"}
    assert all(re.fullmatch(r"[\d.]+", version) for version in found.values())


def test_evidence_of_a_browser_that_is_gone_says_what_is_missing():
    with started(Kind.CHROME) as driver:
        driver.quit()
        found = capture(driver)
        small = picture(driver)
    assert small == b""
    assert (found.url, found.screenshot_png, found.console) == ("", b"", ())
    assert [each.split(":")[0] for each in found.missing] == [
        *("no url", "no screenshot", "no page source", "no console", "no requests"),
    ]


def test_a_grid_that_does_not_answer_is_named():
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        grid = f"http://127.0.0.1:{closed.getsockname()[1]}"
    with pytest.raises(ReleaseError) as raised, started(Kind.CHROME, grid=grid):
        pass
    assert raised.value.what.startswith(f"the Selenium Grid at {grid} gave no chrome: ")
    assert raised.value.fix == (
        "see that the grid runs and has such a browser, or leave out --grid"
    )
