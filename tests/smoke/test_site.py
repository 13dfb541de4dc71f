"""What holds for the site as a whole."""

import pytest
from crawl import broken_links
from pages import LoginPage, Page

from release.browser import console

pytestmark = pytest.mark.smoke

PATHS = ["/", "/ask", "/ask?q=Revenue+by+segment+this+year", "/ask?q=why", "/login"]

_FORMS = """
return [...document.querySelectorAll("input:not([type=hidden])")]
  .filter(input => !input.labels.length && !input.ariaLabel).map(input => input.name)
"""
_OVERFLOW = """
const right = document.documentElement.clientWidth;
return [...document.querySelectorAll("body *")]
  .filter(each => each.getBoundingClientRect().right > right + 1
    && !each.closest(".unseen, .skip, .table-box"))
  .map(each => each.tagName + "." + each.className).slice(0, 5)
"""


@pytest.mark.essential
def test_health_names_the_build_that_is_deployed(browser, site):
    health = Page(browser, site.url).open().fetch("/healthz")
    assert health["status"] == "ok"
    assert health["build"] == site.build
    assert health["instance"]


def test_no_page_writes_an_error_to_the_console(browser, site):
    LoginPage(browser, site.url).open().sign_in()
    for path in [*PATHS, "/account"]:
        browser.get(site.url + path)
    assert console(browser) == []


def test_no_link_of_the_site_is_broken(site):
    checked, broken = broken_links(site.url)
    assert broken == []
    assert checked > 20


@pytest.mark.parametrize("path", PATHS)
def test_page_fits_a_phone(phone, site, path):
    phone.get(site.url + path)
    assert phone.execute_script("return innerWidth") == 360
    assert phone.execute_script(_OVERFLOW) == []


def test_pages_can_be_read_aloud(browser, site):
    for path in PATHS:
        page = Page(browser, site.url)
        browser.get(site.url + path)
        assert page.find("html").get_attribute("lang") == "en"
        assert [len(page.all(each)) for each in ("h1", "main", "header")] == [1, 1, 1]
        assert browser.execute_script(_FORMS) == []
