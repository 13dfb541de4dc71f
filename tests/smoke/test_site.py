"""What holds for the site as a whole."""

import pytest
from crawl import crawl
from pages import LoginPage, Page

from release.browser import console

pytestmark = pytest.mark.smoke

PATHS = ["/", "/ask", "/ask?q=Revenue+by+segment+this+year", "/login"]

_TOO_WIDE = """
const right = document.documentElement.clientWidth;
return [...document.querySelectorAll("body *")]
  .filter(each => each.getBoundingClientRect().right > right + 1
    && !each.closest(".unseen, .skip, .table-box"))
  .map(each => `${each.tagName} ${each.className}`).slice(0, 5)
"""


@pytest.mark.essential
def test_health_names_the_build_that_is_deployed(browser, site):
    health = Page(browser, site.url).open().fetch("/healthz")
    assert health["status"] == "ok"
    assert health["build"] == site.build
    assert health["instance"]


def test_no_page_writes_an_error_to_the_console(browser, site):
    LoginPage(browser, site.url).open().sign_in()
    for path in [*PATHS[1:], "/account"]:
        browser.get(site.url + path)
    assert console(browser) == []


def test_every_page_fits_a_phone(phone, site):
    for path in PATHS:
        phone.get(site.url + path)
        assert phone.execute_script("return innerWidth") == 360, path
        assert phone.execute_script(_TOO_WIDE) == [], path


def test_no_link_is_broken_and_every_page_can_be_read_aloud(site):
    found = crawl(site.url)
    assert found.broken == []
    assert found.hard_to_read == []
    assert len(found.addresses) > 20
