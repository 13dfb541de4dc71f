"""axe-core tells what is wrong with a page, where it is installed."""

from urllib.parse import quote

import pytest

from release.browser import accessibility, violations
from release.errors import ToolMissing

GOOD = "<html lang=en><title>Good</title><main><h1>Good</h1></main>"
BAD = f"{GOOD}<main><img src='data:,'><img src='data:,'><p style='color:#ddd'>pale</p>"


def page(text):
    return f"data:text/html,{quote(f'<!doctype html>{text}')}"


def test_a_page_that_everybody_can_use_has_no_violation(browser):
    browser.get(page(GOOD))
    assert violations(browser, impacts=(*accessibility.GRAVE, "moderate")) == []


def test_what_is_wrong_is_told_with_its_place(browser):
    browser.get(page(BAD))
    found = violations(browser)
    assert [each.split(":")[:2] for each in found] == [
        ["serious", " color-contrast"],
        ["critical", " image-alt"],
    ]
    assert found[1].endswith(", at img:nth-child(1) (and 1 more)")


def test_a_browser_without_axe_core_says_how_to_get_it(browser, monkeypatch):
    monkeypatch.setattr(accessibility, "PACKAGE", "no_such_package")
    with pytest.raises(ToolMissing) as raised:
        violations(browser)
    assert str(raised.value) == (
        "axe-core is not installed, which sees what is wrong with a page\n"
        '  fix: pip install "pytest-release[accessibility]"'
    )
